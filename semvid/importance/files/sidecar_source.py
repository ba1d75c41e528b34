"""Maps from a sidecar, matched to frames by time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np

from semvid.core.errors import MapError
from semvid.core.map_source import MapSource, ended
from semvid.core.text import setting
from semvid.core.types import FloatArray, Frame, ImportanceMap, Span, from_grey
from semvid.importance.files.sidecar import SidecarReader, TimedMap

_ASPECT_TOLERANCE = 0.02


class RecordedMaps(MapSource):
    """Maps that an earlier pass over the same frames recorded.

    Args:
        path: The sidecar.
        span: The part that was recorded; frames around it get an empty map.
    """

    is_blank_around = True

    def __init__(self, path: Path, span: Span) -> None:
        self._path, self._span = path, span
        self._reader = SidecarReader(path)
        self._maps = self._reader.maps()
        self.made_by = self._reader.header.made_by

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        if frame.pts not in self._span:
            return ImportanceMap(np.zeros((1, 1), np.float32))
        one = next(self._maps, None)
        if one is None or one.pts != frame.pts:
            raise MapError(
                f"frame {frame.index} was not there in the first pass: the video has changed; try again",
                path=self._path,
                frame=frame.index,
            )
        return ImportanceMap(from_grey(one.grey))

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def all_maps(path: Path) -> Iterator[tuple[int, FloatArray]]:
    """Yield the ``pts`` of each frame of a sidecar, and its map.

    Raises:
        MapError: It is not a sidecar, or is damaged.
    """
    with closing(SidecarReader(path)) as reader:
        for one in reader.maps():
            yield one.pts, from_grey(one.grey)


class SidecarSource(MapSource):
    """Maps read from a sidecar. Times count from the first frame.

    The video may lack frames, but not add any, unless ``hold`` keeps the last map for them.

    Raises:
        MapError: It is not a sidecar, or is damaged.
    """

    def __init__(self, path: Path, *, hold: bool = False) -> None:
        self._path = path
        self._hold = hold
        self._reader = SidecarReader(path)
        self.made_by = self._reader.header.made_by
        self._maps = self._reader.maps()
        self._next: TimedMap | None = None
        self._current: TimedMap | None = None
        self._before: TimedMap | None = None
        self._is_used = False
        self._start: Fraction | None = None
        self._is_begun = False
        self._first_pts = 0

    def begin_part(self, first: Fraction | None) -> None:
        """See ``MapSource``."""
        super().begin_part(first)
        self._start = first

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        ours, theirs = self._reader.header.time_base, frame.picture.time_base or Fraction(1)
        now = (frame.picture.pts or 0) * theirs
        if self._start is None:
            self._start = now
        if not self._is_begun:
            self._check_shape(frame)
            self._is_begun = True
            self._next = next(self._maps, None)
            self._first_pts = self._next.pts if self._next else 0
        now -= self._start
        # Each was rounded to its own time base twice, by half a unit: now and at the first frame.
        rounding = ours + theirs
        while self._next is not None and self._is_due(self._next, now, rounding):
            self._before, self._current, self._next = self._current, self._next, next(self._maps, None)
            self._is_used = False
        current = self._current
        if current is None or not (self._hold or self._is_for(current, now, rounding)):
            raise MapError(
                f"{setting('maps', self._path)} has no map for frame {frame.index} of the video, shown at "
                f"{float(now):.3f} s; make the maps of this very video, or pass `hold=True` to keep "
                "the last",
                path=self._path,
                frame=frame.index,
            )
        self._is_used = True
        return ImportanceMap(from_grey(current.grey))

    def _is_due(self, one: TimedMap, now: Fraction, rounding: Fraction) -> bool:
        """Return whether a map's frame is shown now or was shown earlier."""
        early = self._time(one) - now
        return early <= 0 or (early <= rounding and self._is_nearest(early, self._current, one))

    def _is_for(self, one: TimedMap, now: Fraction, rounding: Fraction) -> bool:
        """Return whether the map that was last due belongs to the frame shown now, and to none before it."""
        late = now - self._time(one)
        first, second = (one, self._next) if self._next else (self._before, one)
        return not self._is_used and late <= rounding and self._is_nearest(late, first, second)

    def _is_nearest(self, away: Fraction, first: TimedMap | None, second: TimedMap | None) -> bool:
        """Return whether a distance is less than half of that between two maps.

        A time base may be as coarse as one frame (as in AVI), and then rounding alone is no criterion.
        """
        return first is None or second is None or 2 * away < self._time(second) - self._time(first)

    def _time(self, one: TimedMap) -> Fraction:
        return (one.pts - self._first_pts) * self._reader.header.time_base

    def _check_shape(self, frame: Frame) -> None:
        width, height = frame.upright_size
        ours, theirs = self._reader.header.picture
        if abs(width * theirs / (height * ours) - 1) > _ASPECT_TOLERANCE:
            raise MapError(
                f"{setting('maps', self._path)} is of a picture of {ours}x{theirs} and the video has "
                f"{width}x{height}; make the maps of this very video",
                path=self._path,
            )

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        if self.is_part or self._next is None:
            return None
        return (
            f"{setting('maps', self._path)} has maps left over: {ended(num_frames)}; "
            "if its beginning was cut off, it got the maps of earlier frames: make them again"
        )

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
