"""Maps of one part of a video, or of its picture, are not for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from semvid.core.edit import EditConfig
from semvid.core.errors import MapError
from semvid.core.text import setting

_SAME_PLACE = frozenset({"size", "enlarge", "denoise"})
"""With these all stays where it is, and when it is shown: maps, whose places are shares of the picture, hold
with them and without."""


def check_edit(path: Path, made_by: Mapping[str, Any] | None, edit: EditConfig) -> None:
    """Refuse a sidecar that was made of another part of a video.

    Args:
        path: Of the maps.
        made_by: What the sidecar says; None = it is another kind of file, which does not say.
        edit: What is done to the video now.

    Raises:
        MapError: It was made with another edit.
    """
    if made_by is None:
        return
    theirs, ours = made_by.get("edit", {}), edit.changes()
    if _moved(theirs) != _moved(ours):
        raise MapError(
            f"{setting('maps', path)} was made with {_worded(theirs)}, and this run has {_worded(ours)}; "
            "give the same, or make the maps again",
            path=path,
        )


def _moved(changes: object) -> object:
    if not isinstance(changes, Mapping):
        return changes
    return {name: value for name, value in changes.items() if name not in _SAME_PLACE}


def _worded(changes: object) -> str:
    if not isinstance(changes, Mapping) or not changes:
        return "the whole video"
    order = {one.name: place for place, one in enumerate(fields(EditConfig))}
    names = sorted(map(str, changes), key=lambda name: order.get(name, len(order)))
    return ", ".join(setting(name, changes[name]) for name in names)
