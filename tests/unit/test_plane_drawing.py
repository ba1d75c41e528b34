"""Drawing in coded planes shows what drawing in RGB shows."""

import cv2
import numpy as np
import pytest
from clips import smooth_texture

from semvid.core.types import QuantizerOffsets
from semvid.media import drawing, plane_drawing

_TO_PLANES = np.array([
    [0.2126 * 219, 0.7152 * 219, 0.0722 * 219],
    [-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224],
    [0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224],
])  # fmt: skip


def planes_of(bgr):
    """BT.709, limited range, 4:2:0, by the book."""
    height, width = bgr.shape[:2]
    full = bgr[..., ::-1] / 255 @ _TO_PLANES.T + [16, 128, 128]
    even = np.pad(full, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    halved = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3).mean((1, 3))
    made = full[..., 0], halved[..., 1], halved[..., 2]
    return tuple(np.ascontiguousarray(np.rint(one), np.uint8) for one in made)


def example(width, height, *, is_grey=False):
    channels = [smooth_texture(width, height, 0 if is_grey else seed) for seed in range(3)]
    grey = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (9, 12), np.uint8), (3, 3), 0)
    return np.stack(channels, -1), cv2.normalize(grey, None, 0, 255, cv2.NORM_MINMAX)


def empty(planes, times=1):
    """Room for a drawing, with a gap after each row as FFmpeg's frames have it."""
    return tuple(np.zeros((one.shape[0], one.shape[1] * times + 19), np.uint8)[:, :-19] for one in planes)


@pytest.mark.parametrize("size", [(320, 192), (321, 193)])
@pytest.mark.parametrize("opacity", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("style", ["heat", "contour", "dim"])
def test_a_style_is_the_same_in_planes(style, opacity, size):
    # In RGB, grey is weighed as in BT.601, so only without colour is a dimmed picture the same.
    picture, grey = example(*size, is_grey=style == "dim")
    importance = (grey / 255).astype(np.float32)
    expected = planes_of(getattr(drawing, style)(picture, importance, opacity))
    planes = planes_of(picture)
    drawn = empty(planes)
    getattr(plane_drawing, style)(planes, grey, opacity, drawn)
    for one, other in zip(drawn, expected, strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.mean() < 0.8
        assert np.percentile(difference, 99) <= 2
    assert any(np.abs(one.astype(int) - other).max() > 30 for one, other in zip(drawn, planes, strict=True))


def test_dimming_removes_colour():
    picture, grey = example(320, 192)
    planes = planes_of(picture)
    drawn = empty(planes)
    plane_drawing.dim(planes, np.zeros_like(grey), 1.0, drawn)
    assert [one.mean() for one in drawn] == [16, 128, 128]
    plane_drawing.dim(planes, np.full_like(grey, 255), 1.0, drawn)
    for one, other in zip(drawn, planes, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_line_changes_no_pixel():
    picture, grey = example(320, 192)
    planes = planes_of(picture)
    drawn = empty(planes)
    plane_drawing.contour(planes, np.zeros_like(grey), 0.7, drawn)
    for one, other in zip(drawn, planes, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_map_is_beside_the_picture():
    picture, grey = example(320, 193)
    planes = planes_of(picture)
    expected = planes_of(drawing.split(picture, (grey / 255).astype(np.float32)))
    drawn = empty(planes, times=2)
    plane_drawing.split(planes, grey, drawn)
    for one, other in zip(drawn, expected, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 0.6


@pytest.mark.parametrize("size", [(640, 360), (321, 193)])
def test_the_legend_is_the_same(size):
    picture, _ = example(*size)
    expected = planes_of(drawing.legend(picture, "heat"))
    drawn = planes_of(picture)
    plane_drawing.Legend.of(size, "heat").draw(drawn)
    for one, other, plain in zip(drawn, expected, planes_of(picture), strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.mean() < 0.1
        assert difference.max() <= 10
        assert (one != plain).any()


def test_a_picture_without_room_has_no_legend():
    assert plane_drawing.Legend.of((32, 16), "heat").parts == ()


@pytest.mark.parametrize("size", [(320, 192), (325, 197)])
def test_blocks_are_the_same(size):
    picture, _ = example(*size)
    shape = -(-size[1] // 16), -(-size[0] // 16)
    values = np.random.default_rng(2).uniform(-12, 12, shape).astype(np.float32)
    offsets = QuantizerOffsets(values, 16)
    expected = planes_of(drawing.blocks(picture, offsets, 0.5, numbers=False))
    planes = planes_of(picture)
    drawn = empty(planes)
    plane_drawing.blocks(planes, offsets, 0.5, drawn)
    for one, other in zip(drawn, expected, strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.mean() < 0.8
        assert np.percentile(difference, 99) <= 3
