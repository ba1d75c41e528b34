"""Maps are carried along real, decoded motion."""

import av
import numpy as np
import pytest
from clips import make_clip, texture

import semvid
from semvid.core.events import Notice
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.media.reading.reader import VideoReader


@pytest.mark.parametrize("motion", ["flow", "vectors"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_map_follows_the_motion_between_key_frames(motion, rotation, tmp_path):
    """A patch moves over a still scene; only the first frame has a map of its own."""
    scene, patch = texture(480, 320), texture(96, 96, 7)
    lefts = [60 + 8 * index for index in range(8)]
    path = tmp_path / "moving.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 480, 320, "yuv420p"
        stream.set_display_rotation(rotation)
        for left in lefts:
            picture = scene.copy()
            picture[100:196, left : left + 96] = patch
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())

    class FirstOnly:
        smoothing, map_every, movement = 0.0, 100, 0.0

        def update(self, frame):
            coded = np.zeros((40, 60), np.float32)
            coded[12:25, 7:20] = 1
            return semvid.ImportanceMap(np.rot90(coded, frame.quarter_turns).copy())

    analyser = Analyser(FirstOnly(), semvid.TemporalConfig(motion=motion))
    with VideoReader(path, export_vectors=motion == "vectors") as reader:
        values = [one.importance for one in analyser.run(only_frames(reader.read()))]
    for left, one in zip(lefts, values, strict=True):
        y, x = (np.indices(one.shape) + 0.5) * (np.array([320, 480]) / one.shape)[:, None, None]
        covered = (np.abs(x - left - 48) < 40) & (np.abs(y - 148) < 40)
        # What the patch uncovers keeps its map until the next key frame; nothing else may have any.
        elsewhere = (x < lefts[0] - 16) | (x > left + 112) | (np.abs(y - 148) > 64)
        assert one[covered].mean() > 0.75
        assert one[elsewhere].max() < 0.1


@pytest.mark.parametrize(("codec", "told"), [("libx264", False), ("mjpeg", True)])
def test_a_video_without_vectors_is_told(codec, told, tmp_path):
    path = make_clip(
        tmp_path / "in.mkv",
        codec=codec,
        pixel_format="yuvj420p" if codec == "mjpeg" else "yuv420p",
        num_frames=6,
    )
    events = []
    semvid.compress(
        path, tmp_path / "out.mkv",
        semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), temporal=semvid.TemporalConfig(motion="vectors")),
        on_event=events.append,
    )  # fmt: skip
    notices = [one.message for one in events if isinstance(one, Notice)]
    assert any("`motion=vectors`" in one for one in notices) == told
