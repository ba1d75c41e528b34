"""Makes maps on a separate thread, at its own rate: always of the newest frame; others get none."""

from __future__ import annotations

import threading
import time
from collections import deque

from semvid.core.errors import ModelError, SemvidError
from semvid.core.map_source import MapSource
from semvid.core.records import dataclass
from semvid.core.types import FloatArray, Frame

_RATE_SECONDS = 5.0
PATIENCE_SECONDS = 5.0
"""Seconds a source may take for a map before a notice."""
_SLOWER = 3
"""A slow source counts as hanging after this many times its slowest map so far."""
_MOST_FAILURES = 3
"""Failures in a row after which a source is not tried again."""


@dataclass(frozen=True, slots=True)
class _Answer:
    index: int
    values: FloatArray


class LiveMapper:
    """Runs a source of maps beside the stream.

    A source that raises anything but a ``SemvidError`` is asked again with the next frame; the stream ends
    only when it fails several times in a row.

    Args:
        source: Makes the maps. It is closed at the end.
        most_per_second: Maximum number of maps per second; may be changed at any time.

    Attributes:
        interval: Minimum number of seconds between maps; may be changed at any time.
        num_failed: Frames for which the source failed.
        failure: Why the newest map could not be made; empty if it could.
    """

    def __init__(self, source: MapSource, most_per_second: float) -> None:
        self.interval = 1 / most_per_second
        self.num_failed = 0
        self.failure = ""
        self._num_failed_in_a_row = 0
        self._source = source
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._is_busy = self._is_closed = False
        self._answer: _Answer | None = None
        self._error: SemvidError | None = None
        self._last_start = -float("inf")
        self._slowest = 0.0
        self._finished: deque[float] = deque()
        self._thread = threading.Thread(target=self._run, name="semvid-maps", daemon=True)
        self._thread.start()

    def wants(self, *, at_once: bool = False) -> bool:
        """Whether a frame offered now would be mapped at once.

        Args:
            at_once: Ignore the rate: the scene has no map yet.
        """
        is_due = at_once or time.monotonic() - self._last_start >= self.interval
        return is_due and not self._is_busy

    def offer(self, frame: Frame) -> None:
        """Ask for the map of a frame."""
        with self._changed:
            self._newest = frame
            self._is_busy = True
            self._last_start = time.monotonic()
            self._changed.notify()

    def take(self) -> tuple[int, FloatArray] | None:
        """Return index and map of a finished frame, once; None if nothing is new.

        Raises:
            SemvidError: The source failed.
        """
        with self._changed:
            if self._error is not None:
                raise self._error
            answer, self._answer = self._answer, None
        return None if answer is None else (answer.index, answer.values)

    @property
    def maps_per_second(self) -> float:
        """Maps per second, over the last seconds."""
        now = time.monotonic()
        with self._changed:
            while self._finished and self._finished[0] < now - _RATE_SECONDS:
                self._finished.popleft()
            return len(self._finished) / _RATE_SECONDS

    @property
    def is_stuck(self) -> bool:
        """Whether the source has not answered for so long that the user should know."""
        return self._is_busy and time.monotonic() - self._last_start > self._patience

    @property
    def _patience(self) -> float:
        return max(PATIENCE_SECONDS, _SLOWER * self._slowest)

    def close(self) -> None:
        """Stop; waits for the current map, unless the source hangs: then it is abandoned."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(self._patience)
        if not self._thread.is_alive():
            self._source.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._newest is None and not self._is_closed:
                    self._changed.wait()
                if self._is_closed:
                    return
                frame, self._newest = self._newest, None
            assert frame is not None  # noqa: S101 - narrows the type
            try:
                values = self._source.update(frame).values
            except BaseException as error:  # noqa: BLE001 - raised where the maps are taken
                if not self._fail(error):
                    return
                continue
            with self._changed:
                self._answer = _Answer(frame.index, values)
                self._is_busy = False
                now = time.monotonic()
                self._slowest = max(self._slowest, now - self._last_start)
                self._finished.append(now)
                self._num_failed_in_a_row, self.failure = 0, ""

    def _fail(self, error: BaseException) -> bool:
        """Note a failure; return whether to ask the source again."""
        words = str(error) if isinstance(error, SemvidError) else f"{type(error).__name__}: {error}"
        with self._changed:
            self.num_failed += 1
            self._num_failed_in_a_row += 1
            self.failure = words
            self._is_busy = False
            if isinstance(error, SemvidError):
                self._error = error
            elif self._num_failed_in_a_row >= _MOST_FAILURES:
                self._error = ModelError(
                    f"the source of the maps failed {_MOST_FAILURES} times in a row ({words}); correct it, "
                    "or choose another model"
                )
                self._error.__cause__ = error
            return self._error is None
