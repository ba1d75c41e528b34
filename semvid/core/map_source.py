"""What every origin of importance maps looks like: a network, a formula, or a file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from semvid.core.errors import ConfigError
from semvid.core.text import counted
from semvid.core.types import Frame, ImportanceMap


class ImportanceSource(Protocol):
    """Gives maps for the frames of one video, in order. Any object with an ``update`` is one.

    It may have more of the members of ``MapSource``, which see: ``smoothing``, ``map_every``, ``movement``,
    ``made_by``, ``finish(num_frames)`` and ``close()``. What it has not, semvid fills in.
    """

    @abstractmethod
    def update(self, frame: Frame) -> ImportanceMap:
        """Return the importance of the next frame that needs a map, upright.

        Raises:
            MapError: The source has no usable map for this frame.
        """


class MapSource(ImportanceSource):
    """A source with all members; the defaults suit exact maps.

    Attributes:
        smoothing: Suitable share of earlier maps in the running average, 0..0.99; 0 = none.
        map_every: Suitable number of frames from one map to the next; 1 = every frame needs its own.
        movement: How much to lower the importance of still things while something important moves, 0..1.
        made_by: What made the maps, if another run did; JSON.
        is_exact: Its maps are the user's own word: where they are not followed, no map file may round them.
        is_part: Only a part of the video is read: what is left over in the end belongs to the rest of it.
        counts_frames: It knows a frame by its ``index``, not by its time or by what is seen in it.
    """

    smoothing: float = 0.0
    map_every: int = 1
    movement: float = 0.0
    made_by: Mapping[str, Any] | None = None
    counts_frames: bool = False
    is_exact: bool = True
    is_part: bool = False

    @property
    def kind(self) -> str:
        """Kind of source, for records of how maps were made."""
        return type(self).__name__

    def begin_part(self, first: Fraction | None) -> None:
        """Called before the first frame where only a part of the video is read.

        Args:
            first: When the first frame of the whole video is shown, in seconds; None = it is the first that
                comes.
        """
        self.is_part = True

    def finish(self, num_frames: int) -> str | None:
        """Called after the last frame. Returns a sentence if the source did not fit the video."""
        return None

    def close(self) -> None:
        """Release files and devices. Called exactly once, also after errors."""
        return


def ended(num_frames: int) -> str:
    """Say how much there was to make maps for, to a user whose maps go on."""
    if num_frames == 1:
        return "there was only one picture"
    return f"the video ended after {counted(num_frames, 'frame')}"


def complete(source: ImportanceSource) -> MapSource:
    """Return a caller's source with defaults for the members it lacks.

    Raises:
        ConfigError: It is not a source.
    """
    if isinstance(source, MapSource):
        return source
    if isinstance(source, type) or not callable(getattr(source, "update", None)):
        raise ConfigError(
            f"importance is {source!r:.60}, which is not a source of maps; give an object with an "
            "update(frame) that returns a semvid.ImportanceMap"
        )
    return _Completed(source)


class _Completed(MapSource):
    """A caller's source, and semvid's defaults behind it."""

    counts_frames = True

    def __init__(self, source: ImportanceSource) -> None:
        self._source = source
        for name in ("smoothing", "map_every", "movement", "made_by"):
            setattr(self, name, getattr(source, name, getattr(MapSource, name)))

    def __getattr__(self, name: str) -> Any:
        # Members that some sources have and no stage requires, such as a network's ``look_ahead``.
        return getattr(self._source, name)

    @property
    def kind(self) -> str:
        return type(self._source).__name__

    def update(self, frame: Frame) -> ImportanceMap:
        found = self._source.update(frame)
        if not isinstance(found, ImportanceMap):
            raise ConfigError(
                f"{self.kind}.update returned {type(found).__name__}; return semvid.ImportanceMap(values)"
            )
        values = np.asarray(found.values)
        lowest, highest = float(values.min()), float(values.max())
        # Comparisons with NaN are false.
        if not (lowest >= 0 and highest <= 1):
            raise ConfigError(
                f"{self.kind}.update returned importance from {lowest:g} to {highest:g} for frame "
                f"{frame.index}; it must be 0 to 1"
            )
        return ImportanceMap(np.asarray(values, np.float32))

    def finish(self, num_frames: int) -> str | None:
        finish = getattr(self._source, "finish", None)
        return finish(num_frames) if finish else None

    def close(self) -> None:
        if close := getattr(self._source, "close", None):
            close()
