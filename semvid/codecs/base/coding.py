"""The two parts of every way of coding: prepare frames in parallel with the encoder, and feed it."""

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
    """Importance for encoders that use it directly; for others it is attached to the picture as offsets."""
    predicted_rate_ratio: float | None = None
    """Bits of this frame as a multiple of those of a plain encode; None without a rate model."""
    offsets: QuantizerOffsets | None = None
    """The offsets in force, if they are attached to pictures: to this one, or to an earlier one."""


class Encoder(Protocol):
    """The encoder of one video; it knows no containers."""

    parameters: StreamParameters
    """Parameters of the stream, for any container."""
    notices: list[str]
    """A sentence for each thing that cannot be kept; may grow with every frame."""

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        """Encode a frame; returns packets of this or earlier ones."""

    def flush(self) -> list[CodedPacket]:
        """End the stream and return the remaining packets."""

    def close(self) -> None:
        """Stop all work that is still going on."""


class Coding(Protocol):
    """A way of coding one video, with its options checked."""

    name: str
    """The codec's name on the command line."""
    coding_format: str
    """FFmpeg's name of the bitstream format."""

    @property
    def quality(self) -> float:
        """Quality in the encoder's own unit; the mean if it changes."""

    def codes_fields(self, picture: VideoFrame) -> bool:
        """Whether interlaced video like this picture is coded as such, with the map on the right lines."""

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """Prepare the next frame; called on the analysing thread, which has time for it."""

    def open(self, first: PreparedFrame, info: VideoInfo, suffix: str) -> Encoder:
        """Open the encoder for a file with this suffix; ``first`` is prepared by then."""
