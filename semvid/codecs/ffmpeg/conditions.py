"""Conditions for obeying a map that several families of encoders share."""

from __future__ import annotations

from semvid.codecs.ffmpeg.option_text import is_off
from semvid.codecs.ffmpeg.spec import MapCondition


def is_off_option(option: str, reason: str) -> MapCondition:
    """Require that a switch is off, or not given."""
    return MapCondition(lambda found: is_off(found.get(option)), reason, f"drop {option}")
