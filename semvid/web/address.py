"""Where the page is served: the address ``WebServer`` takes, and the host names browsers may use for it."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from typing import Any

from semvid.core.errors import ConfigError, OutputError
from semvid.core.records import dataclass
from semvid.core.text import counted, setting

_BACKLOG = 64
_FEWEST_TOKEN, _MOST_TOKEN = 8, 256
_SEND_BUFFER = 128 * 1024
"""Bytes the system buffers for one client, so that a slow one does not lag far behind."""
_PRIVATE_PROBE = ("192.0.2.1", 9)
"""Reserved for documentation: the route to it is the way out of this machine, and nothing is sent."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on."""

    host: str
    """A name or an IP address as given, without brackets."""
    ip: str
    port: int
    """0 = any free port."""

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can reach it."""
        return ipaddress.ip_address(self.ip).is_loopback

    @property
    def is_wildcard(self) -> bool:
        """True when it stands for all addresses of the machine."""
        return ipaddress.ip_address(self.ip).is_unspecified


def parse_address(text: str) -> Address:
    """Parse ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``; without a host it is 127.0.0.1.

    Raises:
        ConfigError: It is none of these, or the host is unknown.
    """
    matched = re.fullmatch(r"(?:(?P<host>[^:\[\]\s/@]*|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})", text)
    if matched is None or int(matched["port"]) > 65535:
        raise ConfigError(
            f"{setting('address', text)} is not an address; give HOST:PORT, [IPV6]:PORT or PORT, port 0 to "
            "65535"
        )
    host = (matched["host"] or "127.0.0.1").strip("[]")
    # Systems that know localhost under IPv6 alone are rarer than browsers that try IPv4 first.
    name = "127.0.0.1" if host.lower() == "localhost" else host
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            f"{setting('address', text)}: the host {host} is unknown; give an address of this machine"
        ) from error
    return Address(host, str(found[0][4][0]), int(matched["port"]))


def check_token(address: Address, token: str | None) -> None:
    """Make sure that an address others can reach has a token that is hard to guess.

    Raises:
        ConfigError: There is none, or it is too short, too long, or has unusual characters.
    """
    if token is None:
        if not address.is_loopback:
            raise ConfigError(
                f"`address={address.host}:{address.port}` can be reached from other machines and needs "
                "a token; give one, or serve at 127.0.0.1"
            )
    elif not re.fullmatch(rf"[A-Za-z0-9._~-]{{{_FEWEST_TOKEN},{_MOST_TOKEN}}}", token):
        raise ConfigError(
            f"the token has {counted(len(token), 'character')} or unusual ones; give {_FEWEST_TOKEN} to "
            f"{_MOST_TOKEN} letters, digits or any of . _ ~ -"
        )


def listen(address: Address) -> socket.socket:
    """Return a listening socket; connections wait until they are accepted.

    Raises:
        OutputError: The port is taken or reserved, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in address.ip else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Otherwise a port cannot be reused for a minute after a stream ends.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        listener.bind((address.ip, address.port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reasons: dict[Any, str] = {
            errno.EADDRINUSE: "the port is taken; choose another, or 0 for any",
            errno.EACCES: "this port is reserved; choose one above 1023",
            errno.EADDRNOTAVAIL: "this machine does not have that address; choose one that it has",
        }
        reason = reasons.get(error.errno, f"{error.strerror}; choose another address")
        raise OutputError(f"`address={address.host}:{address.port}`: {reason}") from error
    return listener


class ServedNames:
    """Decides which ``Host`` a request may name.

    A page elsewhere can make its own name point here (DNS rebinding), and browsers then take both for one
    site; but the name gives it away. Ports may differ: tunnels and forwarded ports change them.
    """

    def __init__(self, address: Address) -> None:
        self._any_ip = address.is_wildcard
        self._names = {"localhost"} if address.is_loopback or address.is_wildcard else set()
        self._names |= {address.host.lower(), address.ip}
        if address.is_loopback:
            self._names |= {"127.0.0.1", "::1"}
        else:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local"}

    def serves(self, host: str) -> bool:
        """Return whether ``host``, with or without port, is one of our names."""
        matched = re.fullmatch(r"(\[[0-9a-f:.]+\]|[^:\[\]\s/@]+)(:[0-9]{1,5})?", host.lower())
        if matched is None:
            return False
        name = matched[1].strip("[]")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        # An IP address cannot be rebound, and there is no way to know which ones lead here.
        return self._any_ip


def shown_url(address: Address, port: int) -> str:
    """Return the host to type into a browser; if all are served, the one others can reach."""
    host = address.host
    if address.is_wildcard:
        host = "127.0.0.1"
        if ":" not in address.ip:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.connect(_PRIVATE_PROBE)
                    host = probe.getsockname()[0]
                except OSError:
                    pass
        else:
            host = "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
