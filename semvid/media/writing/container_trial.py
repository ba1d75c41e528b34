"""Tests whether a container holds a stream, by writing the stream's first packets and reading them back.

FFmpeg's own lists are no help: they name decoders instead of formats, miss what Matroska stores under its AVI
name, and allow what no player can read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import closing
from enum import Enum
from fractions import Fraction
from typing import Any

import av
from av import Packet
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.stream import Discard, Stream

from semvid.media.writing.output import scratch_folder

_RELAY = "tee"
"""FFmpeg's muxer that passes everything but chapters on to other muxers. PyAV refuses streams that are not
on the list of the muxer it opens, and this one has no list."""

_LISTED_TOO_SHORT = {"matroska", "mp4"}
"""Where files with formats that are not on the list are played: those of AVI in Matroska, PCM in MP4.
QuickTime takes them too, but only FFmpeg reads them back."""

_READ_AS = {("mp1", "mp3"), ("mp2", "mp3")}
"""MP4 has one name for all layers of MPEG audio, and their decoder is one too."""

_ROUNDING = Fraction(5, 1000)
"""Seconds by which a few packets may be off their times."""

Write = Callable[["OutputContainer"], None]


class Fit(Enum):
    """Whether a container holds a stream."""

    NO = "no"
    DIRECT = "direct"
    """Yes."""
    RELAYED = "relayed"
    """Yes, but in PyAV only through FFmpeg's relaying muxer, which loses chapters."""


def try_stream(muxer: str, stream: Stream, packets: Sequence[Packet[Any]]) -> Fit:
    """Write a stream's beginning and read it back.

    Args:
        muxer: FFmpeg's name of the container.
        stream: Of an open input.
        packets: Its first packets; without any the result is less certain.
    """

    def write(container: OutputContainer) -> None:
        copy = add_copy(container, stream)
        container.start_encoding()
        now = 0
        for packet in packets:
            again = av.Packet(bytes(packet))
            again.time_base, again.stream = packet.time_base, copy
            again.pts = again.dts = now
            now += packet.duration or 1
            again.duration, again.is_keyframe = packet.duration, packet.is_keyframe
            container.mux(again)

    for fit in (Fit.DIRECT, Fit.RELAYED) if muxer in _LISTED_TOO_SHORT else (Fit.DIRECT,):
        written = written_by(muxer, write, is_relayed=fit is Fit.RELAYED)
        if written is None:
            continue
        if packets and not (
            _is_read_back(written, stream) and (muxer != "avi" or _is_in_time(written, packets))
        ):
            return Fit.NO
        return fit
    return Fit.NO


def add_copy(container: OutputContainer, stream: Stream) -> Stream:
    """Add a stream for the packets of another one, whether or not there is an encoder of its format."""
    return container.add_stream_from_template(stream, opaque=True)


def written_by(muxer: str, write: Write, *, is_relayed: bool = False) -> bytes | None:
    """Return the file that ``write`` makes in a container; None if the container refuses."""
    if is_relayed:
        # A relay opens its file itself.
        with scratch_folder() as folder:
            path = folder / "trial"
            return path.read_bytes() if _writes(str(path), muxer, write) else None
    file = io.BytesIO()
    return file.getvalue() if _writes(file, muxer, write) else None


def open_output(target: Any, muxer: str, options: dict[str, str], *, is_relayed: bool) -> OutputContainer:
    """Open a container for writing, directly or through a relay."""
    if not is_relayed:
        return av.open(target, "w", format=muxer, container_options=options)
    settings = "".join(f":{key}={value}" for key, value in options.items())
    # The muxer removes one level of quoting from the name.
    name = re.sub(r"([^\w./-])", r"\\\1", target)
    return av.open(f"[f={muxer}{settings}]{name}", "w", format=_RELAY)


def global_header(stream: Stream) -> None:
    """Make an encoder put its parameters into the header, which the relaying muxer does not request."""
    stream.codec_context.flags |= Flags.global_header


def _writes(target: Any, muxer: str, write: Write) -> bool:
    try:
        with closing(open_output(target, muxer, {}, is_relayed=isinstance(target, str))) as container:
            write(container)
    except (FFmpegError, OSError, ValueError):
        return False
    return True


def _is_read_back(written: bytes, stream: Stream) -> bool:
    try:
        with av.open(io.BytesIO(written), "r") as container:
            found = container.streams[0]
            # FFmpeg leaves out data whose packets have no duration.
            found.discard = Discard.default
            if stream.codec_context is not None:
                if found.codec_context is None or not _is_same(stream, found):
                    return False
            elif found.type != stream.type or found.name != stream.name:
                return False
            return any(packet.size for packet in container.demux(found))
    except (FFmpegError, OSError, ValueError, IndexError):
        return False


def _is_in_time(written: bytes, packets: Sequence[Packet[Any]]) -> bool:
    """Return whether sound keeps its timing after the first packet: AVI counts bytes of some formats."""
    if packets[0].stream.type != "audio" or not all(one.duration for one in packets):
        return True
    with av.open(io.BytesIO(written), "r") as container:
        tick = container.streams[0].time_base or Fraction(1)
        times = [one.dts for one in container.demux(0) if one.size and one.dts is not None]
    if len(times) != len(packets):
        return True
    meant = sum(((one.duration or 0) * (one.time_base or 0) for one in packets[:-1]), Fraction(0))
    return bool(abs((times[-1] - times[0]) * tick - meant) <= max(tick / 2, _ROUNDING))


def _is_same(one: Stream, other: Stream) -> bool:
    names = (one.codec_context.codec.canonical_name, other.codec_context.codec.canonical_name)
    if names[0] != names[1] and names not in _READ_AS:
        return False
    if one.type != "audio":
        return True
    return all(
        getattr(one.codec_context, key) == getattr(other.codec_context, key)
        for key in ("sample_rate", "channels")
    )
