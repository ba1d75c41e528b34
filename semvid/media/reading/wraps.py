"""Counters that wrap: every way to read a step between two of their values."""

from __future__ import annotations

WRAPS = (1 << 33, 1 << 32, 1 << 31)
"""Where counters of MPEG-TS (33 bits), of RTP and RTMP (32 bits), and of FLV (31 bits) wrap."""


def readings(step: int) -> tuple[int, ...]:
    """Return what a step may have been, in ticks: as it looks, or over the end of a counter, either way."""
    return (step, *(step + sign * wrap for wrap in WRAPS for sign in (1, -1)))
