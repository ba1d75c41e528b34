"""Tells Matroska how much sound at the start is only for the decoder.

FFmpeg's muxer writes it (CodecDelay) for streams that have it, but streams of MP4 have it in an edit list
instead. A stream made from a template inherits it, and a template can be read from anything FFmpeg opens:
here a Matroska header, built in memory.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.stream import Stream

_CODECS = {"aac": b"A_AAC"}
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_SOUND = 2


@contextmanager
def primed(stream: AudioStream, lead_in: Fraction) -> Iterator[Stream]:
    """Yield a template like a stream of sound that also says how long its lead-in is.

    Args:
        stream: Of an open input.
        lead_in: Seconds; 0 = there is none, and the stream itself is the template.
    """
    codec = stream.codec_context
    kind = _CODECS.get(codec.codec.canonical_name)
    if kind is None or not codec.extradata or not 0 < lead_in < 1 or codec.delay:
        yield stream
        return
    sound = _element(0xB5, struct.pack(">d", codec.sample_rate)) + _element(0x9F, _number(codec.channels))
    entry = (
        _element(0xD7, _number(1)) + _element(0x73C5, _number(1)) + _element(0x83, _number(_SOUND))
        + _element(0x86, kind) + _element(0x63A2, codec.extradata)
        + _element(0x56AA, _number(round(lead_in * 10**9))) + _element(0xE1, sound)
    )  # fmt: skip
    header = (
        _element(0x1A45DFA3, _element(0x4282, b"matroska"))
        + _id(0x18538067) + _UNKNOWN_SIZE
        + _element(0x1549A966, _element(0x2AD7B1, _number(10**6)))
        + _element(0x1654AE6B, _element(0xAE, entry))
        + _element(0x1F43B675, _element(0xE7, _number(0)))
    )  # fmt: skip
    with av.open(io.BytesIO(header), format="matroska") as container:
        yield container.streams.audio[0]


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _element(number: int, body: bytes) -> bytes:
    return _id(number) + (len(body) | 1 << 56).to_bytes(8, "big") + body
