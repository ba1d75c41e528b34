"""Serves a page from a separate thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp

from semvid.core.closing import Closing
from semvid.core.errors import OutputError
from semvid.web.address import ServedNames, check_token, listen, parse_address, shown_url
from semvid.web.guard import Guard, Keys
from semvid.web.protocol import Gate, GatedConfig, GuardedProtocol

_MOST_HEAD_BYTES = 16 * 1024
_START_SECONDS, _CLOSE_SECONDS = 10.0, 1.8
_KEEP_ALIVE_SECONDS = 7


class Worker(Protocol):
    """What works beside the server, as long as it answers."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Called on the server's thread before the first request."""

    def stop(self) -> None:
        """Called when no more requests are answered, perhaps more than once."""


class PageServer(Closing):
    """Serves an application to browsers that are allowed to see it.

    It listens as soon as it is created, and answers from ``start`` to ``close``.

    Args:
        app: The application, which sees only what ``Guard`` lets through.
        address: ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``; without a host, 127.0.0.1; port 0 is
            any that is free.
        token: Password of the page; None is only for addresses that other machines cannot reach.
        gate: Limits the connections.
        title: Of the page that asks for the token.
        worker: Works beside it; None = nothing does.

    Attributes:
        url: Address of the page, without the token.
        link: The same with the token. Show it only to the user.
        failure: Why the page ended before ``close``; empty if it did not.

    Raises:
        ConfigError: The address is malformed, or others can reach it and there is no good token.
        OutputError: The address cannot be listened on.
    """

    def __init__(
        self,
        app: ASGIApp,
        address: str,
        token: str | None,
        gate: Gate,
        *,
        title: str,
        worker: Worker | None = None,
    ) -> None:
        parsed = parse_address(address)
        check_token(parsed, token)
        self._listener = listen(parsed)
        port = int(self._listener.getsockname()[1])
        self.url = shown_url(parsed, port)
        self.link = self.url + (f"?token={token}" if token else "")
        self._gate, self._worker = gate, worker
        self.guard = Guard(app, ServedNames(parsed), Keys(token, port) if token else None, title)
        config = GatedConfig(
            self.guard,
            loop="asyncio", http=GuardedProtocol, ws="none", lifespan="off", interface="asgi3",
            log_config=None, log_level="critical", access_log=False, proxy_headers=False, server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
        )  # fmt: skip
        config.gate = self._gate
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="semvid-web", daemon=True)
        self._ready = threading.Event()
        self.failure = ""

    def start(self) -> None:
        """Start answering; call it once.

        Raises:
            OutputError: The server does not start.
        """
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            self.failure = f"the page did not start within {_START_SECONDS:g} s"
        if self.failure:
            raise OutputError(f"{self.failure}; try again, or do without the page")

    def close(self) -> None:
        """End all connections and stop, within 2 s; more than once is fine."""
        self._is_closed = True
        self._stop_worker()
        self._server.should_exit = True
        if self._thread.ident is None:
            self._listener.close()
            return
        self._call(self._gate.close)
        self._thread.join(_CLOSE_SECONDS)

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()

    def _call(self, what: Callable[[], Any]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(what)
            except RuntimeError:  # closed meanwhile
                return

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            if self._worker is not None:
                self._worker.start(self._loop)
            self._ready.set()
            await self._server.serve(sockets=[self._listener])

        why = "the server ended"
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - a thread has nobody to raise to
            why = f"{type(error).__name__}: {error}"
        finally:
            if not self._is_closed:
                self.failure = f"the page is gone ({why})"
            self._ready.set()
            self._stop_worker()
            self._listener.close()
