"""What a live stream asks of its two ends: where frames come from, and where packets go."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from semvid.streaming.types import Captured, CodedPacket, SinkState, SourceState


class FrameSource(Protocol):
    """Where frames come from: ``LiveReader``, or something of yours."""

    num_dropped: int
    """Frames nobody took in time, since the start."""
    num_reconnections: int
    last_error: str
    """Why it was lost last, in words; empty if never."""
    frame_rate: Fraction | None
    """Frames a second it says it has; None where it does not."""

    @property
    def state(self) -> SourceState:
        """What it is doing."""

    def next(self, timeout: float) -> Captured | None:
        """Return the next frame, None if none came within ``timeout`` seconds."""

    def close(self) -> None:
        """Stop."""


class PacketTaker(Protocol):
    """Where packets go: ``PacketSink``, or something of yours."""

    num_reconnections: int
    last_error: str
    """Why it was lost last, in words; empty if never."""

    @property
    def name(self) -> str:
        """For messages; no secrets."""

    @property
    def state(self) -> SinkState:
        """What it is doing."""

    def offer(self, packet: CodedPacket) -> None:
        """Take a packet; never waits."""

    def close(self) -> None:
        """Finish the file or the connection."""
