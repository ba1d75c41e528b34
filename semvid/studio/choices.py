"""What a user chose on the page (codec, preset, profile, a wish, what matters), as options of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.codecs.registry import CODECS, find_codec
from semvid.core.checked import Field, Malformed, shown
from semvid.core.config import MODELS, CompressConfig, ImageConfig
from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.rate import Bitrate, Quality, Rate, Size, Ssimulacra2, StillRate, Vmaf
from semvid.studio.profiles import Profiles
from semvid.studio.wishes import Wishes

WISHES = ("quality", "size", "bitrate", "vmaf")
"""Quality on the scale of the codec; size of the file in MB; bit rate of the video in kbit/s; VMAF."""
STILL_WISHES = ("quality", "bytes")
"""Of photographs: quality as in plain JPEG; bytes of each file, metadata included."""
_KEYS = ("codec", "preset", "profile", "wish", "focus", "strength", "background", "model")
_MOST_CLASSES = 64
_MOST_EDGE = 65_500
_MOST_STILL_BYTES = 2**30
_BYTES_PER_MB, _BITS_PER_KBIT = 1_000_000, 1000


def read_choices(choices: Field, read_profile: Callable[[str], CompressConfig]) -> CompressConfig:
    """Read what was chosen; whatever is left out is as in the profile, or as usual.

    Args:
        choices: An object with some of ``codec``, ``preset``, ``profile`` (names), ``wish`` (an object with a
            ``kind`` of ``WISHES`` and a ``value``), ``focus`` (weights of classes), ``strength``,
            ``background`` and ``model``.
        read_profile: Reads a profile by its name; empty = none, what is usual.

    Raises:
        ConfigError: Something in it is unknown or out of range.
    """
    try:
        return _read(choices.known(*_KEYS), read_profile)
    except Malformed as error:
        raise ConfigError(f"{error}; choose again") from error


def _read(choices: Field, read_profile: Callable[[str], CompressConfig]) -> CompressConfig:
    config = read_profile(_text(choices, "profile"))
    changes: dict[str, Any] = {}
    codec = _text(choices, "codec")
    if codec and find_codec(codec) is not find_codec(config.codec):
        # They mean something else for another codec.
        changes |= {"codec": codec, "preset": None, "rate": None, "encoder_options": FrozenMapping()}
    if preset := _text(choices, "preset"):
        changes["preset"] = preset
    if (wish := choices.find("wish")) is not None:
        changes["rate"] = _rate(wish.known("kind", "value"), changes.get("codec", config.codec))
    allocation: dict[str, Any] = {
        ours: field.number()
        for theirs, ours in (("strength", "strength"), ("background", "background_weight"))
        if (field := choices.find(theirs)) is not None
    }
    model = _text(choices, "model")
    maps: dict[str, Any] = {"model": model} if model not in ("", config.maps.chosen_model) else {}
    if maps and model not in MODELS:
        raise ConfigError(f"the model {shown(model)} is unknown; choose one of {', '.join(MODELS)}")
    if (focus := choices.find("focus")) is not None:
        weights = {name: focus.get(name).number(0, 100) for name in list(focus.mapping())[:_MOST_CLASSES]}
        maps["focus"] = replace(config.maps.focus, weights=FrozenMapping(weights)).brief()
    if maps:
        changes["maps"] = replace(config.maps, **maps)
    if allocation:
        changes["allocation"] = replace(config.allocation, **allocation)
    return replace(config, **changes)


def read_still_choices(choices: Field, read_profile: Callable[[str], ImageConfig]) -> ImageConfig:
    """Read what was chosen for photographs; whatever is left out is as in the profile, or as usual.

    Args:
        choices: An object with some of ``profile`` (a name), ``wish`` (an object with a ``kind``, ``quality``
            or ``bytes``, and a ``value``), ``max_edge`` (pixels; 0 = the size stays) and ``strip`` (``gps``,
            ``all`` or ``none``).
        read_profile: Reads a profile by its name; empty = none, what is usual.

    Raises:
        ConfigError: Something in it is unknown or out of range.
    """
    try:
        config = read_profile(_text(choices.known("profile", "wish", "max_edge", "strip"), "profile"))
        changes: dict[str, Any] = {"overwrite": False}
        if (wish := choices.find("wish")) is not None:
            rate = _still_rate(wish.known("kind", "value"))
            changes |= {"rate": rate, "match": config.match if isinstance(rate, Quality) else None}
        if (edge := choices.find("max_edge")) is not None:
            changes["max_edge"] = edge.whole(0, _MOST_EDGE) or None
        if strip := _text(choices, "strip"):
            changes["strip"] = None if strip == "none" else strip
    except Malformed as error:
        raise ConfigError(f"{error}; choose again") from error
    return replace(config, **changes)


def still_profiles_to_choose(profiles: Profiles, folder: Path) -> list[dict[str, Any]]:
    """Return what a page has to know of profiles that change something in photographs, as JSON.

    The first has no name, and is what is usual. Each has what ``read_still_choices`` reads, and the settings
    that the page shows, or an ``error``.
    """
    found: list[dict[str, Any]] = []
    usual: ImageConfig | None = None
    for name in ("", *profiles.known):
        told: dict[str, Any] = {"name": name}
        try:
            config = profiles.read_still(name, folder)
        except ConfigError as error:
            found.append(told | {"error": str(error)})
            continue
        if not name:
            usual = config
        elif config == usual:
            continue
        match config.rate:
            case Quality(value=value):
                told["wish"] = {"kind": "quality", "value": value}
            case Size(num_bytes=value):
                told["wish"] = {"kind": "bytes", "value": value}
            case Ssimulacra2(value=score):
                told["wish"] = {"kind": "", "value": f"SSIMULACRA 2 of {score:g}"}
        found.append(told | {
            "max_edge": config.max_edge or 0, "strip": config.strip or "none",
            "settings": Wishes.of(config).plain(), "is_changed": config != ImageConfig(),
        })  # fmt: skip
    return found


def _still_rate(wish: Field) -> StillRate:
    match wish.get("kind").text():
        case "quality":
            return Quality(wish.get("value").whole(1, 100))
        case "bytes":
            return Size(wish.get("value").whole(1, _MOST_STILL_BYTES))
    raise Malformed(f"wish.kind is {shown(wish.get('kind').value)}, not one of {', '.join(STILL_WISHES)}")


def _text(choices: Field, key: str) -> str:
    field = choices.find(key)
    return "" if field is None else field.text()


def _rate(wish: Field, codec: str) -> Rate:
    kind, value = wish.get("kind").text(), wish.get("value")
    scale = find_codec(codec).scale
    match kind:
        case "quality":
            return scale.rate(value.number(scale.lowest, scale.highest))
        case "size":
            return Size(round(value.number(0.001, 1e9) * _BYTES_PER_MB))
        case "bitrate":
            return Bitrate(round(value.number(1, 1e9) * _BITS_PER_KBIT))
        case "vmaf":
            return Vmaf(value.number())
    raise Malformed(f"wish.kind is {shown(kind)}, not one of {', '.join(WISHES)}")


def codecs_to_choose() -> list[dict[str, Any]]:
    """Return what a page has to know of each codec, as JSON: name, presets, and its scale of qualities."""
    found = []
    for codec in CODECS.values():
        scale = codec.scale
        found.append({
            "name": codec.name, "presets": list(codec.obedient_presets), "preset": codec.default_preset,
            "quality": {
                "name": scale.name, "lowest": scale.lowest, "highest": scale.highest,
                "default": scale.default, "is_lower_better": scale.steps_per_octave > 0,
            },
            # Where there is no search, a size or a score cannot be asked for.
            "wishes": list(WISHES) if codec.takes_offsets else ["quality", "bitrate"],
            "map": map_words(CompressConfig(codec=codec.name)),
        })  # fmt: skip
    return found


def profiles_to_choose(profiles: Profiles, folder: Path) -> list[dict[str, Any]]:
    """Return what a page has to know of each profile, as JSON: the first has no name, and is what is usual.

    Each has the settings that the page shows, so that what is encoded is what is seen, or an ``error``.
    """
    found = []
    for name, about in {"": "", **profiles.known}.items():
        told: dict[str, Any] = {"name": name, "about": about}
        try:
            config = profiles.read(name, folder)
            told |= {"settings": Wishes.of(config).plain(), "is_changed": config != CompressConfig()}
        except ConfigError as error:
            told["error"] = str(error)
        found.append(told)
    return found


def map_words(config: CompressConfig) -> str:
    """Say what a map does in an encode, if that is less than usual; empty where it acts in full.

    Args:
        config: Of the encode.
    """
    if config.allocation.strength == 0:
        return "Strength is 0: this is a plain encode, and the map does nothing."
    codec = find_codec(config.codec)
    if codec.steers(config):
        return ""
    if codec.softening(config.allocation):
        return (
            f"{codec.name} takes no map. What does not matter is softened before it is encoded, which saves "
            "less than a map does; x264, x265 and VP9 take one."
        )
    return (
        f"{codec.name} takes no map, and nothing is softened: this is a plain encode. Choose x264, x265 or "
        "VP9, which take one."
    )
