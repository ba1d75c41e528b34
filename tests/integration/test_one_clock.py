"""Sound and picture stay together however a video is encoded: at once, tried before, twice, or in parts."""

from fractions import Fraction

import pytest
from clips import make_clip
from players import ffmpeg, played

import semvid
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig, CompressConfig, MapsConfig
from semvid.core.events import Notice
from semvid.core.types import Frame
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.reader import VideoReader

SLACK = Fraction(3, 1000)
FAST = {"preset": "superfast", "maps": MapsConfig(model="spectral")}
WAYS = {
    "at once": {"rate": semvid.Crf(30), "probe": "none"},
    "with a plain encode beside it": {"rate": semvid.Crf(30), "probe": "full"},
    "tried before": {"rate": semvid.Size(60_000)},
    "twice": {"rate": semvid.Bitrate(60_000)},
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Sound that begins half a second before the picture, and after it, in three containers."""
    folder = tmp_path_factory.mktemp("clock")
    clip = make_clip(folder / "clip.mp4", width=96, height=64, num_frames=50, audio=True, options={"g": "10"})
    for suffix in (".mkv", ".mp4", ".ts"):
        for name, picture, sound in (("early", "0.5", "0"), ("late", "0", "0.5")):
            ffmpeg("-itsoffset", picture, "-i", clip, "-itsoffset", sound, "-i", clip, "-map", "0:v", "-map", "1:a", "-c", "copy",
                   folder / f"{name}{suffix}")  # fmt: skip
    clip.unlink()
    return {one.name: one for one in folder.iterdir()}


def apart(path):
    """Return the seconds from the first sound to the first picture, and the number of pictures."""
    shown = played(path)
    return shown.pictures[0] - shown.sound, len(shown.pictures)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["early.mkv", "late.mkv", "early.mp4", "late.mp4", "early.ts", "late.ts"])
def test_sound_stays_where_it_is(name, way, sources, tmp_path):
    output, told = tmp_path / "out.mkv", []
    config = CompressConfig(**FAST, **WAYS[way])
    semvid.compress(sources[name], output, config, on_event=told.append)
    before, after = apart(sources[name]), apart(output)
    # Decoders of AAC need a packet before the first that is heard.
    assert abs(before[0] - after[0]) <= SLACK
    assert before[1] == after[1]
    assert not [one for one in told if isinstance(one, Notice) and "could not be measured" in one.message]


@pytest.mark.parametrize("name", ["film.mkv", "film.mp4"])
def test_parts_are_put_where_the_whole_is(name, tmp_path):
    options, pts = {"preset": "ultrafast", "g": "5", "crf": "18"}, [2560 * one for one in range(130)]
    clip = make_clip(
        tmp_path / "clip.mp4", width=96, height=64, num_frames=130, pts=pts, audio=True, options=options
    )
    source, told = tmp_path / name, []
    ffmpeg("-itsoffset", "0.5", "-i", clip, "-i", clip, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    video = CompressConfig(**FAST, probe="none")
    in_parts, at_once = (BatchConfig(video=video, part_seconds=one) for one in (12, 0))
    compress_many([source], tmp_path / "parts", in_parts, on_event=told.append)
    compress_many([source], tmp_path / "whole", at_once)
    assert sum(type(one).__name__ == "PartEnded" for one in told) == 2
    parts, whole = (played(tmp_path / one / name) for one in ("parts", "whole"))
    assert parts.pictures == whole.pictures
    assert parts.sound == whole.sound


@pytest.mark.parametrize("name", ["early.mkv", "late.ts", "early.mp4"])
def test_who_reads_only_the_picture_has_the_same_times(name, sources):
    with VideoReader(sources[name]) as whole, VideoReader(sources[name]) as alone:
        alone.keep(())
        times = [[one.pts for one in reader.read() if isinstance(one, Frame)] for reader in (whole, alone)]
    assert times[0] == times[1] == shown_frames(probe(sources[name])).pts.tolist()


def test_without_its_sound_the_picture_begins_at_once(sources, tmp_path):
    for rate in (semvid.Crf(30), semvid.Size(12_000)):
        output = tmp_path / f"out-{type(rate).__name__}.mkv"
        config = CompressConfig(**FAST, rate=rate, drop=frozenset({"audio"}))
        semvid.compress(sources["early.mkv"], output, config)
        assert played(output).pictures[0] == 0
