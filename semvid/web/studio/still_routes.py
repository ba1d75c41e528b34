"""Routes of photographs: choosing them, how they look, their maps, the trial, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from semvid.core.checked import Field, Malformed
from semvid.core.config import ImageConfig
from semvid.studio.choices import read_still_choices, still_profiles_to_choose
from semvid.studio.packing import packed
from semvid.studio.stills import GALLERY_EDGE, MOST_CHOSEN, ChosenStill
from semvid.studio.studio import Studio
from semvid.web.guard import refusal
from semvid.web.studio.requests import Refused, in_thread, json_of, still_of, telling
from semvid.web.studio.video_routes import number_of, png_of
from semvid.web.studio.words import answer

_MOST_BODY_BYTES = 2**20
_MOST_PACKED_AT_ONCE = 2
_MOST_DIGITS = 9


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    stills = _Stills(studio)
    get, post = ["GET"], ["POST"]
    return [
        Route("/api/stills", telling(stills.chosen), methods=get),
        Route("/api/stills/choices", telling(stills.choices), methods=get),
        Route("/api/stills/choose", telling(stills.choose), methods=post),
        Route("/api/stills/take-out", telling(stills.take_out), methods=post),
        Route("/api/stills/queue", telling(stills.add), methods=post),
        Route("/api/stills/zip", telling(stills.zip), methods=get),
        Route("/api/still/{id}/frame/{index:int}", telling(stills.picture), methods=get),
        Route("/api/still/{id}/map/{index:int}", telling(stills.map), methods=get),
        Route("/api/still/{id}/maps", telling(stills.maps), methods=get),
        Route("/api/still/{id}/settings", telling(stills.settings), methods=post),
        Route("/api/still/{id}/try", telling(stills.begin_trial), methods=post),
    ]


class _Stills:
    def __init__(self, studio: Studio) -> None:
        self._studio, self._stills = studio, studio.stills
        self._num_packed = 0
        # One picture is decoded at a time; who waits for it takes no thread from the rest of the page.
        self._decoding = asyncio.Semaphore(2)

    async def chosen(self, request: Request) -> Response:
        return answer({"stills": await in_thread(self._listed)})

    async def choose(self, request: Request) -> Response:
        """Take ``{"paths": [...]}``, or ``{"folder": path}`` for all of a folder."""
        body = await json_of(request, _MOST_BODY_BYTES)
        try:
            body.known("paths", "folder")
            folder = body.find("folder")
            if folder is not None:
                place = folder.text(4096)
                chosen = await in_thread(self._stills.choose_folder, place)
            else:
                paths = [one.text(4096) for one in body.get("paths").items(least=1, most=MOST_CHOSEN)]
                chosen = await in_thread(self._stills.choose, paths)
        except Malformed as error:
            return refusal(400, f'the body cannot be read: {error}; send {{"paths": ["photo.jpg"]}}')
        listed = await in_thread(self._listed)
        return answer({"stills": listed, "chosen": [one.shown for one in chosen]})

    async def take_out(self, request: Request) -> Response:
        names = await self._names(request)
        await in_thread(self._stills.take_out, names)
        return await self.chosen(request)

    async def picture(self, request: Request) -> Response:
        still, width = still_of(self._studio, request), number_of(request, "width", GALLERY_EDGE)
        is_edge = "edge" in request.query_params
        edge = number_of(request, "edge", 0)
        async with self._decoding:
            edge = edge if is_edge else await in_thread(self._edge, still, width)
            jpeg = await in_thread(self._stills.jpeg, still, edge)
        return Response(jpeg, media_type="image/jpeg")

    async def map(self, request: Request) -> Response:
        still = still_of(self._studio, request)
        async with self._decoding:
            found = await in_thread(self._stills.map_of, still)
        return Response(png_of(found), media_type="image/png", headers={"X-Map": "exact"})

    async def maps(self, request: Request) -> Response:
        """As that of a video: here is one map, and it is there."""
        still = still_of(self._studio, request)
        async with self._decoding:
            classes = await in_thread(self._stills.classes, still)
        return answer({
            "made": 1, "total": 1, "is_done": True, "is_stopped": False, "failure": "", "cuts": [],
            "classes": [asdict(one) for one in classes], "sidecar": None,
        })  # fmt: skip

    async def settings(self, request: Request) -> Response:
        """They are those of all photographs."""
        still_of(self._studio, request)
        body = await json_of(request)
        try:
            self._stills.wishes = self._stills.wishes.changed(body)
        except Malformed as error:
            return refusal(400, f'the body cannot be read: {error}; send an object such as {{"strength": 1}}')
        return answer(self._stills.wishes.plain())

    async def begin_trial(self, request: Request) -> Response:
        still, chosen = still_of(self._studio, request), await json_of(request)
        config = await in_thread(self._config, chosen)

        def begin() -> dict[str, Any]:
            wanted = self._stills.for_encode(still, config)
            return self._studio.runs.trials.begin_still(still.path, wanted, still.id)

        return answer(await in_thread(begin))

    async def add(self, request: Request) -> Response:
        """Take ``{"choices": {...}}``, with ``"stills": [id, ...]`` for some of those that are chosen."""
        body = await json_of(request, _MOST_BODY_BYTES)
        try:
            body.known("choices", "stills")
            chosen, names = body.get("choices"), body.find("stills")
            wanted = self._stills.chosen() if names is None else self._of_names(_texts(names))
        except Malformed as error:
            return refusal(400, f"the request cannot be read: {error}; reload the page")
        if not wanted:
            return refusal(400, "no photograph is chosen; choose some first")
        config = await in_thread(self._config, chosen)

        def add() -> list[int]:
            jobs = [(one.path, self._stills.for_encode(one, config)) for one in wanted]
            return self._studio.runs.queue.add_all(jobs)

        return answer({"jobs": await in_thread(add)})

    async def zip(self, request: Request) -> Response:
        """Send the outputs of ``jobs=1,2,3`` as one archive."""
        texts = request.query_params.get("jobs", "").split(",")
        if not all(one.isascii() and one.isdigit() and len(one) <= _MOST_DIGITS for one in texts):
            return refusal(400, "jobs are not numbers with commas between them; reload the page")
        if len(texts) > MOST_CHOSEN:
            return refusal(400, f"{len(texts)} files are more than {MOST_CHOSEN}, the most in one archive")
        if self._num_packed >= _MOST_PACKED_AT_ONCE:
            return refusal(429, f"{_MOST_PACKED_AT_ONCE} archives are being sent; wait for one of them")
        # Before anything is waited for: many may ask at once.
        self._num_packed += 1
        try:
            files = await in_thread(self._outputs, [*map(int, texts)])
        except BaseException:
            self._archive_is_over()
            raise
        return _Archive(files, self._archive_is_over)

    async def choices(self, request: Request) -> Response:
        profiles, folder = self._studio.runs.profiles, self._studio.root.folder
        return answer({"profiles": await in_thread(still_profiles_to_choose, profiles, folder)})

    def _archive_is_over(self) -> None:
        self._num_packed -= 1

    def _config(self, chosen: Field) -> ImageConfig:
        profiles, folder = self._studio.runs.profiles, self._studio.root.folder
        return read_still_choices(chosen, partial(profiles.read_still, folder=folder))

    def _outputs(self, jobs: list[int]) -> list[Path]:
        runs, found = self._studio.runs, []
        for job in jobs:
            runs.check_done(job)
            found.append(runs.queue.entry(job).output)
        return found

    def _listed(self) -> list[dict[str, Any]]:
        return [
            {
                "id": one.id, "name": one.path.name, "path": one.shown,
                "is_edited": bool(one.editing.edits().done),
            }
            for one in self._stills.chosen()
        ]  # fmt: skip

    def _edge(self, still: ChosenStill, width: int) -> int:
        told = self._stills.describe(still)
        return int(width * max(told["width"], told["height"]) / told["width"])

    async def _names(self, request: Request) -> list[str]:
        body = await json_of(request, _MOST_BODY_BYTES)
        try:
            return _texts(body.known("stills").get("stills"))
        except Malformed as error:
            raise Refused(refusal(400, f"the request cannot be read: {error}; reload the page")) from None

    def _of_names(self, names: list[str]) -> list[ChosenStill]:
        try:
            return [self._stills.get(one) for one in names]
        except KeyError:
            raise Refused(refusal(404, "a photograph is not chosen any more; reload the page")) from None


class _Archive(StreamingResponse):
    """Sends files as one archive, and tells when that is over, however it ends."""

    def __init__(self, files: list[Path], is_over: Callable[[], None]) -> None:
        headers = {"Content-Disposition": 'attachment; filename="photographs.semvid.zip"'}
        super().__init__(self._pieces(files), media_type="application/zip", headers=headers)
        self._is_over = is_over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._is_over()

    async def _pieces(self, files: list[Path]) -> AsyncIterator[bytes]:
        pieces = packed(files)
        while (piece := await in_thread(next, pieces, None)) is not None:
            yield piece


def _texts(field: Field) -> list[str]:
    return [one.text(64) for one in field.items(most=MOST_CHOSEN)]
