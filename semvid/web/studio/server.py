"""Serves the page of the studio, to this machine alone."""

from __future__ import annotations

import secrets

from semvid.core.errors import ConfigError, OutputError
from semvid.studio.studio import Studio
from semvid.web.protocol import Gate
from semvid.web.server import PageServer
from semvid.web.studio.app import application

_CONNECTIONS = 64
_LAST_PORT = 65535
_STALLED_SECONDS = 120.0
"""Players in the browser stop reading while they have enough."""


class StudioServer(PageServer):
    """Serves the studio at 127.0.0.1, behind a token of its own; see ``PageServer``.

    Args:
        studio: What it shows; the caller closes it after the server.
        port: 0 = any that is free.

    Raises:
        ConfigError: There is no such port.
        OutputError: The port is taken.
    """

    def __init__(self, studio: Studio, port: int = 0) -> None:
        if not 0 <= port <= _LAST_PORT:
            raise ConfigError(f"`port={port}` does not exist; give 0 to {_LAST_PORT}, 0 for any that is free")
        gate = Gate(_CONNECTIONS, _STALLED_SECONDS)
        address, token = f"127.0.0.1:{port}", secrets.token_urlsafe(24)
        try:
            super().__init__(application(studio), address, token, gate, title="semvid studio")
        except OutputError as error:
            raise OutputError(
                f"`port={port}` is taken or reserved; choose another, or 0 for any that is free"
            ) from error

    def __enter__(self) -> StudioServer:
        """Start."""
        self.start()
        return self
