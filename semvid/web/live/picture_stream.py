"""Pictures of the page as multipart JPEG, each the newest when the client has taken the one before."""

from __future__ import annotations

import asyncio

from starlette.types import Send

from semvid.web.live.broadcast import Broadcast, Picture
from semvid.web.live.endless import EndlessResponse
from semvid.web.live.pictures import View

_AGAIN_SECONDS = 1.0
"""Seconds until the last picture is sent again: most browsers show one only when the next begins."""
_BOUNDARY = b"semvid-picture"


class PictureStream(EndlessResponse):
    """Pictures of one view.

    Args:
        broadcast: Where the pictures come from.
        view: Name of the view.
        client: See ``EndlessResponse``.
        watchers: See ``EndlessResponse``.
    """

    media_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"

    def __init__(
        self, broadcast: Broadcast, view: View, client: tuple[str, int], watchers: list[EndlessResponse]
    ) -> None:
        super().__init__(client, watchers)
        self._broadcast, self._view = broadcast, view

    async def _send_all(self, send: Send) -> None:
        with self._broadcast.watching(self._view):
            await self._start(send)
            await self._send_pictures(send)

    async def _send_pictures(self, send: Send) -> None:
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
            await self._send_body(send, body)
