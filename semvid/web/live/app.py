"""The routes of the server, and their answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from semvid.core.errors import ConfigError
from semvid.core.text import counted
from semvid.streaming.handle import LiveHandle
from semvid.streaming.sinks.growing_file import file_kind, is_played
from semvid.web.answers import HANDLERS, asset_routes, json_body
from semvid.web.guard import Allowance, refusal
from semvid.web.live.broadcast import Broadcast
from semvid.web.live.encode_stream import EncodeStream
from semvid.web.live.endless import EndlessResponse
from semvid.web.live.picture_stream import PictureStream
from semvid.web.live.pictures import VIEWS, View
from semvid.web.live.status import (
    MOST_BODY_BYTES,
    WebStatus,
    parse_controls,
    plain_controls,
    plain_status,
    prometheus_text,
)
from semvid.web.protocol import Gate

_ASSETS = {
    "/": ("web/live/page.html", "text/html"),
    "/page.css": ("web/live/page.css", "text/css"),
    "/page.js": ("web/live/page.js", "text/javascript"),
    "/player.js": ("web/live/player.js", "text/javascript"),
    "/gauges.js": ("web/live/gauges.js", "text/javascript"),
}
_ADJUSTMENTS, _ADJUSTMENTS_PER_SECOND = 40, 20
_SLOW_SECONDS = 1.0
"""Seconds after which a client that takes nothing may be dropped for another."""


class App:
    """All routes.

    Args:
        handle: The stream.
        broadcast: Its pictures.
        gate: Limits the connections.
        most_watchers: Maximum number of clients that get pictures at the same time.
    """

    def __init__(self, handle: LiveHandle, broadcast: Broadcast, gate: Gate, most_watchers: int) -> None:
        self._handle, self._broadcast, self._gate = handle, broadcast, gate
        self._most_watchers = most_watchers
        self._watchers: list[EndlessResponse] = []
        self._num_refused = 0
        self._adjustments = Allowance(_ADJUSTMENTS, _ADJUSTMENTS_PER_SECOND)
        self._adjusting = asyncio.Lock()

    def application(self) -> ASGIApp:
        """Return the whole application."""
        routes = [
            *asset_routes(_ASSETS),
            Route("/stream/encode", self._encode(is_kept=False), methods=["GET"]),
            Route("/stream/recording", self._encode(is_kept=True), methods=["GET"]),
            Route("/stream/{view}", self._stream, methods=["GET"]),
            Route("/api/status", self._status, methods=["GET"]),
            Route("/api/controls", self._controls, methods=["POST"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    def web_status(self) -> WebStatus:
        """Return the state of the server."""
        return WebStatus(
            len(self._watchers), self._most_watchers, self._gate.num_stalled, self._num_refused,
            round(self._broadcast.core_share, 3),
        )  # fmt: skip

    async def _status(self, request: Request) -> Response:
        snapshot = self._handle.snapshot()
        size = None if snapshot is None else snapshot.frame.upright_size
        return JSONResponse({
            "live": plain_status(self._handle.status()),
            "controls": plain_controls(self._handle.controls()),
            "size": size,
            "has_map": snapshot is not None and snapshot.importance is not None,
            "views": self._broadcast.shown(),
            "picture_note": self._broadcast.failure,
            "encode": self._plain_encode(),
            "web": asdict(self.web_status()),
        })  # fmt: skip

    async def _controls(self, request: Request) -> Response:
        if not self._adjustments.spend(request.client.host if request.client else ""):
            return refusal(429, "too many changes; send at most 20 a second", {"Retry-After": "1"})
        body = await json_body(request, MOST_BODY_BYTES)
        if isinstance(body, Response):
            return body
        async with self._adjusting:
            try:
                wanted = parse_controls(body, self._handle.controls())
                # The stream may have to pause for it; pictures and gauges should not.
                await asyncio.to_thread(self._handle.adjust, wanted)
            except ConfigError as error:
                return refusal(400, str(error))
        return JSONResponse(plain_controls(self._handle.controls()))

    async def _metrics(self, request: Request) -> Response:
        text = prometheus_text(self._handle.status(), self.web_status())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def _health(self, request: Request) -> Response:
        status = self._handle.status()
        ailments = [] if status.source in {"opening", "playing"} else [f"source {status.source}"]
        ailments += ["maps failing"] if status.map_failure else []
        return JSONResponse({"status": ", ".join(ailments) or "ok"}, 503 if ailments else 200)

    async def _stream(self, request: Request) -> Response:
        view = request.path_params["view"]
        if view not in VIEWS:
            return refusal(404, f"there is no such view; choose among {', '.join(VIEWS)}")
        client = _client_of(request)
        if refused := self._no_room(client):
            return refused
        if request.method == "HEAD":
            return Response(media_type=PictureStream.media_type)
        return PictureStream(self._broadcast, cast(View, view), client, self._watchers)

    def _encode(self, *, is_kept: bool) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            tap, client = self._handle.packets(), _client_of(request)
            if tap is None:
                return refusal(404, "this stream has no encode to watch")
            if not is_kept and not is_played(tap.coding_format):
                return refusal(
                    404, f"no browser plays {tap.coding_format} as it comes; watch /stream/picture"
                )
            if refused := self._no_room(client):
                return refused
            if request.method == "HEAD":
                return Response(media_type=file_kind(tap.coding_format).media_type)
            return EncodeStream(tap, client, self._watchers, is_kept=is_kept)

        return answer

    def _plain_encode(self) -> dict[str, object] | None:
        tap = self._handle.packets()
        if tap is None:
            return None
        return {"format": tap.coding_format, "is_played": is_played(tap.coding_format)}

    def _no_room(self, client: tuple[str, int]) -> Response | None:
        if len(self._watchers) < self._most_watchers or self._make_room(client[0]):
            return None
        self._num_refused += 1
        watching = counted(self._most_watchers, "client watches", "clients watch")
        return refusal(503, f"{watching} already; try again later", {"Retry-After": "5"})

    def _make_room(self, host: str) -> bool:
        """Drop a watcher for another: one that takes nothing, else one from an address with many more."""
        now = time.monotonic()
        stalled = [one for one in self._watchers if now - one.sending_since > _SLOW_SECONDS]
        if stalled:
            victim = min(stalled, key=lambda one: one.sending_since)
        else:
            held = Counter(one.client[0] for one in self._watchers)
            most, num_held = held.most_common(1)[0] if held else ("", 0)
            if num_held < held[host] + 2:
                return False
            victim = next(one for one in reversed(self._watchers) if one.client[0] == most)
        self._watchers.remove(victim)
        self._gate.drop(victim.client)
        return True


def _client_of(request: Request) -> tuple[str, int]:
    return (request.client.host, request.client.port) if request.client else ("", 0)
