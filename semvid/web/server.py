"""Serves the page of a live stream from a separate thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import uvicorn

from semvid.core.closing import Closing
from semvid.core.errors import OutputError
from semvid.streaming.handle import LiveHandle
from semvid.web.address import ServedNames, check_token, listen, parse_address, shown_url
from semvid.web.app import App
from semvid.web.broadcast import Broadcast
from semvid.web.guard import Keys
from semvid.web.protocol import STALLED_SECONDS, Gate, GatedConfig, GuardedProtocol

_MOST_HEAD_BYTES = 16 * 1024
_CONNECTIONS_A_CLIENT, _MORE_CONNECTIONS = 3, 32
_START_SECONDS, _CLOSE_SECONDS = 10.0, 1.8
_KEEP_ALIVE_SECONDS = 7


class WebServer(Closing):
    """Serves the page, its pictures, ``/metrics`` and ``/healthz``.

    It listens as soon as it is created, and answers from ``start`` to ``close``.

    Args:
        handle: The stream.
        address: ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``; without a host, 127.0.0.1; port 0 is
            any that is free.
        token: Password of the page; None is only for addresses that other machines cannot reach.
        max_clients: Maximum number of clients that get pictures at the same time.
        stalled_seconds: Seconds after which a client that takes none of its waiting data is dropped.

    Attributes:
        url: Address of the page, without the token.

    Raises:
        ConfigError: The address is malformed, or others can reach it and there is no good token.
        OutputError: The address cannot be listened on.
    """

    def __init__(
        self,
        handle: LiveHandle,
        address: str,
        *,
        token: str | None = None,
        max_clients: int = 32,
        stalled_seconds: float = STALLED_SECONDS,
    ) -> None:
        parsed = parse_address(address)
        check_token(parsed, token)
        self._listener = listen(parsed)
        port = int(self._listener.getsockname()[1])
        self.url = shown_url(parsed, port)
        self.link = self.url + (f"?token={token}" if token else "")
        """Address of the page with the token. Show it only to the user."""
        self._broadcast = Broadcast(handle)
        self._gate = Gate(_CONNECTIONS_A_CLIENT * max_clients + _MORE_CONNECTIONS, stalled_seconds)
        self._app = App(handle, self._broadcast, self._gate, max_clients)
        app = self._app.guarded(ServedNames(parsed), Keys(token, port) if token else None)
        config = GatedConfig(
            app,
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
        """Why the page ended before ``close``; empty if it did not."""

    def __enter__(self) -> WebServer:
        """Start."""
        self.start()
        return self

    def start(self) -> None:
        """Start answering; call it once.

        Raises:
            OutputError: The server does not start.
        """
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            self.failure = f"the page did not start within {_START_SECONDS:g} s"
        if self.failure:
            raise OutputError(f"{self.failure}; leave out `WebServer`, or try again")

    def close(self) -> None:
        """End all connections and stop, within 2 s; more than once is fine."""
        self._is_closed = True
        self._broadcast.stop()
        self._server.should_exit = True
        if self._thread.ident is None:
            self._listener.close()
            return
        self._call(self._gate.close)
        self._thread.join(_CLOSE_SECONDS)
        self._broadcast.join(0.2)

    def _call(self, what: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(what)
            except RuntimeError:  # closed meanwhile
                return

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._broadcast.start(self._loop)
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
            self._broadcast.stop()
            self._listener.close()
