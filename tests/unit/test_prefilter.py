from fractions import Fraction

import av
import numpy as np
import pytest

import semvid
from semvid.codecs.ffmpeg.prefilter import MOST_SIGMA, Prefilter
from semvid.codecs.registry import find_codec
from semvid.core.errors import ConfigError
from semvid.core.luma import plane_of


def noise(width=256, height=48, pixel_format="yuv420p"):
    grey = np.random.default_rng(1).integers(0, 256, (height * 3 // 2, width), np.uint8)
    picture = av.VideoFrame.from_ndarray(grey, format="yuv420p").reformat(format=pixel_format)
    picture.pts, picture.time_base = 7, Fraction(1, 25)
    return picture


def half(left=1.0, right=0.0):
    return np.repeat(np.array([[left, right]], np.float32), 8, 0).repeat(16, 1)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv444p", "yuv422p12le"])
def test_what_matters_is_untouched_and_the_rest_is_softer(pixel_format):
    before = noise(pixel_format=pixel_format)
    kept = [plane_of(before, index).copy() for index in range(3)]
    after = Prefilter(0.7).apply(before, half())
    assert after.pts == 7
    assert after.format.name == pixel_format
    for index in range(3):
        old, new = plane_of(before, index), plane_of(after, index)
        # The source is somebody else's.
        assert np.array_equal(old, kept[index])
        middle = old.shape[1] // 2
        assert np.array_equal(new[:, :middle], old[:, :middle])
        softer = np.abs(np.diff(new[:, middle + 12 :].astype(float))).mean()
        assert softer < 0.95 * np.abs(np.diff(old[:, middle + 12 :].astype(float))).mean()


@pytest.mark.parametrize("importance", [half(1, 1), half(0, 0), half(0.4, 0.3)])
def test_where_all_matters_alike_nothing_is_done(importance):
    picture = noise()
    assert Prefilter(0.7).apply(picture, importance) is picture
    assert Prefilter(0.1).apply(picture, half()) is picture


def test_no_more_than_the_eye_forgives():
    assert Prefilter(3).sigma == MOST_SIGMA
    assert "sigma 0.80 pixels" in Prefilter(3).notice
    assert "nothing is softened: " in Prefilter(0.1).notice


def test_it_needs_a_map_and_an_encoder_of_others():
    with pytest.raises(ConfigError, match="`prefilter=0.3` has no effect at `strength=0`"):
        semvid.AllocationConfig(prefilter=0.3, strength=0)
    config = semvid.CompressConfig(codec="mjpeg", allocation=semvid.AllocationConfig(prefilter=0.3))
    with pytest.raises(ConfigError, match="`prefilter` is not for `codec=mjpeg`"):
        find_codec("mjpeg").coding(config)
