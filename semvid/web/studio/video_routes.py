"""Routes of an open video: its frames and its maps."""

from __future__ import annotations

from starlette.routing import Route

from semvid.studio.studio import Studio


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    return []
