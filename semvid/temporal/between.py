"""Makes the maps of frames between those that were followed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.temporal.warp import Flow, warp


class Between:
    """Puts maps of frames that were passed over between the maps of those that were followed, in order.

    Each is the mean of the maps on both sides, brought to it by its share of the motion between them.
    """

    def __init__(self) -> None:
        self._num_passed = 0
        self._followed: deque[tuple[int, Flow | None]] = deque()
        """Of each whose map has not come: frames passed over before it, and the flow across them."""
        self._newest: FloatArray | None = None

    def pass_over(self) -> None:
        """The next frame is between two that are followed."""
        self._num_passed += 1

    def follow(self, flow: Flow | None) -> None:
        """The next frame is followed: its map will come.

        Args:
            flow: ``(rows, cols, 2)`` in cells, to the frame before that was; None = it begins a scene.
        """
        self._followed.append((self._num_passed, flow))
        self._num_passed = 0

    def fill(self, maps: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield the maps of all frames up to the newest of ``maps``.

        Args:
            maps: ``(rows, cols)`` in 0..1 of the next frames that were followed.
        """
        for values in maps:
            num_passed, flow = self._followed.popleft()
            for place in range(num_passed):
                assert self._newest is not None  # noqa: S101 - the first frame is followed
                if flow is None:
                    yield self._newest
                else:
                    yield _between(self._newest, values, flow, (place + 1) / (num_passed + 1))
            self._newest = values
            yield values

    def finish(self) -> Iterator[FloatArray]:
        """Yield the maps of the last frames, which nothing follows."""
        for _ in range(self._num_passed):
            assert self._newest is not None  # noqa: S101 - the first frame is followed
            yield self._newest
        self._num_passed = 0


def _between(before: FloatArray, after: FloatArray, flow: Flow, share: float) -> FloatArray:
    """Return the map at a share of the way from one frame to another, whose flow leads back to the first."""
    rows, cols = flow.shape[:2]
    here = warp(fitted(before, rows, cols), flow * np.float32(share))
    there = warp(fitted(after, rows, cols), flow * np.float32(share - 1))
    return here + np.float32(share) * (there - here)
