"""What all routes of the studio do with requests: videos and photographs by name, JSON, errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from semvid.core.checked import Field, Malformed, parse_json
from semvid.core.decoding import decoded
from semvid.core.errors import ConfigError, InputError, InputMissingError, OutputError, SemvidError
from semvid.studio.stills import ChosenStill
from semvid.studio.studio import Opened, Studio
from semvid.web.answers import json_body
from semvid.web.guard import refusal
from semvid.web.studio.words import in_words

MOST_BODY_BYTES = 64 * 1024
_STATUS: tuple[tuple[type[SemvidError], int], ...] = (
    (InputMissingError, 404),
    (InputError, 400),
    (ConfigError, 400),
    (OutputError, 507),
)
Given = ParamSpec("Given")
Made = TypeVar("Made")
Answer = Callable[[Request], Awaitable[Response]]


class Refused(Exception):  # noqa: N818 - carries an answer
    """A request that is answered with a refusal."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def telling(answer: Answer) -> Answer:
    """Turn the errors of the library that ``answer`` raises into refusals."""

    async def run(request: Request) -> Response:
        try:
            return await answer(request)
        except Refused as refused:
            return refused.response
        except SemvidError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            return refusal(status, in_words(str(error)))

    return run


def opened_of(studio: Studio, request: Request) -> Opened:
    """Return the open video that the path of a request names by ``{id}``.

    Raises:
        Refused: It is not open (any more).
    """
    try:
        return studio.opened(request.path_params["id"])
    except KeyError:
        raise Refused(refusal(404, "this video is not open any more; open it again")) from None


def still_of(studio: Studio, request: Request) -> ChosenStill:
    """Return the photograph that the path of a request names by ``{id}``.

    Raises:
        Refused: It is not chosen (any more).
    """
    try:
        return studio.stills.get(request.path_params["id"])
    except KeyError:
        raise Refused(refusal(404, "this photograph is not chosen any more; choose it again")) from None


async def json_of(request: Request, most: int = MOST_BODY_BYTES) -> Field:
    """Return the JSON body of a request.

    Raises:
        Refused: It has none, or more than ``most`` bytes.
    """
    body = await json_body(request, most)
    if isinstance(body, Response):
        raise Refused(body)
    try:
        return parse_json(decoded(body))
    except Malformed as error:
        raise Refused(refusal(400, f"the body cannot be read: {error}; send JSON")) from None


async def in_thread(work: Callable[Given, Made], /, *arguments: Given.args, **options: Given.kwargs) -> Made:
    """Do what takes long beside the server's thread."""
    return await asyncio.to_thread(work, *arguments, **options)
