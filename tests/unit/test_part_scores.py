"""Scores of parts: right values on pictures whose error is known, and what order they put encodes in."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from semvid.core.errors import EncoderError
from semvid.core.types import Frame
from semvid.scores.areas import PackedMask, region_runs
from semvid.scores.grey_video import SUFFIX, GreyWriter, grey_pictures
from semvid.scores.parts import PartScorer, PartScores

HEIGHT, WIDTH = 96, 128
RIGHT = np.repeat(np.float32([[0, 1]]), 2, 0)


def texture(index, bits=8, softness=1.5):
    """A pattern that moves by two pixels a frame."""
    random = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH * 2)).astype(np.uint8)
    soft = cv2.GaussianBlur(random, (0, 0), softness)[:, 2 * index : 2 * index + WIDTH]
    stretched = cv2.normalize(soft, None, 16, 235, cv2.NORM_MINMAX)
    return stretched.astype(np.uint16) << (bits - 8) if bits > 8 else stretched


def frame(luma, index, bits=8):
    height, width = luma.shape
    samples = np.full((height * 3 // 2, width), 1 << (bits - 1), luma.dtype)
    samples[:height] = luma
    picture = av.VideoFrame.from_ndarray(samples, "yuv420p" if bits == 8 else f"yuv420p{bits}le")
    picture.pts = index
    return Frame(picture, index)


def coarse(luma, amount, left=0, right=WIDTH):
    """Blur some columns."""
    changed = luma.copy()
    changed[:, left:right] = cv2.GaussianBlur(luma, (0, 0), amount)[:, left:right]
    return changed


def off_by(luma, levels, left, right):
    changed = luma.astype(np.int32)
    changed[:, left:right] += levels
    return changed.astype(luma.dtype)


def scorer(folder, measure, lumas, importance, *, parts=None, counted=None, bits=8, rate=25, rest=True):
    folder.mkdir()
    made = PartScorer(folder, measure, Fraction(rate), scores_rest=rest)
    for index, luma in enumerate(lumas):
        made.add(
            frame(luma, index, bits), importance, 0 if parts is None else parts[index],
            is_counted=counted is None or counted[index],
        )  # fmt: skip
    made.finish()
    return made


@pytest.mark.parametrize("bits", [8, 10])
def test_psnr_is_that_of_each_area(bits, tmp_path):
    lumas = [texture(one, bits) for one in range(3)]
    made = scorer(tmp_path / "s", "region-psnr", lumas, RIGHT, bits=bits)
    scale = 1 << (bits - 8)
    tests = [off_by(off_by(one, 2 * scale, 64, 128), -8 * scale, 0, 64) for one in lumas]
    found = made.score([[frame(one, index, bits) for index, one in enumerate(tests)]])
    assert found.target == pytest.approx([20 * np.log10(255 / 2)] * 3, abs=1e-3)
    assert found.rest == pytest.approx([20 * np.log10(255 / 8)] * 3, abs=1e-3)


@pytest.mark.parametrize("measure", ["vmaf", "xpsnr", "region-vmaf", "region-psnr"])
def test_each_area_is_scored_by_its_own_quality(measure, tmp_path):
    lumas = [texture(one) for one in range(6)]
    made = scorer(tmp_path / "s", measure, lumas, RIGHT)

    def score(in_left, in_right):
        tests = [coarse(coarse(one, in_left, 0, 64), in_right, 64, 128) for one in lumas]
        found = made.score([[frame(one, index) for index, one in enumerate(tests)]])
        return found.mean(found.target, [6]), found.mean(found.rest, [6])

    best, better_right, better_left, worst = score(0.6, 0.6), score(2, 0.6), score(0.6, 2), score(2, 2)
    assert best[0] > worst[0] + 3
    assert best[1] > worst[1] + 3
    # The borders of an area share some pixels of what blurs beyond them.
    assert better_right[1] == pytest.approx(worst[1], abs=1.5)
    assert better_left[1] == pytest.approx(best[1], abs=1.5)
    if measure.startswith("region"):
        assert better_right[0] == pytest.approx(best[0], abs=1.5)
        assert better_left[0] == pytest.approx(worst[0], abs=1.5)
    else:
        assert worst[0] < better_right[0] < best[0]


def test_what_matters_in_half_of_the_box_has_the_vmaf_of_all_of_it(tmp_path):
    lumas = [texture(one, softness=4) for one in range(6)]
    whole = scorer(tmp_path / "whole", "vmaf", lumas, None, rest=False)
    corners = np.repeat(np.repeat(np.float32([[1, 0], [0, 1]]), 8, 0), 8, 1)
    region = scorer(tmp_path / "region", "region-vmaf", lumas, corners, rest=False)
    for amount in (1.5, 2):
        tests = [[frame(coarse(one, amount), index) for index, one in enumerate(lumas)]]
        all_of_it, in_corners = whole.score(tests), region.score(tests)
        assert in_corners.mean(in_corners.target, [6]) == pytest.approx(
            all_of_it.mean(all_of_it.target, [6]), abs=8
        )


def test_frames_that_settle_and_those_after_a_border_do_not_count(tmp_path):
    lumas = [texture(one) for one in (0, 1, 2, 20, 21, 22)]
    parts, counted = [0, 0, 0, 1, 1, 1], [True] * 5 + [False]
    made = scorer(tmp_path / "s", "vmaf", lumas, None, parts=parts, counted=counted, rest=False)
    found = made.score([frame(coarse(lumas[one], 1), one) for one in part] for part in ((0, 1, 2), (3, 4, 5)))
    assert np.isfinite(found.target).tolist() == [True, True, True, False, True, False]
    assert found.rest is None


def test_a_part_stands_for_its_frames_of_which_some_have_the_area():
    found = PartScores(np.array([40, 40, np.nan, np.nan, 30, 30]), None, [0, 0, 1, 1, 2, 2])
    assert found.mean(found.target, [10, 100, 30]) == pytest.approx((40 * 10 + 30 * 30) / 40)
    half = PartScores(np.array([40, np.nan, 30, 30]), None, [0, 0, 1, 1])
    assert half.mean(half.target, [10, 10]) == pytest.approx((40 * 5 + 30 * 10) / 15)
    assert np.isnan(PartScores(np.array([np.nan]), None, [0]).mean(np.array([np.nan]), [5]))


def test_a_part_with_missing_frames_is_an_error(tmp_path):
    lumas = [texture(one) for one in range(3)]
    made = scorer(tmp_path / "s", "region-psnr", lumas, RIGHT)
    with pytest.raises(EncoderError, match="has 2 of 3 frames"):
        made.score([[frame(one, index) for index, one in enumerate(lumas[:2])]])


def test_a_box_is_around_what_matters_and_even_and_not_too_small():
    def mask(*box):
        values = np.zeros((200, 300), np.float32)
        for top, left, bottom, right in box:
            values[top:bottom, left:right] = 1
        return PackedMask.of(values, (200, 300))

    nothing, small, corner = mask(), mask((90, 101, 95, 108)), mask((195, 290, 200, 300))
    assert small.unpacked().sum() == 5 * 7
    assert region_runs([nothing, nothing], [0, 0], 1) == []
    (run,) = region_runs([small], [0], 1)
    rows, cols = run.box
    assert (rows.stop - rows.start, cols.stop - cols.start) == (64, 64)
    assert rows.start <= 90 - 8
    assert rows.stop >= 95 + 8
    (run,) = region_runs([corner], [0], 1)
    assert run.box == (slice(136, 200), slice(236, 300))
    wide = mask((10, 11, 151, 292))
    (run,) = region_runs([wide], [0], 1)
    assert run.box == (slice(2, 160), slice(2, 300))


def test_runs_are_within_parts_and_see_what_moved_before():
    mask = PackedMask.of(np.ones((1, 1), np.float32), (64, 64))
    runs = region_runs([mask] * 110, [0] * 60 + [1] * 50, 2)
    assert [(one.start, one.counted_from, one.end) for one in runs] == [
        (0, 0, 30), (28, 30, 60), (60, 60, 85), (83, 85, 110),
    ]  # fmt: skip


@pytest.mark.parametrize(("bits", "kind"), [(8, np.uint8), (10, np.uint16)])
def test_luma_is_kept_exactly_and_an_odd_line_left_out(bits, kind, tmp_path):
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 1 << bits, (37, 51)).astype(kind) for _ in range(4)]
    path = tmp_path / f"a{SUFFIX}"
    with GreyWriter(path, bits, Fraction(30000, 1001)) as writer:
        for one in pictures:
            writer.write(one)
    found = [one.copy() for one in grey_pictures(path)]
    assert len(found) == 4
    assert all(np.array_equal(one, other[:36, :50]) for one, other in zip(found, pictures, strict=True))
