"""The two parts of every way of coding: prepare frames in parallel with the encoder, and feed it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.config import AllocationConfig
from semvid.core.records import dataclass
from semvid.core.types import AnalysedFrame, FloatArray, PredictedBits, QuantizerOffsets, VideoInfo

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """A picture in the coded format."""

    decoded: VideoFrame
    picture: VideoFrame
    importance: FloatArray | None = None
    """Importance for encoders that use it directly; for others it is attached to the picture as offsets."""
    predicted: PredictedBits | None = None
    """None without a rate model."""
    offsets: QuantizerOffsets | None = None
    """The offsets in force, if they are attached to pictures: to this one, or to an earlier one."""
    saving: float | None = None
    """See ``LiveStatus``; None in files, and without a rate model."""


@dataclass(frozen=True, slots=True)
class Target:
    """The stream an encoder is opened for, as far as pictures do not say."""

    frame_rate: Fraction | None
    """Nominal frames per second; timestamps stay exact whatever it says."""
    sample_aspect_ratio: Fraction | None = None
    """Width of a coded pixel by its height; None = square or unknown."""
    suffix: str = ""
    """Of the output file; empty = a live stream, where parameter sets are in the data of key frames."""
    source: VideoInfo | None = None
    """The file that is encoded; None = the pictures are from none."""
    is_seen: bool = True
    """False = only its size counts: nobody watches whether it follows the map."""
    closes_groups: bool = False
    """Streams may begin at key frames that are asked for: no frame behind one needs a frame before it."""

    @classmethod
    def of_file(cls, source: VideoInfo, suffix: str, *, closes_groups: bool = False) -> Target:
        """Describe the encode of a file to one with this suffix."""
        return cls(source.frame_rate, source.sample_aspect_ratio, suffix, source, closes_groups=closes_groups)


class Encoder(Protocol):
    """The encoder of one stream; it knows no containers."""

    parameters: StreamParameters
    """Parameters of the stream, for any container."""
    notices: list[str]
    """A sentence for each thing that cannot be kept or went wrong; may grow with every frame."""

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        """Encode a frame; returns packets of this or earlier ones."""

    def flush(self, *, is_end: bool = True) -> list[CodedPacket]:
        """End the stream and return the remaining packets; call only ``close`` after it.

        Args:
            is_end: Nothing follows, so there is time to wait for checks that are still running.
        """

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

    @property
    def keeps_region(self) -> bool:
        """Whether what matters is coded as without a map, and the rest coarser."""

    def codes_fields(self, picture: VideoFrame) -> bool:
        """Whether interlaced video like this picture is coded as such, with the map on the right lines."""

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """Prepare the next frame; called on the analysing thread, which has time for it."""

    def open(self, first: PreparedFrame, target: Target) -> Encoder:
        """Open the encoder; ``first`` is prepared by then.

        Raises:
            ConfigError: An option is not one the encoder has.
            MapIgnoredError: The encoder would silently ignore the map.
            EncoderError: It refuses the picture.
        """

    def reweigh(self, allocation: AllocationConfig) -> None:
        """Change how strongly importance moves the quantizer, starting with the next frame."""
