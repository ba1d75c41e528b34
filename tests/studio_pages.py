"""Studios for tests, and requests to their pages. Everything stays on 127.0.0.1."""

import contextlib
import http.client
import json
import time
from urllib.parse import urlsplit

from semvid.studio.folder import Root
from semvid.studio.studio import Studio
from semvid.web.studio.server import StudioServer

PATIENCE = 60.0
"""Seconds in which a busy machine does everything that is waited for."""


@contextlib.contextmanager
def studio_of(folder, files=()):
    """Serve a studio of a folder."""
    with Studio(Root(folder, files)) as studio, StudioServer(studio) as server:
        yield studio, server


class Client:
    """Somebody with the token, unless it is another one."""

    def __init__(self, server, token=None):
        self.port = urlsplit(server.url).port
        self.token = server.link.partition("token=")[2] if token is None else token

    def ask(self, method, path, body=None, **headers):
        """Return status, headers and body."""
        headers = {"Authorization": f"Bearer {self.token}", **{name.replace("_", "-"): one for name, one in headers.items()}}  # fmt: skip
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name: one for name, one in headers.items() if one})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, method, path, value=None):
        """Return status and value of a request with JSON."""
        body = None if value is None else json.dumps(value)
        status, _, said = self.ask(method, path, body, Content_Type="application/json")
        return status, json.loads(said)

    def open(self, path):
        """Open a video; return its description."""
        status, video = self.json("POST", "/api/open", {"path": path})
        assert status == 200, video
        return video

    def maps(self, video, until=lambda maps: maps["is_done"]):
        """Wait for maps; return how far they are."""
        deadline = time.monotonic() + PATIENCE
        while True:
            _, maps = self.json("GET", f"/api/video/{video['id']}/maps")
            assert not maps["failure"], maps["failure"]
            if until(maps):
                return maps
            assert time.monotonic() < deadline, maps
            time.sleep(0.05)
