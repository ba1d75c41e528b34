"""Timecodes: the number of a frame in a recording, as hours, minutes, seconds and frames."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from fractions import Fraction

from semvid.core.text import Loss

TAG = "timecode"
_FORM = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)([:;.])(\d{1,3})", re.ASCII)
_HOURS = 24


def moved(text: str, rate: Fraction, by: Fraction, new_rate: Fraction) -> str | None:
    """Return the timecode of a later frame.

    Codes that drop numbers (``01:00:00;00``) leave out the first two of each minute at 29.97 frames per
    second, four at 59.94, but not of each tenth (SMPTE ST 12-1).

    Args:
        text: Of the first frame.
        rate: Frames per second that it counts.
        by: Seconds to the later frame.
        new_rate: Frames per second that the result counts.

    Returns:
        None if the text is no timecode of this rate.
    """
    found = _FORM.fullmatch(text.strip())
    nominal = round(rate)
    if found is None or nominal < 1 or int(found[5]) >= nominal:
        return None
    hours, minutes, seconds, frames = (int(found[one]) for one in (1, 2, 3, 5))
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    drops = found[4] != ":" and nominal % 30 == 0
    if drops:
        whole = hours * 60 + minutes
        number -= _dropped(nominal) * (whole - whole // 10)
    number = round((number / rate + by) * new_rate)
    drops &= round(new_rate) % 30 == 0 and new_rate.denominator != 1
    return _written(number, round(new_rate), drops=drops)


def _dropped(nominal: int) -> int:
    """Numbers that are left out a minute."""
    return 2 * nominal // 30


def _written(number: int, nominal: int, *, drops: bool) -> str:
    if drops:
        each = nominal * 60 - _dropped(nominal)
        tens, rest = divmod(number, each * 10 + _dropped(nominal))
        number += 9 * _dropped(nominal) * tens
        if rest >= nominal * 60:
            number += _dropped(nominal) * ((rest - nominal * 60) // each + 1)
    seconds, frames = divmod(number, nominal)
    minutes, hours = seconds // 60, seconds // 3600 % _HOURS
    mark = ";" if drops else ":"
    return f"{hours:02}:{minutes % 60:02}:{seconds % 60:02}{mark}{frames:02}"


def move_timecode(
    tags: MutableMapping[str, str], rate: Fraction | None, by: Fraction, new_rate: Fraction | None
) -> list[str]:
    """Move the timecode among tags to a later frame, in place; without a rate it is left out.

    Returns:
        A sentence if it is.
    """
    for name in [one for one in tags if one.lower() == TAG]:
        made = moved(tags[name], rate, by, new_rate) if rate and new_rate else None
        if made is None:
            code = tags.pop(name)
            return [Loss(f"timecode {code} is left out: no frame rate tells what it is after the cut")]
        tags[name] = made
    return []
