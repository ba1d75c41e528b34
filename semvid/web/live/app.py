"""The routes of the server, and their answers."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from dataclasses import asdict
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from semvid.core.errors import ConfigError
from semvid.core.text import counted
from semvid.streaming.handle import LiveHandle
from semvid.web.answers import HANDLERS, asset_routes, json_body
from semvid.web.guard import Allowance, refusal
from semvid.web.live.broadcast import Broadcast, Picture
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
    "/base.css": ("base.css", "text/css"),
    "/page.css": ("web/live/page.css", "text/css"),
    "/page.js": ("web/live/page.js", "text/javascript"),
    "/gauges.js": ("web/live/gauges.js", "text/javascript"),
    "/icon.svg": ("web/icon.svg", "image/svg+xml"),
    # Browsers ask for it on their own.
    "/favicon.ico": ("web/icon.svg", "image/svg+xml"),
}
_ADJUSTMENTS, _ADJUSTMENTS_PER_SECOND = 40, 20
_SLOW_SECONDS = 1.0
"""Seconds after which a client that takes nothing may be dropped for another."""
_AGAIN_SECONDS = 1.0
"""Seconds until the last picture is sent again: most browsers show one only when the next begins."""
_BOUNDARY = b"semvid-picture"


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
        self._watchers: list[_Pictures] = []
        self._num_refused = 0
        self._adjustments = Allowance(_ADJUSTMENTS, _ADJUSTMENTS_PER_SECOND)
        self._adjusting = asyncio.Lock()

    def application(self) -> ASGIApp:
        """Return the whole application."""
        routes = [
            *asset_routes(_ASSETS),
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
            self._broadcast.num_watchers, self._most_watchers, self._gate.num_stalled, self._num_refused,
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
        client = (request.client.host, request.client.port) if request.client else ("", 0)
        if self._broadcast.num_watchers >= self._most_watchers and not self._make_room(client[0]):
            self._num_refused += 1
            watching = counted(self._most_watchers, "client watches", "clients watch")
            return refusal(503, f"{watching} already; try again later", {"Retry-After": "5"})
        if request.method == "HEAD":
            return Response(media_type=_Pictures.media_type)
        return _Pictures(self._broadcast, cast(View, view), client, self._watchers)

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


class _Pictures(Response):
    """An endless response of pictures, each the newest one when the client has taken the previous one.

    Args:
        broadcast: Where the pictures come from.
        view: Name of the view.
        client: Address and port of the client.
        watchers: All such responses that are being sent, the newest last.

    Attributes:
        sending_since: ``time.monotonic()`` when the current send began; infinite = it is idle.
    """

    media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"

    def __init__(
        self, broadcast: Broadcast, view: View, client: tuple[str, int], watchers: list[_Pictures]
    ) -> None:
        super().__init__(headers={"Connection": "close"})
        del self.headers["content-length"]
        self._broadcast, self._view, self._watchers = broadcast, view, watchers
        self.client = client
        self.sending_since = math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._watchers.append(self)
        with self._broadcast.watching(self._view):
            sending = asyncio.create_task(self._send_all(send))
            try:
                while (await receive())["type"] != "http.disconnect":
                    pass
            finally:
                sending.cancel()
                if self in self._watchers:
                    self._watchers.remove(self)
                # Whatever the reason, the client is gone.
                await asyncio.gather(sending, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        number, boundary = 0, b"--" + _BOUNDARY + b"\r\n"
        head = boundary
        picture: Picture | None
        while True:
            try:
                # Not wait_for: up to Python 3.11 it may swallow the end of this task.
                async with asyncio.timeout(_AGAIN_SECONDS):
                    picture = await self._broadcast.after(self._view, number)
            except TimeoutError:
                picture = self._broadcast.newest(self._view)
                if picture is None:
                    continue
            number = picture.number
            head += b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture.jpeg)
            # The next boundary goes at the end: some browsers wait for it.
            body = head + picture.jpeg + b"\r\n" + boundary
            head = b""
            # Waits while more than 64 kB are buffered; the protocol drops clients that take too long.
            self.sending_since = time.monotonic()
            await send({"type": "http.response.body", "body": body, "more_body": True})
            self.sending_since = math.inf
