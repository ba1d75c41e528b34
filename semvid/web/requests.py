"""Checks what clients send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from semvid.core.checked import Field, Malformed, parse_json
from semvid.core.config import CLASSES
from semvid.core.decoding import decoded
from semvid.core.errors import ConfigError
from semvid.streaming.handle import LiveControls

MOST_BODY_BYTES = 4096
_EXAMPLE = '{"strength": 1, "bitrate": 800000, "focus": {"face": 2}, "maps_on": true}'
_BEYOND = 10**15
"""Larger than any bit rate."""


def parse_controls(body: bytes, now: LiveControls) -> LiveControls:
    """Return ``now`` with the changes in ``body``.

    Args:
        body: A JSON object with any of ``strength``, ``bitrate``, ``focus`` (an object, any of the classes)
            and ``maps_on``.
        now: The current settings.

    Raises:
        ConfigError: The body has another form, or a value is out of range.
    """
    try:
        changes = _changes(parse_json(decoded(body)), now)
    except Malformed as error:
        raise ConfigError(f"the body cannot be read: {error}; send an object such as {_EXAMPLE}") from error
    try:
        return replace(now, **changes)
    except ConfigError as error:
        # All others have the name in requests that the library gives them.
        raise ConfigError(str(error).replace("`weights=", "`focus=")) from error


def _changes(wanted: Field, now: LiveControls) -> dict[str, Any]:
    wanted.known(*_READ)
    changes = {name: _READ[name](wanted.get(name)) for name in wanted.mapping()}
    if "focus" in changes:
        changes["focus"] = {**now.focus, **changes["focus"]}
    return changes


def _weights(focus: Field) -> dict[str, float]:
    focus.known(*CLASSES)
    return {name: focus.get(name).number() for name in focus.mapping()}


# What is out of range the controls themselves refuse.
_READ: Mapping[str, Callable[[Field], Any]] = {
    "strength": Field.number,
    "bitrate": lambda field: field.whole(-_BEYOND, _BEYOND),
    "focus": _weights,
    "maps_on": Field.flag,
}


def plain_controls(controls: LiveControls) -> dict[str, object]:
    """Return what ``parse_controls`` reads, with every class."""
    return {
        "strength": controls.strength,
        "bitrate": controls.bitrate,
        "focus": {name: controls.focus.get(name, 1.0) for name in CLASSES},
        "maps_on": controls.maps_on,
    }
