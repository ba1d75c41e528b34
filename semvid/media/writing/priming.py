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

from semvid.media.ebml import CLUSTER, EBML, INFO, SEGMENT, TRACK, TRACKS, element, number

_CODECS = {"aac": b"A_AAC"}
_UNKNOWN_SIZE = b"\xff"
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
    sound = element(0xB5, struct.pack(">d", codec.sample_rate)) + element(0x9F, number(codec.channels))
    entry = (
        element(0xD7, number(1)) + element(0x73C5, number(1)) + element(0x83, number(_SOUND))
        + element(0x86, kind) + element(0x63A2, codec.extradata)
        + element(0x56AA, number(round(lead_in * 10**9))) + element(0xE1, sound)
    )  # fmt: skip
    header = (
        element(EBML, element(0x4282, b"matroska"))
        + number(SEGMENT) + _UNKNOWN_SIZE
        + element(INFO, element(0x2AD7B1, number(10**6)))
        + element(TRACKS, element(TRACK, entry))
        + element(CLUSTER, element(0xE7, number(0)))
    )  # fmt: skip
    with av.open(io.BytesIO(header), format="matroska") as container:
        yield container.streams.audio[0]
