"""Draws the events of many pictures: one progress line and totals, or JSON lines."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.status import Status

from semvid.cli.draw import change, format_bytes, to_json
from semvid.cli.fitting import FittingProgress
from semvid.cli.flags import told
from semvid.cli.streams import emit, say
from semvid.core import interrupts
from semvid.core.events import Compressed, Failed, Finished, ImagesEvent, Listed, Notice, Stage
from semvid.core.results import ImageFailure
from semvid.core.text import counted, visible

_MOST_SUFFIXES = 4


class ImagesDrawer:
    """Shows a progress line, errors and notices on stderr, and totals on stdout.

    Args:
        output: The folder of all outputs; None = each is beside its source.
    """

    def __init__(self, output: Path | None) -> None:
        self._output = output
        self._stderr = Console(stderr=True, highlight=False)
        self._bar = FittingProgress(self._stderr)
        self._task = self._bar.begin("looking for pictures")
        self._started = time.monotonic()
        self._num_images = self._num_seen = self._num_bytes = 0
        self._notices = FirstOfKind("picture")

    def __enter__(self) -> Self:
        if self._stderr.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        # Stopping a bar that never started prints an empty line.
        if self._bar.live.is_started:
            self._bar.stop()

    def draw(self, event: ImagesEvent) -> None:
        """Show one event."""
        interrupts.check()
        if isinstance(event, Listed):
            self._num_images = event.num_images
            if event.passed_over:
                self._tell(f"note: {passed_over_line(event.passed_over)}")
            self._progress("")
        elif isinstance(event, Notice):
            self._tell(f"note: {told(event.message)}")
        elif isinstance(event, Compressed):
            self._num_bytes += event.result.output_bytes
            for notice in event.result.notices:
                self._tell_all(self._notices.see(event.result.source, notice))
            self._see(event.result.source)
        elif isinstance(event, Failed):
            self._tell(f"semvid: {failure_line(event.failure)}")
            self._see(event.failure.source)
        elif isinstance(event, Finished):
            self.__exit__()
            self._tell_all(self._notices.sum_up())
            say(self._totals(event))

    def _tell(self, line: str) -> None:
        self._stderr.print(line, markup=False, soft_wrap=True)

    def _tell_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._tell(line)

    def _see(self, source: Path) -> None:
        self._num_seen += 1
        self._progress(visible(source.name))

    def _progress(self, name: str) -> None:
        elapsed = max(time.monotonic() - self._started, 1e-9)
        self._bar.update(
            self._task,
            description=name,
            completed=self._num_seen,
            total=self._num_images,
            frames=f"{self._num_seen} of {counted(self._num_images, 'picture')}",
            speed=f"{self._num_seen / elapsed:.1f}/s",
            size=format_bytes(self._num_bytes) if self._num_bytes else "",
        )

    def _totals(self, event: Finished) -> str:
        place = "" if self._output is None else f"{self._output}: "
        parts = [counted(event.num_done, "picture")]
        if event.num_done:
            share = event.output_bytes / event.source_bytes - 1
            sizes = f"{format_bytes(event.source_bytes)} -> {format_bytes(event.output_bytes)}"
            parts.append(f"{sizes} ({change(share)})")
        if event.num_copied:
            parts.append(f"{event.num_copied} of them copied without loss")
        if event.num_failed:
            parts.append(f"{event.num_failed} failed")
        seconds = event.elapsed_seconds
        return f"{place}{', '.join(parts)}, in {seconds:.1f} s ({event.num_done / max(seconds, 1e-9):.1f}/s)"


class ImagesJsonPrinter:
    """Prints the events of many pictures as JSON objects, one per line."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def draw(self, event: ImagesEvent) -> None:
        """Print one event."""
        interrupts.check()
        emit(to_json({"event": type(event).__name__.lower(), **dataclasses.asdict(event)}))


class FirstOfKind:
    """Tells a notice of the first of many files it is about; those that differ in numbers alone are the same.

    Args:
        one: What a file is called.
    """

    def __init__(self, one: str) -> None:
        self._one = one
        self._kinds: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        """A short form of the first notice of a kind."""

    def see(self, source: Path, notice: str) -> list[str]:
        """Return the line to tell, if there is one."""
        name = visible(str(source))
        bare = notice.replace(str(source), "").lstrip(": ")
        kind = re.sub(r"\d+", "#", bare)
        self._kinds[kind] += 1
        if kind in self._first:
            return []
        self._first[kind] = f"{name}: {told(bare.partition(':')[0])}"
        return [f"note: {name}: {told(bare)}"]

    def sum_up(self) -> list[str]:
        """Return a line for each that was told of one and is about more."""
        return [
            f"note: {counted(count - 1, f'more {self._one}')} like {self._first[kind]}"
            for kind, count in self._kinds.items()
            if count > 1
        ]


@contextlib.contextmanager
def show_stages() -> Iterator[Callable[[Stage], None]]:
    """Yield what shows the step of a report that is being made, on a terminal."""
    console = Console(stderr=True, highlight=False)
    status = Status("report", console=console)

    def show(stage: Stage) -> None:
        interrupts.check()
        status.update(f"report: {stage.name}")

    with status if console.is_terminal else contextlib.nullcontext():
        yield show


def passed_over_line(passed_over: Mapping[str, int], kinds: str = "pictures") -> str:
    """Say what was passed over in folders, most frequent first; ``kinds`` are those that were looked for."""
    common = Counter(passed_over).most_common()
    shown = [f"{count} {visible(suffix) or 'without an ending'}" for suffix, count in common[:_MOST_SUFFIXES]]
    rest = sum(count for _, count in common[_MOST_SUFFIXES:])
    files = counted(sum(passed_over.values()), "file")
    return (
        f"{files} passed over, not named like {kinds} that can be read: "
        f"{', '.join(shown + ([f'{rest} others'] if rest else []))}"
    )


def failure_line(failure: ImageFailure) -> str:
    """Say what failed; most messages name the file themselves."""
    message = failure.message
    return told(message if str(failure.source) in message else f"{failure.source}: {message}")
