"""A file is opened without decoding where its packets are enough, and only once with; neither changes anything."""

import os
from itertools import islice

import av
import pytest
from clips import make_clip

from semvid.core.types import Frame
from semvid.media import probe as probing
from semvid.media.probe import open_packets, open_video, probe
from semvid.media.reading.reader import VideoReader


def packets_of(container):
    with container:
        return [
            (one.stream.index, one.pts, one.dts, one.duration, one.size, one.is_keyframe, one.is_discard)
            for one in container.demux()
        ]


def frames_of(path, count=40):
    with VideoReader(path) as reader:
        frames = islice((one for one in reader.read() if isinstance(one, Frame)), count)
        shown = [(one.pts, hash(b"".join(map(bytes, one.picture.planes)))) for one in frames]
        return reader.info, shown


def compared(path):
    """Return frames before and after the file is known."""
    probing._found.clear()
    first = frames_of(path)
    return first, frames_of(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_packets_and_frames_are_the_same(suffix, codec, tmp_path):
    clip = make_clip(tmp_path / f"clip{suffix}", width=160, height=96, num_frames=30, codec=codec, audio=True)
    assert packets_of(open_packets(clip)) == packets_of(av.open(str(clip)))
    before, after = compared(clip)
    assert len(before[1]) == 30
    assert after == before


def test_a_known_file_is_not_decoded_again(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=160, height=96)
    first, again = probe(clip), probe(clip)
    assert again is first
    with open_packets(clip) as container:
        assert container.streams.video[0].codec_context.pix_fmt is None
    container, stream, _ = open_video(clip)
    with container:
        assert stream.codec_context.pix_fmt == "yuv420p"


def test_a_file_that_changed_is_looked_at_again(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=160, height=96)
    status = clip.stat()
    assert probe(clip).width == 160
    make_clip(clip, width=192, height=96)
    os.utime(clip, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert probe(clip).width == 192


def test_several_videos_are_known_well(tmp_path):
    """The others may be copied, which takes all that is known of them."""
    one = make_clip(tmp_path / "one.mp4", width=160, height=96)
    both = tmp_path / "both.mp4"
    with av.open(str(one)) as a, av.open(str(one)) as b, av.open(str(both), "w") as output:
        copies = [output.add_stream_from_template(each.streams.video[0]) for each in (a, b)]
        for each, copy in zip((a, b), copies, strict=True):
            for packet in each.demux(video=0):
                if packet.size:
                    packet.stream = copy
                    output.mux(packet)
    for _ in range(2):
        container, _, _ = open_video(both)
        with container:
            assert [each.codec_context.pix_fmt for each in container.streams.video] == ["yuv420p"] * 2


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "clips/juggle_720p.mp4",
        "clips/dog_720p.mp4",
        "odd/discard_first_keyframe.mp4",
        "odd/sample_sef_slow_motion.mp4",
        "odd/test_non_zero_start.mp4",
        "odd/testsrc2_odd_height_and_width_444.mp4",
    ],
)
def test_decoders_know_how_frames_are_reordered(name, shared_data):
    """Some of these streams do not say it."""
    before, after = compared(shared_data / name)
    assert probing._found
    assert after == before
    assert packets_of(open_packets(shared_data / name)) == packets_of(av.open(str(shared_data / name)))


def test_a_closed_reader_keeps_what_it_found_and_no_decoder(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=6)
    with VideoReader(source) as reader:
        frames = [one for one in reader.read() if isinstance(one, Frame)]
        end = reader.end_pts
    reader.close()
    assert (reader.num_frames, reader.end_pts, reader.remarks("read")) == (6, end, [])
    # PyAV keeps a decoder, and the memory of its pictures, as long as its stream.
    assert not hasattr(reader, "stream")
    assert frames[-1].luma.any()
