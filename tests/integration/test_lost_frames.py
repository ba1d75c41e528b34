"""Frames that are lost with bytes of a file are told of, and no source that lacks some is replaced."""

import random

import av
import pytest
from clips import make_clip
from players import ffmpeg

import semvid
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig
from semvid.core.errors import InputError
from semvid.core.types import Frame
from semvid.media.reading.damage import has_hole
from semvid.media.reading.reader import VideoReader

WAYS = {
    "h264.mkv": ("-c", "copy"),
    "vp8.webm": ("-c:v", "libvpx", "-c:a", "libopus"),
    "h264.ts": ("-c", "copy"),
    "fragments.mp4": ("-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "h264.flv": ("-c", "copy"),
}
FAST = semvid.CompressConfig(
    rate=semvid.Crf(40), preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral")
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Four seconds of picture and sound in each way."""
    folder = tmp_path_factory.mktemp("lost")
    clip = make_clip(
        folder / "clip.mp4", width=96, height=64, num_frames=100, audio=True, options={"g": "20", "crf": "20"}
    )
    made = {}
    for name, options in WAYS.items():
        made[name] = folder / name
        ffmpeg("-i", clip, *options, made[name])
    return made


def look(path):
    """Return the number of frames, and whether anything is said to be wrong."""
    with VideoReader(path) as reader:
        count = sum(isinstance(one, Frame) for one in reader.read())
        return count, bool(reader.damage or reader.num_missing)


@pytest.mark.parametrize("name", WAYS)
def test_whole_files_lack_nothing(name, sources):
    assert look(sources[name]) == (100, False)


@pytest.mark.parametrize("way", ["zeros", "noise", "cut out", "twice"])
@pytest.mark.parametrize("name", WAYS)
def test_no_frame_vanishes_without_a_word(name, way, sources, tmp_path):
    data, path = sources[name].read_bytes(), tmp_path / name
    rng = random.Random(name + way)  # noqa: S311 - places
    for _ in range(8):
        size = rng.choice([20, 188, 800, 3000])
        at = rng.randrange(len(data) // 5, len(data) * 4 // 5 - size)
        path.write_bytes({
            "zeros": data[:at] + bytes(size) + data[at + size :],
            "noise": data[:at] + rng.randbytes(size) + data[at + size :],
            "cut out": data[:at] + data[at + size :],
            "twice": data[: at + size] + data[at:],
        }[way])  # fmt: skip
        try:
            count, is_told = look(path)
        except InputError:
            continue
        assert count >= 100 or is_told, (at, size)


@pytest.mark.parametrize("name", ["h264.mkv", "vp8.webm", "fragments.mp4"])
def test_zeros_in_a_packet_are_damage(name, sources, tmp_path):
    data, path = bytearray(sources[name].read_bytes()), tmp_path / name
    with av.open(str(sources[name])) as container:
        video = container.streams.video[0]
        sizes = [(one.size, bytes(one)) for one in container.demux(video) if one.size]
    _, largest = max(sizes)
    at = data.index(largest) + len(largest) // 2
    data[at : at + 100] = bytes(100)
    path.write_bytes(data)
    assert look(path)[1]


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", ("-qp", "0")),
        ("libx265", ("-x265-params", "lossless=1:log-level=none")),
        ("libvpx", ("-b:v", "10k")),
        ("libvpx-vp9", ("-lossless", "1", "-cpu-used", "8", "-deadline", "realtime")),
        ("mpeg4", ("-q:v", "2")),
    ],
)
def test_black_pictures_have_no_holes(codec, options, tmp_path):
    path = tmp_path / "black.mkv"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=320x192:d=1:r=10", "-c:v", codec, *options, path)
    with av.open(str(path)) as container:
        name = container.streams.video[0].codec_context.codec.canonical_name
        packets = [one for one in container.demux() if one.size]
        assert packets
        assert not any(has_hole(name, one) for one in packets)


def test_a_stream_that_begins_in_the_middle_is_told(sources, tmp_path):
    data, path = bytearray(sources["h264.flv"].read_bytes()), tmp_path / "late.flv"
    # The header tells of no sound, and there is none for the first two seconds.
    data[4] &= 1
    kept, at, position = data[:13], 0, 13
    while position < len(data):
        size, kind = int.from_bytes(data[position + 1 : position + 4], "big") + 15, data[position]
        at = int.from_bytes(data[position + 4 : position + 7], "big")
        if kind != 8 or at > 2000:
            kept += data[position : position + size]
        position += size
    path.write_bytes(kept)
    with VideoReader(path) as reader:
        assert sum(isinstance(one, Frame) for one in reader.read()) == 100
        if len(reader.container.streams) == 1:
            assert any("begin in the middle of the file left out" in one for one in reader.remarks("x"))


def without_some(source, path):
    """Leave out five packets of the video that no other needs, as a faulty recorder does."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        video = given.streams.video[0]
        copy = made.add_stream_from_template(video)
        for index, packet in enumerate(one for one in given.demux(video) if one.size):
            if not 55 <= index < 60:
                packet.stream = copy
                made.mux(packet)
    return path


def reason_of(folder, name):
    with JobStore(folder / WORK_FOLDER / STORE) as store:
        return next(one.reason for one in store.entries() if one.source.name == name)


def test_a_source_that_lacks_frames_is_not_replaced_unless_it_is_kept(tmp_path):
    clip = make_clip(
        tmp_path / "clip.mp4", width=96, height=64, num_frames=100, options={"g": "20", "bf": "0"}
    )
    gap = tmp_path / "gap.mkv"
    ffmpeg("-i", clip, "-c:v", "mjpeg", "-q:v", "2", tmp_path / "all.mkv")
    without_some(tmp_path / "all.mkv", gap)
    before = gap.read_bytes()
    assert compress_many([gap], None, BatchConfig(video=FAST, replace=True)).counts == {"skipped": 1}
    assert reason_of(tmp_path, "gap.mkv").startswith("5 frames seem to be missing; the source stays")
    assert gap.read_bytes() == before
    (tmp_path / WORK_FOLDER / STORE).unlink()
    kept = BatchConfig(video=FAST, replace=True, trash=tmp_path / "trash")
    assert compress_many([gap], None, kept).counts == {"done": 1}
    assert (tmp_path / "trash" / "gap.mkv").read_bytes() == before


def test_a_matroska_file_with_a_hole_is_not_replaced(sources, tmp_path):
    source, data = tmp_path / "hole.mkv", bytearray(sources["h264.mkv"].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    source.write_bytes(data)
    assert compress_many([source], None, BatchConfig(video=FAST, replace=True)).counts == {"skipped": 1}
    assert "is damaged" in reason_of(tmp_path, "hole.mkv")
    assert source.read_bytes() == bytes(data)
