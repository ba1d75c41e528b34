"""Serves the page of a live stream."""

from __future__ import annotations

from semvid.streaming.handle import LiveHandle
from semvid.web.live.app import App
from semvid.web.live.broadcast import Broadcast
from semvid.web.protocol import STALLED_SECONDS, Gate
from semvid.web.server import PageServer

_CONNECTIONS_A_CLIENT, _MORE_CONNECTIONS = 3, 32


class WebServer(PageServer):
    """Serves the page, its pictures, ``/metrics`` and ``/healthz``; see ``PageServer``.

    Args:
        handle: The stream.
        address: See ``PageServer``.
        token: See ``PageServer``.
        max_clients: Maximum number of clients that get pictures at the same time.
        stalled_seconds: Seconds after which a client that takes none of its waiting data is dropped.

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
        self._broadcast = Broadcast(handle)
        gate = Gate(_CONNECTIONS_A_CLIENT * max_clients + _MORE_CONNECTIONS, stalled_seconds)
        self._app = App(handle, self._broadcast, gate, max_clients)
        super().__init__(
            self._app.application(), address, token, gate, title="semvid live", worker=self._broadcast
        )

    def __enter__(self) -> WebServer:
        """Start."""
        self.start()
        return self

    def close(self) -> None:
        """End all connections and stop, within 2 s; more than once is fine."""
        super().close()
        self._broadcast.join(0.2)
