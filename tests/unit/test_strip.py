"""What ``strip`` takes out of the metadata of stills, and that all else stays."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semvid.media.stills.exif_edit import DamagedExifError, ExifEditor
from semvid.media.stills.picture_tags import APP1, APP13, COMMENT, MORE_XMP, XMP, PictureTags
from semvid.media.stills.strip import stripped, with_size

LATITUDE = (48.0, 51.0, 29.875)
MAKERS_NOTE = b"a maker's note that holds offsets"


def exif_with_position(order="<"):
    exif = Image.Exif()
    exif.endian = order
    exif[0x0112], exif[0x010F] = 6, "Camera of some maker"
    exif[0x8769] = {0x927C: MAKERS_NOTE, 0xA002: 4000, 0xA003: 3000}
    exif[0x8825] = {1: "N", 2: LATITUDE, 3: "E", 4: (2.0, 17.0, 40.2), 29: "2020:01:01"}
    return exif.tobytes().removeprefix(b"Exif\0\0")


def read(data):
    exif = Image.Exif()
    exif.load(data)
    return exif


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_position_goes_and_nothing_else_moves(order):
    before = exif_with_position(order)
    tags, notices = stripped(PictureTags(exif=before), "gps", 6)
    assert notices == []
    assert len(tags.exif) == len(before)
    assert before.index(MAKERS_NOTE) == tags.exif.index(MAKERS_NOTE)
    exif = read(tags.exif)
    assert set(exif) == {0x0112, 0x010F, 0x8769}
    assert (exif[0x0112], exif[0x010F]) == (6, "Camera of some maker")
    assert exif.get_ifd(0x8769)[0xA002] == 4000
    assert not exif.get_ifd(0x8825)
    # Not only the way to it is gone.
    assert b"2020:01:01" in before
    assert b"2020:01:01" not in tags.exif
    assert dict(read(before).get_ifd(0x8825))[2] == LATITUDE


def test_the_next_directory_is_still_found():
    """The thumbnail's directory follows the first one."""

    def directory(*entries, following=0):
        return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)

    def entry(tag, kind, number):
        return struct.pack("<HHII", tag, kind, 1, number)

    first = [entry(0x0112, 3, 6), entry(0x8825, 4, 74), entry(0x9999, 4, 7)]
    data = b"II*\0" + struct.pack("<I", 8) + directory(*first, following=50)
    data += directory(entry(0x0103, 3, 6), following=0).ljust(24)
    data += directory(entry(1, 4, 12345))
    editor = ExifEditor(data)
    editor.remove(0x8825, is_directory=True)
    after = bytes(editor)
    assert struct.unpack_from("<H", after, 8) == (2,)
    assert after[10:34] == first[0] + first[2]
    assert struct.unpack_from("<I", after, 34) == (50,)
    assert after[50:] == data[50:74] + bytes(18)


@pytest.mark.parametrize(
    "words",
    [
        b'<rdf:Description exif:GPSLatitude="48,51.5N" dc:title="kept"/>',
        b"<rdf:Description dc:title='kept' exif:GPSLongitude = '2,17E'></rdf:Description>",
        b'<rdf:Description dc:title="kept"><exif:GPSLatitude>48</exif:GPSLatitude></rdf:Description>',
        b'<rdf:Description dc:title="kept" drone-dji:GpsLongtitude="+2.2" drone-dji:Latitude="48"/>',
        b'<rdf:Description dc:title="kept"><x:GPSArea rdf:parseType="Resource"><x:a>1</x:a>\n</x:GPSArea></a>',
    ],
)
def test_the_position_goes_from_xmp(words):
    tags, notices = stripped(PictureTags(segments=((APP1, XMP + words),)), "gps", 1)
    ((marker, left),) = tags.segments
    assert marker == APP1
    assert b"kept" in left
    assert not any(one in left.lower() for one in (b"gps", b"48", b"2.2", b"17", b"latitude"))
    assert notices == []


def test_what_may_hide_the_position_goes_and_is_told():
    pieces = ((APP1, MORE_XMP + b"g" * 40 + b"exif:GP"), (APP1, MORE_XMP + b"g" * 40 + b"SLatitude=4"))
    segments = (
        (APP1, XMP + b"<a>GPS is in the text</a>"), *pieces, (APP13, b"Photoshop 3.0\0" + b"8BIM\x04\x22..."),
        (COMMENT, b"exif:GPSLatitude: 48/1"), (COMMENT, b"kept"), (APP13, b"Photoshop 3.0\0" + b"8BIM\x04\x04..."),
    )  # fmt: skip
    tags, notices = stripped(PictureTags(segments=segments), "gps", 1)
    assert tags.segments == segments[-2:]
    assert [one.split(" left out")[0] for one in notices] == ["extended XMP", "XMP", "IPTC"]
    wide = XMP + "<a exif:GPSLatitude='48'/>".encode("utf-16-le")
    assert stripped(PictureTags(segments=((APP1, wide),)), "gps", 1)[0].segments == ()


def test_damaged_exif_keeps_the_orientation_alone():
    data = exif_with_position()
    broken = data[:4] + struct.pack("<I", len(data) - 2) + data[8:]
    with pytest.raises(DamagedExifError):
        ExifEditor(broken)
    tags, notices = stripped(PictureTags(exif=broken), "gps", 6)
    assert dict(read(tags.exif)) == {0x0112: 6}
    assert len(notices) == 1
    assert "damaged" in notices[0]


def test_all_leaves_what_changes_how_a_picture_looks():
    tags = PictureTags(
        exif_with_position(), b"a profile", ((COMMENT, b"words"), (APP1, XMP + b"<a/>")), (1, 300, 300)
    )
    left, notices = stripped(tags, "all", 6)
    assert dict(read(left.exif)) == {0x0112: 6}
    assert (left.icc, left.segments, left.density) == (b"a profile", (), (0, 1, 1))
    assert notices == []
    assert stripped(tags, "all", 1)[0].exif == b""
    assert stripped(PictureTags(density=(1, 300, 150)), "all", 1)[0].density == (1, 300, 150)
    assert stripped(tags, None, 6) == (tags, [])


def test_the_mark_of_adobe_rgb_is_kept():
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 0xFFFF, 0x927C: MAKERS_NOTE, 0xA005: {1: "R03"}}
    left, _ = stripped(PictureTags(exif=exif.tobytes().removeprefix(b"Exif\0\0")), "all", 1)
    inner = read(left.exif).get_ifd(0x8769)
    assert inner[0xA001] == 0xFFFF
    assert read(left.exif).get_ifd(0xA005)[1] == "R03"
    assert MAKERS_NOTE not in left.exif


def test_the_size_in_exif_follows_the_picture():
    tags = with_size(PictureTags(exif=exif_with_position()), 400, 300)
    inner = read(tags.exif).get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003]) == (400, 300)
    assert inner[0x927C] == MAKERS_NOTE


@given(st.data())
def test_broken_exif_is_no_surprise(data):
    whole = bytearray(exif_with_position())
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(8, len(whole)))])
    tags, _ = stripped(PictureTags(exif=cut), data.draw(st.sampled_from(["gps", "all"])), 3)
    with_size(tags, 10, 10)
