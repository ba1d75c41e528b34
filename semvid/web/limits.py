"""Rate limits."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEYS = 256


class Allowance:
    """A token bucket for each key. The number of keys is bounded: the one unused longest is forgotten.

    Args:
        burst: Capacity of a bucket.
        per_second: Rate at which it fills.
        clock: Returns seconds.
    """

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._stocks: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, key: str) -> bool:
        """Take one; return whether there was one."""
        stock = self._stock(key)
        if stock < 1:
            return False
        self._stocks[key] = (stock - 1, self._clock())
        self._stocks.move_to_end(key)
        if len(self._stocks) > _MOST_KEYS:
            self._stocks.popitem(last=False)
        return True

    def _stock(self, key: str) -> float:
        if key not in self._stocks:
            return self._burst
        stock, since = self._stocks[key]
        return min(stock + (self._clock() - since) * self._per_second, self._burst)
