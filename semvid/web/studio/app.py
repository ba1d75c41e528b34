"""The application of the studio's page, put together from the routes of its modules."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.types import ASGIApp

from semvid.studio.studio import Studio
from semvid.web.answers import HANDLERS, asset_routes
from semvid.web.studio import edit_routes, file_routes, run_routes, still_routes, video_routes

SCRIPTS = (
    "studio", "dom", "colours", "folder", "viewer", "strip", "settings", "paint", "player", "try", "queue",
    "gallery", "slider", "stills",
)  # fmt: skip
"""Modules of the page, by the names of their files."""
_ASSETS = {
    "/": ("web/studio/page.html", "text/html"),
    "/studio.css": ("web/studio/studio.css", "text/css"),
    "/run.css": ("web/studio/run.css", "text/css"),
    "/stills.css": ("web/studio/stills.css", "text/css"),
    **{f"/{one}.js": (f"web/studio/{one}.js", "text/javascript") for one in SCRIPTS},
}
MODULES = (file_routes, video_routes, still_routes, edit_routes, run_routes)
"""Each has ``routes(studio)``."""


def application(studio: Studio) -> ASGIApp:
    """Return the whole application."""
    routes = [*asset_routes(_ASSETS), *(route for one in MODULES for route in one.routes(studio))]
    return Starlette(routes=routes, exception_handlers=HANDLERS)
