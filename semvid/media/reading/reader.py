"""Demux one file, decode its main video stream, and pass every other stream's packets through."""

from __future__ import annotations

from collections.abc import Collection, Generator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import av
from av.error import FFmpegError

from semvid.core.errors import EncoderError, InputError
from semvid.core.types import Frame, VideoInfo
from semvid.media.probe import describe, main_video_stream, open_container, reason
from semvid.media.reading.cut_off import is_cut_off
from semvid.media.reading.damage import Damage
from semvid.media.reading.movie_boxes import read_edits
from semvid.media.reading.packets import PacketReader
from semvid.media.reading.steady import Steadier

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


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
        num_frames: Frames so far.
        end_pts: When the last frame so far is no longer shown, in ``info.time_base``; exact once ``read()``
            is exhausted.
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
        self.num_frames = 0
        self.end_pts = 0
        self._packets = PacketReader(self.container, self.stream, None)
        self._steadier = Steadier()
        self._last_pts: int | None = None
        self._track_length = 0
        self._is_cut = False
        self._num_retimed = 0
        self._num_early_chapters = 0

    def keep(self, others: Collection[int]) -> None:
        """Read only these streams beside the video, so that no other can do harm. Call it before ``read()``.

        Args:
            others: Their indices. Without this call all of picture, sound and words are read.
        """
        self._packets = PacketReader(self.container, self.stream, others)

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

        All are on one clock: what is shown first is at 0, and jumps of the file's own clock are bridged.
        All frames have the size, pixel format and colours of the first: see ``changes``. They have exact,
        strictly increasing ``pts`` in ``info.time_base``. Damaged packets are counted and skipped.

        Raises:
            InputError: Not one frame could be decoded.
        """
        num_packets = 0
        end_seconds = Fraction(0)
        errors = self._packets.errors
        for packet in self._packets.read():
            end_seconds = max(end_seconds, _end_seconds(packet))
            if packet.stream.index != self.stream.index:
                yield packet
                continue
            num_packets += 1
            self._is_cut |= packet.is_discard
            self._track_length += packet.duration or 0
            yield from self._decode(packet)
        yield from self._decode(None)
        if not self.num_frames:
            why = f" ({reason(errors.first)})" if errors.first else ""
            if self.info.codec == "webp":
                raise InputError(
                    f"{self.info.path} is WebP that FFmpeg cannot decode, as if animated; convert it to GIF "
                    "or APNG, or give a still to semvid image"
                )
            raise InputError(
                f"{self.info.path}: no frame of its {self.info.codec} video could be decoded{why}; "
                "it is encrypted, damaged, or cut off before the first frame"
            )
        self.damage.has_gaps = self._packets.errors.is_unreadable
        self._check_length(num_packets, end_seconds)
        self._find_end()

    def _decode(self, packet: Packet[Any] | None) -> Generator[Frame, None, None]:
        try:
            pictures = self._decoder.decode(packet)
        except FFmpegError as error:
            self._packets.errors.first = self._packets.errors.first or error
            self.damage.num_bad_packets += packet is not None
            return
        for picture in pictures:
            yield self._frame(picture)

    def lead_in(self, index: int) -> Fraction:
        """Return the seconds at the start of a stream of sound that are only there for its decoder.

        Call it after the first frame.
        """
        return self._packets.lead_ins.get(index, Fraction(0))

    def chapters(self) -> list[Any]:
        """Return the file's chapters on the clock of ``read()``. Call it after the first frame."""
        shift = self._packets.clock.start_shift
        chapters = []
        for one in self.container.chapters():
            ticks = round(shift / (one["time_base"] or 1))
            start, end = max(one["start"] + ticks, 0), max(one["end"] + ticks, 0)
            if end > start:
                chapters.append({**one, "start": start, "end": end})
        self._num_early_chapters = len(self.container.chapters()) - len(chapters)
        return chapters

    def remarks(self, done: str) -> list[str]:
        """Return sentences on what was wrong with the file, for the user. Call it after ``read()``.

        Args:
            done: What became of the frames, as in "what could be decoded was compressed".
        """
        path, found = self.info.path, []
        if self.damage:
            found.append(f"{path} is damaged: {self.damage}; {done}")
        if num_jumps := self._packets.clock.num_jumps:
            times = "once" if num_jumps == 1 else f"{num_jumps} times"
            found.append(f"{path}: its clock jumps {times}, as in joined files; its parts follow each other")
        if self._num_retimed:
            found.append(
                f"{path}: {self._num_retimed} frames repeat a timestamp or go back in time; "
                "each is shown right after the one before"
            )
        if num_moved := self._packets.errors.num_moved:
            found.append(
                f"{path}: {num_moved} packets of sound repeat a timestamp or go back in time; "
                "each follows the one before"
            )
        if num_early := self._packets.errors.num_too_early:
            found.append(
                f"{path}: {num_early} subtitles end before picture and sound begin; they are left out"
            )
        if self._num_early_chapters:
            found.append(
                f"{path}: {self._num_early_chapters} chapters end before picture and sound begin; "
                "they are left out"
            )
        return found

    def check_count(self, count: int, done: str) -> None:
        """Make sure that no frame was lost on its way. Call it after ``read()``.

        Args:
            count: Frames that came out at the end.
            done: What became of them, as in "were coded".

        Raises:
            EncoderError: It is another number than was read.
        """
        if count != self.num_frames:
            raise EncoderError(
                f"{self.num_frames} frames of {self.info.path} were read, but {count} {done}; "
                "report this as a fault of semvid"
            )

    def _frame(self, picture: VideoFrame) -> Frame:
        pts = picture.pts if picture.pts is not None else picture.dts
        if pts is None:
            pts = self.end_pts
        elif self._last_pts is not None and pts <= self._last_pts:
            # Broken muxers repeat or reverse timestamps; encoders refuse those.
            pts = self._last_pts + 1
            self._num_retimed += 1
        picture.pts = pts
        picture.time_base = self.info.time_base
        picture.duration = picture.duration or self._nominal_duration
        self._last_pts = pts
        self.end_pts = pts + picture.duration
        self.damage.num_corrupt_frames += bool(picture.is_corrupt)
        picture, turns = self._steadier.steady(picture, self.stream.codec_context.sample_aspect_ratio)
        frame = Frame(picture, self.num_frames, turns=turns)
        self.num_frames += 1
        return frame

    def _find_end(self) -> None:
        """Find out how long the last frame is shown.

        In MP4 durations belong to packets in decoding order, and the last one shown need not be the last one
        decoded; but the track says how long it is.
        """
        stream, clock = self.stream, self._packets.clock
        if self.damage or clock.num_jumps or "mov" not in self.info.container.split(","):
            return
        if stream.duration and stream.start_time is not None and self._last_pts is not None:
            end = stream.start_time + (self._played_length() or stream.duration)
            end += round(clock.start_shift / self.info.time_base)
            if end > self._last_pts:
                self.end_pts = end

    def _played_length(self) -> int | None:
        """Return how long players show a track of MP4, in its time base; None = FFmpeg knows best.

        FFmpeg believes the header where that is shorter than all frames together, but it is only a summary:
        players go through the frames, and leave out what an edit list leaves out.
        """
        edits = read_edits(self.info.path, self.stream.id)
        if self._is_cut or not self._track_length or edits is None:
            return None
        shown = [one for one in edits if not one.is_empty]
        if not shown or not shown[0].seconds:
            return self._track_length
        length = self._track_length * self.info.time_base
        if len(shown) == 1 and abs(shown[0].seconds - length) <= shown[0].tick:
            return self._track_length
        return None

    @property
    def changes(self) -> list[str]:
        """A sentence for every frame so far from which on the video had another size, format or colour."""
        return self._steadier.changes

    @property
    def _nominal_duration(self) -> int:
        rate = self.info.frame_rate
        return max(1, round(1 / (rate * self.info.time_base))) if rate else 1

    def _check_length(self, num_packets: int, end_seconds: Fraction) -> None:
        claimed_end = None
        # Where a clock jumps the header knows nothing of it.
        if self.container.duration and self._packets.is_everything_read and not self._packets.clock.num_jumps:
            claimed_end = Fraction(self.container.duration, av.time_base)
            # Matroska's duration counts from 0, wherever the first packet is.
            end_seconds = max(end_seconds, end_seconds - self._packets.clock.start_shift)
        self.damage.compare_length(
            num_packets, self.info.num_frames_from_header or 0, end_seconds, claimed_end
        )
        self.damage.is_cut_off = is_cut_off(self.info.path, self.info.container)


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
