"""What a network finds lies where it is in the video, whatever its size, shape and rotation."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

import semvid
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.x26x.x264 import X264
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.predictor import NetworkSource
from semvid.media.reading.reader import VideoReader
from semvid.models.architecture import CHANNELS, Architecture
from semvid.models.predictor import MsRoiPredictor


class Brightness:
    """A runtime whose maps are the picture's own brightness."""

    batch_size = 1
    notices = ()

    def run(self, pictures):
        cells = pictures[:, ::4, ::4].mean(3, dtype=np.float32) / 255
        return np.repeat(cells[:, None], len(CHANNELS), 1)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("size", [(322, 194), (641, 359), (97, 331), (720, 303)])
def test_a_square_is_found_where_it_was_painted(size, rotation, tmp_path):
    width, height = size
    even = width % 2 == height % 2 == 0
    top, bottom, left, right = height // 8, height * 3 // 8, width * 5 // 8, width * 7 // 8
    picture = np.full((height, width), 16, np.uint8)
    picture[top:bottom, left:right] = 235
    path = tmp_path / "square.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p" if even else "yuv444p"
        stream.set_display_rotation(rotation)
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    network = MsRoiPredictor(Brightness(), Architecture("x"), semvid.FocusConfig())
    analyser = Analyser(NetworkSource(network), semvid.TemporalConfig())
    allocator = OffsetAllocator(X264, semvid.AllocationConfig())
    with VideoReader(path) as reader:
        # The first frame is shown to the network, the map of the second is carried over.
        for one in analyser.run(only_frames(reader.read())):
            assert one.frame.quarter_turns == rotation // 90
            _check(allocator.update(one)[0].values, top, bottom, left, right)


def _check(offsets, top, bottom, left, right):
    finer = offsets < (offsets.min() + offsets.max()) / 2
    rows, cols = np.indices(finer.shape) * 16 + 8
    inside = ((rows > top) & (rows < bottom)) & ((cols > left) & (cols < right))
    # Blocks on the outline may fall to either side.
    assert not (finer & ~_grown(inside)).any()
    assert not (inside & ~_grown(finer)).any()
    assert finer.any()


def _grown(blocks):
    return cv2.dilate(blocks.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
