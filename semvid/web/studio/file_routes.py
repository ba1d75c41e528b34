"""Routes of files: the folder, opening, and what is dropped on the page."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from semvid.core.checked import Malformed
from semvid.core.errors import SemvidError
from semvid.core.text import visible
from semvid.studio.folder import MOST_DROPPED_BYTES, Drop, kind_of
from semvid.studio.studio import Opened, Studio
from semvid.web.guard import refusal
from semvid.web.studio.requests import Refused, in_thread, json_of, telling

_SILENT_SECONDS = 30.0
"""Seconds after which an upload of which nothing comes is given up."""
_BYTES_AT_ONCE = 2**20
_MOST_DROPS = 4
"""At the same time."""


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    files = _Files(studio)
    return [
        Route("/api/folder", telling(files.folder), methods=["GET"]),
        Route("/api/open", telling(files.open), methods=["POST"]),
        Route("/api/drop", telling(files.drop), methods=["PUT"]),
    ]


class _Files:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._num_drops = 0

    async def folder(self, request: Request) -> Response:
        path = request.query_params.get("path", "")
        entries = await in_thread(self._studio.root.list, path)
        shown = self._studio.root.shown(self._studio.root.resolve(path))
        root = visible(self._studio.root.folder.name)
        return JSONResponse({
            "path": shown, "root": root, "most_dropped": MOST_DROPPED_BYTES,
            "entries": [asdict(one) for one in entries],
        })  # fmt: skip

    async def open(self, request: Request) -> Response:
        body = await json_of(request)
        try:
            path = body.known("path").get("path").text(4096)
        except Malformed as error:
            return refusal(400, f'the body cannot be read: {error}; send {{"path": "talk.mp4"}}')
        return JSONResponse(await in_thread(self._opened, path))

    def _opened(self, path: str) -> dict[str, Any]:
        """Open a video, or choose a photograph; return what it is."""
        found = self._studio.root.resolve(path)
        if kind_of(found.name) == "still":
            return self._chosen(found)
        return _told(self._studio.open(path))

    def _opened_drop(self, path: Path) -> dict[str, Any]:
        if kind_of(path.name) == "still":
            return self._chosen(path)
        return _told(self._studio.open_file(path))

    def _chosen(self, path: Path) -> dict[str, Any]:
        stills = self._studio.stills
        (still,) = stills.choose_files([path])
        try:
            return {**stills.describe(still), "settings": stills.wishes.plain()}
        except SemvidError:
            # What cannot be seen cannot be compressed.
            stills.take_out([still.id])
            raise

    async def drop(self, request: Request) -> Response:
        if self._num_drops >= _MOST_DROPS:
            return refusal(429, f"{_MOST_DROPS} files are being dropped already; wait for one of them")
        name = request.query_params.get("name", "")
        self._num_drops += 1
        try:
            drop = await in_thread(self._studio.root.begin_drop, name)
            with drop:
                # Of whom sends no length, or another, the bytes are counted.
                drop.expect(int(request.headers.get("content-length", 0)))
                await _take(request, drop)
                path = await in_thread(drop.finish)
        finally:
            self._num_drops -= 1
        try:
            return JSONResponse(await in_thread(self._opened_drop, path))
        except SemvidError:
            await in_thread(path.unlink)
            raise


def _told(one: Opened) -> dict[str, Any]:
    return {**one.video.describe(), "settings": one.wishes.plain()}


async def _take(request: Request, drop: Drop) -> None:
    chunks, waiting = request.stream(), bytearray()
    while True:
        try:
            async with asyncio.timeout(_SILENT_SECONDS):
                chunk = await anext(chunks, None)
        except TimeoutError:
            words = f"nothing came for {_SILENT_SECONDS:g} s; drop the file again"
            raise Refused(refusal(408, words)) from None
        if chunk is None:
            break
        waiting += chunk
        if len(waiting) >= _BYTES_AT_ONCE:
            await in_thread(drop.write, bytes(waiting))
            waiting.clear()
    await in_thread(drop.write, bytes(waiting))
