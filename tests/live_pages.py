"""Pages of a live stream that is a fake, and clients of them. Everything stays on 127.0.0.1."""

import contextlib
import http.client
import socket
import time
from unittest import mock

from semvid.web import server as server_module
from semvid.web.live.server import WebServer

TOKEN = "a-token-for-tests"  # noqa: S105
PATIENCE = 60.0
"""Seconds in which a busy machine does everything that is waited for."""


@contextlib.contextmanager
def serving(fake):
    """Give a function that starts servers of the fake; they must close by themselves, whoever is connected."""
    servers = []

    def serve(address="127.0.0.1:0", **options):
        server = WebServer(fake, address, **options)
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        with mock.patch.object(server_module, "_CLOSE_SECONDS", PATIENCE):
            server.close()
        assert server._thread.ident is None or not server._thread.is_alive()


def port_of(server):
    return int(server.url.rstrip("/").rsplit(":", 1)[1])


def ask(server, path, method="GET", body=None, headers=None):
    """Return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def until(condition, seconds=PATIENCE):
    """Wait for something; what happens is the same on slow machines, only later."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


class Watcher:
    """A client that asks for pictures and reads no more than it is told to."""

    def __init__(self, server, view="picture", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port_of(server)))
        self.socket.sendall(f"GET /stream/{view} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def picture(self):
        """The next one."""
        while True:
            start = self._data.find(b"\xff\xd8\xff")
            end = self._data.find(b"\xff\xd9\r\n--semvid-picture\r\n", start)
            if 0 <= start < end:
                jpeg, self._data = self._data[start : end + 2], self._data[end + 2 :]
                return jpeg
            more = self.socket.recv(65536)
            assert more, "the stream ended"
            self._data += more
