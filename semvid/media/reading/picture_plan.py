"""Looks at a video to find out what an edit makes of its pictures."""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache

from av.video.reformatter import ColorRange

from semvid.core.geometry import turned
from semvid.core.luma import luma_of
from semvid.core.types import Frame, VideoInfo
from semvid.media.bars import BarFinder
from semvid.media.colour import range_of
from semvid.media.picture_edit import PicturePlan, colour_grid, plan_pictures
from semvid.media.reading.reader import VideoReader
from semvid.media.reading.spread import spread_pictures


@lru_cache(maxsize=16)
def find_plan(info: VideoInfo, _changed: int) -> PicturePlan:
    """Find out what becomes of the pictures of a file that was not changed since."""
    with VideoReader(info.path) as whole, closing(whole.read()) as items:
        # The first frame says what all others are like.
        first = next(one for one in items if isinstance(one, Frame))
    bars = None
    if info.edit.crop == "auto":
        finder, turns = BarFinder(), first.quarter_turns
        is_full = range_of(first.picture) == ColorRange.JPEG
        for picture in spread_pictures(info):
            luma, bits = luma_of(picture)
            if luma.shape == (first.size[1], first.size[0]):
                finder.look(turned(luma, turns), bits, is_full_range=is_full)
        bars = finder.found(colour_grid(first.picture, turns))
    return plan_pictures(
        info.edit, first.picture, first.quarter_turns, info.sample_aspect_ratio, bars, info.time_base
    )
