"""The encoding end of a run: writes prepared frames, and packets to copy, into one output file."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any

from semvid.codecs.base.coding import Coding, Encoder, PreparedFrame
from semvid.core.coded import CodedPacket
from semvid.core.events import Event, Notice, Preview, Progress
from semvid.core.results import Result
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.containers import MP4_LIKE
from semvid.media.writing.durations import DurationKeeper
from semvid.media.writing.writer import VideoWriter

if TYPE_CHECKING:
    from av import Packet


class EncodingJob:
    """The encoding end of the pipeline: feeds the encoder and the writer, and keeps the counts.

    Args:
        reader: The input.
        writer: The output; its owner commits it.
        coding: Opened when the first frame is there.

    Attributes:
        num_frames: Encoded so far.
    """

    def __init__(self, reader: VideoReader, writer: VideoWriter, coding: Coding) -> None:
        self._reader = reader
        self._writer = writer
        self._coding = coding
        self._encoder: Encoder | None = None
        self._rate_ratios = 0.0
        self._video_bytes = 0
        self._durations = DurationKeeper(
            reader.info.time_base, sums_up=writer.output.suffix.lower() in MP4_LIKE
        )
        self.num_frames = 0
        self._num_told = 0

    def close(self) -> None:
        """Stop what the encoder still does."""
        if self._encoder is not None:
            self._encoder.close()

    def run(
        self, items: Generator[PreparedFrame | Preview | Notice | Packet[Any], None, None]
    ) -> Generator[Event, None, None]:
        """Encode and write everything."""
        waiting: list[Packet[Any]] = []
        for item in items:
            if isinstance(item, Preview | Notice):
                yield item
                continue
            if not isinstance(item, PreparedFrame):
                if self._encoder is None:
                    # The header needs the first frame; packets before it wait.
                    waiting.append(item)
                else:
                    self._writer.copy(item)
                continue
            if self._encoder is None:
                self._encoder, notices = self._start(item)
                yield from map(Notice, notices)
                for packet in waiting:
                    self._writer.copy(packet)
                waiting.clear()
            self._encode(self._encoder, item)
            yield from self._new_notices(self._encoder)
            yield Progress(
                self.num_frames, self._reader.info.num_frames_from_header, self._writer.bytes_written
            )
        assert self._encoder is not None  # noqa: S101 - the reader raises if there is no frame
        self._write(self._durations.finish(self._encoder.flush(), self._reader.end_pts))
        yield from self._new_notices(self._encoder)
        yield from map(Notice, self._writer.finish())

    def _start(self, first: PreparedFrame) -> tuple[Encoder, list[str]]:
        info, suffix = self._reader.info, self._writer.output.suffix
        encoder = self._coding.open(first, info, suffix)
        self._writer.add_video(encoder.parameters)
        self._writer.copy_streams(self._reader)
        self._writer.start()
        self._num_told = len(encoder.notices)
        return encoder, encoder.notices

    def _new_notices(self, encoder: Encoder) -> Generator[Notice, None, None]:
        """Tell what only later frames show."""
        yield from map(Notice, encoder.notices[self._num_told :])
        self._num_told = len(encoder.notices)

    def _encode(self, encoder: Encoder, item: PreparedFrame) -> None:
        picture = item.picture
        assert picture.pts is not None  # noqa: S101 - the reader sees to it
        self._durations.note(picture.pts)
        self._write(self._durations.pass_on(encoder.encode(item)))
        if item.predicted_rate_ratio is not None:
            self._rate_ratios += item.predicted_rate_ratio
        self.num_frames += 1

    def _write(self, packets: Iterable[CodedPacket]) -> None:
        for packet in packets:
            self._video_bytes += len(packet.data)
            self._writer.write(packet)

    def result(self, output_bytes: int, elapsed_seconds: float) -> Result:
        """Sum up the job."""
        info = self._reader.info
        ratio = self._rate_ratios / self.num_frames
        span = self._durations.span(self._reader.end_pts) * info.time_base
        return Result(
            source=info.path,
            output=self._writer.output,
            codec=self._coding.name,
            quality=self._coding.quality,
            num_frames=self.num_frames,
            duration_seconds=float(span),
            source_bytes=info.size_bytes,
            output_bytes=output_bytes,
            video_bytes=self._video_bytes,
            plain_bytes_estimate=(
                round(output_bytes + self._video_bytes * (1 / ratio - 1)) if ratio > 0 else None
            ),
            elapsed_seconds=elapsed_seconds,
            is_input_damaged=bool(self._reader.damage),
        )
