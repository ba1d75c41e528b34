"""Takes metadata out of a still: where it was taken, or all that does not change how it looks."""

from __future__ import annotations

import re
from dataclasses import replace

from semvid.core.config import Strip
from semvid.media.stills.exif_edit import HEIGHT, WIDTH, DamagedExifError, ExifEditor, appearance_of
from semvid.media.stills.picture_tags import APP1, APP13, COMMENT, MORE_XMP, XMP, PictureTags

_GPS_DIRECTORY, _XMP_IN_EXIF = 0x8825, 700
# Makers have names of their own for it, as in drone-dji:GpsLatitude.
_NAME = rb"[\w.-]+:\w*(?:gps|latitude|longtitude|longitude)\w*"
_ATTRIBUTE = re.compile(rb"\s+" + _NAME + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_ELEMENT = re.compile(rb"<(" + _NAME + rb")(?:\s[^<>]*)?(?:/>|>.*?</\1\s*>)", re.IGNORECASE | re.DOTALL)
# Also as text of 16 bits a character, which the patterns above do not find.
_POSITION = re.compile(
    b"|".join(rb"\0?".join(bytes([one]) for one in word) for word in (b"gps", b"latitude", b"longitude")),
    re.IGNORECASE,
)
_MORE_XMP_HEADER = len(MORE_XMP) + 40
_EMBEDDED = (b"8BIM\x04\x22", b"8BIM\x04\x23", b"8BIM\x04\x24")
"""EXIF and XMP among Photoshop's resources."""


def stripped(tags: PictureTags, strip: Strip | None, orientation: int) -> tuple[PictureTags, list[str]]:
    """Return tags without what is not wanted, and a sentence for each that was lost beside it.

    Args:
        tags: Of a picture as stored.
        strip: ``gps`` = no position in EXIF, XMP and comments; ``all`` = only what changes how the picture
            looks: colour profile, orientation, and pixels that are not square. None = keep all.
        orientation: Of EXIF, 1..8.
    """
    if strip is None:
        return tags, []
    if strip == "all":
        is_square = tags.density is None or tags.density[1] == tags.density[2]
        density = None if tags.density is None else (0, 1, 1) if is_square else tags.density
        return PictureTags(appearance_of(tags.exif, orientation), tags.icc, (), density), []
    notices: list[str] = []
    exif = _exif_without_position(tags.exif, orientation, notices)
    return replace(tags, exif=exif, segments=_segments_without_position(tags, notices)), notices


def _exif_without_position(exif: bytes, orientation: int, notices: list[str]) -> bytes:
    if not exif:
        return exif
    try:
        editor = ExifEditor(exif)
        editor.remove(_GPS_DIRECTORY, is_directory=True)
        if _POSITION.search(editor.value(_XMP_IN_EXIF)):
            editor.remove(_XMP_IN_EXIF)
    except DamagedExifError:
        notices.append("EXIF left out but for the orientation: it is damaged, and may hide the position")
        return appearance_of(b"", orientation)
    return bytes(editor)


def _segments_without_position(tags: PictureTags, notices: list[str]) -> tuple[tuple[int, bytes], ...]:
    # Long XMP lies in pieces that may begin anywhere, in the middle of a name too.
    more = b"".join(data[_MORE_XMP_HEADER:] for _, data in tags.segments if data.startswith(MORE_XMP))
    drops_more = _POSITION.search(more) is not None
    if drops_more:
        notices.append("extended XMP left out: it holds the position")
    kept = []
    for marker, data in tags.segments:
        if marker == APP1 and data.startswith(XMP):
            bare = _ELEMENT.sub(b"", _ATTRIBUTE.sub(b"", data))
            if _POSITION.search(bare):
                notices.append("XMP left out: it holds the position in a form that cannot be taken out alone")
                continue
            kept.append((marker, bare))
        elif marker == APP1 and drops_more:
            continue
        elif marker == APP13 and any(one in data for one in _EMBEDDED):
            notices.append("IPTC left out: Photoshop's EXIF or XMP beside it may hide the position")
        elif marker == COMMENT and _POSITION.search(data):
            # ImageMagick writes EXIF into text: exif:GPSLatitude: ...
            continue
        else:
            kept.append((marker, data))
    return tuple(kept)


def with_size(tags: PictureTags, width: int, height: int) -> PictureTags:
    """Correct the size in pixels that EXIF tells, of a picture that was shrunk."""
    if not tags.exif:
        return tags
    try:
        editor = ExifEditor(tags.exif)
    except DamagedExifError:
        return tags
    editor.set_number(WIDTH, width)
    editor.set_number(HEIGHT, height)
    return replace(tags, exif=bytes(editor))
