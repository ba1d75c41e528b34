"""Demux one file, decode its main video stream, and pass every other stream's packets through."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import av
from av.error import FFmpegError

from semvid.errors import InputError
from semvid.io.luma import LumaView
from semvid.io.probe import describe, main_video_stream, open_container, reason
from semvid.io.steady import Steadier
from semvid.types import Frame, VideoInfo

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_SHORTFALL_SECONDS = 0.5
_SHORTFALL_FRAMES = 2
"""A stream that ends more than this before the header says is called broken off. Headers may count frames
that were dropped when the file was made (AVI does)."""


@dataclass(slots=True)
class Damage:
    """What was wrong with the input, filled in while it is read."""

    num_bad_packets: int = 0
    """Packets the decoder could not use."""
    num_corrupt_frames: int = 0
    """Frames the decoder delivered but marked as damaged."""
    breaks_off: bool = False
    """The file ends before its header says."""

    def __bool__(self) -> bool:
        return bool(self.num_bad_packets or self.num_corrupt_frames or self.breaks_off)

    def __str__(self) -> str:
        parts = []
        if self.breaks_off:
            parts.append("it ends before its header says")
        if self.num_bad_packets:
            parts.append(f"{self.num_bad_packets} packets could not be decoded")
        if self.num_corrupt_frames:
            parts.append(f"{self.num_corrupt_frames} frames are damaged")
        return ", ".join(parts)


class VideoReader:
    """An open input.

    Example:
        ``with VideoReader(path) as reader: frames = [x for x in reader.read() if isinstance(x, Frame)]``

    Args:
        path: The file.
        export_vectors: Have the decoder attach its motion vectors to frames, which takes it some time.

    Attributes:
        info: What the header says.
        container: PyAV's container, for the writer that copies streams from it.
        stream: The main video stream in it.
        damage: What turned out to be wrong; complete once ``read()`` is exhausted.
    """

    def __init__(self, path: Path, *, export_vectors: bool = False) -> None:
        self.container = open_container(path)
        try:
            self.info = describe(self.container, path)
            self.stream = main_video_stream(self.container, path)
        except BaseException:
            self.container.close()
            raise
        self._decoder = _decoder_of(self.stream, self.info)
        self._decoder.thread_type = "AUTO"
        if export_vectors:
            self._decoder.options = {"flags2": "+export_mvs"}
        self.damage = Damage()
        self._luma = LumaView()
        self._steadier = Steadier()
        self._num_frames = 0
        self._last_pts: int | None = None
        self._expected_pts = 0

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Only after whatever iterates ``read()`` has ended."""
        self.container.close()

    def read(self) -> Generator[Frame | Packet[Any], None, None]:
        """Yield decoded frames of the main video stream and the other streams' packets, in file order.

        All frames have the size, pixel format and colours of the first: see ``changes``. They have exact,
        strictly increasing ``pts`` in ``info.time_base``. Damaged packets are
        counted and skipped.

        Raises:
            InputError: Not one frame could be decoded.
        """
        num_packets = 0
        end_seconds = Fraction(0)
        first_error: Exception | None = None
        packets = self.container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (FFmpegError, OSError) as error:
                first_error = first_error or error
                self.damage.breaks_off = True
                break
            is_flush = packet.dts is None and packet.size == 0
            if not is_flush:
                end_seconds = max(end_seconds, _end_seconds(packet))
            if packet.stream.index != self.stream.index:
                if not is_flush:
                    yield packet
                continue
            num_packets += not is_flush
            try:
                pictures = self._decoder.decode(packet)
            except FFmpegError as error:
                first_error = first_error or error
                self.damage.num_bad_packets += not is_flush
                continue
            for picture in pictures:
                yield self._frame(picture)
        if not self._num_frames:
            why = f" ({reason(first_error)})" if first_error else ""
            if self.info.codec == "webp":
                raise InputError(
                    f"{self.info.path} is WebP that FFmpeg cannot decode, as if animated; convert it to GIF "
                    "or APNG, or give a still to semvid image"
                )
            raise InputError(
                f"{self.info.path}: no frame of its {self.info.codec} video could be decoded{why}; "
                "it is encrypted, damaged, or cut off before the first frame"
            )
        self._check_length(num_packets, end_seconds)

    def _frame(self, picture: VideoFrame) -> Frame:
        pts = picture.pts if picture.pts is not None else picture.dts
        if pts is None:
            pts = self._expected_pts
        elif self._last_pts is not None:
            # Broken muxers repeat or reverse timestamps; encoders refuse those.
            pts = max(pts, self._last_pts + 1)
        picture.pts = pts
        picture.time_base = self.info.time_base
        self._last_pts = pts
        self._expected_pts = pts + (picture.duration or self._nominal_duration)
        self.damage.num_corrupt_frames += bool(picture.is_corrupt)
        picture, turns = self._steadier.steady(picture, self.stream.codec_context.sample_aspect_ratio)
        luma, bits = self._luma(picture)
        frame = Frame(picture, self._num_frames, luma, bits, turns)
        self._num_frames += 1
        return frame

    @property
    def changes(self) -> list[str]:
        """A sentence for every frame so far from which on the video had another size, format or colour."""
        return self._steadier.changes

    @property
    def _nominal_duration(self) -> int:
        rate = self.info.frame_rate
        return max(1, round(1 / (rate * self.info.time_base))) if rate else 1

    def _check_length(self, num_packets: int, end_seconds: Fraction) -> None:
        claimed = self.info.num_frames_from_header
        if claimed:
            self.damage.breaks_off |= num_packets + _SHORTFALL_FRAMES < claimed
        elif self.container.duration:
            start = Fraction(self.container.start_time or 0, av.time_base)
            expected = start + Fraction(self.container.duration, av.time_base)
            self.damage.breaks_off |= end_seconds + Fraction(_SHORTFALL_SECONDS) < expected


def _decoder_of(stream: VideoStream, info: VideoInfo) -> VideoCodecContext:
    """Return the decoder that gives all there is: FFmpeg's own for VP8 and VP9 skip what is transparent."""
    library = _WITH_ALPHA.get(info.codec)
    if library is None or ("alpha_mode", "1") not in info.side_data:
        return stream.codec_context
    return cast("VideoCodecContext", av.CodecContext.create(library, "r"))


def _end_seconds(packet: Packet[Any]) -> Fraction:
    start = packet.pts if packet.pts is not None else packet.dts
    if start is None or not packet.time_base:
        return Fraction(0)
    return (start + (packet.duration or 0)) * packet.time_base
