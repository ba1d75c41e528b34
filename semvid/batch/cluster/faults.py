"""Says in a line why Ray lost a worker."""

from __future__ import annotations

_OUT_OF_MEMORY = ("running low on memory", "memory pressure", "OutOfMemory")
"""What Ray writes where its memory monitor killed a worker."""
_MAYBE = ("SIGKILL", "OOM killer")
_SILENT = ("ActorUnavailable",)
_NODE = ("node was terminated", "node died", "node has died", "node failure", "NodeDied")


def why_lost(error: Exception) -> str:
    """Return what happened to a worker, by what Ray raised."""
    text = f"{type(error).__name__} {error}"
    if any(one in text for one in _OUT_OF_MEMORY):
        return "its worker took too much memory, and Ray killed it; give fewer `jobs`, or add memory"
    if any(one in text for one in _NODE):
        return "its node was lost"
    if any(one in text for one in _SILENT):
        return "its node does not answer any more"
    if any(one in text for one in _MAYBE):
        return "its worker was lost: it crashed, or was killed, as the system does where memory runs out"
    return f"its worker was lost: {last_line(error)}"


def last_line(error: Exception) -> str:
    """Return the line of Ray's many that says most."""
    return ([type(error).__name__] + [one.strip() for one in str(error).splitlines() if one.strip()])[-1]
