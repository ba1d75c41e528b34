"""Draws the importance of a video's frames over them, upright and with square pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.side_data import lost_by_drawing
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.x26x.x264 import X264
from semvid.core.config import OverlayConfig
from semvid.core.errors import InputError
from semvid.core.events import Notice
from semvid.core.records import dataclass
from semvid.core.resampling import scaled
from semvid.core.text import counted, setting
from semvid.core.types import AnalysedFrame, FloatArray, Frame, QuantizerOffsets
from semvid.engine.run import Run
from semvid.engine.stages import Stage, each, only_frames
from semvid.media.colour import to_bgr
from semvid.media.drawing import Bgr, blocks, contour, dim, heat, legend, split
from semvid.media.reading.reader import VideoReader
from semvid.products.plane_drawer import PlaneDrawer, as_coded


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
        self._planes = PlaneDrawer(config)
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
        aspect = run.reader.info.sample_aspect_ratio

        def draw(analysed: AnalysedFrame, beside: Frame | None) -> Drawn:
            is_wanted = self._is_wanted(analysed.frame)
            return Drawn(analysed, self._bgr(analysed, beside, aspect) if is_wanted else None)

        return self._stage(run, lambda *one: [draw(*one)])

    def pictures(self, run: Run) -> Stage:
        """Return the stage that makes pictures to be coded of a video's analysed frames."""
        aspect = run.reader.info.sample_aspect_ratio

        def draw(analysed: AnalysedFrame, beside: Frame | None) -> AnalysedFrame:
            original, size = analysed.frame.picture, self._size(analysed.frame, aspect)
            frames = [one for one in (analysed.frame, beside) if one is not None]
            if self._planes.fits(frames, size):
                importance = analysed.frame.upright(_importance(analysed))
                picture = self._planes.draw(frames, importance, size, self._offsets(analysed))
            else:
                picture = as_coded(av.VideoFrame.from_ndarray(self._bgr(analysed, beside, aspect), "bgr24"))
            picture.colorspace, picture.color_range = Colorspace.ITU709, ColorRange.MPEG
            picture.pts, picture.time_base = original.pts, original.time_base
            picture.color_primaries, picture.color_trc = original.color_primaries, original.color_trc
            return AnalysedFrame(Frame(picture, analysed.frame.index), None, analysed.is_cut)

        return self._stage(run, lambda *one: [draw(*one)] if self._is_wanted(one[0].frame) else [])

    def _stage(self, run: Run, draw: Callable[[AnalysedFrame, Frame | None], Iterable[object]]) -> Stage:
        info = run.reader.info

        def look(item: AnalysedFrame) -> Iterator[object]:
            if not item.frame.index:
                refuse_private_colours(item.frame.picture, info.side_data, info.path)
                yield from map(Notice, lost_by_drawing(item.frame.picture, info.side_data))
            run.num_left_out += not self._is_wanted(item.frame)
            yield from draw(item, self._beside(item.frame))

        return each(AnalysedFrame, look)

    def _is_wanted(self, frame: Frame) -> bool:
        return frame.index % self._config.every == 0

    def _size(self, frame: Frame, sample_aspect_ratio: Fraction | None) -> tuple[int, int]:
        return _drawn_size(frame, sample_aspect_ratio, self._config.height)

    def _beside(self, frame: Frame) -> Frame | None:
        """Return the frame of the result that belongs to a frame; None = there is no result."""
        if self._results is None:
            return None
        beside = next(self._results, None)
        if beside is None:
            raise InputError(
                f"{setting('result', self._config.result)} ends after {counted(frame.index, 'frame')}, "
                "before the video; give what became of this very video"
            )
        return beside

    def _offsets(self, analysed: AnalysedFrame) -> QuantizerOffsets | None:
        """Return the offsets of the blocks of the next frame; None = they are not drawn."""
        return self._allocator.update(analysed)[0] if self._config.style == "blocks" else None

    def _bgr(self, analysed: AnalysedFrame, beside: Frame | None, aspect: Fraction | None) -> Bgr:
        frame, config = analysed.frame, self._config
        picture = to_bgr(frame)
        offsets = self._offsets(analysed)
        if offsets is not None:
            # Blocks are the encoder's: drawn before anything is turned or scaled.
            picture = blocks(picture, offsets, config.opacity, numbers=config.numbers)
        width, height = self._size(frame, aspect)
        upright = scaled(frame.upright(picture), height, width)
        drawn = draw_over(upright, frame.upright(_importance(analysed)), config)
        if beside is None:
            return drawn
        return np.hstack([drawn, scaled(beside.upright(to_bgr(beside)), height, width)])


def _importance(analysed: AnalysedFrame) -> FloatArray:
    assert analysed.importance is not None  # noqa: S101 - an overlay always has maps
    return analysed.importance


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
