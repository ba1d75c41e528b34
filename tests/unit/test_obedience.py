"""What the watch works out of pictures: shares from errors and quantizers, and where to look."""

from fractions import Fraction

import av
import numpy as np
import pytest
from encoders import ENCODERS

from semvid.codecs.ffmpeg.distortion import Excerpt, share_of
from semvid.codecs.ffmpeg.quantizers import followed_share
from semvid.core.types import QuantizerOffsets


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0, -1.0])
def test_a_share_is_found_whatever_the_blocks_have_in_common(share):
    random = np.random.default_rng(1)
    asked, response = random.normal(0, 3, 400), random.uniform(0, 0.4, 400)
    change = response * (share * (asked - asked.mean()) + 2) + 0.1 + random.normal(0, 0.05, 400)
    found, doubt, off = share_of(change, response, asked)
    assert found == pytest.approx(share, abs=4 * doubt)
    assert doubt < 0.02
    assert off == pytest.approx(2, abs=0.2)


def test_a_share_of_few_blocks_that_stray_is_in_doubt():
    """Of a drawing 20 of 400 blocks answer, and the others repeat themselves exactly."""
    random = np.random.default_rng(5)
    answers = np.arange(400) < 20
    asked, response = random.uniform(0, 6, 400), np.where(answers, random.uniform(0, 0.4, 400), 0)
    found = []
    for _ in range(200):
        change = response * (asked - asked.mean()) + np.where(answers, random.normal(0, 0.5, 400), 0)
        found.append(share_of(change, response, asked)[:2])
    shares, doubts = np.transpose(found)
    assert np.median(doubts) == pytest.approx(shares.std(), rel=0.25)


def test_blocks_that_answer_to_no_quantizer_say_nothing():
    asked = np.arange(20.0)
    assert share_of(np.zeros(20), np.zeros(20), asked)[1] == float("inf")
    assert share_of(np.zeros(20), np.ones(20), np.zeros(20))[1] == float("inf")


def test_followed_share_wants_evidence():
    asked = np.linspace(-4, 4, 200)
    rows = np.stack([0.5 * asked, asked, np.zeros(200), np.zeros(200)], 1)
    assert followed_share(rows) == pytest.approx(0.5)
    assert followed_share(rows[::20]) is None
    assert followed_share(rows * 0.1) is None


def test_the_excerpt_lies_where_textured_blocks_are_asked_for_different_things():
    texture = np.full((512 * 3 // 2, 1024), 128, np.uint8)
    texture[:512, 512:] = np.random.default_rng(2).integers(0, 255, (512, 512))
    picture = av.VideoFrame.from_ndarray(texture, format="yuv420p")
    picture.time_base = Fraction(1, 25)
    values = np.zeros((32, 64), np.float32)
    values[:, :16] = -6  # where nothing answers
    values[16:, 48:] = 6
    excerpt = Excerpt.begin(picture, QuantizerOffsets(values, 16))
    assert excerpt is not None
    assert excerpt.left >= 512
    asked = excerpt.asked()
    assert asked.shape == (16, 24)
    assert set(np.unique(asked)) == {0, 6}
    assert Excerpt.begin(picture, QuantizerOffsets(values * 0, 16)) is None
    tiny = av.VideoFrame.from_ndarray(texture[: 8 * 3 // 2, :8].copy(), format="yuv420p")
    assert Excerpt.begin(tiny, QuantizerOffsets(values[:1, :1], 16)) is None


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda one: one.name)
def test_crf_steps_are_those_offsets_are_scaled_by(spec):
    crf = spec.crf.default
    # AV1's are indices, four to a CRF.
    unit = 4 if spec.name == "av1" else 1
    finer = crf + float(spec.to_native(np.array([-3.0], np.float32), crf)[0]) / unit
    assert spec.crf_steps(crf) > spec.crf_steps(crf - 4)
    if spec.name != "vp8":
        # VP8's delta goes through its table by itself.
        assert spec.crf_steps(crf) - spec.crf_steps(finer) == pytest.approx(3, abs=0.2)
