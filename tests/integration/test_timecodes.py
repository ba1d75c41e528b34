"""The timecode of a part is that of its first frame, also as FFmpeg's command reads it."""

import subprocess

import av
import pytest
from clips import make_clip
from players import FFMPEG, ffmpeg

import semvid
from semvid.core.config import CompressConfig, EditConfig, MapsConfig
from semvid.core.events import Notice
from semvid.core.text import Loss

FAST = {"preset": "superfast", "probe": "none", "maps": MapsConfig(model="spectral")}


@pytest.fixture(scope="module", params=[".mp4", ".mov", ".mkv"])
def source(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("timecode")
    clip = make_clip(folder / "clip.mp4", width=96, height=64, num_frames=50, audio=True)
    path = folder / f"in{request.param}"
    ffmpeg("-i", clip, "-c", "copy", "-timecode", "01:00:00:20", path)
    return path


def code_of(path):
    said = subprocess.run([FFMPEG, "-i", str(path)], capture_output=True, text=True, check=False).stderr
    return {
        one.split(":", 1)[1].strip()
        for one in said.lower().splitlines()
        if one.strip().startswith("timecode")
    }


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({}, "01:00:00:20"),
        ({"end": 1.0}, "01:00:00:20"),
        ({"start": 0.4}, "01:00:01:05"),
        ({"start": 0.4, "frame_rate": "50"}, "01:00:01:10"),
        ({"frame_rate": "20"}, "01:00:00:16"),
    ],
)
def test_it_is_that_of_the_first_frame(edit, code, source, tmp_path):
    output, told = tmp_path / f"out{source.suffix}", []
    config = CompressConfig(**FAST, edit=EditConfig(**edit))
    semvid.compress(source, output, config, on_event=told.append)
    assert code_of(source) == {"01:00:00:20"}
    assert code_of(output) == {code}
    assert not [one for one in told if isinstance(one, Notice) and isinstance(one.message, Loss)]


def test_sound_that_begins_earlier_does_not_count(source, tmp_path):
    late, output = tmp_path / f"late{source.suffix}", tmp_path / f"out{source.suffix}"
    ffmpeg("-itsoffset", "0.4", "-i", source, "-i", source, "-map", "0:v", "-map", "1:a", "-c", "copy", "-timecode",
           "01:00:00:20", late)  # fmt: skip
    semvid.compress(late, output, CompressConfig(**FAST, edit=EditConfig(start=0.8)))
    assert code_of(output) == {"01:00:01:05"}


def test_one_that_means_nothing_is_left_out(source, tmp_path):
    odd, told = tmp_path / "odd.mkv", []
    with av.open(str(source)) as given, av.open(str(odd), "w") as made:
        made.metadata["timecode"] = "soon"
        copy = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                made.mux(packet)
    config = CompressConfig(**FAST, edit=EditConfig(start=0.4))
    semvid.compress(odd, tmp_path / "out.mkv", config, on_event=told.append)
    messages = [one.message for one in told if isinstance(one, Notice)]
    assert "timecode soon is left out: no frame rate tells what it is after the cut" in messages
    assert code_of(tmp_path / "out.mkv") == set()
