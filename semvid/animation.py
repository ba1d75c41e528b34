"""Moving pictures in one file: GIF and WebP, with the times of the video they were drawn from."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from semvid.drawing import Bgr
from semvid.io.output import write_whole


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a format can say of time."""

    name: str
    """Pillow's."""
    ticks: int
    """Ticks a second."""
    longest: int
    """Ticks a picture is shown at most."""


_KINDS = {".gif": _Kind("GIF", 100, 2**16 - 1), ".webp": _Kind("WEBP", 1000, 2**24 - 1)}
SUFFIXES = tuple(_KINDS)


class Animation:
    """Takes pictures and when they are shown; writes them at the end.

    Args:
        output: Where to write, ``.gif`` or ``.webp``.
        overwrite: Whether an existing file may be replaced.

    Attributes:
        notices: Sentences on what the format cannot say.
    """

    def __init__(self, output: Path, *, overwrite: bool) -> None:
        self._output, self._overwrite = output, overwrite
        self._kind = _KINDS[output.suffix.lower()]
        self._pictures: list[Image.Image] = []
        self._starts: list[Fraction] = []
        self._repeats: list[bool] = []
        self._last: Bgr | None = None
        self.notices: list[str] = []

    @property
    def num_frames(self) -> int:
        """Pictures so far."""
        return len(self._pictures)

    def add(self, drawn: Bgr, start: Fraction) -> None:
        """Take the next picture, shown from ``start`` seconds on."""
        self._repeats.append(self._last is not None and np.array_equal(self._last, drawn))
        self._last = drawn
        self._pictures.append(Image.fromarray(np.ascontiguousarray(drawn[..., ::-1])))
        self._starts.append(start)

    def write(self, end: Fraction) -> int:
        """Write the file; returns its size in bytes.

        Args:
            end: When the last picture is no longer shown, in seconds.

        Raises:
            OutputError: It cannot be written.
        """
        ticks = durations([*self._starts, end], self._kind.ticks)
        ticks, num_cut = limited(ticks, self._repeats, self._kind.longest)
        if num_cut:
            longest = self._kind.longest / self._kind.ticks
            self.notices.append(
                f"{self._kind.name} shows a picture for {longest:g} s at most, and {num_cut} should be shown "
                "longer; write to .mp4 or .mkv for their full time"
            )
        file = io.BytesIO()
        milliseconds = [one * 1000 // self._kind.ticks for one in ticks]
        self._pictures[0].save(
            file, self._kind.name, save_all=True, append_images=self._pictures[1:],
            duration=milliseconds if len(milliseconds) > 1 else milliseconds[0], loop=0,
        )  # fmt: skip
        return write_whole(self._output, file.getvalue(), overwrite=self._overwrite)


def durations(times: Sequence[Fraction], ticks: int) -> list[int]:
    """Return how many ticks each picture is shown, at least one, without drifting from the times.

    Args:
        times: When each picture is shown, and when the last is no longer, in seconds.
        ticks: A second.
    """
    found, now = [], round(times[0] * ticks)
    for one in times[1:]:
        found.append(max(round(one * ticks) - now, 1))
        now += found[-1]
    return found


def limited(ticks: Iterable[int], repeats: Iterable[bool], longest: int) -> tuple[list[int], int]:
    """Cut durations to what a format can say; Pillow shows pictures that repeat as one.

    Args:
        ticks: Of each picture.
        repeats: Whether it is the same as the one before.
        longest: Ticks a picture is shown at most.

    Returns:
        The durations, and how many different pictures are cut.
    """
    found, left, num_cut, is_cut = [], longest, 0, False
    for one, is_repeat in zip(ticks, repeats, strict=True):
        if not is_repeat:
            left, is_cut = longest, False
        kept = min(one, left)
        if kept < one and not is_cut:
            num_cut, is_cut = num_cut + 1, True
        left -= kept
        found.append(kept)
    return found, num_cut
