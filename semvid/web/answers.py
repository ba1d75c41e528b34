"""Answers that all applications give: files of the package, refusals, and bodies of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from semvid.web.guard import refusal

_BODY_SECONDS = 5.0
_SHARED = {
    "/base.css": ("base.css", "text/css"),
    "/theme.js": ("theme.js", "text/javascript"),
    "/icon.svg": ("web/icon.svg", "image/svg+xml"),
    # Browsers ask for it on their own.
    "/favicon.ico": ("web/icon.svg", "image/svg+xml"),
}


def asset_routes(assets: Mapping[str, tuple[str, str]]) -> list[Route]:
    """Return routes of files: those that all pages have, and more.

    Args:
        assets: Path of the address -> the file's path in the package, and its media type.
    """
    every = {**_SHARED, **assets}
    return [Route(path, _asset(*asset), methods=["GET"]) for path, asset in every.items()]


def _asset(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = files("semvid").joinpath(name).read_bytes()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer


async def json_body(request: Request, most: int) -> bytes | Response:
    """Return the body of a request, or why it is refused: no JSON, slow, or more than ``most`` bytes."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return refusal(415, "the content type is not application/json; send JSON")
    body = b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    return refusal(413, f"the body has more than {most} bytes; send less")
    except TimeoutError:
        return refusal(408, f"the body did not come within {_BODY_SECONDS:g} s; send it at once")
    return body


async def _http_error(request: Request, error: Exception) -> Response:
    problem = cast(HTTPException, error)
    words = {404: "there is nothing here; begin at /", 405: "this address does not take this method"}
    headers = dict(problem.headers) if problem.headers else None
    return refusal(problem.status_code, words.get(problem.status_code, problem.detail), headers)


async def _own_error(request: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):
        return refusal(400, "the request broke off; send it again")
    return refusal(500, "semvid failed to answer; try again")


HANDLERS: dict[Any, Any] = {HTTPException: _http_error, Exception: _own_error}
"""What Starlette does with errors."""
