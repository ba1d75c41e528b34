"""What is done to a video before all else: which part is used, and how its pictures are changed."""

from __future__ import annotations

import re
from dataclasses import fields
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

from semvid.core.errors import ConfigError
from semvid.core.setting_types import Limits
from semvid.core.settings import Settings, settings
from semvid.core.text import setting

Denoise = Literal["light", "medium", "strong"]
_LARGEST = 16_384
"""Pixels a side."""
_SMALLEST = 16
_TIME = re.compile(r"(?:(?:(\d{1,6}):)?([0-5]?\d):([0-5]?\d)|(\d{1,8}))(\.\d{1,9})?s?", re.ASCII)
_RATE = re.compile(r"\d{1,6}(?:/0*[1-9]\d{0,5}|\.\d{1,6})?", re.ASCII)
_RATES = 1, 240
_OF_BROADCASTS = tuple(Fraction(1000 * one, 1001) for one in (24, 30, 48, 60, 120))
_SHORTENED = Fraction(1, 200)
_RETIMING = {
    "fps": "give `frame_rate` instead",
    **dict.fromkeys(("framerate", "minterpolate"), "`frame_rate` repeats or leaves out frames"),
    **dict.fromkeys(
        ("select", "decimate", "mpdecimate", "framestep", "thumbnail", "trim", "dejudder"),
        "`frame_rate`, `start` and `end` leave out frames",
    ),
    **dict.fromkeys(
        ("setpts", "settb", "reverse", "loop", "tpad", "freezeframes", "random", "shuffleframes"),
        "sound and subtitles would not go along",
    ),
    **dict.fromkeys(
        ("tinterlace", "interlace", "interlace_vulkan", "telecine", "separatefields", "weave", "doubleweave"),
        "pictures are coded whole",
    ),
    **dict.fromkeys(
        ("pullup", "detelecine", "fieldmatch"), "interlaced pictures are made whole by themselves"
    ),
}
"""Filters that change how many frames there are or when they are shown, and what to do instead."""
Seconds = Annotated[float, Limits(0, 10_000_000)]


class AskedSize(NamedTuple):
    """What ``size`` says; the other fields are None."""

    box: tuple[int, int] | None = None
    """``(width, height)`` in pixels to fit in."""
    lines: int | None = None
    share: Fraction | None = None
    """Of both sides."""


class Rectangle(NamedTuple):
    """A part of a picture, in pixels."""

    width: int
    height: int
    left: int
    top: int


@settings
class EditConfig(Settings):
    """What is done to a video before all else. Maps, times and sizes are of the result, which begins at 0."""

    start: Seconds = 0.0
    """Where the part begins, in seconds: with the first frame that is shown then or later."""
    end: Seconds | None = None
    """Where it ends, in seconds of the whole video; None = with the video."""
    duration: Seconds | None = None
    """How long it is, in seconds, instead of ``end``; None = to the end of the video."""
    crop: str | None = None
    """What is left of the picture: ``W:H:X:Y`` in displayed pixels (width, height, left, top), or ``auto``:
    all but black bars. None = all."""
    rotate: int | None = None
    """Degrees to turn the pixels clockwise: 90, 180 or 270."""
    denoise: Denoise | None = None
    """Take noise out of each picture: ``light``, ``medium`` or ``strong``."""
    size: str | None = None
    """The size to scale to, with square pixels: ``WxH`` (to fit in, the shape is kept), ``720p`` (lines), or
    ``50%``. None = as it is."""
    enlarge: bool = False
    """Let ``size`` also make pictures larger."""
    filter: str | None = None
    """More of FFmpeg's filters of pictures, one after another, as in ``unsharp=5:5:0.8,vflip``; those that
    change how many frames there are are refused. None = none."""
    frame_rate: str | None = None
    """Frames per second, all alike: ``25``, ``30000/1001`` or ``29.97``, which is the same. Frames are left
    out or repeated by their times, and the length stays. None = as they are."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.end is not None and self.duration is not None:
            raise ConfigError("`end` and `duration` exclude each other; give one of them")
        if self.end is not None and self.end <= self.start:
            end, start = (
                setting(*one) for one in (("end", f"{self.end:.10g}"), ("start", f"{self.start:.10g}"))
            )
            raise ConfigError(f"{end} is not after {start}; give a later end")
        if self.duration == 0:
            raise ConfigError("`duration=0` leaves nothing; give more than 0 seconds, or leave it out")
        if self.rotate not in {None, 90, 180, 270}:
            raise ConfigError(f"{setting('rotate', self.rotate)} is no quarter turn; give 90, 180 or 270")
        if self.enlarge and self.size is None:
            raise ConfigError("`enlarge` needs `size`; give both, or leave it out")
        _ = self.asked_size, self.asked_crop, self.asked_rate
        if self.filter is not None:
            for name, _ in parse_filters(self.filter):
                if name in _RETIMING:
                    raise ConfigError(
                        f"{setting('filter', self.filter)} changes how many frames there are, or when they "
                        f"are shown, by {name}; leave it out: {_RETIMING[name]}"
                    )

    @property
    def is_all(self) -> bool:
        """Whether nothing is changed."""
        return self == _NO_EDIT

    @property
    def has_filters(self) -> bool:
        """Whether pictures are changed."""
        return bool(self.filters)

    @property
    def filters(self) -> list[str]:
        """Names of the options that change pictures, as far as they are given."""
        names = ("crop", "rotate", "denoise", "size", "filter", "frame_rate")
        return [one for one in names if getattr(self, one) is not None]

    @property
    def asked_size(self) -> AskedSize | None:
        """``size`` as numbers.

        Raises:
            ConfigError: It has another form, or is out of range.
        """
        return None if self.size is None else parse_size(self.size)

    @property
    def asked_crop(self) -> Rectangle | None:
        """``crop`` as numbers; None = none are given.

        Raises:
            ConfigError: It has another form, or is out of range.
        """
        return None if self.crop in {None, "auto"} else parse_crop(str(self.crop))

    @property
    def asked_rate(self) -> Fraction | None:
        """``frame_rate`` as a number.

        Raises:
            ConfigError: It has another form, or is out of range.
        """
        return None if self.frame_rate is None else parse_rate(self.frame_rate)

    def changes(self) -> dict[str, Any]:
        """Return what is not as it is by default, as JSON values."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) != one.default}

    @property
    def window(self) -> tuple[Fraction, Fraction | None]:
        """Start and end in seconds, exactly as they are written in decimals; None = the end of the video."""
        start = _exact(self.start)
        if self.duration is not None:
            return start, start + _exact(self.duration)
        return start, None if self.end is None else _exact(self.end)


_NO_EDIT = EditConfig()


def _exact(seconds: float) -> Fraction:
    """Return the decimal number that a float was written as."""
    return Fraction(repr(seconds))


def parse_time(name: str, text: str) -> float:
    """Return seconds of ``12.5``, ``12.5s``, ``1:30`` or ``1:02:03.5``.

    Args:
        name: Of the option.
        text: Its value.

    Raises:
        ConfigError: The text has another form.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{setting(name, text)} is no time; write it as in 12.5 (seconds) or 1:02:03.5")
    hours, minutes, seconds, alone, fraction = found.groups()
    whole = int(alone) if alone else 3600 * int(hours or 0) + 60 * int(minutes) + int(seconds)
    return float(f"{whole}{fraction or ''}")


def parse_size(text: str) -> AskedSize:
    """Return what ``1280x720``, ``720p`` or ``50%`` ask for.

    Raises:
        ConfigError: The text has another form, or is out of range.
    """
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})|(\d{1,6})p|(\d{1,4}(?:\.\d{1,6})?)%", text.strip(), re.ASCII)
    if found is None:
        raise ConfigError(f"{setting('size', text)} is no size; write it as in 1280x720, 720p or 50%")
    width, height, lines, percent = found.groups()
    if percent is not None:
        share = Fraction(percent) / 100
        if not Fraction(1, 100) <= share <= 10:
            raise ConfigError(f"{setting('size', text)} is out of range; give 1% to 1000%")
        return AskedSize(share=share)
    if any(not _SMALLEST <= int(one) <= _LARGEST for one in (width, height, lines) if one):
        raise ConfigError(
            f"{setting('size', text)} is out of range; a side must have {_SMALLEST} to {_LARGEST} pixels"
        )
    return AskedSize(lines=int(lines)) if lines else AskedSize(box=(int(width), int(height)))


def parse_rate(text: str) -> Fraction:
    """Return the frames per second that ``25``, ``30000/1001`` or ``29.97`` ask for.

    Raises:
        ConfigError: The text has another form, or is out of range.
    """
    if not _RATE.fullmatch(text.strip()):
        raise ConfigError(
            f"{setting('frame_rate', text)} is no frame rate; write it as in 25, 29.97 or 30000/1001"
        )
    rate = Fraction(text.strip())
    # What is written so is meant as broadcasters count.
    rate = next((one for one in _OF_BROADCASTS if abs(one - rate) < _SHORTENED), rate)
    if not _RATES[0] <= rate <= _RATES[1]:
        raise ConfigError(
            f"{setting('frame_rate', text)} is out of range; give {_RATES[0]} to {_RATES[1]} frames a second"
        )
    return rate


def parse_crop(text: str) -> Rectangle:
    """Return the numbers of ``W:H:X:Y``.

    Raises:
        ConfigError: The text has another form, or nothing is left.
    """
    found = re.fullmatch(r"(\d{1,6}):(\d{1,6}):(\d{1,6}):(\d{1,6})", text.strip(), re.ASCII)
    if found is None:
        raise ConfigError(
            f"{setting('crop', text)} is no part of a picture; give W:H:X:Y in pixels (width, height, left, "
            "top), or auto"
        )
    made = Rectangle(*map(int, found.groups()))
    if min(made.width, made.height) < _SMALLEST:
        raise ConfigError(f"{setting('crop', text)} leaves too little; at least {_SMALLEST} pixels a side")
    return made


def parse_filters(text: str) -> tuple[tuple[str, str | None], ...]:
    """Split FFmpeg's text of a chain of filters into names and options.

    Raises:
        ConfigError: It is empty, has branches, or something in it is no filter.
    """
    steps = []
    for part in _split(text):
        name, equals, options = part.strip().partition("=")
        if not re.fullmatch(r"[a-z0-9_]+", name.strip()):
            raise ConfigError(
                f"{setting('filter', text)} is no chain of filters: {name.strip() or 'nothing'} is no name; "
                "write it as in unsharp=5:5:0.8,vflip, without branches"
            )
        steps.append((name.strip(), options if equals else None))
    return tuple(steps)


def _split(text: str) -> list[str]:
    """Split at commas that are neither quoted nor escaped, as FFmpeg does."""
    parts, is_quoted, is_escaped = [""], False, False
    for one in text:
        if one == "," and not is_quoted and not is_escaped:
            parts.append("")
            continue
        is_quoted ^= one == "'" and not is_escaped
        is_escaped = one == "\\" and not is_escaped and not is_quoted
        parts[-1] += one
    return parts
