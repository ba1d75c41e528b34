"""Draws the state of a live stream: one line that is updated, or JSON lines."""

from __future__ import annotations

import dataclasses
from typing import TextIO

from rich.console import Console
from rich.status import Status
from rich.text import Text

from semvid.cli.draw import to_json
from semvid.cli.flags import told
from semvid.core.events import Notice
from semvid.core.text import counted, for_people, visible
from semvid.streaming.base.types import LiveStatus, Snapshot

LiveEvent = Snapshot | LiveStatus | Notice


class LiveDrawer:
    """Shows the state on stderr.

    Args:
        source: The source's address.
        link: The address of the page, if there is one.
        quiet: Show only notices.
    """

    def __init__(self, source: str, link: str | None, *, quiet: bool) -> None:
        self._stderr = Console(stderr=True, highlight=False)
        self._status = Status(Text(f"opening {for_people(source)}"), console=self._stderr)
        self._quiet = quiet
        self._draws = self._stderr.is_terminal and not quiet
        self._link = link

    def __enter__(self) -> LiveDrawer:
        if self._link:
            self._stderr.print(f"watch it at {visible(self._link)}", markup=False, soft_wrap=True)
        if self._draws:
            self._status.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._draws:
            self._status.stop()

    def draw(self, event: LiveEvent) -> None:
        """Show one event."""
        if isinstance(event, Notice):
            self._stderr.print(f"note: {told(event.message)}", markup=False, soft_wrap=True)
        elif isinstance(event, LiveStatus) and self._draws:
            self._status.update(Text(for_people(status_line(event))))

    def sum_up(self, status: LiveStatus) -> None:
        """Print a summary of the stream that has ended."""
        if self._draws:
            self._status.stop()
        if not self._quiet:
            self._stderr.print(summary_line(status), markup=False, soft_wrap=True)


def summary_line(status: LiveStatus) -> str:
    """Sum up a stream that has ended."""
    return (
        f"{counted(status.num_frames, 'frame')} in {status.seconds:.1f} s, {status.num_dropped} dropped, "
        f"lately {status.bitrate_kbps:.0f} kbit/s and {status.latency_ms:.0f} ms from frame to packet"
    )


def status_line(status: LiveStatus) -> str:
    """Sum up the state in one line."""
    parts = [
        f"{status.seconds:.0f} s",
        status.source if status.source != "playing" else f"{status.fps_out:.0f} fps",
        f"{status.latency_ms:.0f} ms (99 % below {status.latency_p99_ms:.0f})",
        f"{status.bitrate_kbps:.0f} kbit/s",
        f"{status.maps_per_second:.0f} maps/s",
    ]
    if status.num_dropped:
        parts.append(f"{status.num_dropped} dropped")
    if status.load_note:
        parts.append(status.load_note)
    parts += [f"{name} {state}" for name, state in status.sinks.items() if state not in {"open"}]
    return ", ".join(parts)


def print_live_json(event: LiveEvent, file: TextIO) -> None:
    """Print states and notices as JSON objects, one per line."""
    if isinstance(event, Snapshot):
        return
    name = "notice" if isinstance(event, Notice) else "status"
    print(to_json({"event": name, **dataclasses.asdict(event)}), file=file, flush=True)
