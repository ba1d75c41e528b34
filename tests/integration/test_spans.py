"""A part of a video gives the frames, times and packets that reading all of it gives."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from players import ffmpeg

from semvid.core.errors import ConfigError, InputError
from semvid.core.types import Frame, Span
from semvid.media.reading.reader import VideoReader

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=4")
SOUND = ("-f", "lavfi", "-i", "sine=f=440:r=48000:d=4")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "12")
SHIFTS = "select='not(mod(n,3))+lt(n,40)',setpts='PTS+if(gt(N,20),0.013/TB,0)'"
CODED = {
    "clip.mp4": (*X264, "-c:a", "aac"),
    "open.mp4": (*X264, "-x264-params", "open-gop=1", "-an"),
    "open.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=12:open-gop=1"),
    "refresh.mp4": (*X264, "-x264-params", "intra-refresh=1", "-an"),
    "fields.ts": (*X264, "-x264-params", "tff=1", "-an"),
    "vfr.mp4": (*X264, "-vf", SHIFTS, "-fps_mode", "vfr", "-enc_time_base", "1:90000", "-an"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-g", "12", "-bf", "2"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-g", "12", "-an"),
    "reordered.avi": ("-c:v", "mpeg4", "-g", "12", "-bf", "2", "-an"),
    "jpeg.avi": ("-c:v", "mjpeg"),
    "raw.h264": (*X264, "-an"),
    "vp8.webm": ("-c:v", "libvpx", "-g", "12", "-deadline", "realtime", "-c:a", "libopus"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime", "-cpu-used", "8", "-an"),
    "pages.gif": ("-an",),
}  # fmt: skip
COPIED = {
    "clip.mkv": ("clip.mp4",),
    "clip.ts": ("clip.mp4",),
    "clip.flv": ("clip.mp4",),
    "vfr.mkv": ("vfr.mp4",),
    "fragments.mp4": ("clip.mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    "hidden.mp4": ("clip.mp4", "-avoid_negative_ts", "disabled", "-output_ts_offset", "-0.9"),
    "no-cues.mkv": ("clip.mp4", "-live", "1"),
    "far.mkv": ("clip.mp4", "-output_ts_offset", "5127"),
    "far.ts": ("clip.mp4", "-output_ts_offset", "5127"),
    "wraps.ts": ("clip.mp4", "-output_ts_offset", "95441.7"),
}
JOINED = {
    "jumps.ts": ("clip.ts", "far.ts", "clip.ts"),
    "joined.mkv": ("clip.mkv", "clip.mkv"),
    "joined-no-cues.mkv": ("no-cues.mkv", "no-cues.mkv"),
    "sizes.ts": ("first.ts", "larger.ts", "turned.ts"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spans")
    for name, options in CODED.items():
        ffmpeg(*PICTURE, *SOUND, *options, folder / name)
    for name, (source, *options) in COPIED.items():
        ffmpeg("-i", folder / source, "-c", "copy", *options, folder / name)
    ffmpeg("-itsoffset", "0.4", "-i", folder / "clip.mp4", "-i", folder / "clip.mp4", "-map", "0:v", "-map", "1:a",
           "-c", "copy", folder / "late.mp4")  # fmt: skip
    for name, size in (("first.ts", "64x48"), ("larger.ts", "96x64")):
        ffmpeg(*PICTURE, "-t", "1", "-vf", f"scale={size}", *X264, folder / name)
    turn = "h264_metadata=display_orientation=insert:rotate=90"
    ffmpeg("-i", folder / "first.ts", "-c", "copy", "-bsf:v", turn, folder / "turned.ts")
    for name, parts in JOINED.items():
        (folder / name).write_bytes(b"".join((folder / one).read_bytes() for one in parts))
    return folder


def look(path, span=None, *, counts=False, warm_up=Fraction(0), cool_down=0):
    """Read; return what frames and packets are, and the reader."""
    frames, packets = [], []
    with VideoReader(path, span=span, warm_up=warm_up, cool_down=cool_down) as reader:
        if counts:
            reader.count_frames()
        for one in reader.read():
            if isinstance(one, Frame):
                picture = one.picture
                frames.append(
                    (one.pts, picture.width, picture.height, picture.format.name, picture.color_range,
                     picture.colorspace, one.quarter_turns, picture.to_ndarray().tobytes(), one.index)
                )  # fmt: skip
            else:
                packets.append((one.stream.index, one.pts, one.dts, one.time_base, bytes(one)))
    return frames, packets, reader


@pytest.fixture(scope="module")
def wholes(folder):
    found = {}

    def whole(name):
        if name not in found:
            found[name] = look(folder / name)
        return found[name]

    return whole


NAMES = (*CODED, *COPIED, *JOINED, "late.mp4")


@pytest.mark.parametrize("name", NAMES)
def test_a_span_gives_what_the_whole_gives_there(name, folder, wholes):
    frames, packets, whole = wholes(name)
    times = [one[0] for one in frames]

    @settings(max_examples=6)
    @given(st.data())
    def check(data):
        first = data.draw(st.integers(0, len(times) - 1))
        start = max(times[first] + data.draw(st.integers(-1, 1)), 0)
        last = data.draw(st.integers(first + 1, len(times)))
        end = times[last] + data.draw(st.integers(-1, 1)) if last < len(times) else None
        assume(end is None or end > start)
        span = Span(start, end)
        wanted = [one[:-1] for one in frames if one[0] in span]
        assume(wanted)
        found, heard, reader = look(folder / name, span)
        assert [one[:-1] for one in found] == wanted
        assert [one[-1] for one in found] == list(range(len(found)))
        base = whole.info.time_base
        assert heard == [one for one in packets if one[1] * one[3] / base in span]
        after = [one for one in times if one > wanted[-1][0]]
        assert reader.end_pts == (after[0] if after else whole.end_pts)
        assert reader.num_frames == len(wanted)
        assert not reader.damage or whole.damage

    check()


@pytest.mark.parametrize("count", range(20, 30))
def test_where_files_were_joined_nothing_is_missing(count, folder, wholes):
    # Counters of packets begin again there, after 25 frames.
    frames, _, whole = wholes("sizes.ts")
    found, _, reader = look(folder / "sizes.ts", Span(0, frames[count][0]))
    assert len(found) == count
    assert not whole.damage
    assert not reader.damage


@pytest.mark.parametrize(
    ("name", "is_sought", "is_passed"),
    [
        ("clip.mp4", True, True), ("clip.mkv", True, True), ("fragments.mp4", True, True), ("far.mkv", True, True),
        ("open.mkv", True, True), ("vp9.webm", True, True),
        # Clocks of these may jump, and only who reads all of it sees that.
        ("clip.ts", False, True), ("joined.mkv", False, True), ("no-cues.mkv", False, True), ("jpeg.avi", False, True),
        # These are decoded from the beginning.
        ("refresh.mp4", False, False), ("raw.h264", False, False),
    ],
)  # fmt: skip
def test_decoding_begins_at_the_key_frame_before(name, is_sought, is_passed, folder, wholes):
    times = [one[0] for one in wholes(name)[0]]
    with VideoReader(folder / name, span=Span(times[90])) as reader:
        reader.locate()
        entry = reader._entry
    assert (entry is not None and entry.seek_to is not None) is is_sought
    assert (entry is not None and entry.num_passed > 0) is is_passed


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts", "sizes.ts", "raw.h264"])
def test_frames_are_counted_from_the_beginning_of_the_video_if_asked(name, folder, wholes):
    frames = wholes(name)[0]
    found = look(folder / name, Span(frames[40][0], frames[50][0]), counts=True)[0]
    assert found == frames[40:50]


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts"])
def test_frames_before_the_span_come_along_to_warm_up(name, folder, wholes):
    frames, packets, _ = wholes(name)
    span = Span(frames[60][0], frames[70][0])
    found, heard, reader = look(folder / name, span, warm_up=Fraction(4, 5))
    assert [one[:-1] for one in found] == [one[:-1] for one in frames[40:70]]
    assert reader.num_frames == 10
    assert heard == [one for one in packets if one[1] * one[3] / reader.info.time_base in span]
    assert look(folder / name, Span(frames[5][0]), warm_up=Fraction(4))[0] == frames


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts"])
def test_frames_after_the_span_come_along_and_count_nowhere(name, folder, wholes):
    frames, packets, _ = wholes(name)
    span = Span(0, frames[10][0])
    found, heard, reader = look(folder / name, span, cool_down=3)
    assert found == frames[:13]
    assert (reader.num_frames, reader.end_pts) == (10, frames[10][0])
    assert heard == [one for one in packets if one[1] * one[3] / reader.info.time_base in span]
    # Fewer where the video ends.
    span = Span(0, frames[-1][0])
    found, _, reader = look(folder / name, span, cool_down=3)
    assert (found, reader.end_pts) == (frames, frames[-1][0])


def test_parts_share_all_packets(folder, wholes):
    frames, packets, _ = wholes("clip.mkv")
    bounds = [0, frames[30][0] - 7, frames[61][0], None]
    parts = [look(folder / "clip.mkv", Span(*one)) for one in pairwise(bounds)]
    assert [one[:-1] for part in parts for one in part[0]] == [one[:-1] for one in frames]
    assert sorted(one for part in parts for one in part[1]) == sorted(packets)


@pytest.mark.parametrize("pair", [(5, 5), (5, 3), (-1, None), (-3, -1)])
def test_an_empty_or_backward_span_is_refused(pair):
    with pytest.raises(ConfigError, match="is empty or backwards") as caught:
        Span(*pair)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts", "jumps.ts", "raw.h264", "pages.gif", "mpeg4.avi"])
@pytest.mark.parametrize("is_between", [False, True])
def test_a_span_without_frames_is_refused(name, is_between, folder, wholes):
    frames, _, reader = wholes(name)
    if is_between and frames[50][0] + 1 == frames[51][0]:
        pytest.skip("no time between its frames")
    span = Span(frames[50][0] + 1, frames[51][0]) if is_between else Span(reader.end_pts + 1000)
    with pytest.raises(
        InputError, match=r"has no frame from [\d.]+ s to .*; its last one is shown at"
    ) as caught:
        look(folder / name, span)
    assert "\n" not in str(caught.value)


def test_what_is_damaged_elsewhere_is_not_told(folder, tmp_path):
    data = bytearray((folder / "clip.ts").read_bytes())
    for place in range(len(data) // 4, len(data) // 2, 997):
        data[place] ^= 255
    path = tmp_path / "damaged.ts"
    path.write_bytes(data)
    frames, _, whole = look(path)
    assert whole.damage
    span = Span(frames[-30][0])
    found, _, reader = look(path, span)
    assert [one[:-1] for one in found] == [one[:-1] for one in frames[-30:]]
    assert not reader.damage
