"""Draws the importance of a video's frames over them, upright and with square pixels."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.side_data import lost_by_drawing
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import OverlayConfig
from semvid.core.conversion import Colours, converted
from semvid.core.errors import InputError
from semvid.core.events import Notice
from semvid.core.records import dataclass
from semvid.core.resampling import scaled
from semvid.core.text import counted, setting
from semvid.core.types import AnalysedFrame, FloatArray, Frame
from semvid.engine.run import Run
from semvid.engine.stages import Items, Stage, each, only_frames
from semvid.media.colour import to_bgr
from semvid.media.drawing import Bgr, blocks, contour, dim, heat, legend, split
from semvid.media.reading.reader import VideoReader


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frame with its importance drawn over it."""

    analysed: AnalysedFrame
    pixels: Bgr | None
    """Upright, with square pixels; None = the frame is left out."""


class FrameDrawer:
    """Draws the frames of one video in one style; it remembers the previous frame if offsets need it."""

    def __init__(self, config: OverlayConfig) -> None:
        self._config = config
        self._allocator = OffsetAllocator(X264, config.allocation)
        self._result = VideoReader(config.result) if config.result else None
        self._results = only_frames(self._result.read()) if self._result else None

    def close(self) -> None:
        """Close the result's file."""
        if self._result is not None:
            self._result.close()

    def finish(self) -> list[str]:
        """Return sentences on what was wrong with the result's file; call it after the last frame."""
        if self._result is None or self._results is None:
            return []
        left = sum(1 for _ in self._results)
        name, more = setting("result", self._config.result), counted(left, "frame")
        told = [f"{name} goes on for {more} after the video ends"] if left else []
        return told + self._result.remarks("what could be decoded is shown beside the video")

    def drawings(self, run: Run) -> Stage:
        """Return the stage that makes ``Drawn`` frames of a video's analysed ones, and tells what is lost."""
        info = run.reader.info

        def draw(items: Items) -> Items:
            for item in items:
                if not isinstance(item, AnalysedFrame):
                    yield item
                    continue
                if not item.frame.index:
                    refuse_private_colours(item.frame.picture, info.side_data, info.path)
                    yield from map(Notice, lost_by_drawing(item.frame.picture, info.side_data))
                yield Drawn(item, drawn := self._draw(item, info.sample_aspect_ratio))
                run.num_left_out += drawn is None

        return draw

    def pictures(self, run: Run) -> Stage:
        """Return the stage that makes pictures to be coded of a video's analysed frames."""
        draw, convert = self.drawings(run), each(Drawn, _as_picture)
        return lambda items: convert(draw(items))

    def _draw(self, analysed: AnalysedFrame, sample_aspect_ratio: Fraction | None) -> Bgr | None:
        frame, config = analysed.frame, self._config
        beside = next(self._results, None) if self._results else None
        if self._results is not None and beside is None:
            raise InputError(
                f"{setting('result', config.result)} ends after {counted(frame.index, 'frame')}, before the "
                "video; give what became of this very video"
            )
        if frame.index % config.every:
            return None
        assert analysed.importance is not None  # noqa: S101 - an overlay always has maps
        picture = to_bgr(frame)
        if config.style == "blocks":
            # Blocks are the encoder's: drawn before anything is turned or scaled.
            offsets, _ = self._allocator.update(analysed)
            assert offsets is not None  # noqa: S101
            picture = blocks(picture, offsets, config.opacity, numbers=config.numbers)
        width, height = _drawn_size(frame, sample_aspect_ratio, config.height)
        upright = scaled(frame.upright(picture), height, width)
        drawn = draw_over(upright, frame.upright(analysed.importance), config)
        if beside is None:
            return drawn
        return np.hstack([drawn, scaled(beside.upright(to_bgr(beside)), height, width)])


def _as_picture(drawn: Drawn) -> Iterator[AnalysedFrame]:
    if drawn.pixels is None:
        return
    original = drawn.analysed.frame.picture
    picture = converted(
        av.VideoFrame.from_ndarray(drawn.pixels, format="bgr24"), "yuv420p",
        target=Colours(Colorspace.ITU709, ColorRange.MPEG),
    )  # fmt: skip
    picture.colorspace, picture.color_range = Colorspace.ITU709, ColorRange.MPEG
    picture.pts, picture.time_base = original.pts, original.time_base
    picture.color_primaries, picture.color_trc = original.color_primaries, original.color_trc
    yield AnalysedFrame(Frame(picture, drawn.analysed.frame.index), None, drawn.analysed.is_cut)


def draw_over(upright: Bgr, importance: FloatArray, config: OverlayConfig) -> Bgr:
    """Draw in the style of ``config``, but for blocks, which are drawn already."""
    if config.style == "heat":
        upright = heat(upright, importance, config.opacity)
    elif config.style == "contour":
        upright = contour(upright, importance, config.opacity)
    elif config.style == "dim":
        upright = dim(upright, importance, config.opacity)
    elif config.style == "split":
        upright = split(upright, importance)
    return legend(upright, config.style) if config.legend else upright


def _drawn_size(frame: Frame, sample_aspect_ratio: Fraction | None, height: int | None) -> tuple[int, int]:
    """``(width, height)`` with square pixels, of even sides."""
    width, lines = frame.shown_size(sample_aspect_ratio)
    if height is not None:
        width, lines = round(width * height / lines), height
    if height is None and not sample_aspect_ratio:
        return width, lines
    return max(width // 2 * 2, 2), max(lines // 2 * 2, 2)
