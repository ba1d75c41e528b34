"""Reads all packets of a file, on one clock that starts at 0."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet, PacketSideData
from av.stream import Discard, Stream
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.core.types import VideoInfo
from semvid.media.edit import part_of_file
from semvid.media.probe import UNKNOWN_CODEC, is_cover_art, open_packets
from semvid.media.reading.clock import FileClock, Stamp
from semvid.media.reading.damage import Oddities

_TIMES_JUMP = 0x0200
"""FFmpeg's flag of formats whose clocks may jump (AVFMT_TS_DISCONT)."""
_JUMPS_TOO = {"flv", "live_flv"}
_LEADING = {"video", "audio"}
_ALL = {"video", "audio", "subtitle"}
_INTERLEAVED = Fraction(10)
"""Seconds by which sound may lie behind the picture in a file, as muxers have it."""
_MOST_FAILURES = 1000
"""Packets in a row that cannot be read before a file is taken to have ended. One stream of a file that is cut
off may end long before another."""


class PacketReader:
    """Reads an input's packets once.

    Args:
        container: An open input.
        main: The video that is decoded.
        keep: Indices of the other streams that are wanted; None = all of picture, sound and words. The rest
            is not even read.
        shift: Seconds to add to all times, for an input that was sought; None = what is first is at 0.

    Attributes:
        errors: What went wrong so far.
        clock: Tells how far times were moved.
        lead_ins: Seconds at the start of sound, by stream, that are only there for its decoder.
        is_everything_read: No stream of picture or sound is left out.
        playing: Indices of the other streams of picture or sound that are wanted.
    """

    def __init__(
        self,
        container: InputContainer,
        main: Stream,
        keep: Collection[int] | None,
        *,
        shift: Fraction | None = None,
    ) -> None:
        self._last_read: dict[int, int] = {}
        self._container = container
        self._main = main
        self.errors = Oddities()
        self.is_everything_read = True
        kind = container.format
        may_jump = bool(kind.flags & _TIMES_JUMP) or not _JUMPS_TOO.isdisjoint(kind.name.split(","))
        leading, self._wanted = {main.index}, {main.index}
        for stream in container.streams:
            if stream.index == main.index:
                continue
            is_wanted = stream.type in _ALL if keep is None else stream.index in keep
            is_leading = stream.type in _LEADING and not is_cover_art(stream)
            # Where clocks jump, what is left out still tells how the parts belong together.
            is_read = is_wanted or (is_leading and may_jump)
            stream.discard = Discard.default if is_read else Discard.all
            leading |= {stream.index} if is_read and is_leading else set()
            self._wanted |= {stream.index} if is_wanted else set()
            self.is_everything_read &= is_read or not is_leading
        self.clock: FileClock[Packet[Any]] = FileClock(
            leading, leading & self._wanted, may_jump=may_jump, shift=shift
        )
        self.playing = frozenset(leading & self._wanted) - {main.index}
        self.lead_ins: dict[int, Fraction] = {}
        self._last_dts: dict[int, int] = {}

    def close(self) -> None:
        """Let go of the input, which whoever opened it closes."""
        self.__dict__.pop("_container", None)
        self.__dict__.pop("_main", None)

    def read(
        self, until: Fraction | None = None, is_over: Callable[[], bool] = bool
    ) -> Generator[Packet[Any], None, None]:
        """Yield packets with their times on the clock of the output; streams end without a flush.

        Args:
            until: Seconds from which on nothing is wanted; None = everything is.
            is_over: Whether the main video needs no more packets.
        """
        awaited = set(self.playing)
        for packet in self._moved():
            yield packet
            if until is not None and start_seconds(packet) >= until:
                awaited.discard(packet.stream.index)
                if is_over() and (not awaited or start_seconds(packet) > until + _INTERLEAVED):
                    return

    def _moved(self) -> Iterator[Packet[Any]]:
        for packet, ticks in self.clock.run(self._stamped()):
            if packet.stream.index not in self._wanted:
                continue
            if packet.pts is not None:
                packet.pts += ticks
            if packet.dts is not None:
                packet.dts += ticks
                self._keep_rising(packet)
            if packet.stream.type != "subtitle" or self._begins_in_time(packet):
                yield packet

    def _begins_in_time(self, packet: Packet[Any]) -> bool:
        """Cut what words are shown before all else; False = nothing is left of them."""
        if packet.pts is None or packet.pts >= 0:
            return True
        end = packet.pts + (packet.duration or 0)
        if packet.duration and end <= 0:
            self.errors.num_too_early += 1
            return False
        packet.pts = packet.dts = 0
        packet.duration = max(end, 0)
        return True

    def _keep_rising(self, packet: Packet[Any]) -> None:
        """Containers refuse decoding times that repeat or go back; the main video is encoded again."""
        index = packet.stream.index
        last, dts = self._last_dts.get(index), packet.dts
        assert dts is not None  # noqa: S101 - the caller looked
        # Some containers (RealMedia) tell one time for several packets, which follow one another.
        is_repeated = self._last_read.get(index) == dts
        self._last_read[index] = dts
        if index != self._main.index and packet.stream.type == "audio" and last is not None and dts <= last:
            packet.dts = dts = last + (max(packet.duration or 0, 1) if is_repeated else 1)
            packet.pts = max(packet.pts or dts, dts)
            self.errors.num_moved += 1
        self._last_dts[index] = dts

    def _stamped(self) -> Iterator[tuple[Stamp, Packet[Any]]]:
        last: dict[int, int] = {}
        heard_from: dict[int, int] = {}
        marks: dict[int, PacketSideData] = {}
        hidden: dict[int, tuple[Stamp, Packet[Any]]] = {}
        for packet in self._raw():
            index = packet.stream.index
            if (skipped := _skipped(packet)) and packet.pts is not None:
                heard_from[index] = packet.pts + skipped
                marks[index] = packet.get_sidedata("skip_samples")
            stamp = stamp_of(packet, last.get(index, 0), heard_from.get(index))
            last[index] = stamp.end
            if stamp.shown is None and packet.stream.type == "audio":
                # The decoder needs one packet to start from. All others that an edit list hides would be
                # heard in a container that has none.
                hidden[index] = stamp, packet
                continue
            begun = hidden.pop(index, None)
            if index not in self.lead_ins and packet.stream.type == "audio" and stamp.shown is not None:
                first = begun[1].pts if begun else packet.pts
                self.lead_ins[index] = (
                    stamp.shown - (stamp.shown if first is None else first)
                ) * stamp.time_base
                if begun is not None and index in marks:
                    _hide(begun[1], marks[index], self.lead_ins[index])
            if begun is not None:
                yield begun
            yield stamp, packet

    def _raw(self) -> Iterator[Packet[Any]]:
        """Yield what can be read; what cannot does not end the reading while anything follows."""
        is_indexed = "mov" in self._container.format.name.split(",")
        failures = 0
        while failures < _MOST_FAILURES:
            failures += 1
            try:
                for packet in self._container.demux():
                    if packet.size or packet.dts is not None:
                        failures = 0
                        yield packet
            except IndexError:
                # PyAV knows only streams that were there when the file was opened.
                self.errors.num_late += 1
            except (FFmpegError, OSError) as error:
                self.errors.first = self.errors.first or error
                self.errors.is_unreadable = True
            else:
                # Files with an index report the end of the file for each sample beyond it.
                if not is_indexed:
                    return


def stamp_of(packet: Packet[Any], expected: int, heard_from: int | None) -> Stamp:
    """Say what a packet tells of its time.

    Args:
        packet: As it was read.
        expected: Its time if it has none.
        heard_from: Where what is only there for the decoder of sound ends; None = there is no such thing.
    """
    dts, pts = packet.dts, packet.pts if packet.pts is not None else packet.dts
    if pts is None:
        pts = expected
    elif dts is not None:
        dts = min(dts, pts)
    end = pts + (packet.duration or 0)
    shown: int | None = pts
    if heard_from is not None and pts < heard_from:
        shown = heard_from if end > heard_from + 1 else None
        if shown in {-1, 1}:
            # Both were rounded.
            shown = 0
    elif packet.is_discard:
        shown = None
    return Stamp(packet.stream.index, packet.time_base or Fraction(1, 90_000), dts, shown, end)


def start_seconds(packet: Packet[Any]) -> Fraction:
    """Return when a packet is shown, or decoded if it does not tell; 0 if it tells neither."""
    start = packet.pts if packet.pts is not None else packet.dts
    return (start or 0) * (packet.time_base or Fraction(0))


def end_seconds(packet: Packet[Any]) -> Fraction:
    """Return when a packet is no longer shown."""
    return start_seconds(packet) + (packet.duration or 0) * (packet.time_base or Fraction(0))


def _skipped(packet: Packet[Any]) -> int:
    """Ticks at the start of sound that are only there for the decoder, as its first packet says."""
    if packet.stream.type != "audio" or not packet.has_sidedata("skip_samples") or not packet.time_base:
        return 0
    samples = struct.unpack_from("<I", bytes(packet.get_sidedata("skip_samples")))[0]
    rate = getattr(packet.stream.codec_context, "sample_rate", 0)
    return round(samples / (rate * packet.time_base)) if rate else 0


def _hide(packet: Packet[Any], mark: PacketSideData, lead_in: Fraction) -> None:
    """Tell the decoder what of the first packet is not heard; ``mark`` was on one before it."""
    samples = round(lead_in * packet.stream.codec_context.sample_rate)
    mark.update(struct.pack("<I", samples) + bytes(mark)[4:])
    packet.set_sidedata(mark)


@dataclass(frozen=True, slots=True)
class ShownFrames:
    """What a file tells of the frames of its main video without decoding, in order of presentation."""

    pts: NDArray[np.int64]
    """``(n,)`` when each is shown, in the video's time base."""
    sizes: NDArray[np.int64]
    """``(n,)`` bytes of its packet."""
    is_key: NDArray[np.bool_]
    """``(n,)``"""
    end: int
    """When the last is no longer shown."""
    other_bytes: Mapping[int, int]
    """Bytes of the packets of each other stream, by its index."""


def clock_streams(container: InputContainer, main: Stream, dropped: Collection[str] = ()) -> frozenset[int]:
    """Return the indices of the streams that tell when a file begins: picture and sound that is kept."""
    return frozenset({
        main.index,
        *(
            one.index
            for one in container.streams
            if one.type in _LEADING and one.type not in dropped and not is_cover_art(one)
        ),
    })  # fmt: skip


def clock_shift(info: VideoInfo, counting: frozenset[int]) -> Fraction:
    """Return the seconds to add to a file's times so that what these streams show first is at 0."""
    changed = info.path.stat().st_mtime_ns if info.path.is_file() else 0
    return _clock_shift(info.path, info.stream_index, counting, changed)


@lru_cache(maxsize=64)
def _clock_shift(path: Path, main: int, counting: frozenset[int], _changed: int) -> Fraction:
    with open_packets(path) as container:
        reader = PacketReader(container, container.streams[main], counting)
        next(iter(reader.read()), None)
        return reader.clock.start_shift


def shown_frames(info: VideoInfo, dropped: Collection[str] = ()) -> ShownFrames:
    """Read a file through without decoding it, or the part of it that is left. There is always one frame.

    ``dropped`` is as for ``VideoReader.keep``.
    """
    found, end = [], 0
    others: Counter[int] = Counter()
    part = part_of_file(info)
    for packet, is_main in _packets_of(info, None, dropped):
        if not is_main:
            others[packet.stream.index] += packet.size
        elif not packet.is_discard and packet.pts is not None:
            found.append((packet.pts - part.start, packet.size, packet.is_keyframe))
            end = max(end, packet.pts + (packet.duration or 0))
    pts, sizes, is_key = np.array(sorted(found) or [(0, 1, True)], np.int64).T
    end = (end if part.end is None else min(end, part.end)) - part.start
    shown = ShownFrames(pts, sizes, is_key > 0, end, others)
    return shown if info.edit.asked_rate is None else _at_rate(shown, info, info.edit.asked_rate)


def _at_rate(shown: ShownFrames, info: VideoInfo, rate: Fraction) -> ShownFrames:
    """Say the same of the frames of another rate; those that are repeated take nothing."""
    # A plain run loads nothing of this.
    from semvid.media.frame_grid import shown_at

    times = shown.pts.tolist()
    found = shown_at(times, shown.end, info.file_time_base, rate) or [(0, 0)]
    ticks = round(1 / rate / info.time_base)
    numbers, indices = np.array(found, np.int64).T
    is_first = np.diff(indices, prepend=-1) > 0
    # Key frames and bytes that are left out count for the next.
    sums, keys = np.cumsum(shown.sizes), np.cumsum(shown.is_key)
    return ShownFrames(
        numbers * ticks,
        np.maximum(np.diff(sums[indices], prepend=0), 1),
        (np.diff(keys[indices], prepend=0) > 0) & is_first,
        int(numbers[-1] + 1) * ticks,
        shown.other_bytes,
    )


def measure_streams(info: VideoInfo, drop: Collection[str]) -> tuple[int, int, int]:
    """Read a file through without decoding it; streams of the kinds to ``drop`` do not count.

    Returns:
        Number of video packets, bytes of the other streams that people watch, hear or read, and packets of
        all of them together.
    """
    kinds = _ALL - set(drop)
    others = {one.index for one in info.streams if one.kind in kinds and one.codec != UNKNOWN_CODEC}
    num_frames = num_packets = num_bytes = 0
    for packet, is_main in _packets_of(info, others - {info.stream_index}):
        if not packet.size:
            continue
        if is_main:
            num_frames += 1
        else:
            num_packets += 1
            num_bytes += packet.size
    return max(num_frames, 1), num_bytes, num_frames + num_packets


def _packets_of(
    info: VideoInfo, keep: Collection[int] | None, dropped: Collection[str] = ()
) -> Iterator[tuple[Packet[Any], bool]]:
    """Yield the packets of an edited video, and whether each is of its picture, with times of the file."""
    part = part_of_file(info)
    until = None if part.end is None else part.end * info.file_time_base
    with open_packets(info.path) as container:
        stream = container.streams[info.stream_index]
        shift = info.clock_shift
        if shift is None and dropped:
            shift = clock_shift(info, clock_streams(container, stream, dropped))
        reader = PacketReader(container, stream, keep, shift=shift)
        beyond: list[int] = []
        for packet in reader.read(until, lambda: bool(beyond)):
            if packet.stream.index == info.stream_index:
                if part.end is not None and packet.dts is not None and packet.dts >= part.end:
                    beyond.append(packet.dts)
                if packet.pts is None or packet.pts in part:
                    yield packet, True
            elif start_seconds(packet) / info.file_time_base in part:
                yield packet, False
