"""Access control: host, origin, token and rate of requests; and the headers of every response."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semvid.web.address import ServedNames

_MOST_KEYS = 256
_OPEN_PATHS = frozenset({"/healthz", "/icon.svg", "/favicon.ico"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_WRONG_TOKENS, _WRONG_TOKENS_PER_SECOND = 10, 1 / 6
_WRONG_TOKEN_SECONDS = 0.5
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# A redirect would do, but browsers withhold strict cookies from one that began on another site's link.
_WELCOME = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">'
    '<link rel="icon" href="/icon.svg"><title>{title}</title><p><a href="/">Go on</a>'
)
_LOCKED = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    "<title>{title}</title><h1>This page needs its token</h1>"
    "<p>Open the whole address that semvid printed when it started; it ends in <code>?token=...</code></p>"
)


class Allowance:
    """A token bucket for each key. The number of keys is bounded: the one unused longest is forgotten.

    Args:
        burst: Capacity of a bucket.
        per_second: Rate at which it fills.
        clock: Returns seconds.
    """

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._stocks: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, key: str) -> bool:
        """Take one; return whether there was one."""
        stock = self._stock(key)
        if stock < 1:
            return False
        self._stocks[key] = (stock - 1, self._clock())
        self._stocks.move_to_end(key)
        if len(self._stocks) > _MOST_KEYS:
            self._stocks.popitem(last=False)
        return True

    def _stock(self, key: str) -> float:
        if key not in self._stocks:
            return self._burst
        stock, since = self._stocks[key]
        return min(stock + (self._clock() - since) * self._per_second, self._burst)


def refusal(status: int, words: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an error response: ``{"error": words}``."""
    return JSONResponse({"error": words}, status, headers)


def _is_of_another_site(headers: Headers) -> bool:
    """Return whether the browser says that another site's page made the request; not all browsers do."""
    if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return True
    pages = (headers.get("origin"), headers.get("referer"))
    return any(urlsplit(one).netloc.lower() != headers.get("host", "").lower() for one in pages if one)


class Keys:
    """Checks tokens.

    Args:
        token: The right token.
        port: Part of the cookie's name, because cookies are shared by all ports of a host.
    """

    def __init__(self, token: str, port: int) -> None:
        self._token = token.encode()
        self.cookie_name = f"semvid-{port}"
        # The cookie does not reveal the token.
        self.cookie_value = hmac.new(self._token, b"semvid page", hashlib.sha256).hexdigest()

    def fits(self, token: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    def verdict(self, headers: Headers) -> bool | None:
        """Return whether the request has the right key; None = it has none."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.fits(token.strip())
        for cookie in headers.get("cookie", "").split(";"):
            name, _, value = cookie.strip().partition("=")
            if name == self.cookie_name:
                return hmac.compare_digest(value.encode(), self.cookie_value.encode())
        return None


class Guard:
    """Middleware around the whole application.

    Args:
        app: The application.
        names: Our host names.
        keys: The tokens; None = no token is required.
        title: Of the page.
    """

    def __init__(self, app: ASGIApp, names: ServedNames, keys: Keys | None, title: str) -> None:
        self._app, self._names, self._keys, self._title = app, names, keys, title
        self._wrong = Allowance(_WRONG_TOKENS, _WRONG_TOKENS_PER_SECOND)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer: ASGIApp | None = self._refused(scope) or await self._locked_out(scope)
        await (answer or self._app)(scope, receive, send_guarded)

    def _refused(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._names.serves(hosts[0]):
            return refusal(421, "this host name is not served here; use the address that semvid printed")
        site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
        is_visit = mode == "navigate" and method == "GET"
        if site not in {"same-origin", "none"} and not is_visit:
            return refusal(403, "other sites may not use this; open its own page")
        origin = headers.get("origin")
        # Programs send no origin; browsers always do when something is to be changed.
        if (
            method not in _SAFE_METHODS
            and origin is not None
            and origin.lower() != f"http://{hosts[0].lower()}"
        ):
            return refusal(403, "the request comes from another site; use its own page")
        return None

    async def _locked_out(self, scope: Scope) -> Response | None:
        keys = self._keys
        if keys is None or scope["path"] in _OPEN_PATHS:
            return None
        address = (scope.get("client") or ("",))[0]
        given = (
            parse_qs(scope["query_string"].decode("latin-1")).get("token", []) if scope["path"] == "/" else []
        )
        headers = Headers(scope=scope)
        verdict = keys.fits(given[0]) if given else keys.verdict(headers)
        # Whatever others try, clients with the right token get in.
        if verdict:
            return self._welcome(keys) if given else None
        if verdict is False:
            # Any page that a user of this machine visits can make the browser try tokens.
            if not _is_of_another_site(headers) and not self._wrong.spend(address):
                return refusal(429, "too many wrong tokens; wait a minute", {"Retry-After": "60"})
            await asyncio.sleep(_WRONG_TOKEN_SECONDS)
        if scope["path"] == "/":
            return HTMLResponse(_LOCKED.format(title=self._title), 401, {"WWW-Authenticate": "Bearer"})
        words = "the token is wrong" if verdict is False else "this needs the token"
        return refusal(401, f"{words}; open the address semvid printed", {"WWW-Authenticate": "Bearer"})

    def _welcome(self, keys: Keys) -> Response:
        response = HTMLResponse(_WELCOME.format(title=self._title))
        response.set_cookie(keys.cookie_name, keys.cookie_value, httponly=True, samesite="strict", path="/")
        return response
