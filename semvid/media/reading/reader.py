"""Demux one file, decode its main video stream, and pass every other stream's packets through."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from av import Packet, VideoFrame
from av.error import FFmpegError

from semvid.core.closing import Closing
from semvid.core.config import EditConfig
from semvid.core.errors import EncoderError
from semvid.core.threads import thread_budget
from semvid.core.types import Frame, Span, VideoInfo
from semvid.media.edit import part_of_file, within
from semvid.media.ffmpeg_log import end_threads
from semvid.media.fields import DEINTERLACED, FieldCount
from semvid.media.probe import decoder_of, open_video
from semvid.media.reading.damage import Damage, has_hole, undecodable
from semvid.media.reading.entry import Entry, find_entry, no_frames
from semvid.media.reading.gaps import Times
from semvid.media.reading.length import TrackLength, check_length
from semvid.media.reading.packets import PacketReader, clock_shift, clock_streams, end_seconds, start_seconds
from semvid.media.reading.part import edited
from semvid.media.reading.steady import Steadier
from semvid.media.reading.window import Window

if TYPE_CHECKING:
    from semvid.media.picture_edit import PictureEditor

_TURNED = "Display Matrix"
"""What a container tells of, and is no longer so once pixels are upright."""


class VideoReader(Closing):
    """An open input.

    Example:
        ``with VideoReader(path) as reader: frames = [x for x in reader.read() if isinstance(x, Frame)]``

    Args:
        path: The file.
        span: The part to read: its frames, exactly as reading everything gives them, and what begins in it
            of all other streams. None = everything.
        edit: What to read as if it were all of the file: its frames, from 0 on, and what is heard and shown
            beside them. ``span`` is a part of that. None = the file.
        warm_up: Seconds before the part whose frames are given too, before its own, for whoever follows what
            happens from frame to frame. They count nowhere.
        cool_down: Frames after the part that are given too. They count nowhere either.
        export_vectors: Have the decoder attach its motion vectors to frames, which takes it some time.

    Attributes:
        info: What the header says, of the edited video.
        span: The part that is read.
        container: PyAV's container, for the writer that copies streams from it.
        stream: The main video stream in it.
        damage: What turned out to be wrong; complete once ``read()`` is exhausted.
        num_frames: Frames of the part so far. ``Frame.index`` counts those that were given, from 0, also of
            a part: see ``count_frames``.
    """

    def __init__(
        self,
        path: Path,
        *,
        span: Span | None = None,
        edit: EditConfig | None = None,
        warm_up: Fraction = Fraction(0),
        cool_down: int = 0,
        export_vectors: bool = False,
    ) -> None:
        self.span = span or Span()
        self.container, self.stream, info = open_video(path)
        self._editor: PictureEditor | None = None
        self._indices: deque[int] = deque()
        self._fields = FieldCount()
        self._num_claimed = info.num_frames_from_header or 0
        try:
            self.info = edited(info, edit or EditConfig())
            if self.info.edit.has_filters:
                self._plan_pictures(edited(info, self.info.edit))
        except BaseException:
            self.container.close()
            raise
        self._rate = self.info.edit.asked_rate
        self._given_from = max(self.span.start - round(warm_up / self.info.time_base), 0)
        self._held: Frame | None = None
        # Everything private is on the clock of the file.
        whole = part_of_file(self.info)
        self._zero, self._whole_end = whole.start, whole.end
        self._window = None if whole.is_all else Window(self.info)
        self._wanted = self._part = within(whole, self.span, self.info.clock_factor)
        if not self._part.is_all:
            # The header counts all frames.
            self.info = replace(self.info, num_frames_from_header=None)
            start = self._part.start - round(warm_up / self.info.file_time_base)
            self._wanted = replace(self._part, start=max(start, self._zero))
        rate = info.frame_rate
        self._usual_duration = max(1, round(1 / (rate * self.info.file_time_base))) if rate else 1
        self._decoder = decoder_of(self.stream, self.info)
        self._decoder.thread_type = "AUTO"
        self._decoder.thread_count = thread_budget().helper
        if export_vectors:
            self._decoder.options = {"flags2": "+export_mvs"}
        self.damage = Damage()
        self.num_frames = 0
        self._end = 0
        self._others: Collection[int] | None = None
        self._counts_all = self._has_ended = self._is_over = False
        # What is cut off has no effect on what is left.
        self._num_more = 0 if self._part.end == self._whole_end else cool_down
        self._first_pts: int | None = None
        self._begins = 0
        self._shift = self.info.clock_shift
        self._entry: Entry | None = None
        self._index = 0
        self._packets = PacketReader(self.container, self.stream, None, shift=self._shift)
        self._steadier = Steadier()
        self._track = TrackLength()
        self._last_pts: int | None = None
        self._times = Times()
        self._is_torn = False
        self._rated_end = 0
        self._is_rated_over = False

    def keep(self, others: Collection[int] | None, dropped: Collection[str] = ()) -> None:
        """Read only these streams beside the video, so that no other can do harm.

        Call it before ``read()``.

        Args:
            others: Their indices; None = all of picture, sound and words, as without this call.
            dropped: Kinds of streams that the output does not have. What is shown or heard first of all
                others is at 0, whether it is read or not, so that all who read a video have one clock.
        """
        self._others = others
        if self._shift is None and others is not None:
            counting = clock_streams(self.container, self.stream, dropped)
            if not counting <= {*others, self.stream.index}:
                self._shift = clock_shift(self.info, counting)
        self._packets = PacketReader(self.container, self.stream, others, shift=self._shift)

    def count_frames(self) -> None:
        """Have ``Frame.index`` of a part be that of the whole video. Call it before ``locate()``.

        Only decoding tells how many frames a video has, so everything before the part is decoded.
        """
        self._counts_all = True
        if self._rate is not None:
            self._wanted = replace(self._wanted, start=self._zero)

    def locate(self) -> Fraction | None:
        """Find the part in the file; ``read()`` does it otherwise.

        Returns:
            When the first frame of the whole video, as edited, is shown, in seconds; None = ``read()``
            begins with it.

        Raises:
            InputError: No frame is in the part, or not one of the video could be decoded.
        """
        if self._wanted.start == 0 and not (self._rate is not None and self._given_from):
            return None
        if self._first_pts is None:
            with VideoReader(self.info.path) as whole:
                whole._shift = self._shift
                whole.keep(self._others)
                with closing(whole.read()) as items:
                    first = next(one for one in items if isinstance(one, Frame))
                self._first_pts = self._begins = first.picture.pts or 0
                shift = whole._packets.clock.start_shift
                # The first frame of all says what all others must be like.
                self._steadier, self._track = whole._steadier, whole._track
            self._steadier.num_frames = 0
            if not self._counts_all:
                self._entry = find_entry(
                    self.info, self._others, self._part, self._wanted.start, shift, may_seek=self._may_seek
                )
            if self._entry is not None and self._entry.seek_to is not None:
                self.container.seek(self._entry.seek_to, stream=self.stream)
                self._shift = shift
                self._packets = PacketReader(self.container, self.stream, self._others, shift=shift)
            if self._zero:
                self._first_pts = 0
        begins = self._first_pts * self.info.file_time_base
        if self._rate is not None:
            from semvid.media.frame_grid import place_of

            begins = place_of(self._first_pts, self.info.file_time_base, self._rate) / self._rate
        return begins

    @property
    def _may_seek(self) -> bool:
        """A text may begin long before the part in which it is still shown."""
        kept = [one for one in self.container.streams if self._others is None or one.index in self._others]
        return self._window is None or all(one.type != "subtitle" for one in kept)

    @property
    def is_part_of_file(self) -> bool:
        """Whether an edit leaves out the beginning or the end of the file."""
        return self._window is not None

    @property
    def cuts_start(self) -> bool:
        """Whether an edit leaves out the beginning of the file."""
        return self._zero > 0

    @property
    def changes_timecode(self) -> bool:
        """Whether an edit has the first frame be another, or frames counted in another way."""
        return self.cuts_start or self._rate is not None

    @property
    def cut_before(self) -> Fraction:
        """Seconds of the picture that an edit leaves out at its beginning. Call it after the first frame."""
        return max(self._zero - self._begins, 0) * self.info.file_time_base

    @property
    def cut_length(self) -> Fraction | None:
        """Seconds until an edit cuts off the rest of the file; None = it does not."""
        return None if self._window is None else self._window.length

    @property
    def end_pts(self) -> int:
        """When the last frame so far is no longer shown, in ``info.time_base``.

        It is exact once ``read()`` is exhausted.
        """
        if self._rate is not None:
            return self._rated_end
        end = self._end if self._whole_end is None else min(self._end, self._whole_end)
        return max(end - self._zero, 0)

    def _plan_pictures(self, info: VideoInfo) -> None:
        """Begin to edit pictures; ``info`` tells of them as they are in the file."""
        # A plain run loads nothing of this.
        from semvid.media.picture_edit import PictureEditor
        from semvid.media.reading.picture_plan import find_plan

        plan = find_plan(info, info.path.stat().st_mtime_ns)
        self._editor = PictureEditor(info.edit, plan)
        said = tuple(one for one in info.side_data if one[0] != _TURNED)
        self.info = replace(
            info, width=plan.size[0], height=plan.size[1], pixel_format=plan.pixel_format,
            sample_aspect_ratio=plan.aspect, side_data=said,
        )  # fmt: skip

    def close(self) -> None:
        """Close the file. Only after whatever iterates ``read()`` has ended."""
        container = self.__dict__.pop("container", None)
        if container is not None:
            end_threads(self._decoder)
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
        until = None if self._part.end is None else self._part.end * self.info.file_time_base
        for packet in self._packets.read(until, lambda: self._is_over):
            end = max(end, end_seconds(packet))
            if packet.stream.index != self.stream.index:
                if self._is_kept(packet):
                    yield packet
                continue
            num_packets += 1
            self._track.note(packet)
            self._look_at(packet)
            if num_packets > num_passed and not self._is_over:
                yield from self._decode(packet)
        if not self._is_over:
            yield from self._decode(None)
        if self._editor is not None:
            yield from self._flushed(self._editor)
        if not self.num_frames:
            if self._last_pts is not None:
                raise no_frames(self.info, self._part, self._last_pts * self.info.file_time_base)
            raise undecodable(self.info, self._packets.errors.first)
        self.damage.has_gaps = self._packets.errors.is_unreadable
        self.damage.num_torn += self._is_torn
        if not self._packets.clock.num_jumps:
            self._packets.errors.gap = self._times.gap(self.info.file_time_base)
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
                self._end = end_pts

    def _look_at(self, packet: Packet[Any]) -> None:
        """Note what a packet of the video tells of what is missing before it."""
        # Where files were joined counters begin again, and nothing is missing; key frames follow there, also
        # behind the part.
        self.damage.num_torn += self._is_torn and not packet.is_keyframe
        self._is_torn = False
        if packet.pts is not None and packet.pts not in self._part:
            return
        self._is_torn = packet.is_corrupt
        if not self._is_torn and has_hole(self.info.codec, packet):
            self.damage.num_torn += 1
        if not packet.size and packet.pts is not None:
            # AVI says so that a picture stays.
            self._times.note(packet.pts - self._zero, 0)

    def _is_kept(self, packet: Packet[Any]) -> bool:
        if self._window is not None and not self._window.takes(packet):
            return False
        return self.span.is_all or start_seconds(packet) / self.info.time_base in self.span

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
            if (frame := self._frame(picture)) is None:
                continue
            if self._editor is None:
                yield frame
                continue
            if frame.pts * self.info.clock_factor in self.span:
                self._fields.look(frame)
            if self._rate is None:
                self._indices.append(frame.index)
                yield from map(self._edited_frame, self._editor.feed(frame.picture))
                continue
            # How long a frame is shown is sure when the next is there.
            before, self._held = self._held, frame
            if before is not None:
                before.picture.duration = frame.pts - before.pts
                yield from self._rated(self._editor.feed(before.picture))

    def _flushed(self, editor: PictureEditor) -> Iterator[Frame]:
        """Give what filters still hold back."""
        if self._rate is None:
            yield from map(self._edited_frame, editor.flush())
            return
        if self._held is not None:
            end = self._end
            if not self._has_ended:
                end = max(end, self._track.end(self.info, self.stream, self._packets.clock.start_shift))
            end = end if self._whole_end is None else min(end, self._whole_end)
            self._held.picture.duration = max(end - self._zero - self._held.pts, 1)
            yield from self._rated(editor.feed(self._held.picture))
        yield from self._rated(editor.flush())

    def _edited_frame(self, picture: VideoFrame) -> Frame:
        return Frame(picture, self._indices.popleft(), turns=0)

    def _rated(self, pictures: Sequence[VideoFrame]) -> Iterator[Frame]:
        """Give pictures of a constant rate that are of the part, or before or after it and wanted."""
        for picture in pictures:
            pts = picture.pts or 0
            is_after = self.span.end is not None and pts >= self.span.end
            if is_after:
                self._num_more -= 1
                self._is_rated_over |= self._num_more < 0
                self._is_over |= self._is_rated_over
            if pts < self._given_from or self._is_rated_over:
                self._index += self._counts_all and not is_after
                continue
            if pts in self.span:
                self.num_frames += 1
                self._rated_end = pts + picture.duration
            yield Frame(picture, self._index, turns=0)
            self._index += 1

    def lead_in(self, index: int) -> Fraction:
        """Return the seconds at the start of a stream of sound that are only there for its decoder.

        Call it after the first frame.
        """
        return Fraction(0) if self._part.start else self._packets.lead_ins.get(index, Fraction(0))

    def chapters(self) -> list[Any]:
        """Return the file's chapters on the clock of ``read()``. Call it after the first frame."""
        every = self.container.chapters()
        chapters = self._packets.clock.moved_chapters(every)
        self._packets.errors.num_early_chapters = len(every) - len(chapters)
        if self._window is not None:
            chapters = self._window.chapters(chapters)
        return [one for one in chapters if one["start"] * one["time_base"] / self.info.time_base in self.span]

    def remarks(self, done: str) -> list[str]:
        """Return sentences on what was wrong with the file, for the user. Call it after ``read()``.

        Args:
            done: What became of the frames, as in "what could be decoded was compressed".
        """
        path, packets = self.info.path, self._packets
        damage = [f"{path} is damaged: {self.damage}; {done}"] if self.damage else []
        return damage + packets.errors.remarks(path, packets.clock.num_jumps)

    @property
    def num_missing(self) -> int:
        """Frames that seem to be missing between others; complete once ``read()`` is exhausted."""
        gap = self._packets.errors.gap
        return 0 if gap is None else gap.num_frames

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
            pts = self._end
        elif self._last_pts is not None and pts <= self._last_pts:
            # Broken muxers repeat or reverse timestamps; encoders refuse those.
            pts = self._last_pts + 1
            self._packets.errors.num_retimed += 1
        if not self._has_ended and pts >= self._part.start:
            # And of the first one after the part.
            self._times.note(pts - self._zero, picture.duration or 0)
        picture.pts = pts - self._zero
        picture.time_base = self.info.file_time_base
        picture.duration = picture.duration or self._usual_duration
        self._last_pts = pts
        if self._part.end is not None and pts >= self._part.end:
            # The last frame of the part is shown until the first one after it.
            self._end = self._end if self._has_ended else pts
            self._has_ended = True
            if self._rate is None or self._part.end == self._whole_end:
                self._is_over = self._num_more <= 0
                self._num_more -= 1
            if self._is_over:
                return None
        else:
            self._end = pts + picture.duration
        is_before = bool(self._wanted.start) and pts < self._wanted.start
        if is_before and (self._rate is None or pts < self._zero):
            is_counted = self._counts_all and pts >= self._zero
            self._steadier.pass_over(picture, is_counted=is_counted)
            self._index += is_counted
            return None
        self.damage.num_corrupt_frames += bool(picture.is_corrupt) and pts in self._part
        picture, turns = self._steadier.steady(picture, self.stream.codec_context.sample_aspect_ratio)
        frame = Frame(picture, self._index, turns=turns)
        if self._rate is None:
            self._index += 1
            self.num_frames += pts in self._part
        elif is_before:
            # The first frame of the new rate may show it.
            self._held = frame
            return None
        return frame

    @property
    def changes(self) -> list[str]:
        """A sentence for every frame so far from which on the video had another size, format or colour.

        And for what had to be found out to edit it.
        """
        found = [] if self._editor is None else [*self._editor.notices, *self._fields.notice(DEINTERLACED)]
        return [*self._steadier.changes, *found]
