"""Text for people: names, tags and addresses may hold anything, even escape sequences."""

from __future__ import annotations

import re

_HARMLESS = frozenset({
    "pkt_size", "buffer_size", "fifo_size", "overrun_nonfatal", "ttl", "localaddr", "localport", "reuse",
    "mode", "latency", "timeout", "transport", "listen", "rtcpport",
})  # fmt: skip
"""Parameters of URLs that hold no secret."""
# Controls (escape sequences begin with one), what ends lines or turns the direction of writing, and halves of
# characters, which is how Python keeps the bytes of names that are not UTF-8.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_HALVES = re.compile("[\ud800-\udfff]")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/\s])(\S+)")
_ESCAPED_BYTE_FIRST, _ESCAPED_BYTE_LAST = 0xDC80, 0xDCFF


def for_people(text: str) -> str:
    """Make a message safe to show: one line, no escape sequences, no secrets from URLs."""
    return visible(_URL.sub(lambda found: without_secrets(f"{found[1]}://{found[2]}"), text))


def setting(name: str, value: object) -> str:
    """Name an option and its value in a message: ``name=value``, or ``Name(value)``, in backticks.

    As in Markdown, a value that contains backticks gets more of them around it, so that its end is clear.
    """
    text = f"{name}({value})" if name[0].isupper() else f"{name}={value}"
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}"


def reason(error: Exception) -> str:
    """FFmpeg's or the system's own words for an error, without the path and code around them."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(". ").lower()


class Loss(str):
    """A sentence about something of the source that the output lacks."""

    __slots__ = ()


def counted(count: int, one: str, many: str = "") -> str:
    """Write a count and what it counts: ``1 frame``, ``2 frames``, ``0 frames``.

    Args:
        count: How many.
        one: What stands after 1, as in ``frame`` or ``frame is``.
        many: What stands after all other numbers; empty = ``one`` and an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def visible(text: str) -> str:
    r"""Escape what is invisible or would act on a terminal: an escape character becomes ``\x1b``.

    The result is one line and can be encoded as UTF-8.
    """
    return _UNSEEN.sub(_write_out, text)


def encodable(text: str) -> str:
    """Escape only what is not a character at all, as in names that are not UTF-8."""
    return _HALVES.sub(_write_out, text)


def _write_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    if _ESCAPED_BYTE_FIRST <= code <= _ESCAPED_BYTE_LAST:
        return f"\\x{code & 0xFF:02x}"
    short = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(found[0])
    return short or (f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}")


def without_secrets(text: str) -> str:
    """Replace possible secrets in a URL by stars: user and password, stream keys, query values."""
    scheme = scheme_of(text)
    if scheme is None:
        return text
    head, _, rest = text.partition("://")
    rest, has_query, query = rest.partition("?")
    place, has_path, path = rest.partition("/")
    # The last @: passwords may hold one.
    if "@" in rest.rpartition("/")[0] or "@" in place:
        place, has_path, path = _split_user(rest)
    if scheme.startswith("rtmp") and "/" in path.strip("/"):
        path = path.rpartition("/")[0] + "/***"
    if has_query:
        pairs = [one.partition("=") for one in query.split("&")]
        query = "&".join(
            name + (sign + (value if name in _HARMLESS else "***") if sign else "")
            for name, sign, value in pairs
        )
        if query not in {"", "listen"} and not any(sign for _, sign, _ in pairs):
            query = "***"
    return f"{head}://{place}{has_path}{path}{has_query}{query}"


def _split_user(rest: str) -> tuple[str, str, str]:
    place, has_path, path = rest.rpartition("@")[2].partition("/")
    name = "" if rest.startswith("@") else "***"  # udp://@group:port is no secret
    return f"{name}@{place}", has_path, path


def scheme_of(text: str) -> str | None:
    """Return the scheme of a URL in lower case; None for anything else, including Windows drives."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    return found.group(1).lower() if found else None
