"""Writes importance maps to files: sidecars, pictures, arrays, and files for other encoders."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.x26x.x265 import X265
from semvid.core.config import ExportConfig, MapFormat
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Event, Notice, Preview, Progress, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.results import ExportResult
from semvid.core.settings import or_default
from semvid.core.text import setting
from semvid.core.threads import limited_threads
from semvid.core.types import Span
from semvid.engine.run import follow, open_run
from semvid.engine.stages import only_frames, pipeline, with_thumbnails
from semvid.importance.files.map_sink import SinkContext, full_size
from semvid.importance.files.offset_text import BLOCK_SIZE
from semvid.importance.files.sinks import open_sink
from semvid.importance.registry import importance_of
from semvid.media.edit import refuse_still
from semvid.media.fields import FieldCount
from semvid.media.stills.picture import Picture, read_picture
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.folder import check_folder
from semvid.media.writing.output import check_place, write_whole

SUFFIXES: Mapping[MapFormat, tuple[str, ...]] = {
    "sidecar": (".svmap",),
    "video": (".mkv",),
    "npz": (".npz",),
    "kvazaar": (".roi", ".txt"),
    "svtav1": (".txt",),
    "x264mod": (".avi",),
    "png": ("",),
}
"""How the output of each format ends; the first is the one it is known by."""


def export_maps(
    source: Path | str,
    output: Path | str,
    config: ExportConfig | None = None,
    *,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ExportResult:
    """Write the maps of a picture or a video to a file that ``maps.path`` reads back.

    Args:
        source: A picture or a video.
        output: For a picture ``.png``, 8-bit grey, white = important, of the upright size. For a video what
            ``config.format`` says, or what the name says: see ``SUFFIXES``. Pictures of videos have the
            upright size too; a sidecar and ``.npz`` the size of the maps.
        config: Options; None = defaults.
        preview_size: ``(width, height)`` in pixels that pictures of ``Preview`` must fit in; None = none.
        on_event: Called with ``Started``, ``Notice``, ``Preview`` and ``Progress`` of a video; of a
            picture with ``Notice``.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    source, output, config = Path(source), Path(output), or_default(config, ExportConfig)
    if is_still(source):
        return _export_picture(source, output, config, on_event)
    kind = _format_of(output, config.format)
    if kind == "png":
        check_folder(output, overwrite=config.overwrite)
    else:
        check_place(output, source, overwrite=config.overwrite)
    return follow(video_map_events(source, output, kind, config, preview_size=preview_size), on_event)


def video_map_events(
    source: Path,
    output: Path,
    kind: MapFormat,
    config: ExportConfig,
    *,
    span: Span | None = None,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
) -> Generator[Event, None, ExportResult]:
    """Do what ``export_maps`` does for a video, step by step.

    Args:
        source: The video.
        output: Where to write.
        kind: How.
        config: The other options.
        span: The part of the video; None = all.
        importance: The caller's own source of maps; None = there is none.
        preview_size: As for ``export_maps``.

    Yields:
        ``Started``, ``Preview``, ``Progress`` and ``Notice``.
    """
    fields = FieldCount()
    # HEVC's rate model stands in for that of kvazaar.
    # What x265 loses between its blocks was measured for it alone.
    others = replace(X265, block_size=BLOCK_SIZE, blocks_as_one=1, spared_steps=0.0)
    spec = AV1 if kind == "svtav1" else others
    allocator = OffsetAllocator(spec, config.allocation)
    with (
        limited_threads(config.threads),
        open_run(source, config.temporal, preview_size, span=span, edit=config.edit) as run,
    ):
        run.open_maps(config.maps, importance)
        info = run.reader.info
        context = SinkContext(info, run.made_by, allocator)
        with open_sink(kind, output, context, overwrite=config.overwrite) as sink:
            run.record(sink)
            yield Started(info)
            # Making maps takes longer than decoding.
            early = only_frames, with_thumbnails
            with pipeline(run.reader, run.analyse, run.preview, while_decoding=early) as items:
                for item in items:
                    if isinstance(item, Preview):
                        yield item
                    elif item.frame.pts in run.reader.span:
                        fields.look(item.frame)
                        yield Progress(sink.num_frames, info.num_frames_from_header, sink.bytes_written)
            told = fields.notice("a map is of both fields of a frame together")
            yield from run.finish(sink.num_frames, "got maps", "what could be decoded has maps", told)
    return ExportResult(source, output, sink.num_frames, _size_of(output))


def _size_of(output: Path) -> int:
    files = output.iterdir() if output.is_dir() else [output]
    return sum(one.stat().st_size for one in files)


def _format_of(output: Path, wanted: MapFormat | None) -> MapFormat:
    suffix = output.suffix.lower()
    if wanted is None:
        if suffix == ".txt":
            raise ConfigError(f"{output} may be kvazaar's or SVT-AV1's; pass `format=kvazaar or svtav1`")
        found = next((kind for kind, suffixes in SUFFIXES.items() if suffix == suffixes[0]), None)
        if found is None:
            known = ", ".join(suffixes[0] for suffixes in SUFFIXES.values() if suffixes[0])
            raise OutputError(
                f"'{suffix}' holds no maps of a video; end `output` in {known}, or name a folder"
            )
        return found
    if suffix not in SUFFIXES[wanted]:
        must = " or ".join(one or "no suffix: it is a folder" for one in SUFFIXES[wanted])
        raise ConfigError(
            f"`format={wanted}` and {setting('output', output)} do not fit; the name must have {must}"
        )
    return wanted


def _export_picture(
    source: Path, output: Path, config: ExportConfig, on_event: Callable[[Event], None]
) -> ExportResult:
    refuse_still(config.edit)
    check_place(output, source, overwrite=config.overwrite)
    if output.suffix.lower() != ".png" or config.format not in {None, "png"}:
        raise OutputError(
            f"'{output.suffix or output.name}': the map of a picture is a .png; end `output` in .png"
        )
    picture: Picture = read_picture(source)
    for message in picture.pixel_notices:
        on_event(Notice(message))
    upright = picture.upright()
    file = io.BytesIO()
    height, width = upright.shape[:2]
    with limited_threads(config.threads):
        values, said = importance_of(upright, config.maps)
    for message in said:
        on_event(Notice(message))
    Image.fromarray(full_size(values, (width, height))).save(file, "PNG")
    return ExportResult(source, output, 1, write_whole(output, file.getvalue(), overwrite=config.overwrite))
