"""The state of a stream, as JSON for the page and as Prometheus text; and its settings, to and from JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from semvid.core.checked import Field, Malformed, parse_json
from semvid.core.config import CLASSES, FocusConfig
from semvid.core.decoding import decoded
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.streaming.base.types import LiveStatus
from semvid.streaming.handle import LiveControls

MOST_BODY_BYTES = 4096
_EXAMPLE = '{"strength": 1, "bitrate": 800000, "focus": {"face": 2}, "maps_on": true}'
_BEYOND = 10**15
"""Larger than any bit rate."""
_SOURCE_STATES = ("opening", "playing", "lost", "ended")
_SINK_STATES = ("opening", "open", "lost", "closed")


@dataclass(frozen=True, slots=True)
class WebStatus:
    """State of the page's server."""

    num_watchers: int
    """Clients that get pictures now."""
    most_watchers: int
    num_stalled: int
    """Clients dropped since the start because they took nothing."""
    num_refused: int
    """Clients refused since the start because there were too many."""
    core_share: float
    """Of one core, what making pictures takes, 0..1."""


def shown_names(addresses: Iterable[str]) -> list[str]:
    """Return names for addresses without their secrets: users, passwords, stream keys."""
    names: list[str] = []
    for address in addresses:
        name = _shown_name(address)
        taken = sum(one == name or one.startswith(f"{name} (") for one in names)
        names.append(f"{name} ({taken + 1})" if taken else name)
    return names


def _shown_name(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "address"
    if "://" not in address:
        return address.replace("\\", "/").rsplit("/", 1)[-1] or address
    if parts.scheme == "file" or not host:
        return f"{parts.scheme}://"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def plain_status(status: LiveStatus) -> dict[str, object]:
    """Return what JSON can hold: no infinities, and sinks as a list of names and states."""
    plain: dict[str, object] = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(status).items()
    }
    names = shown_names(status.sinks)
    plain["sinks"] = [
        {"name": name, "state": state} for name, state in zip(names, status.sinks.values(), strict=True)
    ]
    return plain


def prometheus_text(status: LiveStatus, web: WebStatus) -> str:
    """Return all numbers in Prometheus' text format, 0.0.4."""
    lines: list[str] = []

    def add(name: str, kind: str, words: str, values: Mapping[str, float] | float | None) -> None:
        if values is None:
            return
        lines.extend([f"# HELP semvid_live_{name} {words}", f"# TYPE semvid_live_{name} {kind}"])
        for labels, value in (values if isinstance(values, Mapping) else {"": values}).items():
            lines.append(f"semvid_live_{name}{labels} {_number(value)}")

    add("uptime_seconds", "gauge", "Seconds since the stream began.", status.seconds)
    add("source_state", "gauge", "1 for the state the source is in.",
        {_labels(state=one): float(one == status.source) for one in _SOURCE_STATES})  # fmt: skip
    if status.sound_peaks:
        add(
            "sound_peak_decibels",
            "gauge",
            "Highest level of the last second, full scale is 0.",
            max(status.sound_peaks),
        )
    names = shown_names(status.sinks)
    if names:
        add("sink_state", "gauge", "1 for the state a sink is in.", {
            _labels(sink=name, state=one): float(one == state)
            for name, state in zip(names, status.sinks.values(), strict=True) for one in _SINK_STATES
        })  # fmt: skip
    add("input_frames_per_second", "gauge", "Frames per second from the source.", status.fps_in)
    add("output_frames_per_second", "gauge", "Frames encoded per second.", status.fps_out)
    add("latency_seconds", "gauge", "From a frame decoded to its packet coded.", {
        _labels(quantile="0.5"): status.latency_ms / 1000,
        _labels(quantile="0.99"): status.latency_p99_ms / 1000,
    })  # fmt: skip
    add("bitrate_bits_per_second", "gauge", "Of the coded video.", status.bitrate_kbps * 1000)
    add("maps_per_second", "gauge", "Importance maps made per second.", status.maps_per_second)
    add("frames_coded_total", "counter", "Frames coded.", status.num_frames)
    add("frames_dropped_total", "counter", "Frames of the source that were not coded.", status.num_dropped)
    add("frames_dropped_ratio", "gauge", "Share of frames dropped in the last seconds.", status.dropped_share)
    add("frames_repeated_total", "counter", "Frames repeated during silence.", status.num_repeated)
    add("map_failures_total", "counter", "Maps that could not be made.", status.num_failed_maps)
    add("damaged_total", "counter", "Packets and frames of the source that were damaged.", status.num_damaged)
    add("reconnections_total", "counter", "Of source and sinks.", status.num_reconnections)
    add("load_step", "gauge", "How far the load was reduced, 0 = not at all.", status.load_step)
    add(
        "saving_ratio",
        "gauge",
        "Share of bits the map saves at equal quality of what matters.",
        status.saving,
    )
    add("web_watchers", "gauge", "Clients of the page that get pictures.", web.num_watchers)
    add("web_clients_stalled_total", "counter", "Clients dropped because they took nothing.", web.num_stalled)
    add("web_clients_refused_total", "counter", "Clients refused: too many were there.", web.num_refused)
    add("web_picture_core_ratio", "gauge", "Share of a core that pictures for the page take.", web.core_share)
    return "\n".join(lines) + "\n"


def _labels(**labels: str) -> str:
    def escaped(value: str) -> str:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(value) if isinstance(value, int) else repr(float(value))


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
    focus = FocusConfig(weights=controls.focus)
    return {
        "strength": controls.strength,
        "bitrate": controls.bitrate,
        "focus": {name: focus.weight(name) for name in CLASSES},
        "maps_on": controls.maps_on,
    }
