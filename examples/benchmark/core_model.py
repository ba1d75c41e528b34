"""A model of how long a run takes on a number of cores, from what its stages take on one.

Stages hand frames on. Decoding and the encoder have threads of their own in FFmpeg; analysing and preparing
are one thread, and need one core however many there are. So a frame takes as long as the longest of three:
all work shared out evenly, that thread, and the encoder on as many cores as it makes use of. Starting comes
before. What is left out: threads that wait for each other within a stage, and a memory that is slow.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Milliseconds of processor time a frame, as ``frame_cost.py`` measures them."""

    decode: float
    analyse: float
    prepare: float
    encode: float
    """With the map."""
    plain: float
    """Decoding and encoding without a map."""

    @property
    def all(self) -> float:
        """Of a frame with a map."""
        return self.decode + self.analyse + self.prepare + self.encode

    @property
    def one_thread(self) -> float:
        """Of the thread that makes maps."""
        return self.analyse + self.prepare


@dataclass(frozen=True, slots=True)
class Start:
    """What comes before the first frame."""

    seconds: float
    """On the clock, with cores to spare."""
    processor_seconds: float

    def on(self, cores: float) -> float:
        """Return the seconds on so many cores."""
        return max(self.seconds, self.processor_seconds / cores)


def frame_ms(times: StageTimes, cores: float, *, used: float | None = None, parts: int = 1) -> float:
    """Return the milliseconds between frames with a map.

    Args:
        times: Of a frame.
        cores: There are.
        used: Cores that the encoder makes use of at most; None = all.
        parts: Of the video that are analysed at a time.
    """
    encoder = times.encode / min(cores, used or cores)
    return max(times.all / cores, times.one_thread / min(parts, cores), encoder)


def plain_ms(times: StageTimes, cores: float, *, used: float | None = None) -> float:
    """Return the milliseconds between frames of a plain encode; arguments as for ``frame_ms``."""
    encoder = max(times.plain - times.decode, 0.0) / min(cores, used or cores)
    return max(times.plain / cores, encoder)


def wall_ratio(
    times: StageTimes,
    ours: Start,
    theirs: Start,
    num_frames: int,
    cores: float,
    *,
    used: float | None = None,
    parts: int = 1,
) -> float:
    """Return how much longer a command takes with maps than a plain encode; arguments as for ``frame_ms``."""
    with_map = ours.on(cores) + num_frames * frame_ms(times, cores, used=used, parts=parts) / 1000
    plain = theirs.on(cores) + num_frames * plain_ms(times, cores, used=used) / 1000
    return with_map / plain


def binding_cores(times: StageTimes) -> float:
    """Return the number of cores from which the thread that makes maps is what everything waits for."""
    return times.all / times.one_thread
