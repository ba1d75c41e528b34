"""Routes of what is corrected in the maps of an open video, or of a photograph."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semvid.core.checked import Field, Malformed
from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.region import region_at
from semvid.importance.edits.shapes import shape_from
from semvid.studio.editing import Editing
from semvid.studio.map_store import Grey
from semvid.studio.still_edits import StillEdits
from semvid.studio.stills import ChosenStill, Stills
from semvid.studio.studio import Opened, Studio
from semvid.web.guard import refusal
from semvid.web.studio.requests import in_thread, json_of, opened_of, still_of, telling
from semvid.web.studio.words import answer

_MOST_BYTES = 512 * 1024


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    edits = _Edits(studio)
    return [
        Route(f"/api/{kind}/{{id}}/edits", telling(answer), methods=[method])
        for kind in ("video", "still")
        for method, answer in (("GET", edits.status), ("POST", edits.change))
    ]


class _Edited(Protocol):
    """What is corrected."""

    @property
    def editing(self) -> Editing | StillEdits:
        """Its edits."""

    @property
    def num_frames(self) -> int:
        """Number of frames."""

    def pts_of(self, index: int) -> int:
        """Return when a frame is shown."""

    def map_of(self, index: int) -> Grey | None:
        """Return the map of a frame, with the edits; None = there is none yet."""


class _EditedVideo:
    def __init__(self, one: Opened) -> None:
        self._one, self.editing, self.num_frames = one, one.editing, one.video.num_frames

    def pts_of(self, index: int) -> int:
        return int(self._one.video.pts[index])

    def map_of(self, index: int) -> Grey | None:
        return self._one.map_of(index)[0]


class _EditedStill:
    def __init__(self, stills: Stills, still: ChosenStill) -> None:
        self._stills, self._still, self.editing, self.num_frames = stills, still, still.editing, 1

    def pts_of(self, index: int) -> int:
        return 0

    def map_of(self, index: int) -> Grey | None:
        return self._stills.map_of(self._still)


class _Edits:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def status(self, request: Request) -> Response:
        return answer(await in_thread(self._edited(request).editing.status))

    async def change(self, request: Request) -> Response:
        """Take ``{"add": {...}}``, ``{"lock": {...}}``, ``{"undo": true}``, ``redo`` or ``clear``."""
        one, body = self._edited(request), await json_of(request, _MOST_BYTES)
        try:
            await in_thread(_changed, one, body)
        except Malformed as error:
            return refusal(400, f"the edit cannot be taken: {error}; paint it again")
        return await self.status(request)

    def _edited(self, request: Request) -> _Edited:
        if request.url.path.startswith("/api/still/"):
            return _EditedStill(self._studio.stills, still_of(self._studio, request))
        return _EditedVideo(opened_of(self._studio, request))


def _changed(one: _Edited, body: Field) -> None:
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


def _added(one: _Edited, field: Field) -> Edit:
    field.known("frame", "shape", "matters", "follows")
    shape, frame = shape_from(field.get("shape")), _frame(one, field)
    return Edit(one.pts_of(frame), shape, field.get("matters").flag(), field.get("follows").flag())


def _locked(one: _Edited, field: Field) -> Edit:
    field.known("frame", "point", "matters")
    x, y = (place.number(0, 1) for place in field.get("point").items(least=2, most=2))
    frame = _frame(one, field)
    grey = one.map_of(frame)
    if grey is None:
        raise Malformed("there is no map of this frame yet; try again soon")
    return Edit(one.pts_of(frame), region_at(grey, x, y), field.get("matters").flag())


def _frame(one: _Edited, field: Field) -> int:
    return field.get("frame").whole(0, one.num_frames - 1)
