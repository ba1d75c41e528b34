"""Show what matters: importance drawn over a picture or a video."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from semvid.codecs.base.coding import Encoder, PreparedFrame
from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.base.side_data import lost_by_drawing
from semvid.codecs.ffmpeg.region_coding import RegionCoding
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import AllocationConfig, CompressConfig, OverlayConfig
from semvid.core.conversion import Colours, converted
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Done, Event, Notice, Progress, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Crf
from semvid.core.resampling import scaled
from semvid.core.results import ExportResult
from semvid.core.settings import or_default
from semvid.core.types import AnalysedFrame, Frame, VideoInfo
from semvid.engine.analysis import Analyser
from semvid.engine.preview import Previewer
from semvid.importance.registry import open_source
from semvid.media.drawing import Bgr
from semvid.media.probe import probe
from semvid.media.reading.reader import VideoReader
from semvid.media.stills.picture import read_picture
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.animation import SUFFIXES as ANIMATED
from semvid.media.writing.animation import Animation
from semvid.media.writing.containers import CONTAINERS
from semvid.media.writing.folder import check_folder, picture_folder
from semvid.media.writing.output import check_place, write_whole
from semvid.products.compress import encode_events
from semvid.products.frame_drawer import FrameDrawer, draw_over
from semvid.products.still import importance_of

if TYPE_CHECKING:
    from av import VideoFrame

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
            (sound and the rest copied), ``.gif`` or ``.webp``, or a folder, one PNG a frame.
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
    if suffix in CONTAINERS and suffix != ".avi":
        return _draw_video(source, output, config, importance, preview_size, on_event)
    if suffix and suffix not in ANIMATED:
        raise OutputError(
            f"'{suffix}' cannot be drawn to; end `output` in .mp4, .mkv, .mov, .gif, .webp, or name a folder"
        )
    if suffix:
        check_place(output, source, overwrite=config.overwrite)
    else:
        check_folder(output, overwrite=config.overwrite)
    with VideoReader(source, export_vectors=config.temporal.motion == "vectors") as reader:
        on_event(Started(reader.info))
        frames = _drawn_frames(reader, config, importance, preview_size, on_event)
        if not suffix:
            with closing(frames), picture_folder(output, overwrite=config.overwrite) as sink:
                for drawn, _ in frames:
                    sink.write(np.ascontiguousarray(drawn[..., ::-1]))
                return ExportResult(source, output, sink.num_frames, sink.bytes_written)
        with closing(frames), Animation(output, overwrite=config.overwrite) as animation:
            for drawn, seconds in frames:
                animation.add(drawn, seconds)
            size = animation.finish(reader.end_pts * reader.info.time_base)
            return ExportResult(source, output, animation.num_frames, size)


class _DrawnCoding:
    """See ``Coding``: what is coded is the drawing, plainly."""

    name = "x264"
    coding_format = X264.coding_format

    def __init__(
        self, config: OverlayConfig, drawer: FrameDrawer, sample_aspect_ratio: Fraction | None
    ) -> None:
        self._config = config
        self._drawer = drawer
        self._sample_aspect_ratio = sample_aspect_ratio
        self._plain = RegionCoding(X264, _CODED)
        self.quality = self._plain.quality
        self._first: VideoFrame | None = None
        self._is_begun = False

    def codes_fields(self, picture: VideoFrame) -> bool:
        """A drawing has no fields."""
        return False

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame | None:
        frame = analysed.frame
        drawn = self._drawer.draw(analysed, self._sample_aspect_ratio)
        if drawn is None:
            return None
        if not self._is_begun:
            self._first, self._is_begun = frame.picture, True
        picture = converted(
            av.VideoFrame.from_ndarray(drawn, format="bgr24"), "yuv420p",
            target=Colours(Colorspace.ITU709, ColorRange.MPEG),
        )  # fmt: skip
        picture.colorspace, picture.color_range = Colorspace.ITU709, ColorRange.MPEG
        picture.pts, picture.time_base = frame.picture.pts, frame.picture.time_base
        picture.color_primaries, picture.color_trc = frame.picture.color_primaries, frame.picture.color_trc
        flat = Frame(picture, frame.index)
        return self._plain.prepare(AnalysedFrame(flat, None, analysed.is_cut))

    def open(self, first: PreparedFrame, info: VideoInfo, suffix: str) -> Encoder:
        rate = None if info.frame_rate is None else info.frame_rate / self._config.every
        square = replace(info, sample_aspect_ratio=None, frame_rate=rate, side_data=())
        coded = self._plain.open(first, square, suffix)
        assert self._first is not None  # noqa: S101 - first has been prepared
        refuse_private_colours(self._first, info.side_data, info.path)
        coded.notices.extend(lost_by_drawing(self._first, info.side_data))
        self._first = None
        return coded


def _draw_video(
    source: Path,
    output: Path,
    config: OverlayConfig,
    importance: ImportanceSource | None,
    preview_size: tuple[int, int] | None,
    on_event: Callable[[Event], None],
) -> ExportResult:
    settings = CompressConfig(
        maps=config.maps, temporal=config.temporal, deinterlace="bwdif", overwrite=config.overwrite
    )
    aspect = probe(source).sample_aspect_ratio
    with (
        closing(FrameDrawer(config)) as drawer,
        closing(
            encode_events(
                source,
                output,
                settings,
                _DrawnCoding(config, drawer, aspect),
                importance=importance,
                preview_size=preview_size,
            )
        ) as events,
    ):
        for event in events:
            if isinstance(event, Done):
                for message in drawer.finish():
                    on_event(Notice(message))
            on_event(event)
            if isinstance(event, Done):
                return ExportResult(source, output, event.result.num_frames, event.result.output_bytes)
    raise AssertionError("the events end with Done or raise")


def _drawn_frames(
    reader: VideoReader,
    config: OverlayConfig,
    importance: ImportanceSource | None,
    preview_size: tuple[int, int] | None,
    on_event: Callable[[Event], None],
) -> Generator[tuple[Bgr, Fraction], None, None]:
    """Yield drawings and when they are shown, in seconds."""
    info, count = reader.info, 0
    with (
        closing(FrameDrawer(config)) as drawer,
        closing(open_source(config.maps, info.num_frames_from_header, importance)) as maps,
    ):
        analyser = Analyser(maps, config.temporal)
        previewer = Previewer(preview_size, info.sample_aspect_ratio)
        interlaced = InterlacedStage("bwdif")
        for analysed in interlaced.run(analyser.run(reader.read())):
            if not isinstance(analysed, AnalysedFrame):
                continue
            item = analysed.frame
            if not count:
                refuse_private_colours(item.picture, info.side_data, info.path)
                for message in lost_by_drawing(item.picture, info.side_data):
                    on_event(Notice(message))
            if (preview := previewer.look(analysed)) is not None:
                on_event(preview)
            count += 1
            drawn = drawer.draw(analysed, info.sample_aspect_ratio)
            if drawn is not None:
                yield drawn, (item.picture.pts or 0) * info.time_base
            on_event(Progress(count, info.num_frames_from_header, 0))
        reader.check_count(count, "were drawn")
        told = reader.changes + interlaced.notices() + analyser.finish(count)
        told += reader.remarks("what could be decoded was drawn") + drawer.finish()
        for message in told:
            on_event(Notice(message))


def _draw_still(
    source: Path,
    output: Path,
    config: OverlayConfig,
    importance: ImportanceSource | None,
    on_event: Callable[[Event], None],
) -> ExportResult:
    check_place(output, source, overwrite=config.overwrite)
    suffix = output.suffix.lower()
    if suffix not in _STILLS:
        raise OutputError(f"'{suffix or output.name}' is no picture; end `output` in {', '.join(_STILLS)}")
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
    drawn = draw_over(picture, importance_of(upright, config.maps, importance), config)
    file = io.BytesIO()
    # What is drawn is RGB: the profile of a grey picture does not fit.
    profile = read.tags.icc if upright.ndim == 3 else b""
    Image.fromarray(drawn[..., ::-1]).save(file, _STILLS[suffix], quality=92, icc_profile=profile or None)
    return ExportResult(source, output, 1, write_whole(output, file.getvalue(), overwrite=config.overwrite))
