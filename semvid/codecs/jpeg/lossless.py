"""Takes a JPEG apart without decoding it, so that its picture can be kept as it is."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_PROGRESSIVE = 0xC2
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_OTHER_FRAMES = _FRAMES - {0xC0, 0xC1, _PROGRESSIVE}
"""Neither baseline nor progressive."""
_START, _FINISH = b"\xff\xd8", b"\xff\xd9"
_END, _SCAN = 0xD9, 0xDA
_RESTARTS = range(0xD0, 0xD8)
_APP0, _APP14, _LAST_APP, _COMMENT = 0xE0, 0xEE, 0xEF, 0xFE
_JFIF_BYTES = 14
"""Of its payload, without a thumbnail."""


def bare_jpeg(data: bytes, *, may_be_progressive: bool = True) -> bytes | None:
    """Return the picture of a JPEG as it is coded, without metadata and all that lies behind it.

    Args:
        data: The file.
        may_be_progressive: Whether a progressive file will do.

    Returns:
        None = it is no JPEG, or cut off, or of a kind that not every viewer shows: with 4 components, 12
        bits, arithmetic or lossless coding.
    """
    kept, has_frame = bytearray(_START), False
    for marker, start, end in _segments(data):
        payload = data[start + 4 : end]
        if marker == _END:
            return bytes(kept) + _FINISH if has_frame else None
        if marker in _FRAMES:
            is_wanted = may_be_progressive or marker != _PROGRESSIVE
            if has_frame or marker in _OTHER_FRAMES or not _is_usual(payload) or not is_wanted:
                return None
            has_frame = True
        if _tells_how_it_is_coded(marker, payload):
            kept += _without_thumbnail(payload) if marker == _APP0 else data[start:end]
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, beginning and end of each segment of the first picture, as far as it is whole.

    A scan includes what is coded in it. The last marker of a whole picture is ``_END``.
    """
    place = len(_START) if data.startswith(_START) else len(data)
    while (start := data.find(b"\xff", place)) >= 0:
        # Any number of these bytes may stand before a marker.
        while data[start + 1 : start + 2] == b"\xff":
            start += 1
        if start + 4 > len(data):
            if data[start + 1 :] == _FINISH[1:]:
                yield _END, start, len(data)
            return
        marker = data[start + 1]
        if marker == _END:
            yield _END, start, start + 2
            return
        place = start + 2 + int(struct.unpack_from(">H", data, start + 2)[0])
        if marker == _SCAN:
            place = _end_of_scan(data, place)
        if place > len(data):
            return
        yield marker, start, place


def _is_usual(frame: bytes) -> bool:
    return len(frame) > 5 and frame[0] == 8 and frame[5] in {1, 3}


def _tells_how_it_is_coded(marker: int, payload: bytes) -> bool:
    if marker == _APP0:
        return payload.startswith(b"JFIF\0") and len(payload) >= _JFIF_BYTES
    if marker == _APP14:
        return payload.startswith(b"Adobe")
    return not (_APP0 <= marker <= _LAST_APP or marker == _COMMENT)


def _without_thumbnail(jfif: bytes) -> bytes:
    return b"\xff\xe0" + struct.pack(">H", _JFIF_BYTES + 2) + jfif[: _JFIF_BYTES - 2] + b"\0\0"


def _end_of_scan(data: bytes, place: int) -> int:
    """Return where the next marker is that does not belong to the coded picture."""
    while True:
        place = data.find(b"\xff", place)
        if place < 0:
            return len(data)
        follower = data[place + 1 : place + 2]
        if follower and follower[0] not in {0, 0xFF} and follower[0] not in _RESTARTS:
            return place
        place += 1
