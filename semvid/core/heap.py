"""Keeps the heap of a process with many threads that come and go from growing."""

from __future__ import annotations

import ctypes
import platform

MOST_ARENAS = 1
_LARGE_BYTES = 128 * 1024
"""From here on memory is the system's again as soon as it is freed. It is glibc's default, but that grows to
32 MiB with the first large piece that is freed, and then pictures stay in the heap."""
# M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h.
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3


def bound_heap() -> None:
    """Have threads share one arena of glibc, and pictures be none of it; other C libraries stay as they are.

    By default each new thread may get an arena, up to eight for each core. Each decoder and each network
    brings new threads, and what they leave half empty in an arena is of no use to those in another
    (``examples/benchmark/studio.py`` shows what that comes to). Call it before threads start, in a program
    and not in a library: it holds for the whole process.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_ARENA_MAX, MOST_ARENAS)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
