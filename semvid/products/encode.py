"""Encodes one file: connects the stages, on separate threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from semvid.codecs.base.coding import Coding, Target
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Event, Notice, Progress, Stage, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Size
from semvid.core.results import Result
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, Span
from semvid.engine.encoding import Encoding
from semvid.engine.map_memory import MapMemory
from semvid.engine.peak import PeakWatch
from semvid.engine.pre_roll import Lead
from semvid.engine.run import Run, open_run
from semvid.engine.samples import CodingLog
from semvid.engine.stages import Stage as Step
from semvid.engine.stages import each, in_thread, pipeline
from semvid.engine.writing import Writing
from semvid.importance.files.map_sink import SinkContext
from semvid.importance.files.sidecar import SUFFIX
from semvid.importance.registry import sharing_cores
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.carry import Manifest
from semvid.media.writing.destination import check_output, default_output
from semvid.media.writing.output import check_place
from semvid.media.writing.writer import VideoWriter
from semvid.products.saving import Saving

if TYPE_CHECKING:
    from semvid.engine.recording import Recording
    from semvid.engine.wishes import Finished


def encode_events(
    source: Path,
    output: Path | None,
    config: CompressConfig,
    coding: Coding,
    *,
    span: Span | None = None,
    redraw: Callable[[Run], Step] | None = None,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    accepts: Callable[[Finished], bool] | None = None,
    memory: MapMemory | None = None,
    recording: Recording | None = None,
    may_leave_out: bool = False,
    num_whole: int | None = None,
) -> Generator[Event, None, Result]:
    """Do what ``compress_events`` (``compress.py``) does, except for ``Done``, with the caller's coding.

    ``redraw`` is a stage that changes pictures before they are coded; ``accepts`` decides about the complete
    file before it gets its name; ``memory`` has the maps of an earlier run, or gets those of this one;
    ``recording`` is written instead of encoding; ``may_leave_out`` = the caller encodes without a map where
    that is better; ``num_whole`` = the span is one of several that make up a video of so many frames, and
    bears its share of what is measured; ``config`` says the rest.

    Raises:
        LosingMapError: It is: the encode is gone.
        RejectedError: It was not accepted, and is gone.
    """
    started = time.monotonic()
    has_maps = config.allocation.strength > 0
    # Maps that are given or remembered are those of the part.
    is_alone = any(one is not None for one in (recording, memory)) or not _may_see_more(importance)
    with open_run(
        source, config.temporal, preview_size, span=span, edit=config.edit, has_maps=has_maps,
        lead=None if is_alone else Lead.of(config, span),
    ) as run:  # fmt: skip
        reader, info = run.reader, run.reader.info
        output, manifest = plan(run, source, output, config, coding)
        reader.keep(manifest.read_streams, reader.span.dropped(config.drop))
        run.open_maps(sharing_cores(config.maps), importance, memory)
        with VideoWriter(output, manifest, overwrite=config.overwrite) as writer, ExitStack() as stack:
            yield Started(info)
            yield from map(Notice, (*manifest.notices, *remarks(source, config, run)))
            if config.save_maps is not None and has_maps:
                record(run, config.save_maps, stack, overwrite=config.overwrite)
            interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, output.suffix)
            encoding, writing, log = Encoding(), Writing(reader, writer), CodingLog()
            peak, stages = (
                PeakWatch(config.peak),
                [run.analyse, interlaced.run, run.pre_roll.hide, run.preview],
            )
            if redraw is not None:
                stages.append(redraw(run))
            target = Target.of_file(info, output.suffix, closes_groups=run.pre_roll.is_there)
            encoding.begin(coding, target)
            saving = Saving(
                coding, config, target, reader, sees_frames=recording is None, num_whole=num_whole
            )
            stack.callback(encoding.close)
            # The calling thread must keep the encoder fed.
            prepare = each(AnalysedFrame, lambda frame: [coding.prepare(frame)])
            coded = [
                *saving.stages, run.pre_roll.show, prepare, in_thread("analyse", info), encoding.run,
                run.pre_roll.drop,
            ]  # fmt: skip
            stages += [*(coded if recording is None else [recording.replay]), log.run, peak.run, writing.run]
            with pipeline(reader, *stages) as events:
                yield from events
            remark, fields = "what could be decoded was compressed", interlaced.notices()
            yield from run.finish(writing.num_frames, "were coded", remark, fields)
            complete = writer.complete()
            # Before others are read: the memory of its pictures is as much as theirs.
            reader.close()
            if accepts is not None and not accepts(_finished(complete, coding, writing, log)):
                raise RejectedError
            yield from _verify(writer, config)
            yield from map(Notice, peak.remarks())
            # Whoever ends the run meanwhile gets no output.
            yield from saving.find(source, log, output.suffix)
            plain = saving.measured and saving.measured.plain_video_bytes
            may_leave_out &= find_codec(config.codec).leaves_out_losing_maps
            if may_leave_out and plain and plain < writing.video_bytes:
                raise LosingMapError(writing.video_bytes, plain, stack.pop_all())
            output_bytes = writer.commit()
            yield from map(Notice, writer.notices)
            try:
                stack.close()
            except OutputError as error:
                # What the caller wants first has its name by now.
                raise type(error)(f"{output} is complete, but its maps are missing: {error}") from error
            if isinstance(config.rate, Size) and output_bytes > config.rate.num_bytes:
                yield Notice(f"the output has {output_bytes} bytes, more than `Size`; ask for less")
            result = writing.result(coding, output_bytes, time.monotonic() - started)
            return saving.added_to(result)


def _may_see_more(importance: ImportanceSource | None) -> bool:
    """Whether a source of maps may be asked for frames that are not in the part."""
    return importance is None or bool(getattr(importance, "is_blank_around", False))


def _verify(writer: VideoWriter, config: CompressConfig) -> Iterator[Event]:
    """Check what was not checked when the file was completed."""
    if config.verify == "quick":
        return
    yield Stage("decoding the output")
    for count in writer.decoded():
        yield Progress(count, writer.num_coded, writer.bytes_written)


def _finished(complete: Path, coding: Coding, writing: Writing, log: CodingLog) -> Finished:
    from semvid.engine.wishes import Finished

    return Finished(complete, coding.quality, complete.stat().st_size, writing.video_bytes, log.coded())


def plan(
    run: Run, source: Path, output: Path | None, config: CompressConfig, coding: Coding
) -> tuple[Path, Manifest]:
    """Return where a run writes, and what it does with the other streams; refuse what cannot be done."""
    info = run.reader.info
    if output is None:
        output = default_output(info, coding.coding_format, config)
    _check_span(run.reader.span, output, config)
    manifest = check_output(output, info, coding.coding_format, config)
    if config.save_maps is not None:
        _check_maps_place(config.save_maps, source, output, overwrite=config.overwrite)
    return output, manifest


def record(run: Run, path: Path, stack: ExitStack, *, overwrite: bool) -> None:
    """Keep the maps of a run in a sidecar, which gets its name when the stack is closed."""
    from semvid.importance.files.sinks import open_sink

    context = SinkContext(run.reader.info, run.made_by)
    run.record(stack.enter_context(open_sink("sidecar", path, context, overwrite=overwrite)))


class LosingMapError(Exception):
    """An encode without a map is smaller, and as good where it matters.

    Attributes:
        video_bytes: Of the encode with a map.
        plain_bytes: Of one without, as measured.
        others: What else the run made, as maps to save: complete, and to be closed by whoever goes on.
    """

    def __init__(self, video_bytes: int, plain_bytes: int, others: ExitStack) -> None:
        super().__init__(video_bytes, plain_bytes)
        self.video_bytes, self.plain_bytes, self.others = video_bytes, plain_bytes, others


class RejectedError(Exception):
    """An encode was not what was asked for."""


def remarks(source: Path, config: CompressConfig, run: Run) -> Iterator[str]:
    """Return sentences about options that will have no effect, or another one than expected."""
    if is_still(source):
        yield (
            f"{source.name} is a still picture: a video of one frame is made (of several pages, the first); "
            "semvid image makes a JPEG"
        )
    if config.maps.device in {"cuda", "mps"} and not run.has_network:
        yield f"`device={config.maps.device}` has no effect: no network makes these maps"


def _check_maps_place(path: Path, source: Path, output: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() != SUFFIX or path.absolute() == output.absolute():
        raise OutputError(f"{setting('save_maps', path)} is not a sidecar; end it in {SUFFIX}")
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
