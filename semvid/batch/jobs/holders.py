"""Names of the processes that hold jobs, by which those of this machine are known to have died."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path


def new_holder() -> str:
    """Return a name for this process, as it begins to hold jobs."""
    # Processes of one number may follow each other.
    return f"{_place_of_numbers()}:{os.getpid()}:{secrets.token_hex(4)}"


def _place_of_numbers() -> str:
    """Return where numbers of processes mean the same ones: a start of a machine, and a container there.

    Machines that share a folder, and containers, may have the same name.
    """
    found = [socket.gethostname()]
    with suppress(OSError, ValueError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        found.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(found)


def may_live(holder: str) -> bool:
    """Whether a process may still be there; of other machines and containers nobody knows."""
    place, number, _ = holder.rsplit(":", 2)
    if place != _place_of_numbers() or os.name == "nt":
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True
