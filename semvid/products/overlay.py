"""Draws importance over a picture or a video."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from semvid.codecs.base.coding import Encoder, PreparedFrame, Target
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.ffmpeg.region_coding import RegionCoding
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import AllocationConfig, CompressConfig, OverlayConfig
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Done, Event, Notice, Progress, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Crf
from semvid.core.resampling import scaled
from semvid.core.results import ExportResult
from semvid.core.settings import or_default
from semvid.core.threads import limited_threads
from semvid.engine.run import Run, follow, open_run
from semvid.engine.stages import in_thread, only_frames, pipeline
from semvid.importance.registry import importance_of
from semvid.media.drawing import Bgr
from semvid.media.edit import refuse_still
from semvid.media.stills.picture import read_picture
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.animation import SUFFIXES as ANIMATED
from semvid.media.writing.animation import Animation
from semvid.media.writing.containers import CONTAINERS
from semvid.media.writing.folder import check_folder, picture_folder
from semvid.media.writing.output import check_place, write_whole
from semvid.products.encode import encode_events
from semvid.products.frame_drawer import Drawn, FrameDrawer, draw_over

_STILLS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_CODED = CompressConfig(rate=Crf(20), preset="veryfast", allocation=AllocationConfig(strength=0))


def export_overlay(
    source: Path | str,
    output: Path | str,
    config: OverlayConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ExportResult:
    """Draw what matters over a picture or a video, upright.

    Args:
        source: A picture or a video.
        output: For a picture ``.png``, ``.jpg`` or ``.webp``; for a video ``.mp4``, ``.mkv`` or ``.mov``
            (sound and the rest copied), ``.gif`` or ``.webp``, or a folder with one PNG per frame.
        config: Options; None = defaults.
        importance: Your own source of maps, instead of the one ``config`` names. It is closed at the end.
        preview_size: ``(width, height)`` in pixels that pictures of ``Preview`` must fit in; None = none.
        on_event: Called with ``Started``, ``Notice``, ``Preview`` and ``Progress`` of a video.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    source, output, config = Path(source), Path(output), or_default(config, OverlayConfig)
    suffix = output.suffix.lower()
    if is_still(source):
        return _draw_still(source, output, config, importance, on_event)
    if suffix == ".avi" or suffix not in {"", *ANIMATED, *CONTAINERS}:
        raise OutputError(
            f"'{suffix}' cannot be drawn to; end `output` in .mp4, .mkv, .mov, .gif, .webp, or name a folder"
        )
    if not suffix:
        check_folder(output, overwrite=config.overwrite)
    elif suffix in ANIMATED:
        check_place(output, source, overwrite=config.overwrite)

    def tell(event: Event) -> None:
        # Of the frames in the header, only those that are drawn reach the encoder.
        if isinstance(event, Progress) and suffix in CONTAINERS and event.num_frames_from_header:
            num_drawn = -(-event.num_frames_from_header // config.every)
            event = replace(event, num_frames_from_header=num_drawn)
        on_event(event)

    return follow(_video_events(source, output, config, importance, preview_size), tell)


class _PlainCoding(RegionCoding):
    """Encodes drawings without maps."""

    every = 1

    def open(self, first: PreparedFrame, target: Target) -> Encoder:
        """See ``Coding``: pixels of a drawing are square, and only some frames are drawn."""
        rate = target.frame_rate and target.frame_rate / self.every
        source = target.source and replace(target.source, side_data=())
        square = replace(target, sample_aspect_ratio=None, frame_rate=rate, source=source)
        return super().open(first, square)


def _video_events(
    source: Path,
    output: Path,
    config: OverlayConfig,
    importance: ImportanceSource | None,
    preview_size: tuple[int, int] | None,
) -> Generator[Event, None, ExportResult]:
    with limited_threads(config.threads), closing(FrameDrawer(config)) as drawer:
        if output.suffix.lower() in CONTAINERS:
            settings = CompressConfig(
                maps=config.maps, temporal=config.temporal, deinterlace="bwdif", overwrite=config.overwrite,
                edit=config.edit,
            )  # fmt: skip
            coding = _PlainCoding.of_file(X264, _CODED)
            coding.every = config.every
            result = yield from encode_events(
                source, output, settings, coding,
                redraw=drawer.pictures, importance=importance, preview_size=preview_size,
            )  # fmt: skip
            yield from map(Notice, drawer.finish())
            yield Done(result)
            return ExportResult(source, output, result.num_frames, result.output_bytes)
        with open_run(source, config.temporal, preview_size, edit=config.edit) as run:
            run.open_maps(config.maps, importance)
            yield Started(run.reader.info)
            if output.suffix:
                with Animation(output, overwrite=config.overwrite) as animation:
                    yield from _write(run, drawer, animation.add)
                    size = animation.finish(run.reader.end_pts * run.reader.info.time_base)
                    return ExportResult(source, output, animation.num_frames, size)
            with picture_folder(output, overwrite=config.overwrite) as folder:
                yield from _write(run, drawer, lambda drawn, _: folder.write(drawn[..., ::-1]))
                return ExportResult(source, output, folder.num_frames, folder.bytes_written)


def _write(
    run: Run, drawer: FrameDrawer, write: Callable[[Bgr, Fraction], None]
) -> Generator[Event, None, None]:
    """Have drawings written, and when they are shown, in seconds."""
    info, interlaced, draw = run.reader.info, InterlacedStage("bwdif"), drawer.drawings(run)
    num_drawn = 0
    stages = only_frames, run.analyse, interlaced.run, run.preview, draw, in_thread("draw", info)
    with pipeline(run.reader, *stages) as items:
        for item in items:
            if not isinstance(item, Drawn):
                yield item
                continue
            if item.pixels is not None:
                write(item.pixels, item.analysed.frame.pts * info.time_base)
                num_drawn += 1
            yield Progress(item.analysed.frame.index + 1, info.num_frames_from_header, 0)
    yield from run.finish(num_drawn, "were drawn", "what could be decoded was drawn", interlaced.notices())
    yield from map(Notice, drawer.finish())


def _draw_still(
    source: Path,
    output: Path,
    config: OverlayConfig,
    importance: ImportanceSource | None,
    on_event: Callable[[Event], None],
) -> ExportResult:
    refuse_still(config.edit)
    check_place(output, source, overwrite=config.overwrite)
    suffix = output.suffix.lower()
    if suffix not in _STILLS:
        raise OutputError(f"'{suffix or output.name}' is not a picture; end `output` in {', '.join(_STILLS)}")
    if config.result is not None:
        raise ConfigError("`result` is for videos; leave it out")
    if config.style == "blocks":
        raise ConfigError("`style=blocks` shows the offsets of a video encoder; a picture has none")
    read = read_picture(source)
    for message in read.pixel_notices:
        on_event(Notice(message))
    upright = read.upright()
    kind = cv2.COLOR_GRAY2BGR if upright.ndim == 2 else cv2.COLOR_RGB2BGR
    height, width = upright.shape[:2]
    if config.height is not None:
        width, height = max(round(width * config.height / height), 1), config.height
    picture = scaled(np.asarray(cv2.cvtColor(upright, kind), np.uint8), height, width)
    with limited_threads(config.threads):
        values, said = importance_of(upright, config.maps, importance)
    for message in said:
        on_event(Notice(message))
    drawn = draw_over(picture, values, config)
    file = io.BytesIO()
    # What is drawn is RGB: the profile of a grey picture does not fit.
    profile = read.tags.icc if upright.ndim == 3 else b""
    Image.fromarray(drawn[..., ::-1]).save(file, _STILLS[suffix], quality=92, icc_profile=profile or None)
    return ExportResult(source, output, 1, write_whole(output, file.getvalue(), overwrite=config.overwrite))
