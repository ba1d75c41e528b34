"""What clients send, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semvid.config import CLASSES
from semvid.errors import ConfigError
from semvid.streaming.handle import LiveControls

MOST_BODY_BYTES = 4096
_NAMES = ("strength", "bitrate", "focus", "maps_on")


def parse_controls(body: bytes, now: LiveControls) -> LiveControls:
    """Return ``now`` with what ``body`` changes.

    Args:
        body: A JSON object with any of ``strength``, ``bitrate``, ``focus`` (an object, any of the classes)
            and ``maps_on``.
        now: What is set.

    Raises:
        ConfigError: It is not that, or a value is out of range.
    """
    try:
        wanted = json.loads(body, parse_constant=_no_constant)
    # Too many digits are a ValueError too.
    except (ValueError, RecursionError) as error:
        raise ConfigError("the body is not JSON; send an object") from error
    if not isinstance(wanted, dict):
        raise ConfigError("the body is no object; send one with any of " + ", ".join(_NAMES))
    _check_names(wanted, _NAMES, "control")
    changes: dict[str, Any] = {}
    if "strength" in wanted:
        changes["strength"] = _number("strength", wanted["strength"])
    if "bitrate" in wanted:
        bitrate = _number("bitrate", wanted["bitrate"])
        if not bitrate.is_integer():
            raise ConfigError(f"bitrate {bitrate:g} is no whole number; give bits a second")
        changes["bitrate"] = int(bitrate)
    if "maps_on" in wanted:
        if not isinstance(wanted["maps_on"], bool):
            raise ConfigError("maps_on is neither true nor false; give one of them")
        changes["maps_on"] = wanted["maps_on"]
    if "focus" in wanted:
        focus = wanted["focus"]
        if not isinstance(focus, dict):
            raise ConfigError("focus is no object; send one with any of " + ", ".join(CLASSES))
        _check_names(focus, CLASSES, "focus class")
        weights = {name: _number(f"focus {name}", value) for name, value in focus.items()}
        changes["focus"] = {**now.focus, **weights}
    return replace(now, **changes)


def plain_controls(controls: LiveControls) -> dict[str, object]:
    """Return what ``parse_controls`` reads, every class named."""
    return {
        "strength": controls.strength,
        "bitrate": controls.bitrate,
        "focus": {name: controls.focus.get(name, 1.0) for name in CLASSES},
        "maps_on": controls.maps_on,
    }


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_names(given: Mapping[str, object], known: tuple[str, ...], kind: str) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        # Only the first, and shortened: it comes from a stranger.
        raise ConfigError(f"{kind} {unknown[0][:40]!r} is unknown; choose among {', '.join(known)}")


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} is no number; give one")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in {float("inf"), float("-inf")}:
        raise ConfigError(f"{name} is beyond all bounds; give a smaller number")
    return number
