"""Conditions under which encoders obey a map that more than one family of them has."""

from __future__ import annotations

from semvid.codecs.ffmpeg.option_text import is_off
from semvid.codecs.ffmpeg.spec import MapCondition


def is_off_option(option: str, reason: str) -> MapCondition:
    """Demand that a switch is off, or not given."""
    return MapCondition(lambda found: is_off(found.get(option)), reason, f"drop {option}")
