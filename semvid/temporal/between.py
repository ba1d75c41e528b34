"""Makes the maps of frames between those that were followed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray


class Between:
    """Puts maps of frames that were passed over between the maps of those that were followed, in order."""

    def __init__(self) -> None:
        self._num_passed = 0
        self._followed: deque[tuple[int, bool]] = deque()
        """Of each whose map has not come: frames passed over before it, and whether it begins a scene."""
        self._newest: FloatArray | None = None

    def pass_over(self) -> None:
        """The next frame is between two that are followed."""
        self._num_passed += 1

    def follow(self, *, is_cut: bool) -> None:
        """The next frame is followed: its map will come."""
        self._followed.append((self._num_passed, is_cut))
        self._num_passed = 0

    def fill(self, maps: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield the maps of all frames up to the newest of ``maps``.

        Args:
            maps: ``(rows, cols)`` in 0..1 of the next frames that were followed.
        """
        for values in maps:
            num_passed, is_cut = self._followed.popleft()
            before = self._newest
            for place in range(num_passed):
                assert before is not None  # noqa: S101 - the first frame is followed
                share = np.float32(0 if is_cut else (place + 1) / (num_passed + 1))
                here = fitted(before, *values.shape)
                yield here + share * (values - here)
            self._newest = values
            yield values

    def finish(self) -> Iterator[FloatArray]:
        """Yield the maps of the last frames, which nothing follows."""
        for _ in range(self._num_passed):
            assert self._newest is not None  # noqa: S101 - the first frame is followed
            yield self._newest
        self._num_passed = 0
