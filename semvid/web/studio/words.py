"""Messages of the library in the words of the page, which has no options by name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.responses import JSONResponse

_TICK = chr(96)
_OPTION = re.compile(
    rf"(?<![\w{_TICK}])({_TICK}+)([A-Za-z_]\w*)(?:=((?:(?!\1(?!{_TICK})).)*)|\(([^(){_TICK}]*)\))?\1(?![\w{_TICK}])",
    re.DOTALL,
)
"""As ``core.text.setting`` writes them."""
_PHRASES: Mapping[str, str] = {
    "`effort=full` takes longer": "slower presets take more",
    "`allow_larger=True` to compress it anyway": "a smaller size to compress it anyway",
    "or make the picture smaller": "or choose a profile that makes the picture smaller",
}
"""Remedies that the page has under another name, or not at all."""
_NAMES = {
    "Crf": "CRF", "crf": "CRF", "Quality": "quality", "Vmaf": "VMAF", "Bitrate": "bit rate", "Size": "size",
    "bitrate": "bit rate", "background_weight": "background", "path": "maps", "maps": "maps",
    "encoder_options": "encoder option",
}  # fmt: skip
_TOLD = frozenset({"error", "failure", "reason", "notices"})
"""Keys of answers whose values are messages."""
_FIRST = re.compile(r"[a-z]+(?=[ ,;'])")


def in_words(message: str) -> str:
    """Return a message of the library as a sentence for somebody who sees no options.

    ``preset=fast`` in backticks becomes "preset fast", ``Size(50000)`` becomes "0.05 MB".
    """
    for theirs, ours in _PHRASES.items():
        message = message.replace(f"pass {theirs}", f"give {ours}").replace(theirs, ours)
    message = _OPTION.sub(_option, message).replace(_TICK, "")
    if _FIRST.match(message) and not message.startswith("semvid"):
        message = message[0].upper() + message[1:]
    return message


def answer(told: object) -> JSONResponse:
    """Answer with JSON values, in which messages are in words."""
    return JSONResponse(_worded(told))


def _worded(told: object, is_message: bool = False) -> object:
    match told:
        case dict():
            return {key: _worded(value, key in _TOLD) for key, value in told.items()}
        case list() | tuple():
            return [_worded(one, is_message) for one in told]
        case str() if is_message:
            return in_words(told)
    return told


def _option(found: re.Match[str]) -> str:
    _, name, value, argument = found.groups()
    shown = _NAMES.get(name, name.replace("_", " "))
    value = value if argument is None else argument
    if value is None:
        return shown
    try:
        number = float(value)
    except ValueError:
        # A path is of no use to who sees the page: names of files are.
        return f"{shown} {value.rsplit('/', 1)[-1] if name in {'maps', 'path'} else value}"
    if name == "Size":
        return f"{number / 1e6:g} MB"
    if name == "Bitrate":
        return f"{number / 1e3:g} kbit/s"
    return f"{shown} {value}"
