"""Routes of an open video: its frames, its maps, and the settings of those."""

from __future__ import annotations

import cv2
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from semvid.core.checked import Field, Malformed
from semvid.studio.map_store import Grey
from semvid.studio.pictures import MOST_WIDTH
from semvid.studio.studio import Opened, Studio
from semvid.web.guard import refusal
from semvid.web.studio.requests import Refused, in_thread, json_of, opened_of, telling
from semvid.web.studio.words import answer

_MOST_DIGITS = 7


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    videos = _Videos(studio)
    return [
        Route("/api/video/{id}/frame/{index:int}", telling(videos.frame), methods=["GET"]),
        Route("/api/video/{id}/map/{index:int}", telling(videos.map), methods=["GET"]),
        Route("/api/video/{id}/maps", telling(videos.maps), methods=["GET"]),
        Route("/api/video/{id}/maps", telling(videos.go_on), methods=["POST"]),
        Route("/api/video/{id}/settings", telling(videos.settings), methods=["POST"]),
    ]


class _Videos:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def frame(self, request: Request) -> Response:
        """With ``near=N`` the key frame at most so many before will do, which takes less time."""
        one = opened_of(self._studio, request)
        index, width = request.path_params["index"], number_of(request, "width", MOST_WIDTH)
        near = number_of(request, "near", 0)
        one.video.check_index(index)
        if near and index - one.video.pictures.key_before(index) <= near:
            index = one.video.pictures.key_before(index)
        jpeg = await in_thread(one.video.jpeg, index, width)
        return Response(jpeg, media_type="image/jpeg")

    async def map(self, request: Request) -> Response:
        """With ``made=1`` only a map that is there, or that of the key frame before: for the filmstrip."""
        one, index = opened_of(self._studio, request), request.path_params["index"]
        one.video.check_index(index)
        found, kind = await in_thread(one.map_near if "made" in request.query_params else one.map_of, index)
        if found is None:
            return Response(status_code=204, headers={"X-Map": kind})
        return Response(png_of(found), media_type="image/png", headers={"X-Map": kind})

    async def maps(self, request: Request) -> Response:
        return answer(await in_thread(opened_of(self._studio, request).making.status))

    async def go_on(self, request: Request) -> Response:
        one, body = opened_of(self._studio, request), await json_of(request)
        try:
            goes_on = body.known("go_on").get("go_on").flag()
        except Malformed as error:
            return refusal(400, f'the body cannot be read: {error}; send {{"go_on": false}}')
        await in_thread(one.making.start if goes_on else one.making.stop)
        return await self.maps(request)

    async def settings(self, request: Request) -> Response:
        one, body = opened_of(self._studio, request), await json_of(request)
        try:
            return answer(await in_thread(_change, one, body))
        except Malformed as error:
            return refusal(400, f'the body cannot be read: {error}; send an object such as {{"strength": 1}}')


def number_of(request: Request, name: str, default: int) -> int:
    """Return a whole number of the query of a request.

    Raises:
        Refused: It is none, or a very long one.
    """
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        words = f"{name} is not a whole number of at most {_MOST_DIGITS} digits; send one"
        raise Refused(refusal(400, words))
    return int(text)


def _change(one: Opened, body: Field) -> dict[str, object]:
    one.change(lambda wishes: wishes.changed(body))
    return one.wishes.plain()


def png_of(grey: Grey) -> bytes:
    """Return a map as a grey PNG."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(grey), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()
