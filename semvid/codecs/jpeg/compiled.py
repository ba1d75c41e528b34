"""Compiles loops, and keeps what was compiled for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Have numba compile a function on its first call; it runs without Python's lock.

    The machine code is kept beside the source, or in the user's cache folder where that cannot be written,
    or in ``NUMBA_CACHE_DIR``. Where there is no place at all, as in a read-only container, every process
    compiles anew.
    """
    try:
        found = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # Raised at once, and for this reason only.
        found = numba.njit(nogil=True)(function)
    return cast(Callable[_Parameters, _Result], found)
