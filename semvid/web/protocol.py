"""HTTP connections: limited in number, and closed when they stall."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import field
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from semvid.core.records import dataclass

STALLED_SECONDS = 5.0
"""Seconds after which a client that takes none of its waiting data is dropped."""
IDLE_SECONDS = 15.0
"""Seconds after which a connection without a request being answered is closed."""


@dataclass(slots=True)
class Gate:
    """State shared by all connections; only the server's thread uses it."""

    most: int
    """Connections at once."""
    stalled_seconds: float = STALLED_SECONDS
    idle_seconds: float = IDLE_SECONDS
    is_closing: bool = False
    num_stalled: int = 0
    """Clients dropped since the start because they took nothing."""
    protocols: set[GuardedProtocol] = field(default_factory=set)

    def make_room(self) -> bool:
        """Close the least important connection if there are too many; return False if there is none to close.

        It is one of the address that has the most: the oldest without a request, else the oldest whose answer
        takes long. The others receive pictures, and their number has a separate limit.
        """
        if len(self.protocols) < self.most:
            return True
        held = Counter(one.host for one in self.protocols)
        kinds = [one for one in self.protocols if not one.is_answering] or [
            one for one in self.protocols if not one.sends_pictures
        ]
        if not kinds:
            return False
        victim = max(kinds, key=lambda one: (held[one.host], -one.since))
        self.protocols.discard(victim)
        victim.transport.abort()
        return True

    def drop(self, client: tuple[str, int]) -> None:
        """End the connection with a client, given by its address and port."""
        for protocol in list(self.protocols):
            if protocol.client == client:
                protocol.transport.abort()

    def close(self) -> None:
        """End all connections and take no more."""
        self.is_closing = True
        for protocol in list(self.protocols):
            protocol.transport.abort()


class GatedConfig(uvicorn.Config):
    """Carries the gate to the connections uvicorn makes."""

    gate: Gate


class GuardedProtocol(H11Protocol):
    """HTTP/1.1 for clients that cannot be trusted to read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._gate = cast(GatedConfig, self.config).gate
        self._stalled: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._is_idle = False
        self.since = 0.0
        """When it was made, by the clock of the loop."""

    @property
    def host(self) -> str:
        """Address of the client, without its port."""
        return self.client[0] if self.client else ""

    @property
    def is_answering(self) -> bool:
        """A request has come that has not been answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def sends_pictures(self) -> bool:
        """The client is watching pictures."""
        return self.is_answering and str(self.scope["path"]).startswith("/stream/")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, if need be in place of another."""
        super().connection_made(transport)
        if self._gate.is_closing or not self._gate.make_room():
            transport.abort()
            return
        self.since = self.loop.time()
        self._gate.protocols.add(self)
        self._watch = self.loop.call_later(self._gate.idle_seconds / 2, self._end_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._gate.protocols.discard(self)
        for timer in (self._stalled, self._watch):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Too much is waiting for the client: it has some seconds to take it."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._gate.stalled_seconds, self._drop)

    def resume_writing(self) -> None:
        """The client took its data."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _drop(self) -> None:
        self._gate.num_stalled += 1
        self.transport.abort()

    def _end_if_idle(self) -> None:
        is_answering = self.is_answering
        if not is_answering and self._is_idle:
            self.transport.abort()
            return
        # Ended at the second look in a row: uvicorn's own timer ends connections that are kept alive earlier.
        self._is_idle = not is_answering
        self._watch = self.loop.call_later(self._gate.idle_seconds / 2, self._end_if_idle)
