"""The interfaces of a live stream's two ends: where frames come from, and where packets go."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol, runtime_checkable

from semvid.core.coded import CodedPacket
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.base.types import Captured, SinkState, SourceState


class FrameSource(Protocol):
    """Where frames come from: ``LiveReader``, or something of yours."""

    num_reconnections: int
    last_error: str
    """Why it was last lost; empty if it never was."""
    failure: str
    """Why it ended too early, in words; empty if it did not."""
    frame_rate: Fraction | None
    """Frames a second it says it has; None where it does not."""

    @property
    def num_dropped(self) -> int:
        """Frames lost since the start because they were not taken in time."""

    @property
    def damage(self) -> str:
        """What was wrong with what it sent, in words; empty if nothing."""

    @property
    def num_damaged(self) -> int:
        """Packets and frames that were damaged, since the start."""

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences on what had to be changed about its pictures so far; more may follow."""

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
    """Why it was last lost; empty if it never was."""

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


@runtime_checkable
class AccountableTaker(Protocol):
    """A ``PacketTaker`` that knows whether everything arrived. Without it, the last error counts."""

    @property
    def failure(self) -> str:
        """Why the result is incomplete; empty if it is complete. Final after ``close``."""

    @property
    def shortfall(self) -> str:
        """What was left out because it could not be sent in time; empty if nothing was."""


@runtime_checkable
class PatientTaker(Protocol):
    """A ``PacketTaker`` that can be waited for, so that nothing of a file is left out."""

    is_patient: bool
    """``close`` takes as long as it takes; set when the source waits."""

    @property
    def is_full(self) -> bool:
        """So much is waiting that the source should wait too."""


@runtime_checkable
class SoundSource(Protocol):
    """A ``FrameSource`` that has sound too."""

    has_sound: bool
    """Whether it had sound when it was first opened: only then is sound carried."""

    def take_sound(self, ticks: int) -> list[SoundChunk]:
        """Return what came since the last call, without gaps, given the time of the newest picture."""


@runtime_checkable
class SoundTaker(Protocol):
    """A ``PacketTaker`` that takes sound too."""

    carries_sound: bool
    """Whether it can carry sound."""

    def expect_sound(self) -> None:
        """There will be sound; called before anything is offered."""

    def offer_sound(self, chunk: SoundChunk) -> None:
        """Take a chunk; never waits."""
