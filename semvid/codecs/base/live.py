"""The interface of live encoders: little delay, every frame comes out at once, at a constant bit rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from semvid.core.coded import CodedPacket
from semvid.core.config import AllocationConfig
from semvid.core.errors import ConfigError
from semvid.core.text import setting

if TYPE_CHECKING:
    from semvid.core.types import FloatArray, Frame


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Options of a live encoder."""

    bitrate: int
    """Bit rate in bits per second."""
    latency_ms: float
    """Target delay from frame to packet."""
    frame_rate: float
    """Frames per second to expect."""
    preset: str | None
    """One of ``Codec.live_presets``; None if there are none."""
    sample_aspect_ratio: Fraction | None = None
    """Width of a pixel by its height; None = square or unknown. VP8, VP9 and JPEG cannot say."""


def refuse_preset(codec: str, options: LiveOptions) -> None:
    """Raise ConfigError if there is a preset, for codecs that take none live."""
    if options.preset is not None:
        raise ConfigError(f"{setting('preset', options.preset)} is not for live {codec}; leave it out")


class LiveEncoder(Protocol):
    """Encodes frames as they come."""

    saving: float | None
    """See ``LiveStatus``, of the last frame."""

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
        """Code the next frame.

        Args:
            frame: The frame.
            importance: ``(h, w)`` in 0..1, upright; None = everything matters equally.
            is_cut: First frame of a scene.
            wants_key: Make it a key frame, at which players can begin.
        """

    def reweigh(self, allocation: AllocationConfig) -> None:
        """Change how strongly importance moves the quantizer, starting with the next frame."""

    def flush(self) -> list[CodedPacket]:
        """Return the frames that are not finished yet; call only ``close`` after it."""

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        """Return sentences, each once, on what the user should know about the pictures so far.

        Args:
            waits: Wait for checks that are still running.
        """

    def close(self) -> None:
        """Stop all work that is still going on."""
