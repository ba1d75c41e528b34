"""Options about codecs, whose help says what the codecs themselves declare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from semvid.cli.options import encoding_option
from semvid.codecs.base.codec import LiveOptions
from semvid.codecs.registry import CODECS
from semvid.core.rate import Rate

_LIVE = {name: one for name, one in CODECS.items() if one.not_live is None}


def _listed(names: Iterable[str]) -> str:
    *some, last = names
    return f"Encoder: {', '.join(some)} or {last}."


_HARDWARE = "Or hardware, as in h264_qsv: see 'semvid doctor'."
Codec = Annotated[str, encoding_option(help=f"{_listed(CODECS)} {_HARDWARE}")]
LiveCodec = Annotated[str, encoding_option(help=_listed(_LIVE))]


def defaults_of(kind: type[Rate]) -> str:
    """Return the defaults of codecs that take such a rate, as in ``26 (x264), 28 (x265)``."""
    scales = ((one.name, one.scale) for one in CODECS.values())
    return ", ".join(f"{scale.default:g} ({name})" for name, scale in scales if scale.kind is kind)


def takers_of_peak() -> str:
    """Return the codecs that take a maximum bit rate."""
    return ", ".join(name for name, one in CODECS.items() if one.takes_peak)


def preset_help() -> str:
    """Return the help of ``--preset``."""
    told = (
        f"{one.name} {one.default_preset} to {one.obedient_presets[-1]}"
        for one in CODECS.values()
        if one.obedient_presets
    )
    return f"Speed, default to fastest: {', '.join(told)}."


def live_preset_help() -> str:
    """Return the help of ``--preset`` of live streams."""
    asked = LiveOptions(1_000_000, 150, 25, None)
    usual = {name: one.live_presets(asked)[:1] for name, one in _LIVE.items()}
    told = ", ".join(f"{one} ({name})" for name, first in usual.items() for one in first)
    without = ", ".join(name for name, first in usual.items() if not first)
    return f"Speed, slower = better compression. Default: {told}. {without}: none."
