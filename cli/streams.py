"""Standard output and error: printing never makes a job fail.

Names may hold characters the terminal cannot encode, a pipe's reader may leave early, the disk may be full,
or the terminal closed. None of that undoes a video that was written, so what cannot be printed is dropped.
Only where standard output is the result (``--json``, ``compare``, ``doctor``, ...) is that an error, at the
end.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO, cast

from semvid.core.errors import OutputError
from semvid.core.text import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class _Lenient(io.TextIOWrapper):
    """A text stream that drops what cannot be written, and remembers why."""

    error: OSError | None = None

    def write(self, text: str) -> int:
        with self._forgiving():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._forgiving():
            super().flush()

    @contextlib.contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error
            # What is left in the buffer would fail again, last when Python ends.
            with contextlib.suppress(OSError):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, self.fileno())
                os.close(null)


class _State:
    is_result = False
    """Whether part of a command's result was printed."""


def prepare() -> None:
    """Replace standard output and error by such streams. Call it once, before anything is opened."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Otherwise the next file opened would get this number, and receive everything that is printed.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        stream = cast("TextIO | None", getattr(sys, name))
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
        if isinstance(stream, io.TextIOWrapper):
            encoding, is_line_buffered = stream.encoding, stream.line_buffering
            lenient = _Lenient(stream.detach(), encoding, "backslashreplace", line_buffering=is_line_buffered)
            setattr(sys, name, lenient)
            setattr(sys, f"__{name}__", lenient)


def say(text: str) -> None:
    """Print a line for people, which may hold file names."""
    print(visible(text), flush=True)


def emit(text: str) -> None:
    """Print all or part of a command's result."""
    _State.is_result = True
    print(text, flush=True)


def emit_drawn(*parts: RenderableType) -> None:
    """Print tables and the like as a command's result."""
    from rich.console import Console

    console: Console = Console(highlight=False)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    emit(capture.get().rstrip("\n"))


def check_result() -> None:
    """Raise if a result could not be printed. A reader that closes the pipe is not an error.

    Raises:
        OutputError: Standard output cannot be written.
    """
    error = getattr(sys.stdout, "error", None)
    if _State.is_result and error is not None and not isinstance(error, BrokenPipeError):
        raise OutputError(
            f"standard output cannot be written: {(error.strerror or str(error)).lower()}; "
            "files that were named are complete"
        )
