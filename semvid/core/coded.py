"""Encoded video on its way from encoders to containers. Imports nothing heavy, for processes that send it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from semvid.core.records import dataclass

if TYPE_CHECKING:
    from av import Packet

TIME_BASE = Fraction(1, 90_000)
"""Of every frame and packet of a live stream, whatever the source counts in."""

_DECODERS = {"av1": "libdav1d"}
"""Where FFmpeg's decoder with the format's own name needs hardware."""


def software_decoder(coding_format: str) -> str:
    """Return FFmpeg's name of the decoder for a bitstream format that works everywhere."""
    return _DECODERS.get(coding_format, coding_format)


@dataclass(frozen=True, slots=True)
class CodedPacket:
    """One coded frame, for any number of containers.

    In live streams parameter sets are in the data of key frames, in files beside it (``StreamParameters``).
    """

    data: bytes
    codec: str
    """FFmpeg's name of the bitstream format."""
    pts: int
    dts: int
    duration: int
    """0 = unknown."""
    is_keyframe: bool
    """A player can begin here."""
    time_base: Fraction = TIME_BASE
    """Seconds per unit of the times."""
    origin: Packet[Any] | None = field(default=None, repr=False, compare=False)
    """The packet of FFmpeg's encoder, where it says more: that no other frame needs it, which PyAV can put on
    none of its own, or what is transparent. The container it is written to takes it."""


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """What a container has to know of coded video before the first packet."""

    coding_format: str
    """FFmpeg's name of the bitstream format."""
    time_base: Fraction = TIME_BASE
    """Seconds per unit of the packets' times."""
    elementary: tuple[str, bytes] | None = None
    """FFmpeg's demuxer, and a key frame with its parameter sets for it. It says all the rest."""
    size: tuple[int, int] = (0, 0)
    """``(width, height)`` of the coded picture in pixels."""
    pixel_format: str = ""
    """FFmpeg's name."""
    frame_rate: Fraction = Fraction(25)
    """Nominal, in frames per second."""
    bit_rate: int = 0
    """In bits per second; 0 = unknown."""
    extradata: bytes | None = None
    """Parameter sets, where packets do not hold them."""
    reorder_depth: int = 0
    """Frames that are coded before one that is shown before them, at most."""
    color_range: int = 0
    """FFmpeg's number, as are the next four; 0 = unspecified."""
    color_primaries: int = 2
    color_trc: int = 2
    color_matrix: int = 2
    field_order: int = 0
    sample_aspect_ratio: Fraction | None = None
    """Width of a pixel by its height; None = square or unknown."""
    display_matrix: tuple[int, ...] | None = None
    """How players must turn the picture, nine numbers as FFmpeg has them; None = not at all."""
    codec_tag: str | None = None
    """None = the container's usual one."""
    boxes: tuple[bytes, ...] = ()
    """Side data, as boxes of a QuickTime sample entry."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """For the stream's metadata."""
