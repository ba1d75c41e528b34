"""The public Python names of semvid, as ``same.py`` calls them; runs on the code under test.

Options are named as fields were when the first record was made, all in one flat mapping. Where a signature
has changed since, adapt ``make_config``, so that the script still runs on the older code and the newer.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import semvid

_TIMED = frozenset({"elapsed_seconds"})
"""Fields that say how long the work took."""
_TEMPORAL = frozenset({"map_every", "smoothing", "movement", "motion"})
_ALLOCATION = frozenset({"match", "strength", "background_weight", "finest", "coarsest"})
_MAPS = {"maps": "path", "maps_hold": "hold"} | {
    name: name for name in ("model", "focus", "boxes", "device", "threads")
}
_RATES = {
    "crf": "Crf", "quality": "Quality", "bitrate": "Bitrate", "target_size": "Size", "target_bytes": "Size"
}  # fmt: skip
_PATHS = frozenset({"maps", "boxes", "save_maps", "result", "record"})
_PAUSE_SECONDS = 0.1
"""From a finished map to the next frame: a hundred times what the hand-over takes."""
_LIVE_FRAMES = 10


def make_config(kind: str, options: Mapping[str, Any]) -> Any:
    """Make ``semvid.KIND`` of flat options."""
    options = {key: Path(value) if key in _PATHS else value for key, value in options.items()}
    inner = {key: value for key, value in options.items() if key in _TEMPORAL | _ALLOCATION}
    config = {key: value for key, value in options.items() if key not in inner}
    if temporal := {key: value for key, value in inner.items() if key in _TEMPORAL}:
        config["temporal"] = semvid.TemporalConfig(**temporal)
    # A still has a weight of the background and no other allocation.
    allocation = {key: value for key, value in inner.items() if key in _ALLOCATION}
    if kind == "ImageConfig":
        config |= allocation
    elif allocation:
        config["allocation"] = semvid.AllocationConfig(**allocation)
    if hasattr(semvid, "MapsConfig"):
        maps = {_MAPS[key]: config.pop(key) for key in sorted(config.keys() & _MAPS.keys())}
        rates = [getattr(semvid, _RATES[key])(config.pop(key)) for key in config.keys() & _RATES.keys()]
        config |= {"maps": semvid.MapsConfig(**maps)} | ({"rate": rates[0]} if rates else {})
    return getattr(semvid, kind)(**config)


class Blob:
    """A source of maps of the caller's own: a bright spot that moves to the right."""

    def __init__(self) -> None:
        self.answered = threading.Event()

    def update(self, frame: semvid.Frame) -> semvid.ImportanceMap:
        """Return the map of a frame."""
        rows, columns = np.mgrid[:54, :96]
        spot = (columns - 10 - 3 * frame.index) ** 2 + (rows - 27) ** 2 < 14**2
        self.answered.set()
        return semvid.ImportanceMap(spot.astype(np.float32))


def run(arguments: Sequence[str]) -> None:
    """Do what the one argument says, as JSON, and print each event and the result as a line of JSON."""
    asked = json.loads(arguments[0])
    if asked.pop("importance", None):
        asked["importance"] = Blob()
    options = asked.pop("options", {})
    try:
        _CALLS[asked.pop("call")](options, **asked)
    except semvid.SemvidError as error:
        _tell({"raised": type(error).__name__, "exit_code": error.exit_code, "message": str(error)})


def _compress(options: Mapping[str, Any], source: str, output: str, **more: Any) -> None:
    for event in semvid.compress_events(source, output, make_config("CompressConfig", options), **more):
        _tell(event)


def _image(options: Mapping[str, Any], source: str, output: str, **more: Any) -> None:
    _tell(semvid.compress_image(source, output, make_config("ImageConfig", options), **more))


def _maps(options: Mapping[str, Any], source: str, output: str) -> None:
    _tell(semvid.export_maps(source, output, make_config("ExportConfig", options), on_event=_tell))


def _overlay(options: Mapping[str, Any], source: str, output: str, **more: Any) -> None:
    config = make_config("OverlayConfig", options)
    _tell(semvid.export_overlay(source, output, config, on_event=_tell, **more))


def _compare(options: Mapping[str, Any], source: str, test: str) -> None:
    _tell(semvid.compare(source, test, make_config("CompareConfig", options)))


def _probe(options: Mapping[str, Any], source: str) -> None:
    _tell(semvid.probe(source))


def _report(options: Mapping[str, Any], source: str, output: str) -> None:
    config = make_config("CompressConfig", options)
    result = semvid.compress(source, output, config)
    report = semvid.make_report(result, config)
    _tell({"report": type(report).__name__})
    semvid.write_report("report.html", report)


def _live(options: Mapping[str, Any], source: str, output: str) -> None:
    for frame, _ in semvid.live(source, output, config=make_config("LiveConfig", options)):
        _tell({"frame": frame.index, "pts": frame.picture.pts, "luma": frame.luma})


def _paced(options: Mapping[str, Any]) -> None:
    """Feed the live encoder so slowly that every frame has the map of the one before: no race is left."""
    source = Blob()
    random = np.random.default_rng(0)
    wall = np.repeat(np.repeat(random.integers(60, 120, (27, 48, 3), np.uint8), 8, 0), 8, 1)
    with semvid.LiveStream(make_config("LiveConfig", options), source) as stream:
        for index in range(_LIVE_FRAMES):
            picture = wall.copy()
            picture[90:140, 20 + 24 * index : 70 + 24 * index] = (250, 220, 40)
            source.answered.clear()
            for packet in stream.feed_array(picture, index / 25):
                _tell(packet)
            source.answered.wait(5)
            time.sleep(_PAUSE_SECONDS)
        for packet in stream.flush():
            _tell(packet)


_CALLS: Mapping[str, Callable[..., None]] = {
    "compress": _compress, "image": _image, "maps": _maps, "overlay": _overlay, "compare": _compare,
    "probe": _probe, "report": _report, "live": _live, "paced": _paced,
}  # fmt: skip


def _tell(event: Any) -> None:
    print(json.dumps(_plain(event)), flush=True)


def _plain(value: Any) -> Any:
    """Say a value in JSON: dataclasses by type and fields, arrays and bytes by their hash."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {"type": type(value).__name__, **{k: v for k, v in fields.items() if k not in _TIMED}}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return [*value.shape, str(value.dtype), _plain(value.tobytes())]
    if isinstance(value, bytes):
        return f"{len(value)} bytes, {hashlib.sha1(value).hexdigest()[:12]}"
    if isinstance(value, Path | Fraction):
        return str(value)
    return value
