"""Records how maps were made, so that they can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from semvid.core.config import MapsConfig
from semvid.core.map_source import MapSource
from semvid.core.plain import to_plain


def describe_maps(
    config: MapsConfig | None, source: MapSource, temporal: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what made the maps of a run, as JSON values; for maps from an earlier run, what made those.

    Args:
        config: What the user asked for; None = the caller supplied a source.
        source: Where the maps come from.
        temporal: How maps follow from frame to frame.
    """
    earlier: Mapping[str, Any] | None = source.made_by
    if earlier is not None:
        return earlier
    record: dict[str, Any] = {"semvid": version("semvid")}
    if config is None:
        return record | {"source": source.kind, "temporal": dict(temporal)}
    # Only the name: a path would reveal who ran it, and means nothing elsewhere.
    if config.path is not None:
        return record | {"maps": config.path.name}
    if config.boxes is not None:
        return record | {"boxes": config.boxes.name}
    return record | {"model": config.model_name, "focus": to_plain(config.focus), "temporal": dict(temporal)}
