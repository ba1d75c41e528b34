"""The sound of a live source, placed beside its pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from semvid.core.coded import TIME_BASE
from semvid.streaming.base.sound import SoundChunk, SoundTrack
from semvid.streaming.capture.timeline import Timeline

if TYPE_CHECKING:
    from av import AudioFrame

_NETWORK_SECONDS = 0.5
"""Sound that is later than the picture by more is not waited for. Twice the time that 200 ms of reordering
and one frame of any codec take."""
_INTERLEAVED_SECONDS = 3.0
"""The same for files, pipes and segments, which hold sound and picture in pieces of a second."""
_MOST_EARLY_FRAMES = 500
"""Frames of sound before the first picture: ten seconds or more."""


class SourceSound:
    """Sound from the thread that decodes to the one that passes it on.

    Args:
        timeline: Of the pictures.
        comes_at_once: Sound and picture of the same moment arrive almost together, not in large pieces.
    """

    def __init__(self, timeline: Timeline, *, comes_at_once: bool) -> None:
        self._timeline = timeline
        self._patience = round((_NETWORK_SECONDS if comes_at_once else _INTERLEAVED_SECONDS) / TIME_BASE)
        self._track = SoundTrack()
        self._early: deque[AudioFrame] = deque(maxlen=_MOST_EARLY_FRAMES)

    def restart(self) -> None:
        """Forget sound that came before its picture: the source starts again."""
        self._early.clear()

    def add(self, frames: Sequence[AudioFrame]) -> None:
        """Put sound in its place beside the pictures; before the first of them it waits.

        Raises:
            av.FFmpegError: It cannot be converted.
        """
        self._early.extend(frames)
        while self._early and self._timeline.is_running:
            frame = self._early.popleft()
            ticks = self._timeline.beside(frame.pts, frame.time_base)
            if ticks is not None:
                self._track.add(frame, ticks)

    def take(self, ticks: int) -> list[SoundChunk]:
        """Return what came since the last call, without gaps, given the time of the newest picture."""
        self._track.fill(ticks - self._patience)
        return self._track.take()
