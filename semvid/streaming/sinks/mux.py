"""Put coded packets into a container as they come. Loads PyAV alone: ``push`` runs it in its own process."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av

from semvid.streaming.base.sound import SoundCoder

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

TIME_BASE = Fraction(1, 90_000)
"""Of all timestamps given; that of ``live.types``, which this module does not load."""
_WITH_PARAMETER_SETS = frozenset({"h264", "hevc"})
_IVF_TAGS = {"vp8": b"VP80", "vp9": b"VP90"}
_LONGEST_PARAMETERS = 4096
_MARKER_SOF_FIRST, _MARKER_SOF_LAST = 0xC0, 0xC3


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How a container codes sound."""

    codec: str
    """FFmpeg's name of the encoder."""
    bitrate: int
    """Bits a second."""


class Muxer:
    """An open output of one video stream, and one of sound where there is any.

    What the stream is is read from the first packet, which must be a key frame with its parameter sets.

    Args:
        target: Where to: a path or URL for FFmpeg, or an object with ``write(bytes)``.
        container_format: FFmpeg's name of the muxer.
        options: For the muxer.
        codec: FFmpeg's name of the bitstream format.
        first: Data of the first key frame, which is not written yet.
        sound: How chunks of sound will be coded; None = there will be none.
        io_open: Opens the files of ``target``, as ``av.open`` has it; None = FFmpeg does.

    Raises:
        av.FFmpegError, OSError, ValueError: It cannot be opened, or the packet is no key frame.
    """

    def __init__(
        self,
        target: Any,
        container_format: str,
        options: Mapping[str, str],
        codec: str,
        first: bytes,
        sound: SoundFormat | None = None,
        *,
        io_open: Callable[..., Any] | None = None,
    ) -> None:
        if codec in _WITH_PARAMETER_SETS and not describe_keyframe(first, codec):
            raise ValueError("the first key frame has no parameter sets")
        self._container: OutputContainer = av.open(
            target, "w", format=container_format, container_options=dict(options), io_open=io_open
        )
        try:
            with open_elementary(first, codec) as parsed:
                # The decoder's parameters as they are: an encoder of that name need not exist.
                self._stream: VideoStream = self._container.add_stream_from_template(
                    parsed.streams.video[0], opaque=True
                )
            self._stream.time_base = TIME_BASE
            self._sound = None if sound is None else SoundCoder(self._container, sound.codec, sound.bitrate)
            self._container.start_encoding()
        except BaseException:
            self._container.close()
            raise

    def write(self, data: bytes, pts: int, dts: int, duration: int, *, is_keyframe: bool) -> None:
        """Write one packet; times in ``TIME_BASE``. Raises as FFmpeg does."""
        packet = av.Packet(data)
        packet.stream = self._stream
        packet.time_base = TIME_BASE
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        packet.is_keyframe = is_keyframe
        self._container.mux(packet)

    def write_sound(self, samples: bytes, pts: int) -> None:
        """Code and write a chunk of sound; ``pts`` in ``TIME_BASE``. Raises as FFmpeg does."""
        if self._sound is not None:
            self._sound.write(samples, pts)

    def close(self) -> None:
        """Write what completes the container. Raises as FFmpeg does; closed it is anyway."""
        try:
            if self._sound is not None:
                self._sound.finish()
        finally:
            self._container.close()


def open_elementary(data: bytes, codec: str) -> InputContainer:
    """Open one key frame as a stream of its own; the caller closes it."""
    if codec in _IVF_TAGS:
        header = struct.pack("<4sHH4sHHIII", b"DKIF", 0, 32, _IVF_TAGS[codec], 0, 0, 30, 1, 1)
        data = header + b"\0\0\0\0" + struct.pack("<IQ", len(data), 0) + data
        return av.open(io.BytesIO(data), "r", format="ivf")
    return av.open(io.BytesIO(data), "r", format=codec)


def describe_keyframe(data: bytes, codec: str) -> bytes:
    """Return what must stay the same for one container: parameter sets, or where there are none the size.

    Args:
        data: A key frame.
        codec: FFmpeg's name of the bitstream format.
    """
    if codec in _WITH_PARAMETER_SETS:
        return b"".join(_parameter_sets(data[:_LONGEST_PARAMETERS], codec))
    if codec == "vp8":
        return data[6:10]
    if codec == "vp9":
        # Marker, profile and sync code, colours and size: all in the first bytes, but not at bytes' borders;
        # the last of them may hold other things, so the size is read by a decoder.
        with open_elementary(data, codec) as parsed:
            stream = parsed.streams.video[0]
            return f"{stream.width}x{stream.height} {stream.codec_context.pix_fmt}".encode()
    return _jpeg_frame_header(data)


def _parameter_sets(data: bytes, codec: str) -> list[bytes]:
    kinds = {7, 8} if codec == "h264" else {32, 33, 34}
    units = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return [
        one.rstrip(b"\0")
        for one in units
        if one and ((one[0] & 31) if codec == "h264" else (one[0] >> 1) & 63) in kinds
    ]


def _jpeg_frame_header(data: bytes) -> bytes:
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if _MARKER_SOF_FIRST <= marker <= _MARKER_SOF_LAST:
            return data[place : place + 2 + length]
        place += 2 + length
    return b""
