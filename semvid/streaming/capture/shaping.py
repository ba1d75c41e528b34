"""Prepares pictures of a live source for the encoder: progressive, upright, of one size, evenly in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from av.filter import Graph

from semvid.core.coded import TIME_BASE
from semvid.core.config import LiveConfig
from semvid.core.geometry import even_side, turned_size
from semvid.core.luma import luma_of
from semvid.core.types import Frame
from semvid.media.fields import DEINTERLACED, WOVEN, Deinterlacer
from semvid.media.filter_chain import TURNING, Step, chain
from semvid.media.reading.steady import Steadier, Turns

if TYPE_CHECKING:
    from av import VideoFrame


class Fitter:
    """Turns pictures upright, which no live stream tells its players, and scales them into a size.

    Black bars keep their aspect. One filter graph serves all pictures of a kind: a scaler per frame leaks in
    PyAV 18.

    Args:
        size: ``(width, height)`` in pixels, even; None = that of the upright picture.

    Attributes:
        turns: How the pictures of the source must be turned.
    """

    def __init__(self, size: tuple[int, int] | None) -> None:
        self._size = size
        self.turns = Turns()
        self._key: tuple[object, ...] | None = None
        self._graph: Graph | None = None

    def fit(self, picture: VideoFrame, aspect: Fraction | None = None) -> VideoFrame:
        """Return the picture upright in the size; itself where it is so. Timestamps stay.

        Args:
            picture: Any size and pixel format.
            aspect: Width of its pixels, upright, by their height; None = square. With a size they become
                square.
        """
        aspect, turns = aspect or Fraction(1), self.turns.of(picture)
        if not turns and (
            self._size is None or ((picture.width, picture.height) == self._size and aspect == 1)
        ):
            return picture
        key = (picture.width, picture.height, picture.format.name, aspect, turns)
        if self._graph is None or key != self._key:
            self._graph, self._key = self._build(picture, aspect, turns), key
        self._graph.push(picture)
        return cast("VideoFrame", self._graph.pull())

    def _build(self, picture: VideoFrame, aspect: Fraction, turns: int) -> Graph:
        upright = turned_size((picture.width, picture.height), turns)
        filters = [*TURNING[turns], ("sidedata", "mode=delete:type=DISPLAYMATRIX")]
        if self._size is not None:
            filters += _scaling(upright, aspect, self._size)
        return chain(picture, *filters)


def _scaling(old: tuple[int, int], aspect: Fraction, new: tuple[int, int]) -> list[Step]:
    (old_width, old_height), (width, height) = old, new
    factor = min(Fraction(width, old_width) / aspect, Fraction(height, old_height))
    inner = even_side(old_width * aspect * factor, width), even_side(old_height * factor, height)
    return [
        ("scale", f"{inner[0]}:{inner[1]}:flags=bilinear"),
        ("pad", f"{width}:{height}:(ow-iw)/2:(oh-ih)/2"),
        ("setsar", "1"),
    ]


class Thinner:
    """Lets through at most ``frame_rate`` frames per second, evenly, by timestamps.

    Args:
        frame_rate: Frames a second; None = all.
    """

    def __init__(self, frame_rate: float | None) -> None:
        self._interval = None if frame_rate is None else 1 / Fraction(frame_rate) / TIME_BASE
        self._due: Fraction | None = None

    def takes(self, pts: int) -> bool:
        """Return whether the frame at ``pts`` (in ``TIME_BASE``) is let through."""
        if self._interval is None:
            return True
        # A quarter of a frame early is on time: sources jitter, and 30 per second must pass at 30.
        if self._due is not None and pts < self._due - self._interval / 4:
            return False
        late = self._due is None or pts > self._due + self._interval
        self._due = (Fraction(pts) if late or self._due is None else self._due) + self._interval
        return True


class Pacer:
    """When frames of a file are due, so that it plays at its own speed.

    The schedule is absolute, so small delays do not add up. When timestamps jump, or the machine could not
    keep up, a new schedule begins: lateness is never made up for by playing faster.
    """

    _MOST_LATE_SECONDS = 0.5
    _JUMP_SECONDS = 10.0

    def __init__(self) -> None:
        self._base: float | None = None
        self._last = 0.0

    def due(self, seconds: float, now: float) -> float:
        """Return when the frame at ``seconds`` of the file is to be shown, on the clock of ``now``."""
        if self._base is None or not -self._JUMP_SECONDS < seconds - self._last < self._JUMP_SECONDS:
            self._base = now - seconds
        self._last = seconds
        due = self._base + seconds
        if now - due > self._MOST_LATE_SECONDS:
            self._base, due = now - seconds, now
        return due

    def wait(self, seconds: float, stopped: threading.Event) -> None:
        """Wait until the frame at ``seconds`` is due, or everything stops."""
        due = self.due(seconds, time.monotonic())
        while (left := due - time.monotonic()) > 0 and not stopped.wait(left):
            pass


class Shaper:
    """Makes frames of pictures.

    Args:
        config: ``size``, ``frame_rate`` and ``deinterlace`` are used.

    Attributes:
        aspect: Width of a pixel by its height as the source says; None = square or unknown.
    """

    def __init__(self, config: LiveConfig) -> None:
        self.aspect: Fraction | None = None
        self._upright_aspect: Fraction | None = None
        self._thinner = Thinner(config.frame_rate)
        self._fitter = Fitter(config.size)
        self._is_scaled = config.size is not None
        self._steadier = Steadier()
        self._deinterlacer = None if config.deinterlace == "keep" else Deinterlacer()
        self._remarks: tuple[str, ...] = ()
        self._num_frames = 0

    @property
    def remarks(self) -> Sequence[str]:
        """What was changed about the pictures, in sentences."""
        return (*self._remarks, *self._steadier.changes)

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel by its height, in the frames; None = square or unknown."""
        return None if self._is_scaled else self._upright_aspect

    def progressive(self, pictures: Iterable[VideoFrame]) -> Generator[VideoFrame, None, None]:
        """Deinterlace, unless the config says ``keep``: players of live streams do not."""
        for picture in pictures:
            if picture.interlaced_frame and not self._remarks:
                done = DEINTERLACED if self._deinterlacer else WOVEN
                self._remarks = (f"the source is interlaced; {done}",)
            yield from self._deinterlacer.feed(picture) if self._deinterlacer else (picture,)
        if self._deinterlacer:
            yield from self._deinterlacer.flush()

    def shape(self, picture: VideoFrame, pts: int) -> Frame | None:
        """Make a frame; None = it is left out, to keep to the frame rate.

        Args:
            picture: As decoded, progressive.
            pts: When it is shown, in ``TIME_BASE``.
        """
        base, duration = picture.time_base, picture.duration
        if not self._thinner.takes(pts):
            return None
        picture.pts, picture.time_base = pts, TIME_BASE
        picture.duration = round(duration * base / TIME_BASE) if duration and base else 0
        is_on_its_side = self._fitter.turns.of(picture) % 2
        upright_aspect = 1 / self.aspect if self.aspect and is_on_its_side else self.aspect
        picture = self._fitter.fit(picture, upright_aspect)
        if not self._num_frames:
            self._upright_aspect = upright_aspect
        picture, _ = self._steadier.steady(picture, None if self._is_scaled else upright_aspect)
        frame = Frame(picture, self._num_frames, *luma_of(picture))
        self._num_frames += 1
        return frame
