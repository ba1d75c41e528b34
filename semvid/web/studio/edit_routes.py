"""Routes of what is corrected in the maps of an open video."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from semvid.core.checked import Field, Malformed
from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.region import region_at
from semvid.importance.edits.shapes import shape_from
from semvid.studio.studio import Opened, Studio
from semvid.web.guard import refusal
from semvid.web.studio.requests import in_thread, json_of, opened_of, telling

_MOST_BYTES = 512 * 1024


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    edits = _Edits(studio)
    return [
        Route("/api/video/{id}/edits", telling(edits.status), methods=["GET"]),
        Route("/api/video/{id}/edits", telling(edits.change), methods=["POST"]),
    ]


class _Edits:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def status(self, request: Request) -> Response:
        return JSONResponse(await in_thread(opened_of(self._studio, request).editing.status))

    async def change(self, request: Request) -> Response:
        """Take ``{"add": {...}}``, ``{"lock": {...}}``, ``{"undo": true}``, ``redo`` or ``clear``."""
        one, body = opened_of(self._studio, request), await json_of(request, _MOST_BYTES)
        try:
            await in_thread(_changed, one, body)
        except Malformed as error:
            return refusal(400, f"the edit cannot be taken: {error}; paint it again")
        return await self.status(request)


def _changed(one: Opened, body: Field) -> None:
    body.known("add", "lock", "undo", "redo", "clear")
    added = body.find("add") or body.find("lock")
    if added is not None:
        edit = _locked(one, added) if body.find("add") is None else _added(one, added)
        one.editing.change(lambda edits: edits.added(edit))
    elif body.find("undo"):
        one.editing.change(Edits.undo)
    elif body.find("redo"):
        one.editing.change(Edits.redo)
    elif body.find("clear"):
        one.editing.change(lambda edits: Edits())
    else:
        raise Malformed("it has none of add, lock, undo, redo and clear")


def _added(one: Opened, field: Field) -> Edit:
    field.known("frame", "shape", "matters", "follows")
    shape, pts = shape_from(field.get("shape")), _pts(one, field)
    return Edit(pts, shape, field.get("matters").flag(), field.get("follows").flag())


def _locked(one: Opened, field: Field) -> Edit:
    field.known("frame", "point", "matters")
    x, y = (place.number(0, 1) for place in field.get("point").items(least=2, most=2))
    pts = _pts(one, field)
    grey, _ = one.map_of(one.video.index_at(pts))
    if grey is None:
        raise Malformed("there is no map of this frame yet; try again soon")
    return Edit(pts, region_at(grey, x, y), field.get("matters").flag())


def _pts(one: Opened, field: Field) -> int:
    return int(one.video.pts[field.get("frame").whole(0, one.video.num_frames - 1)])
