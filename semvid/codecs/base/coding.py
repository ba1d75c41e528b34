"""The two ends every way of coding has: prepare a frame beside the encoder, and feed the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.types import AnalysedFrame, FloatArray, QuantizerOffsets, VideoInfo

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A picture in the coded format."""

    decoded: VideoFrame
    picture: VideoFrame
    importance: FloatArray | None = None
    """For encoders that take it as it is; others have it attached to the picture."""
    predicted_rate_ratio: float | None = None
    """Bits of this frame as a multiple of those of a plain encode; None where no model tells."""
    offsets: QuantizerOffsets | None = None
    """What the encoder was asked for, where that is attached to pictures: with this one, or before."""


class Encoder(Protocol):
    """One video in the making; it knows no container."""

    parameters: StreamParameters
    """For whatever container the packets go to."""
    notices: list[str]
    """A sentence for everything that cannot be kept; may grow with every frame."""

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        """Take a frame; packets of this or earlier ones come back."""

    def flush(self) -> list[CodedPacket]:
        """End the stream and return what was still inside."""

    def close(self) -> None:
        """Give up whatever is still going on."""


class Coding(Protocol):
    """A way of coding one video, with its options checked."""

    name: str
    """What users type."""
    coding_format: str
    """FFmpeg's name of the bitstream format."""

    @property
    def quality(self) -> float:
        """In the encoder's own unit; the mean if it changes."""

    def codes_fields(self, picture: VideoFrame) -> bool:
        """Whether interlaced video like this picture is coded as such, with the map on the right lines."""

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """Ready the next frame; called on the analysing thread, which has time left."""

    def open(self, first: PreparedFrame, info: VideoInfo, suffix: str) -> Encoder:
        """Open the encoder for a file with this suffix; ``first`` is prepared by then."""
