"""Encoders set for little delay: every frame that goes in comes out at once, at a bit rate."""

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
    """What a live encoder is asked for."""

    bitrate: int
    """In bits per second."""
    latency_ms: float
    """Target delay from frame to packet."""
    frame_rate: float
    """Frames per second to expect."""
    preset: str | None
    """One of ``Codec.live_presets``; None where there are none."""
    sample_aspect_ratio: Fraction | None = None
    """Width of a pixel by its height; None = square or unknown. VP8, VP9 and JPEG cannot say."""


def refuse_preset(codec: str, options: LiveOptions) -> None:
    """Raise ConfigError if there is a preset, for codecs that take none live."""
    if options.preset is not None:
        raise ConfigError(f"{setting('preset', options.preset)} is not for a live {codec}; leave it out")


class LiveEncoder(Protocol):
    """Codes frames as they come."""

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
            wants_key: Make it one at which players can begin.
        """

    def reweigh(self, allocation: AllocationConfig) -> None:
        """Change how strongly importance moves the quantizer, from the next frame on."""

    def flush(self) -> list[CodedPacket]:
        """Return the frames that are still in the making; after it there is only ``close``."""

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        """Return, once, a sentence for everything the user should know of the pictures so far.

        Args:
            waits: Wait for what is still being found out.
        """

    def close(self) -> None:
        """Give up whatever is still going on."""
