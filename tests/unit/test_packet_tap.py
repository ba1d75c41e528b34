"""Clients of the page get packets that can be decoded from the first on, and never hold the stream up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.coded import CodedPacket
from semvid.streaming.base.sound import CHUNK_TICKS, SILENCE, SoundChunk
from semvid.streaming.sinks.growing_file import codec_text, file_kind, is_played
from semvid.streaming.tap import PacketTap, begins_afresh

IDR, RECOVERY_POINT, OTHER = (
    b"\0\0\0\1\x67ab\0\0\0\1\x68c\0\0\1\x65d",
    b"\0\0\0\1\x67ab\0\0\1\x06c\0\0\1\x41d",
    b"\0\0\0\1\x41d",
)


def packet(index, data=OTHER, codec="h264"):
    return CodedPacket(data, codec, index * 3000, index * 3000, 3000, data != OTHER)


def reader_of(tap, *, is_kept=False):
    woken = []
    return tap.join(lambda: woken.append(1), most_seconds=1.0, is_kept=is_kept), woken


def test_readers_begin_where_a_browser_can():
    assert begins_afresh(packet(0, IDR))
    assert not begins_afresh(packet(0, RECOVERY_POINT))
    assert not begins_afresh(packet(0))
    assert begins_afresh(packet(0, b"any", "vp9"))
    # HEVC: kinds 16 to 21 of the six bits after the first.
    assert begins_afresh(packet(0, b"\0\0\1\x40\1a\0\0\1\x26\1b", "hevc"))
    assert not begins_afresh(packet(0, b"\0\0\1\x40\1a\0\0\1\x02\1b", "hevc"))
    tap = PacketTap("h264")
    assert not tap.wants_keyframe
    reader, woken = reader_of(tap)
    assert tap.wants_keyframe
    for index, data in enumerate((OTHER, RECOVERY_POINT, OTHER, IDR, OTHER)):
        tap.offer(packet(index, data))
    assert [one.dts // 3000 for one in reader.take()] == [3, 4]
    assert len(woken) == 2
    assert not tap.wants_keyframe
    reader.close()
    tap.offer(packet(5))
    assert reader.take() == []


def test_only_what_is_kept_has_sound():
    tap = PacketTap("h264")
    played, kept = reader_of(tap)[0], reader_of(tap, is_kept=True)[0]
    for number in range(2):
        tap.offer_sound(SoundChunk(SILENCE, number * CHUNK_TICKS))
        tap.offer(packet(number, IDR))
    assert len(played.take()) == 2
    # What comes before the first picture is of no use.
    assert len(kept.take()) == 3


def test_who_takes_too_little_skips_or_is_over():
    tap = PacketTap("h264")
    played, kept = reader_of(tap)[0], reader_of(tap, is_kept=True)[0]
    for index in range(40):
        tap.offer(packet(index, OTHER if index else IDR))
    assert (played.state, played.num_skips, played.take()) == ("open", 1, [])
    assert (kept.state, kept.take()) == ("late", [])
    assert tap.wants_keyframe
    tap.offer(packet(40, IDR))
    tap.close()
    assert (played.state, len(played.take())) == ("over", 1)
    assert reader_of(tap)[0].state == "over"


@given(
    st.lists(
        st.tuples(st.sampled_from([IDR, RECOVERY_POINT, OTHER, OTHER, OTHER]), st.booleans()), max_size=150
    )
)
def test_whatever_comes_out_can_be_decoded(events):
    tap = PacketTap("h264")
    reader, last = reader_of(tap)[0], None
    for index, (data, takes) in enumerate(events):
        tap.offer(packet(index, data))
        for one in reader.take() if takes else []:
            number = one.dts // 3000
            assert one.data == IDR or number == last + 1
            last = number
        assert len(reader._items) <= 31


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (b"....avcC\x01\x64\x00\x1f\xff", "avc1.64001f"),
        (b"....hvcC\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0", "hev1.1.6.L93.90"),
        (b"....hvcC\x01\x22\x20\0\0\0\xb0\0\0\0\0\0\x99\xf0\0", "hev1.2.4.H153.B0"),
        (b"....vpcC\x01\0\0\0\x00\x15\x80\x01", "vp09.00.21.08"),
        (b"....av1C\x81\x04\x0c\0", "av01.0.04M.08"),
        (b"....av1C\x81\x2d\xcc\0", "av01.1.13H.10"),
        (b"\x1a\x45....V_VP8", "vp8"),
    ],
)
def test_formats_have_the_names_that_browsers_know(header, text):
    assert codec_text(header) == text


def test_formats_without_a_name_are_refused():
    with pytest.raises(ValueError, match="no format"):
        codec_text(b"....mp4v")
    assert not is_played("mjpeg")
    assert (file_kind("mjpeg").suffix, file_kind("vp8").suffix, file_kind("h264").suffix) == (
        ".mkv",
        ".webm",
        ".mp4",
    )
