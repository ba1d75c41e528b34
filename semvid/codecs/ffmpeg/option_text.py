"""Reads an encoder's options, however they are spelled.

FFmpeg and the encoders take many spellings: ``aq_mode`` for ``aq-mode``, ``no-lossless=0``, ``0x0``, quotes,
a list in a list, a tune of several names, and where an option is given twice, the last counts.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

_OFF = {"", "none", "false", "no"}
_TUNE_SEPARATORS = re.compile(r"[,./+-]")
_PSY_TUNES = {"film", "animation", "grain", "stillimage", "psnr", "ssim", "touhou"}
"""Of these x264 takes the first alone."""


def split_list(text: str) -> list[tuple[str, str]]:
    """Read ``key=value:key=value`` as the encoders do, with quotes and backslashes; a bare key is on."""
    items = []
    for part in _split_outside_quotes(text):
        key, equals, value = part.partition("=")
        name, value = key.strip().replace("_", "-"), _unquoted(value.strip()) if equals else "1"
        if name.startswith("no-"):
            name, value = name[3:], "true" if is_off(value) else "false"
        if name:
            items.append((name, value))
    return items


def quoted(value: str) -> str:
    """Write a value of such a list, with everything that would end it or be left out escaped."""
    return re.sub(r"[\\':=\s]", r"\\\g<0>", value)


def _split_outside_quotes(text: str) -> list[str]:
    """Split at the colons that are neither escaped nor in single quotes."""
    return re.findall(r"(?:\\.|'[^']*(?:'|$)|[^:\\'])+", text, flags=re.DOTALL)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)|'", r"\1", text, flags=re.DOTALL).strip()


def number(text: str | None) -> float | None:
    """Return the number in a text, in any notation C reads; None = it is not a number."""
    text = (text or "").strip()
    with contextlib.suppress(ValueError, OverflowError):
        return float(int(text, 0))
    try:
        return float(text)
    except ValueError:
        return None


def is_off(value: str | None) -> bool:
    """Whether a switch of this value is off; not given is off."""
    return value is None or value.strip().lower() in _OFF or number(value) == 0


def tunes(value: str) -> set[str]:
    """Return the names in a ``tune`` that count."""
    names = [one.strip() for one in _TUNE_SEPARATORS.split(value.lower())]
    psy = [one for one in names if one in _PSY_TUNES]
    return {one for one in names if one not in _PSY_TUNES} | set(psy[:1])


def without(options: Mapping[str, str], lists: tuple[str, ...], keys: frozenset[str]) -> dict[str, str]:
    """Leave options out, in lists too.

    Args:
        options: FFmpeg's.
        lists: Those whose value is a list of options.
        keys: Options to leave out.
    """
    kept = {}
    for key, value in options.items():
        if key in lists:
            parts = _split_outside_quotes(value)
            kept[key] = ":".join(part for part in parts if not {name for name, _ in split_list(part)} & keys)
        elif key not in keys:
            kept[key] = value
    return {key: value for key, value in kept.items() if value or key not in lists}
