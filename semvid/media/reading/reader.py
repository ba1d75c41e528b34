"""Demux one file, decode its main video stream, and pass every other stream's packets through."""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from av import Packet, VideoFrame
from av.error import FFmpegError

from semvid.core.closing import Closing
from semvid.core.errors import EncoderError
from semvid.core.threads import thread_budget
from semvid.core.types import Frame, Span
from semvid.media.probe import decoder_of, open_video
from semvid.media.reading.damage import Damage, undecodable
from semvid.media.reading.entry import Entry, find_entry, no_frames
from semvid.media.reading.length import TrackLength, check_length
from semvid.media.reading.packets import PacketReader, end_seconds, start_seconds
from semvid.media.reading.steady import Steadier


class VideoReader(Closing):
    """An open input.

    Example:
        ``with VideoReader(path) as reader: frames = [x for x in reader.read() if isinstance(x, Frame)]``

    Args:
        path: The file.
        span: The part to read: its frames, exactly as reading everything gives them, and what begins in it
            of all other streams. None = everything.
        warm_up: Seconds before the part whose frames are given too, before its own, for whoever follows what
            happens from frame to frame. They count nowhere.
        cool_down: Frames after the part that are given too. They count nowhere either.
        export_vectors: Have the decoder attach its motion vectors to frames, which takes it some time.

    Attributes:
        info: What the header says.
        span: The part that is read.
        container: PyAV's container, for the writer that copies streams from it.
        stream: The main video stream in it.
        damage: What turned out to be wrong; complete once ``read()`` is exhausted.
        num_frames: Frames of the part so far. ``Frame.index`` counts those that were given, from 0, also of
            a part: see ``count_frames``.
        end_pts: When the last frame so far is no longer shown, in ``info.time_base``; exact once ``read()``
            is exhausted.
    """

    def __init__(
        self,
        path: Path,
        *,
        span: Span | None = None,
        warm_up: Fraction = Fraction(0),
        cool_down: int = 0,
        export_vectors: bool = False,
    ) -> None:
        self.span = span or Span()
        self.container, self.stream, self.info = open_video(path)
        self._wanted = self.span
        self._num_claimed = self.info.num_frames_from_header or 0
        if not self.span.is_all:
            # The header counts all frames.
            self.info = replace(self.info, num_frames_from_header=None)
            start = self.span.start - round(warm_up / self.info.time_base)
            self._wanted = replace(self.span, start=max(start, 0))
        rate = self.info.frame_rate
        self._usual_duration = max(1, round(1 / (rate * self.info.time_base))) if rate else 1
        self._decoder = decoder_of(self.stream, self.info)
        self._decoder.thread_type = "AUTO"
        self._decoder.thread_count = thread_budget().helper
        if export_vectors:
            self._decoder.options = {"flags2": "+export_mvs"}
        self.damage = Damage()
        self.num_frames = 0
        self.end_pts = 0
        self._others: Collection[int] | None = None
        self._counts_all = self._has_ended = self._is_over = False
        self._num_more = cool_down
        self._first_pts: int | None = None
        self._shift: Fraction | None = None
        self._entry: Entry | None = None
        self._index = 0
        self._packets = PacketReader(self.container, self.stream, None)
        self._steadier = Steadier()
        self._track = TrackLength()
        self._last_pts: int | None = None

    def keep(self, others: Collection[int]) -> None:
        """Read only these streams beside the video, so that no other can do harm.

        Call it before ``read()``.

        Args:
            others: Their indices. Without this call all of picture, sound and words are read.
        """
        self._others = others
        self._packets = PacketReader(self.container, self.stream, others, shift=self._shift)

    def count_frames(self) -> None:
        """Have ``Frame.index`` of a part be that of the whole video. Call it before ``locate()``.

        Only decoding tells how many frames a video has, so everything before the part is decoded.
        """
        self._counts_all = True

    def locate(self) -> Fraction | None:
        """Find the part in the file; ``read()`` does it otherwise.

        Returns:
            When the first frame of the whole video is shown, in seconds; None = ``read()`` begins with it.

        Raises:
            InputError: No frame is in the part, or not one of the video could be decoded.
        """
        if self._wanted.start == 0:
            return None
        if self._first_pts is None:
            with VideoReader(self.info.path) as whole:
                if self._others is not None:
                    whole.keep(self._others)
                with closing(whole.read()) as items:
                    first = next(one for one in items if isinstance(one, Frame))
                self._first_pts = first.picture.pts or 0
                shift = whole._packets.clock.start_shift
                # The first frame of all says what all others must be like.
                self._steadier, self._track = whole._steadier, whole._track
            self._steadier.num_frames = 0
            if not self._counts_all:
                self._entry = find_entry(self.info, self._others, self.span, self._wanted.start, shift)
            if self._entry is not None and self._entry.seek_to is not None:
                self.container.seek(self._entry.seek_to, stream=self.stream)
                self._shift = shift
                self._packets = PacketReader(self.container, self.stream, self._others, shift=shift)
        return self._first_pts * self.info.time_base

    def close(self) -> None:
        """Close the file. Only after whatever iterates ``read()`` has ended."""
        container = self.__dict__.pop("container", None)
        if container is not None:
            container.close()
            # PyAV lets go of a decoder only with its stream, and a decoder keeps the memory of all pictures
            # that were in use at once: in 720p about 100 MB.
            del self.stream, self._decoder
            self._packets.close()

    def read(self) -> Generator[Frame | Packet[Any], None, None]:
        """Yield decoded frames of the main video stream and the other streams' packets, in file order.

        All are on one clock: what is shown first is at 0, and jumps of the file's own clock are bridged.
        All frames have the size, pixel format and colours of the first: see ``changes``. They have exact,
        strictly increasing ``pts`` in ``info.time_base``. Damaged packets are counted and skipped.

        Raises:
            InputError: Not one frame could be decoded, or is in the part.
        """
        self.locate()
        num_packets = 0
        num_passed = self._entry.num_passed if self._entry else 0
        end = Fraction(0)
        until = None if self.span.end is None else self.span.end * self.info.time_base
        for packet in self._packets.read(until, lambda: self._is_over):
            end = max(end, end_seconds(packet))
            if packet.stream.index != self.stream.index:
                if self.span.is_all or start_seconds(packet) / self.info.time_base in self.span:
                    yield packet
                continue
            num_packets += 1
            self._track.note(packet)
            if num_packets > num_passed and not self._is_over:
                yield from self._decode(packet)
        if not self._is_over:
            yield from self._decode(None)
        if not self.num_frames:
            if self._last_pts is not None:
                raise no_frames(self.info, self.span, self._last_pts * self.info.time_base)
            raise undecodable(self.info, self._packets.errors.first)
        self.damage.has_gaps = self._packets.errors.is_unreadable
        if not self._has_ended:
            clock = self._packets.clock
            if self._entry and self._entry.seek_to is not None:
                # Some were passed; sought files that claim a number have an index of all.
                num_packets = len(self.stream.index_entries)
            check_length(
                self.damage, self.info, self.stream, self._packets, num_packets, end, self._num_claimed
            )
            end_pts = self._track.end(self.info, self.stream, clock.start_shift)
            if not self.damage and not clock.num_jumps and end_pts > (self._last_pts or 0):
                self.end_pts = end_pts

    def packets(self) -> Generator[Packet[Any], None, None]:
        """Yield the packets of all streams on the clock of ``read()``, in file order; nothing is decoded."""
        yield from self._packets.read()

    def _decode(self, packet: Packet[Any] | None) -> Generator[Frame, None, None]:
        try:
            pictures = self._decoder.decode(packet)
        except FFmpegError as error:
            self._packets.errors.first = self._packets.errors.first or error
            if packet is not None and (packet.pts is None or packet.pts in self._wanted):
                self.damage.num_bad_packets += 1
            return
        for picture in pictures:
            if (frame := self._frame(picture)) is not None:
                yield frame

    def lead_in(self, index: int) -> Fraction:
        """Return the seconds at the start of a stream of sound that are only there for its decoder.

        Call it after the first frame.
        """
        return Fraction(0) if self.span.start else self._packets.lead_ins.get(index, Fraction(0))

    def chapters(self) -> list[Any]:
        """Return the file's chapters on the clock of ``read()``. Call it after the first frame."""
        every = self.container.chapters()
        chapters = self._packets.clock.moved_chapters(every)
        self._packets.errors.num_early_chapters = len(every) - len(chapters)
        return [one for one in chapters if one["start"] * one["time_base"] / self.info.time_base in self.span]

    def remarks(self, done: str) -> list[str]:
        """Return sentences on what was wrong with the file, for the user. Call it after ``read()``.

        Args:
            done: What became of the frames, as in "what could be decoded was compressed".
        """
        path, packets = self.info.path, self._packets
        damage = [f"{path} is damaged: {self.damage}; {done}"] if self.damage else []
        return damage + packets.errors.remarks(path, packets.clock.num_jumps)

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
                f"frames of {self.info.path} are missing: {self.num_frames} were read, but {count} {done}; "
                "report this as a fault of semvid"
            )

    def _frame(self, picture: VideoFrame) -> Frame | None:
        """Make a frame of a picture; None = it is not wanted."""
        pts = picture.pts if picture.pts is not None else picture.dts
        if pts is None:
            pts = self.end_pts
        elif self._last_pts is not None and pts <= self._last_pts:
            # Broken muxers repeat or reverse timestamps; encoders refuse those.
            pts = self._last_pts + 1
            self._packets.errors.num_retimed += 1
        picture.pts = pts
        picture.time_base = self.info.time_base
        picture.duration = picture.duration or self._usual_duration
        self._last_pts = pts
        if self.span.end is not None and pts >= self.span.end:
            # The last frame of the part is shown until the first one after it.
            self.end_pts = self.end_pts if self._has_ended else pts
            self._has_ended = True
            self._is_over = self._num_more <= 0
            self._num_more -= 1
            if self._is_over:
                return None
        else:
            self.end_pts = pts + picture.duration
        if self._wanted.start and pts < self._wanted.start:
            self._steadier.pass_over(picture, is_counted=self._counts_all)
            self._index += self._counts_all
            return None
        self.damage.num_corrupt_frames += bool(picture.is_corrupt) and pts in self.span
        picture, turns = self._steadier.steady(picture, self.stream.codec_context.sample_aspect_ratio)
        frame = Frame(picture, self._index, turns=turns)
        self._index += 1
        self.num_frames += pts in self.span
        return frame

    @property
    def changes(self) -> list[str]:
        """A sentence for every frame so far from which on the video had another size, format or colour."""
        return self._steadier.changes
