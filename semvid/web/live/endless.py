"""Responses without an end: what all of them do until the client is gone."""

from __future__ import annotations

import asyncio
import math
import time

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send


class EndlessResponse(Response):
    """A response that is sent until the client is gone.

    Args:
        client: Address and port of the client.
        watchers: All such responses that are being sent, the newest last.
        headers: More headers.

    Attributes:
        sending_since: ``time.monotonic()`` when the current send began; infinite = it is idle.
    """

    def __init__(
        self,
        client: tuple[str, int],
        watchers: list[EndlessResponse],
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(headers={"Connection": "close", **(headers or {})})
        del self.headers["content-length"]
        self._watchers = watchers
        self.client = client
        self.sending_since = math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client is gone, or there is nothing more to send."""
        self._watchers.append(self)
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            if self in self._watchers:
                self._watchers.remove(self)
            # Whatever the reason, it is over.
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        """Send everything; ended by cancelling."""
        raise NotImplementedError

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

    async def _send_body(self, send: Send, body: bytes, *, more: bool = True) -> None:
        """Send some, and wait while more than 64 kB are buffered; the protocol drops who takes too long."""
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        self.sending_since = time.monotonic()
        await send(message)
        self.sending_since = math.inf


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
