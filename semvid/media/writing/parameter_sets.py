"""What a stream says of itself before its first packet, without words that no decoder reads."""

from __future__ import annotations

_SETS_OF_HEVC = frozenset({32, 33, 34})
"""Types of the video, sequence and picture parameter sets (ITU-T H.265, table 7-1)."""
_ARRAYS = 22
"""Where the arrays of a decoder configuration record of HEVC begin (ISO/IEC 14496-15, 8.3.3.1)."""


def without_words(coding_format: str, header: bytes | None) -> bytes | None:
    """Return what two streams must have in common to be joined.

    x265 also writes its options into the header, and they differ where parts have not the same quality.

    Args:
        coding_format: FFmpeg's name of the bitstream format.
        header: As containers have it (``extradata``).

    Returns:
        The header; of HEVC in MP4 and Matroska only its parameter sets.
    """
    if coding_format != "hevc" or not header or header[0] != 1 or len(header) <= _ARRAYS:
        return header
    kept, place = bytearray(header[:_ARRAYS]), _ARRAYS + 1
    for _ in range(header[_ARRAYS]):
        begin, kind = place, header[place] & 63
        count = int.from_bytes(header[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            place += 2 + int.from_bytes(header[place : place + 2], "big")
        if kind in _SETS_OF_HEVC:
            kept += header[begin:place]
    return bytes(kept)
