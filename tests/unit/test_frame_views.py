"""What a frame shows of its picture, and conversions that several threads ask for at once."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from semvid.core.conversion import Colours, converted
from semvid.core.geometry import motion_grid, turned
from semvid.core.types import Frame
from semvid.importance.predictor import NetworkSource

NOISE = np.random.default_rng(3)


def picture(pixel_format="yuv420p", width=64, height=48):
    rgb = NOISE.integers(0, 256, (height, width, 3), np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)


@pytest.mark.parametrize("turns", range(4))
def test_views_are_upright_and_go_back_to_as_coded(turns):
    frame = Frame(picture(), 0, turns=turns)
    width, height = frame.upright_size
    assert (width, height) == ((64, 48), (48, 64))[turns % 2]
    assert frame.half_luma.shape == (24, 32)
    rows, cols = motion_grid(width, height)
    assert frame.thumbnail.shape == (2 * rows, 2 * cols)
    rgb = frame.rgb((width // 2, height // 2))
    assert rgb.shape == (height // 2, width // 2, 3)
    assert rgb.flags.c_contiguous
    plain = frame.download("rgb24", (32, 24), interpolation=Interpolation.AREA).to_ndarray()
    assert np.array_equal(rgb, turned(plain, turns))
    assert np.array_equal(frame.as_coded(frame.upright(frame.half_luma)), frame.half_luma)


def test_luma_is_a_view_where_there_is_a_plane_and_grey_where_there_is_none():
    planar = Frame(picture(), 0)
    assert np.array_equal(planar.luma, planar.picture.to_ndarray()[:48])
    assert not planar.luma.flags.owndata
    deep = Frame(picture("yuv420p10le"), 0)
    assert (deep.luma_bits, deep.luma.dtype, deep.half_luma.dtype) == (10, np.uint16, np.uint8)
    packed = Frame(picture("yuyv422"), 0)
    assert np.array_equal(packed.luma, converted(packed.picture, "gray").to_ndarray())
    known = np.full((48, 64), 7, np.uint8)
    assert Frame(packed.picture, 0, known).luma is known


def test_nothing_is_converted_that_has_its_form_and_time_stays():
    source = picture()
    source.pts, source.time_base = 7, Fraction(1, 25)
    assert converted(source, "yuv420p") is source
    made = converted(source, "gray", (32, 24))
    assert (made.width, made.height, made.pts, made.time_base) == (32, 24, 7, source.time_base)


def test_threads_that_convert_one_picture_do_not_see_each_others_colours():
    source = picture(width=640, height=480)
    source.color_trc, source.colorspace = 16, Colorspace.ITU709
    full = Colours(Colorspace.ITU601, ColorRange.JPEG)

    def shown(asked):
        return converted(source, "rgb24", **asked).to_ndarray()

    kinds = [{"source": full, "target": full}, {"size": (96, 80)}]
    alone = [shown(one) for one in kinds]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(shown, kinds * 30))
    assert all(np.array_equal(one, alone[index % 2]) for index, one in enumerate(together))
    assert (source.color_trc, source.color_range, source.colorspace) == (16, 0, Colorspace.ITU709)


def test_a_network_is_shown_pictures_where_the_frames_have_them():
    torch = pytest.importorskip("torch")

    class OnDevice(Frame):
        def rgb(self, size):
            return torch.from_numpy(super().rgb(size))

    class Network:
        batch_size, notices = 2, ()

        def input_size(self, width, height):
            return width // 2, height // 2

        def predict(self, pictures):
            self.seen = pictures
            return np.zeros((len(pictures), 6, 8), np.float32)

    network, pictures = Network(), [picture(), picture()]
    for kind in (OnDevice, Frame):
        NetworkSource(network).look_ahead([kind(one, index, turns=1) for index, one in enumerate(pictures)])
        assert isinstance(network.seen, torch.Tensor) == (kind is OnDevice)
        assert np.array_equal(network.seen[1], Frame(pictures[1], 1, turns=1).rgb((24, 32)))
