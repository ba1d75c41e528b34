"""The options of a run, as a command line and as a table."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig, FocusConfig, MapsConfig, Mark
from semvid.core.plain import without_folders
from semvid.core.rate import AsGoodAs, Bitrate, RegionPsnr, RegionVmaf, ScoreWish, Size, Vmaf, Xpsnr
from semvid.core.results import Result
from semvid.products.ways import takes_little_effort

_SCORES: dict[type, tuple[str, str]] = {
    Vmaf: ("target VMAF", "--target-vmaf"),
    Xpsnr: ("target XPSNR", "--target-xpsnr"),
    RegionVmaf: ("target VMAF of what matters", "--region-vmaf"),
    RegionPsnr: ("target PSNR of what matters", "--region-psnr"),
}
_SAME_NAMES = {
    "": ("deinterlace", "audio", "threads", "verify"),
    "allocation": ("strength", "background_weight", "finest", "coarsest", "prefilter"),
    "temporal": ("map_every", "smoothing", "look_ahead", "movement", "motion", "effort"),
}
"""Fields of the config and of its parts whose flags have their names."""


def command_line(result: Result, config: CompressConfig) -> str:
    """Return the command that makes the same encode again, from where the user made it."""
    words = ["semvid", "compress", called(result.source), "-o", called(result.output)]
    for option, value in _options(config):
        words += [option] if value is None else [option, value]
    return shlex.join(words)


def preset_of(config: CompressConfig) -> str:
    """Return the preset in effect, empty where the encoder has none."""
    return config.preset or find_codec(config.codec).default_preset


def settings_table(config: CompressConfig) -> tuple[tuple[str, str], ...]:
    """Return names and values of all options that affect the output, including defaults."""
    rows = [("codec", find_codec(config.codec).name)]
    rows += [(label, value) for label, _, value in (*_rates(config), *_peak(config))]
    rows += [("preset", preset)] if (preset := preset_of(config)) else []
    rows += [(f"encoder option {name}", value) for name, value in config.encoder_options.items()]
    allocation, temporal, maps = config.allocation, config.temporal, config.maps
    if maps.path is not None:
        rows.append(("maps", maps.path.name))
    elif maps.boxes is not None:
        rows.append(("boxes", maps.boxes.name))
    elif maps.track:
        rows += [("track", _named(one)) for one in maps.track]
        rows.append(("model", maps.model_name))
    else:
        weights = ", ".join(f"{name} {weight:g}" for name, weight in maps.focus.weights.items())
        rows += [("model", maps.model_name), ("focus", weights or "all classes 1")]
        rows += [("threshold", f"{maps.focus.threshold:g}"), ("map every", _or_usual(temporal.map_every))]
        is_light = temporal.effort == "light" or takes_little_effort(config)
        rows.append(("effort of maps", "light" if is_light else "full"))
    codec = find_codec(config.codec)
    has_weights = codec.steers(config)
    if has_weights:
        rows.append(("strength", f"{allocation.strength:g}"))
        rows.append(("background weight", f"{allocation.background_weight:g}"))
    if codec.takes_offsets:
        rows.append(("match", allocation.chosen_match))
        finest = 0 if allocation.keeps_region else allocation.finest
        if softening := codec.softening(allocation):
            rows.append(("pre-filter", f"{softening:g}"))
        offsets = f"{finest:g} to {allocation.coarsest:+g}" if has_weights else "none"
        rows.append(("offsets, QP steps", offsets))
    rows += [
        ("smoothing", _or_usual(temporal.smoothing)),
        ("movement", _or_usual(temporal.movement)),
        ("motion", temporal.motion),
    ]
    rows += [(name.replace("_", " "), _worded(value)) for name, value in config.edit.changes().items()]
    rows.append(("PyAV", av.__version__))
    return tuple(rows)


def _rates(config: CompressConfig) -> list[tuple[str, str, str]]:
    """Return what was asked for: names for people, flags and values."""
    scale, rate = find_codec(config.codec).scale, config.rate
    if rate is None or isinstance(rate, scale.kind):
        quality = scale.default if rate is None else rate.value
        return [(scale.name, f"--{scale.kind.__name__.lower()}", f"{quality:g}")]
    if isinstance(rate, Bitrate):
        return [("bit rate", "--bitrate", str(rate.bits_per_second))]
    if isinstance(rate, Size):
        return [("target size", "--target-size", str(rate.num_bytes))]
    if isinstance(rate, AsGoodAs):
        found = [("as good as", "--as-good-as", called(rate.reference))]
    else:
        assert isinstance(rate, ScoreWish)  # noqa: S101 - no codec takes another
        label, flag = _SCORES[type(rate)]
        found = [(label, flag, f"{rate.value:g}")]
    return found if rate.floor is None else [*found, ("floor", "--floor", f"{rate.floor:g}")]


def _peak(config: CompressConfig) -> list[tuple[str, str, str]]:
    """Return the maximum bit rate, as ``_rates`` does."""
    if config.peak is None:
        return []
    bits, buffer = str(config.peak.bits_per_second), str(config.peak.chosen_buffer_bits)
    return [("maximum bit rate", "--max-bitrate", bits), ("buffer, bits", "--buffer", buffer)]


def _worded(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else "yes" if value is True else str(value)


def _or_usual(value: float | None) -> str:
    return "what suits the maps" if value is None else f"{value:g}"


def called(path: Path) -> str:
    """Return a path as somebody in the same folder calls it: whole paths would reveal who ran it."""
    if path.is_absolute():
        # There is none from one drive of Windows to another.
        with suppress(ValueError):
            path = Path(os.path.relpath(path))
    return f"./{path}" if str(path).startswith("-") else str(path)


def _options(config: CompressConfig) -> Iterator[tuple[str, str | None]]:
    yield "--codec", find_codec(config.codec).name
    # Defaults may change from version to version, so they are written down.
    yield from ((flag, value) for _, flag, value in (*_rates(config), *_peak(config)))
    if preset := preset_of(config):
        yield "--preset", preset
    for name, value in config.encoder_options.items():
        yield "--encoder-option", f"{name}={value}"
    yield from map_options(config.maps)
    for name, value in config.edit.changes().items():
        flag = "--fps" if name == "frame_rate" else f"--{name}"
        yield flag, None if value is True else _worded(value)
    yield from _wish_options(config)
    for part, names in _SAME_NAMES.items():
        given = getattr(config, part) if part else config
        for name in names:
            value = getattr(given, name)
            if value != getattr(type(given)(), name):
                yield f"--{name.replace('_', '-')}", value if isinstance(value, str) else f"{value:g}"
    if config.save_maps is not None:
        # Saved maps are settled first: the encode would differ otherwise.
        yield "--save-maps", called(config.save_maps)
    for kind in sorted(config.drop):
        yield "--drop", kind
    if config.strict:
        yield "--strict", None


def _wish_options(config: CompressConfig) -> Iterator[tuple[str, str | None]]:
    if find_codec(config.codec).takes_offsets:
        yield "--match", config.allocation.chosen_match
    if config.probe is not None:
        yield "--probe", config.probe


def _named(mark: Mark) -> str:
    return str(without_folders(mark))


def map_options(maps: MapsConfig) -> Iterator[tuple[str, str | None]]:
    """Yield flags and values of what makes the maps; None = the flag has no value."""
    if maps.path is not None:
        yield "--maps", called(maps.path)
        if maps.hold:
            yield "--maps-hold", None
    elif maps.boxes is not None:
        yield "--boxes", called(maps.boxes)
    else:
        for mark in maps.track:
            yield "--track", str(replace(mark, path=Path(called(mark.path))))
        yield "--model", maps.model_name
    if maps.focus.weights:
        yield "--focus", ",".join(f"{name}={weight:g}" for name, weight in maps.focus.weights.items())
    if maps.focus.threshold != FocusConfig().threshold:
        yield "--threshold", f"{maps.focus.threshold:g}"
