"""Reads what a user marked: pictures that are masks, and boxes on some frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NoReturn

import numpy as np

from semvid.core.config import Mark
from semvid.core.errors import ConfigError, InputError, MapError
from semvid.core.resampling import stretched
from semvid.core.text import setting
from semvid.core.types import FloatArray, Frame
from semvid.importance.files.boxes import BoxSource
from semvid.importance.files.map_files import read_picture_map
from semvid.media.stills.picture_file import is_still

_ROUNDING = Fraction(1, 1000)
"""Seconds: times are often written with three digits."""
_MARKED = 0.5
"""Grey level of a pixel, and score of a box, from which it is marked."""


class Marks:
    """All marks of a video, given out as their frames come.

    Args:
        marks: What to read.
        expected_frames: Frames by the video's header, None if unknown.
        duration: In seconds by the video's header, None if unknown.

    Raises:
        MapError: A file is missing, is no picture and has no boxes, marks nothing, or is for a time past the
            end.
    """

    def __init__(self, marks: Sequence[Mark], expected_frames: int | None, duration: Fraction | None) -> None:
        self._masks: list[tuple[Fraction, Mark, FloatArray]] = []
        self._boxes: list[tuple[Mark, BoxSource]] = []
        for mark in marks:
            if not mark.path.exists():
                raise MapError(f"{setting('track', mark)} does not exist; check the path", path=mark.path)
            if is_still(mark.path):
                self._masks.append((_time_of(mark, duration), mark, _mask_of(mark)))
            elif mark.seconds is not None:
                raise MapError(
                    f"{setting('track', mark)} is no picture, and boxes name their frames; leave out the "
                    "time",
                    path=mark.path,
                )
            else:
                boxes = BoxSource(mark.path, expected_frames=expected_frames, option="track")
                if boxes.first is None:
                    raise MapError(f"{setting('track', mark)} has no boxes; add some", path=mark.path)
                self._boxes.append((mark, boxes))
        self._masks.sort(key=lambda one: one[0])
        self._is_begun = False

    @property
    def has_boxes(self) -> bool:
        """Whether frames must be counted."""
        return bool(self._boxes)

    def due(self, frame: Frame, now: Fraction) -> FloatArray | None:
        """Return what is marked on the next frame, ``(h, w)`` in 0..1; None = no mark is due.

        A mask belongs to the first frame at or after its time. Of marks that fall on one frame, those with
        the latest time count, together with its boxes.

        Args:
            frame: The frame.
            now: Seconds from the first frame of the whole video.

        Raises:
            MapError: The first frame that is read comes after a mark, or a box has no part inside the frame.
        """
        if not self._is_begun:
            self._check_begin(frame, now)
            self._is_begun = True
        found: list[FloatArray] = []
        is_due = [one for one in self._masks if one[0] <= now + _ROUNDING]
        if is_due:
            self._masks = self._masks[len(is_due) :]
            found = [mask for time, _, mask in is_due if time == is_due[-1][0]]
        for _, boxes in self._boxes:
            if boxes.has(frame.index):
                drawn = boxes.update(frame).values
                found += [drawn] if float(drawn.max()) >= _MARKED else []
        if not found:
            return None
        rows, cols = (max(one.shape[axis] for one in found) for axis in (0, 1))
        return np.asarray(np.max([stretched(one, rows, cols) for one in found], 0), np.float32)

    def left_over(self) -> list[str]:
        """Name the marks that no frame came for."""
        late = [mark for _, mark, _ in self._masks]
        late += [mark for mark, boxes in self._boxes if boxes.first is not None]
        return [f"{setting('track', one)} has marks for after the last frame" for one in late]

    def _check_begin(self, frame: Frame, now: Fraction) -> None:
        """A part can only be followed from a mark that is in it."""
        missed = [mark for time, mark, _ in self._masks if time < now - _ROUNDING]
        missed += [mark for mark, boxes in self._boxes if (boxes.first or 0) < frame.index]
        if missed:
            raise MapError(
                f"{setting('track', missed[0])} marks a frame before the part that is read, which begins at "
                f"{float(now):.3f} s; write the maps of the whole video to a file and give it as `path`",
                path=missed[0].path,
            )


def refuse_picture() -> NoReturn:
    """Say that a picture has nothing to follow.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError("`track` follows marks through a video, and this is a picture; give its mask as `path`")


def _time_of(mark: Mark, duration: Fraction | None) -> Fraction:
    seconds = Fraction(mark.seconds or 0)
    if duration is not None and seconds and seconds >= duration:
        raise MapError(
            f"{setting('track', mark)} is past the end of the video, which lasts {float(duration):.3f} s; "
            "give an earlier time",
            path=mark.path,
        )
    return seconds


def _mask_of(mark: Mark) -> FloatArray:
    try:
        mask = read_picture_map(mark.path)
    except InputError as error:
        raise MapError(f"`track`: {error}", path=mark.path) from error
    if float(mask.max()) < _MARKED:
        raise MapError(
            f"{setting('track', mark)} marks nothing: its lightest part is {float(mask.max()):.0%} grey; "
            "paint what matters white",
            path=mark.path,
        )
    return mask
