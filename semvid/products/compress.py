"""Compress one file: the stages put together, each on a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semvid.codecs.base.coding import Coding, PreparedFrame
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import open_coding
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Done, Event, Notice, Preview, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.opencv_threads import one_opencv_thread
from semvid.core.prefetch import prefetch
from semvid.core.rate import Size
from semvid.core.results import Result
from semvid.core.settings import or_default
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, Frame, Span, VideoInfo
from semvid.engine.analysis import WARM_UP_SECONDS, Analyser
from semvid.engine.encoding_job import EncodingJob
from semvid.engine.job import Job
from semvid.engine.preview import Previewer
from semvid.importance.files.made_by import describe_maps
from semvid.importance.files.map_sink import SinkContext
from semvid.importance.files.sidecar import SUFFIX
from semvid.importance.files.sinks import open_sink
from semvid.importance.predictor import NetworkSource
from semvid.importance.registry import open_source, sharing_cores
from semvid.media.reading.reader import VideoReader
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.destination import check_output, default_output
from semvid.media.writing.output import check_place
from semvid.media.writing.writer import VideoWriter

if TYPE_CHECKING:
    from av import Packet

_MOST_AHEAD, _FEWEST_AHEAD = 32, 4
"""Frames between two stages. Many let the stages before the encoder work in the gaps it leaves, at a low
priority, which takes a tenth off the time of an encode on two cores."""
_BYTES_AHEAD = 64 * 2**20


def compress(
    source: Path | str,
    output: Path | str | None = None,
    config: CompressConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Compress a video with its detail kept where it matters.

    Args:
        source: The video.
        output: Where to write; None = ``NAME.semvid.EXT`` beside the source.
        config: Options; None = defaults.
        importance: Your own source of maps, instead of the one ``config`` names. It is closed at the end.
        preview_size: As for ``compress_events``.
        on_event: Called with every event of ``compress_events``, in the calling thread.

    Returns:
        Sizes, counts and times.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    return compress_job(
        _job(source, output, config), importance=importance, preview_size=preview_size, on_event=on_event
    )


def compress_job(
    job: Job,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Do what ``compress`` does for a job; the other arguments are the same.

    Of a part, times stay those of the whole video, so that parts can be joined (``media.writing.concat``).
    """
    result = None
    with closing(job_events(job, importance=importance, preview_size=preview_size)) as events:
        for event in events:
            if on_event is not None:
                on_event(event)
            if isinstance(event, Done):
                result = event.result
    assert result is not None  # noqa: S101 - the events end with Done or raise
    return result


def compress_events(
    source: Path | str,
    output: Path | str | None = None,
    config: CompressConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
) -> Generator[Event, None, None]:
    """Do the work of ``compress`` step by step.

    Args:
        source: As for ``compress``, like ``output``, ``config`` and ``importance``.
        output: See ``compress``.
        config: See ``compress``.
        importance: See ``compress``.
        preview_size: ``(width, height)`` in pixels that pictures of ``Preview`` must fit in; None = none.

    Yields:
        ``Started``, then ``Notice``, ``Preview`` and ``Progress`` as they come, and ``Done`` last. Closing
        the generator early stops all threads and leaves no output.
    """
    yield from job_events(_job(source, output, config), importance=importance, preview_size=preview_size)


def job_events(
    job: Job, *, importance: ImportanceSource | None = None, preview_size: tuple[int, int] | None = None
) -> Generator[Event, None, None]:
    """Do what ``compress_events`` does for a job; the other arguments are the same."""
    coding = open_coding(job.config)
    yield from encode_events(
        job.source, job.output, job.config, coding,
        span=job.span, importance=importance, preview_size=preview_size,
    )  # fmt: skip


def _job(source: Path | str, output: Path | str | None, config: CompressConfig | None) -> Job:
    return Job(
        Path(source), None, None if output is None else Path(output), or_default(config, CompressConfig)
    )


def encode_events(
    source: Path,
    output: Path | None,
    config: CompressConfig,
    coding: Coding,
    *,
    span: Span | None = None,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
) -> Generator[Event, None, None]:
    """Do what ``compress_events`` does with a coding of one's own; ``config`` says the rest."""
    started = time.monotonic()
    span = span or Span()
    has_maps = config.allocation.strength > 0
    warm_up = WARM_UP_SECONDS if has_maps else Fraction(0)
    export_vectors = config.temporal.motion == "vectors"
    with (
        one_opencv_thread(),
        VideoReader(source, span=span, warm_up=warm_up, export_vectors=export_vectors) as reader,
    ):
        if output is None:
            output = default_output(reader.info, coding.coding_format, config)
        _check_span(span, output, config)
        manifest = check_output(output, reader.info, coding.coding_format, config)
        reader.keep(manifest.read_streams)
        if config.save_maps is not None:
            _check_maps_place(config.save_maps, source, output, overwrite=config.overwrite)
        maps = open_source(sharing_cores(config.maps), reader.info.num_frames_from_header, importance)
        with closing(maps), VideoWriter(output, manifest, overwrite=config.overwrite) as writer:
            if not span.is_all:
                if maps.counts_frames and has_maps:
                    reader.count_frames()
                maps.begin_part(reader.locate())
            yield Started(reader.info)
            yield from map(Notice, manifest.notices)
            if is_still(source):
                yield Notice(
                    f"{source.name} is a still picture: a video of one frame is made (of several pages, the "
                    "first); semvid image makes a JPEG"
                )
            if config.maps.device in {"cuda", "mps"} and not isinstance(maps, NetworkSource):
                yield Notice(f"`device={config.maps.device}` has no effect: no network makes these maps")
            analyser = Analyser(maps, config.temporal, span) if has_maps else None
            previewer = Previewer(preview_size, reader.info.sample_aspect_ratio)
            interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, output.suffix)
            ahead = _frames_ahead(reader.info)
            with ExitStack() as stack:
                if config.save_maps is not None and analyser is not None:
                    asked = config.maps if importance is None else None
                    made_by = describe_maps(asked, maps, analyser.settings)
                    context = SinkContext(reader.info, made_by)
                    analyser.recorder = stack.enter_context(
                        open_sink("sidecar", config.save_maps, context, overwrite=config.overwrite)
                    )
                preparation = _Preparation(coding, previewer, span)
                with (
                    closing(prefetch(reader.read(), ahead, "semvid-decode", is_background=True)) as decoded,
                    closing(
                        prefetch(
                            preparation.run(interlaced.run(_analyse(decoded, analyser))),
                            ahead,
                            "semvid-analyse",
                            is_background=True,
                        )
                    ) as prepared,
                    closing(EncodingJob(reader, writer, coding, config)) as job,
                ):
                    yield from job.run(prepared)
                reader.check_count(job.num_frames + preparation.num_left_out, "were coded")
                yield from map(Notice, reader.changes + interlaced.notices())
                if analyser is not None:
                    yield from map(Notice, analyser.finish(job.num_frames))
                yield from map(Notice, reader.remarks("what could be decoded was compressed"))
                output_bytes = writer.commit()
                yield from map(Notice, writer.notices)
            if isinstance(config.rate, Size) and output_bytes > config.rate.num_bytes:
                yield Notice(f"the output has {output_bytes} bytes, more than `Size`; ask for less")
            yield Done(job.result(output_bytes, time.monotonic() - started))


def _check_maps_place(path: Path, source: Path, output: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() != SUFFIX or path.absolute() == output.absolute():
        raise OutputError(f"{setting('save_maps', path)} is no place for maps; end it in {SUFFIX}")
    check_place(path, source, overwrite=overwrite, option="save_maps")


def _check_span(span: Span, output: Path, config: CompressConfig) -> None:
    if span.is_all:
        return
    if output.suffix.lower() == ".avi":
        raise OutputError(
            f"{output} cannot be a part of a video: .avi has no timestamps; write to .mov or .mkv"
        )
    if isinstance(config.rate, Size):
        raise ConfigError(f"`Size` is shared out over a whole video, and {span} is a part; give `Quality`")


def _frames_ahead(info: VideoInfo) -> int:
    bits = 16 if any(depth in info.pixel_format for depth in ("10", "12", "14", "16")) else 8
    bytes_per_frame = max(info.width * info.height * 3 // 2 * bits // 8, 1)
    return min(max(_BYTES_AHEAD // bytes_per_frame, _FEWEST_AHEAD), _MOST_AHEAD)


def _analyse(
    items: Generator[Frame | Packet[Any], None, None], analyser: Analyser | None
) -> Generator[AnalysedFrame | Packet[Any], None, None]:
    if analyser is not None:
        yield from analyser.run(items)
        return
    for item in items:
        yield AnalysedFrame(item, None, is_cut=False) if isinstance(item, Frame) else item


class _Preparation:
    """Readies frames on the analysing thread: the calling thread must keep the encoder fed."""

    def __init__(self, coding: Coding, previewer: Previewer, span: Span) -> None:
        self._coding, self._previewer, self._span = coding, previewer, span
        self.num_left_out = 0

    def run(
        self, items: Generator[AnalysedFrame | Packet[Any], None, None]
    ) -> Generator[PreparedFrame | Preview | Packet[Any], None, None]:
        for item in items:
            if not isinstance(item, AnalysedFrame):
                yield item
                continue
            if item.frame.pts not in self._span:
                # What is remembered from frame to frame was warmed up with it.
                continue
            if (preview := self._previewer.look(item)) is not None:
                yield preview
            if (prepared := self._coding.prepare(item)) is not None:
                yield prepared
            else:
                self.num_left_out += 1
