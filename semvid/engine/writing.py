"""The last stage of a run: coded packets, and packets to copy, go into one output file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from av import Packet

from semvid.codecs.base.coding import Coding, PreparedFrame
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.events import Notice, Progress
from semvid.core.results import Result
from semvid.engine.encoding import Encoded
from semvid.engine.stages import Items
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.containers import MP4_LIKE
from semvid.media.writing.durations import DurationKeeper
from semvid.media.writing.writer import VideoWriter


class Writing:
    """Feeds the writer and keeps the counts.

    Args:
        reader: The input.
        writer: The output; its owner commits it.

    Attributes:
        num_frames: Encoded so far.
        video_bytes: Of them, as coded.
    """

    def __init__(self, reader: VideoReader, writer: VideoWriter) -> None:
        self._reader, self._writer = reader, writer
        self._has_header = False
        self._waiting: list[Packet[Any]] = []
        self._coded_bits = self._plain_bits = 0.0
        self.video_bytes = 0
        self._durations = DurationKeeper(
            reader.info.time_base, sums_up=writer.output.suffix.lower() in MP4_LIKE
        )
        self.num_frames = 0

    def run(self, items: Items) -> Items:
        """Write everything; pass on events, and yield a ``Progress`` for each frame."""
        for item in items:
            if isinstance(item, StreamParameters):
                self._start(item)
            elif isinstance(item, Encoded) and item.frame is not None:
                self._add(item.frame, item.packets)
                yield Progress(
                    self.num_frames, self._reader.info.num_frames_from_header, self._writer.bytes_written
                )
            elif isinstance(item, Encoded):
                self._write(self._durations.finish(item.packets, self._reader.end_pts))
            elif not isinstance(item, Packet):
                yield item
            elif self._has_header:
                self._writer.copy(item)
            else:
                # The header needs the encoder's parameters.
                self._waiting.append(item)
        yield from map(Notice, self._writer.finish())

    def _start(self, parameters: StreamParameters) -> None:
        self._writer.add_video(parameters)
        self._writer.copy_streams(self._reader)
        self._writer.start()
        self._has_header = True
        for packet in self._waiting:
            self._writer.copy(packet)
        self._waiting.clear()

    def _add(self, frame: PreparedFrame, packets: list[CodedPacket]) -> None:
        assert frame.decoded.pts is not None  # noqa: S101 - the reader sees to it
        # The picture may be the encoder's by now.
        self._durations.note(frame.decoded.pts)
        self._write(self._durations.pass_on(packets))
        if frame.predicted is not None:
            self._coded_bits += frame.predicted.coded
            self._plain_bits += frame.predicted.plain
        self.num_frames += 1

    def _write(self, packets: Iterable[CodedPacket]) -> None:
        for packet in packets:
            self.video_bytes += len(packet.data)
            self._writer.write(packet)

    def result(self, coding: Coding, output_bytes: int, elapsed_seconds: float) -> Result:
        """Sum up the run."""
        info = self._reader.info
        span = self._durations.span(self._reader.end_pts) * info.time_base
        return Result(
            source=info.path,
            output=self._writer.output,
            codec=coding.name,
            quality=coding.quality,
            num_frames=self.num_frames,
            duration_seconds=float(span),
            source_bytes=info.size_bytes,
            output_bytes=output_bytes,
            video_bytes=self.video_bytes,
            plain_bytes_estimate=(
                round(output_bytes + self.video_bytes * (self._plain_bits / self._coded_bits - 1))
                if self._coded_bits > 0
                else None
            ),
            elapsed_seconds=elapsed_seconds,
            is_input_damaged=bool(self._reader.damage),
            num_missing_frames=self._reader.num_missing,
        )
