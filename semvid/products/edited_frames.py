"""Maps of a video with edits. What no edit reaches, and what was followed before, is not decoded again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import field
from fractions import Fraction
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import EditConfig
from semvid.core.errors import MapError
from semvid.core.records import dataclass
from semvid.core.text import setting
from semvid.core.types import Frame, Span
from semvid.importance.edits.edits import Edit
from semvid.importance.files.sidecar import TimedMap
from semvid.importance.tracking.edit_follower import EditFollower, State
from semvid.media.reading.reader import VideoReader

_WARM_SECONDS = Fraction(1)
"""Before the first frame that is looked at: what came before a frame tells whether it is a cut."""
_FRAMES_PER_CHECKPOINT = 128
"""At first; in long scenes they are fewer."""
_MOST_STATES = 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A place from which one can go on."""

    after: int
    """When the last frame before it is shown."""
    state: State | None
    """None = no edit is in force."""


@dataclass(slots=True)
class Followed:
    """What a run has found; it may have been broken off."""

    edits: tuple[Edit, ...]
    """By their frames, those of one in the order in which they were made."""
    map_of: Callable[[int], NDArray[np.uint8] | None]
    """Returns its map of the frame that is shown at a time, ``(rows, cols)``, importance times 255."""
    checkpoints: list[Checkpoint] = field(default_factory=list)
    is_whole: bool = False

    def last_before(self, edits: Sequence[Edit]) -> Checkpoint | None:
        """Return the last checkpoint that other edits do not change."""
        pairs = zip_longest(self.edits, edits)
        changed = [one.pts for pair in pairs if pair[0] != pair[1] for one in pair if one]
        # Pairs after the first that differs are of later frames, or of the same.
        number = bisect_left(self.checkpoints, min(changed), key=lambda one: one.after) if changed else None
        return next(reversed(self.checkpoints[:number]), None)

    def differs_until(self, edits: Sequence[Edit]) -> int:
        """Return when the last frame is shown with which an edit begins that only one has; -1 = none."""
        pairs = zip_longest(reversed(self.edits), reversed(edits))
        # Pairs after the first that differs are of earlier frames, or of the same.
        changed = next((pair for pair in pairs if pair[0] != pair[1]), ())
        return max((one.pts for one in changed if one), default=-1)

    def is_free_after(self, pts: int) -> bool:
        """Whether all was followed, and no edit was in force after a frame."""
        last = max((one.pts for one in self.edits if one.pts <= pts), default=None)
        return self.is_whole and (
            last is None or any(one.state is None and last <= one.after <= pts for one in self.checkpoints)
        )


class EditedFrames:
    """Applies edits to the maps of a video.

    Args:
        source: The video.
        maps: Its maps, for messages.
        follower: With the edits.
        edit: Which part of the video, and how it is changed, the maps are of.
        found: Gets places from which another run may go on. The maps are known to be of this video then, and
            frames that no edit reaches are not looked at. None = all are.
        earlier: What an earlier run found, with the same maps; None = there was none.
    """

    def __init__(
        self,
        source: Path,
        maps: Path,
        follower: EditFollower,
        edit: EditConfig,
        *,
        found: Followed | None = None,
        earlier: Followed | None = None,
    ) -> None:
        self._source, self._maps, self._follower, self._edit = source, maps, follower, edit
        self._found, self._earlier = found, earlier
        self._num_maps, self._last = 0, -1
        self._frames_per_checkpoint = _FRAMES_PER_CHECKPOINT
        self._checkpoints = [] if found is None else found.checkpoints
        self._differs_until = -1 if earlier is None else earlier.differs_until(follower.waiting)

    def run(self, recorded: Iterator[TimedMap]) -> Generator[TimedMap]:
        """Yield a map for each one that was recorded.

        Raises:
            MapError: They are not of this video.
            InputError: The video cannot be decoded.
        """
        if self._found is None:
            # Only a look at all frames tells that each has its map.
            yield from self._followed(next(recorded, None), recorded, goes_on=False)
            return
        one = yield from self._known_first(recorded)
        goes_on = self._follower.is_active
        while one is not None:
            is_due = any(edit.pts <= one.pts for edit in self._follower.waiting[:1])
            if goes_on or is_due:
                one = yield from self._followed(one, recorded, goes_on=goes_on)
                goes_on = False
            elif self._earlier and self._is_as_before(self._earlier):
                self._checkpoints += [each for each in self._earlier.checkpoints if each.after > self._last]
                yield from (self._known(each) for each in chain((one,), recorded))
                return
            else:
                yield self._counted(one)
                one = next(recorded, None)

    def _is_as_before(self, earlier: Followed) -> bool:
        """Whether all maps from here on are those of the earlier run; no edit is in force here."""
        return self._last >= self._differs_until and earlier.is_free_after(self._last)

    def _known_first(self, recorded: Iterator[TimedMap]) -> Generator[TimedMap, None, TimedMap | None]:
        """Yield what is known, and return the first map after it."""
        place = self._earlier.last_before(self._follower.waiting) if self._earlier else None
        one = next(recorded, None)
        if self._earlier is None or place is None:
            return one
        while one is not None and one.pts <= place.after:
            yield self._known(one)
            one = next(recorded, None)
        self._checkpoints += [each for each in self._earlier.checkpoints if each.after <= place.after]
        self._follower.go_on_from(place.state or State(), place.after)
        return one

    def _followed(
        self, one: TimedMap | None, recorded: Iterator[TimedMap], *, goes_on: bool
    ) -> Generator[TimedMap, None, TimedMap | None]:
        """Yield maps from a frame on until no edit is in force; return the first after them."""
        span = Span() if one is None or self._found is None else Span(one.pts)
        warm_up = Fraction(0) if goes_on or span.is_all else _WARM_SECONDS
        with VideoReader(self._source, span=span, edit=self._edit, warm_up=warm_up) as video:
            video.keep(())
            with closing(video.read()) as items:
                for frame in (item for item in items if isinstance(item, Frame)):
                    if frame.pts < span.start and not span.is_all:
                        self._follower.see(frame)
                        continue
                    if one is None or one.pts != frame.pts:
                        raise no_map(self._maps, self._source, self._num_maps)
                    yield self._counted(TimedMap(one.pts, self._follower.apply(frame, one.grey)))
                    one = next(recorded, None)
                    if self._found is not None and not self._follower.is_active:
                        self._checkpoints.append(Checkpoint(self._last, None))
                        return one
                    if self._found is not None and self._num_maps % self._frames_per_checkpoint == 0:
                        self._checkpoints.append(Checkpoint(self._last, self._follower.state()))
                        self._thin_out()
        if one is not None:
            raise no_map(self._maps, self._source, self._num_maps)
        return None

    def _thin_out(self) -> None:
        """Keep only every second state if they are many: each takes up to some megabytes."""
        states = [one.after for one in self._checkpoints if one.state is not None]
        if len(states) > _MOST_STATES:
            dropped = set(states[::2])
            self._checkpoints[:] = [
                one for one in self._checkpoints if one.state is None or one.after not in dropped
            ]
            self._frames_per_checkpoint *= 2

    def _known(self, one: TimedMap) -> TimedMap:
        """Return the map that an earlier run made of a frame."""
        found = self._earlier.map_of(one.pts) if self._earlier else None
        assert found is not None  # noqa: S101 - it went on beyond
        return self._counted(TimedMap(one.pts, found))

    def _counted(self, one: TimedMap) -> TimedMap:
        self._num_maps += 1
        self._last = one.pts
        return one


def no_map(maps: Path, source: Path, frame: int) -> MapError:
    """Return the error that maps and video do not belong together, from a frame on."""
    return MapError(
        f"{setting('maps', maps)} has no map for frame {frame} of {source}; make the maps of this very video",
        path=maps,
        frame=frame,
    )
