"""Every frame of the output is decoded before it gets its name, if that is asked for."""

import pytest
from clips import make_clip

import semvid
from semvid.core.errors import OutputError
from semvid.media.writing.writer import VideoWriter

NUM_FRAMES = 20


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify")
    return make_clip(folder / "in.mp4", width=320, height=180, num_frames=NUM_FRAMES)


def config(codec="x264", verify="full", **options):
    preset = {"x264": "superfast", "x265": "veryfast"}.get(codec)
    return semvid.CompressConfig(
        codec=codec, preset=preset, maps=semvid.MapsConfig(model="spectral"), verify=verify, **options
    )


def spoil(monkeypatch, change):
    complete = VideoWriter.complete

    def completed(writer):
        path = complete(writer)
        change(path)
        return path

    monkeypatch.setattr(VideoWriter, "complete", completed)


def overwrite_packet(path):
    """Write over what lies in the middle of the pictures of a file."""
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 8
    middle = start + (len(data) - start) // 2
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("x264", ".mp4"), ("x264", ".mkv"), ("x265", ".mp4"), ("x265", ".mov"), ("vp8", ".webm"),
        ("vp9", ".webm"), ("vp9", ".mp4"), ("av1", ".mkv"), ("mjpeg", ".avi"), ("mjpeg", ".mov"),
    ],
)  # fmt: skip
def test_all_frames_of_what_semvid_writes_decode(codec, suffix, source, tmp_path):
    events = []
    output = tmp_path / f"out{suffix}"
    semvid.compress(source, output, config(codec), on_event=events.append)
    begun = events.index(semvid.Stage("decoding the output"))
    counts = [one.num_frames for one in events[begun:] if isinstance(one, semvid.Progress)]
    assert counts[:NUM_FRAMES] == [*range(1, NUM_FRAMES + 1)]
    assert output.exists()


def test_frames_that_do_not_decode_leave_everything_as_it_was(source, tmp_path, monkeypatch):
    output, before = tmp_path / "out.mp4", source.read_bytes()
    output.write_bytes(b"precious")
    spoil(monkeypatch, overwrite_packet)
    with pytest.raises(OutputError, match=r"of 20 frames decode, to .* so it was removed") as caught:
        semvid.compress(source, output, config(overwrite=True))
    assert caught.value.exit_code == 4
    assert output.read_bytes() == b"precious"
    assert [*tmp_path.iterdir()] == [output]
    assert source.read_bytes() == before
    assert str(output) in str(caught.value)


def test_packets_that_can_be_read_back_are_enough_for_the_quick_check(source, tmp_path, monkeypatch):
    spoil(monkeypatch, overwrite_packet)
    semvid.compress(source, tmp_path / "out.mp4", config(verify="quick"))
    assert (tmp_path / "out.mp4").exists()


def test_a_part_and_two_passes_are_decoded_too(source, tmp_path, monkeypatch):
    seen = []
    decoded = VideoWriter.decoded
    monkeypatch.setattr(VideoWriter, "decoded", lambda writer: seen.append(writer.output) or decoded(writer))
    span = semvid.Span(0, None)
    semvid.compress_job(semvid.Job(source, span, tmp_path / "part.mkv", config()))
    semvid.compress(source, tmp_path / "passes.mp4", config(rate=semvid.Bitrate(200_000)))
    semvid.compress(source, tmp_path / "size.mp4", config(rate=semvid.Size(30_000)))
    assert [one.name for one in seen] == ["part.mkv", "passes.mp4", "size.mp4"]
