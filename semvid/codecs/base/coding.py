"""The two ends every way of coding has: prepare a frame beside the encoder, and feed the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from semvid.core.types import AnalysedFrame, FloatArray, QuantizerOffsets, VideoInfo

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream


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


class CodedStream(Protocol):
    """One coded video stream of an output container."""

    stream: VideoStream
    notices: list[str]
    """A sentence for everything that cannot be kept; may grow with every frame."""

    def encode(self, prepared: PreparedFrame) -> list[Packet[Any]]:
        """Take a frame; packets of this or earlier ones come back."""

    def flush(self) -> list[Packet[Any]]:
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

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame | None:
        """Ready the next frame, None = leave it out; called on the analysing thread, which has time left."""

    def open(
        self, container: OutputContainer, first: PreparedFrame, info: VideoInfo, suffix: str
    ) -> CodedStream:
        """Add the stream to a container that has not been started; ``first`` is prepared by then."""
