"""How pictures are edited: filters that crop, turn, clean and scale them, in displayed pixels."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from fractions import Fraction
from typing import cast

from av import VideoFrame, logging
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.error import FFmpegError
from av.filter import Graph

from semvid.core.edit import AskedSize, Denoise, EditConfig, Rectangle, parse_filters
from semvid.core.errors import ConfigError
from semvid.core.geometry import Size, even_side, square_size, turned_size
from semvid.core.records import dataclass
from semvid.core.text import setting
from semvid.media.colour import UNSPECIFIED
from semvid.media.ffmpeg_log import heard
from semvid.media.fields import Deinterlacer
from semvid.media.filter_chain import TURNING, Step, chain

_SIGMAS: dict[Denoise, float] = {"light": 2.5, "medium": 6.0, "strong": 15.0}
"""Of the noise that is taken out, in 8-bit grey levels. Each picture by itself, so that parts are as the
whole; with its neighbours fftdnoiz gains up to half a dB, and takes six times as long."""
_UNLIMITED = 2**20
"""Pixels a side; FFmpeg has limits of its own."""
_UNTOLD = {
    "color_range": 0, "colorspace": UNSPECIFIED, "color_primaries": UNSPECIFIED, "color_trc": UNSPECIFIED,
}  # fmt: skip
_UPRIGHT: tuple[Step, ...] = (("sidedata", "mode=delete:type=DISPLAYMATRIX"),)
_NO_VECTORS: tuple[Step, ...] = (("sidedata", "mode=delete:type=MOTION_VECTORS"),)


@dataclass(frozen=True, slots=True)
class PicturePlan:
    """What becomes of the pictures of one video."""

    steps: tuple[Step, ...]
    size: Size
    """``(width, height)`` in pixels, upright."""
    aspect: Fraction | None
    """Width of a pixel by its height; None = square or unknown."""
    pixel_format: str
    frame_time: tuple[int, Fraction] | None = None
    """With a new frame rate: units of time from frame to frame, and a unit in seconds."""
    bars: Rectangle | None = None
    """What ``crop="auto"`` leaves, in pixels as they are stored, upright; None = all, or it was not asked."""


def plan_pictures(
    edit: EditConfig,
    first: VideoFrame,
    turns: int,
    aspect: Fraction | None,
    bars: Rectangle | None = None,
    time_base: Fraction | None = None,
) -> PicturePlan:
    """Return the filters for pictures like the first one.

    Args:
        edit: What is asked for.
        first: A picture of the video.
        turns: Counter-clockwise quarter turns that bring it upright.
        aspect: Width of its pixels by their height, as it is coded; None = square.
        bars: What ``crop="auto"`` leaves, in pixels as coded and turned upright.
        time_base: Of the edited video, with a new frame rate.

    Raises:
        ConfigError: The picture is smaller than what is asked of it, or FFmpeg refuses a filter.
    """
    size = turned_size((first.width, first.height), turns)
    aspect = 1 / aspect if aspect and turns % 2 else aspect
    rate, frame_time = edit.asked_rate, None
    retiming: list[Step] = []
    if rate is not None and time_base is not None:
        # What is left out need not be filtered.
        retiming = [("fps", f"fps={rate}:round=near")]
        frame_time = round(1 / rate / time_base), time_base
    steps: list[Step] = [*retiming, *TURNING[turns], *_UPRIGHT, *_NO_VECTORS]
    kept = bars if edit.crop == "auto" else _coded(edit, size, aspect, colour_grid(first, turns))
    if kept is not None:
        steps.append(("crop", f"{kept.width}:{kept.height}:{kept.left}:{kept.top}:exact=1"))
        size = kept.width, kept.height
    if edit.rotate is not None:
        quarters = -edit.rotate // 90 % 4
        steps += TURNING[quarters]
        size = turned_size(size, quarters)
        aspect = 1 / aspect if aspect and quarters % 2 else aspect
    if edit.denoise is not None:
        steps.append(("fftdnoiz", f"sigma={_SIGMAS[edit.denoise]}:block=16:overlap=0.5"))
    if (asked := edit.asked_size) is not None:
        square = square_size(size, aspect)
        wanted = scaled_to(asked, square, enlarges=edit.enlarge)
        if wanted != size or aspect not in {None, 1}:
            steps.append(("scale", f"{wanted[0]}:{wanted[1]}:flags=bicubic+accurate_rnd+full_chroma_int"))
            size, aspect = wanted, None
    if edit.filter is not None:
        steps += parse_filters(edit.filter)
    made = _tried(edit, first, tuple(steps))
    return PicturePlan(tuple(steps), (made.width, made.height), aspect, made.format.name, frame_time, bars)


def scaled_to(asked: AskedSize, size: Size, *, enlarges: bool) -> Size:
    """Return the size that is asked for: of the same shape, with even sides.

    Args:
        asked: From ``size``.
        size: ``(width, height)`` in square pixels.
        enlarges: Whether it may be larger than ``size``.
    """
    width, height = size
    if asked.box is not None:
        factor = min(Fraction(asked.box[0], width), Fraction(asked.box[1], height))
    elif asked.lines is not None:
        factor = Fraction(asked.lines, height)
    else:
        factor = asked.share or Fraction(1)
    if not enlarges:
        factor = min(factor, Fraction(1))
    most = asked.box or (_UNLIMITED, _UNLIMITED)
    made = even_side(width * factor, most[0]), even_side(height * factor, most[1])
    return made[0] - made[0] % 2, made[1] - made[1] % 2


def colour_grid(picture: VideoFrame, turns: int) -> tuple[int, int]:
    """Return how many pixels across and down share a colour, upright."""
    chroma = [one for one in picture.format.components if not one.is_luma and not one.is_alpha]
    across = max((-(-picture.width // one.width) for one in chroma), default=1)
    down = max((-(-picture.height // one.height) for one in chroma), default=1)
    return turned_size((across, down), turns)


def _coded(edit: EditConfig, size: Size, aspect: Fraction | None, grid: tuple[int, int]) -> Rectangle | None:
    """Return the part of the picture that ``crop`` leaves, in pixels as they are stored, upright."""
    asked = edit.asked_crop
    if asked is None:
        return None
    shown = square_size(size, aspect)
    if asked.left + asked.width > shown[0] or asked.top + asked.height > shown[1]:
        raise ConfigError(
            f"{setting('crop', edit.crop)} reaches beyond the picture, which has {shown[0]}x{shown[1]} "
            "pixels; give a part of it"
        )
    if aspect not in {None, 1}:
        across = Fraction(size[0], shown[0])
        left = round(asked.left * across / grid[0]) * grid[0]
        width = max(round(asked.width * across / grid[0]), 1) * grid[0]
        asked = Rectangle(min(width, size[0] - left), asked.height, left, asked.top)
    numbers = (asked.width, grid[0]), (asked.height, grid[1]), (asked.left, grid[0]), (asked.top, grid[1])
    if any(one % step for one, step in numbers):
        raise ConfigError(
            f"{setting('crop', edit.crop)} parts pixels that share a colour, {grid[0]}x{grid[1]} each; give "
            "multiples of that"
        )
    return asked


def _tried(edit: EditConfig, first: VideoFrame, steps: tuple[Step, ...]) -> VideoFrame:
    """Return what becomes of a picture like the first one; FFmpeg's log says what is wrong."""
    with heard(logging.ERROR) as logs:
        try:
            blank = VideoFrame(first.width, first.height, first.format.name)
            blank.pts, blank.time_base = 0, first.time_base
            # Long enough for a frame of any rate.
            blank.duration = round(2 / (first.time_base or Fraction(1, 1000)))
            graph = chain(blank, *steps)
            graph.push(blank)
            graph.push(None)
            made = cast(VideoFrame, graph.pull())
        except (NothingYet, NothingMore) as error:
            raise _wrong_number(edit) from error
        except (FFmpegError, ValueError, TypeError) as error:
            said = [text.strip().rstrip(".") for _, _, text in logs]
            why = said[0] if said else str(error)
            given = "filter" if edit.filter is not None else next(iter(edit.changes()))
            value = getattr(edit, given)
            raise ConfigError(
                f"FFmpeg refuses {setting(given, value)}: {why}; check names and values of its filters"
            ) from error
    return made


def _keep_colours(given: VideoFrame, made: VideoFrame) -> None:
    """Say of a picture what filters forget to."""
    if made.format.is_rgb != given.format.is_rgb:
        return
    for name, untold in _UNTOLD.items():
        if getattr(made, name) == untold:
            setattr(made, name, getattr(given, name))


def _wrong_number(edit: EditConfig) -> ConfigError:
    return ConfigError(
        f"{setting('filter', edit.filter)} makes another number of frames than it gets; leave such filters "
        "out"
    )


class PictureEditor:
    """Applies filters to the pictures of a video; each comes out with its own time, or at a constant rate.

    Interlaced pictures are made progressive first. Filters may hold pictures back.

    Args:
        edit: What is asked for, for messages.
        plan: The filters.
    """

    def __init__(self, edit: EditConfig, plan: PicturePlan) -> None:
        self._edit, self._plan = edit, plan
        self._deinterlacer = Deinterlacer()
        self._graph: Graph | None = None
        self._waiting: deque[VideoFrame] = deque()
        self._last: VideoFrame | None = None

    @property
    def notices(self) -> list[str]:
        """A sentence for what was found out about the video."""
        if self._edit.crop != "auto":
            return []
        bars = self._plan.bars
        if bars is None:
            return ["`crop=auto` found no black bars"]
        return [f"`crop=auto` left {bars.width}:{bars.height}:{bars.left}:{bars.top} of the picture"]

    def feed(self, picture: VideoFrame) -> list[VideoFrame]:
        """Take the next picture; return those that are ready."""
        return [made for one in self._deinterlacer.feed(picture) for made in self._filter(one)]

    def flush(self) -> list[VideoFrame]:
        """Return what is still held back.

        Raises:
            ConfigError: Filters leave out pictures.
        """
        made = [ready for one in self._deinterlacer.flush() for ready in self._filter(one)]
        if self._graph is not None:
            self._graph.push(None)
            made += self._pull(self._graph)
            self._graph = None
        if self._waiting:
            raise _wrong_number(self._edit)
        return made

    def _filter(self, picture: VideoFrame) -> list[VideoFrame]:
        if self._graph is None:
            self._graph = chain(picture, *self._plan.steps)
        if self._plan.frame_time is None:
            self._waiting.append(picture)
        self._last = picture
        self._graph.push(picture)
        return self._pull(self._graph)

    def _at_rate(self, made: VideoFrame, ticks: int, time_base: Fraction) -> VideoFrame:
        """Time a picture of a constant rate, as the filter counts them."""
        assert made.pts is not None  # noqa: S101 - the filter sees to it
        assert made.time_base is not None  # noqa: S101 - likewise
        assert self._last is not None  # noqa: S101 - it was made of something
        made.pts, made.time_base = round(made.pts * made.time_base / time_base), time_base
        made.duration = ticks
        _keep_colours(self._last, made)
        return made

    def _pull(self, graph: Graph) -> list[VideoFrame]:
        ready = []
        with suppress(NothingYet, NothingMore):
            while True:
                made = cast(VideoFrame, graph.pull())
                if self._plan.frame_time is not None:
                    ready.append(self._at_rate(made, *self._plan.frame_time))
                    continue
                if not self._waiting:
                    raise _wrong_number(self._edit)
                given = self._waiting.popleft()
                made.pts, made.time_base, made.duration = given.pts, given.time_base, given.duration
                _keep_colours(given, made)
                ready.append(made)
        return ready
