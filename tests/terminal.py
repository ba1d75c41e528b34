"""A terminal to run the program in, and what it shows of what the program wrote."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from program import PROGRAM

_TOKEN = re.compile(r"\x1b\[(?P<codes>[?\d;]*)(?P<kind>[A-Za-z])|(?P<plain>[^\x1b])", re.DOTALL)
_ABOUT_COLOUR = ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS", "LINES", "TTY_COMPATIBLE")


def run_in_terminal(
    arguments: list[str],
    folder: Path,
    *,
    size: tuple[int, int] = (80, 24),
    interrupt_at: str | None = None,
    **environment: str,
) -> tuple[str, int]:
    """Run ``semvid`` with all three streams on a terminal.

    Args:
        arguments: Of ``semvid``.
        folder: To run in.
        size: Columns and lines of the terminal.
        interrupt_at: Interrupt the program once it has written this.
        environment: Added to ours, from which all is taken that speaks of terminals.

    Returns:
        All it wrote, and its exit code.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    program = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=_cleaned(os.environ) | environment,
    )  # fmt: skip
    os.close(theirs)
    written, deadline = bytearray(), time.monotonic() + 120
    try:
        # Linux tells by an error that the other end is closed.
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline:
                if select.select([ours], [], [], 1)[0]:
                    part = os.read(ours, 65536)
                    if not part:
                        break
                    written += part
                    if interrupt_at is not None and interrupt_at.encode() in written:
                        program.send_signal(signal.SIGINT)
                        interrupt_at = None
        return written.decode(), program.wait(timeout=60)
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def _cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in _ABOUT_COLOUR}


@dataclass(frozen=True)
class Cell:
    """A character on the screen."""

    text: str = " "
    style: str = ""
    """Codes since the last reset."""


class Screen:
    """Understands as much as our output needs; anything else is an error."""

    def __init__(self, columns: int = 80) -> None:
        self.columns = columns
        self.rows: list[list[Cell]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def feed(self, written: str) -> Screen:
        end = 0
        for token in _TOKEN.finditer(written):
            assert token.start() == end, f"not understood: {written[end : end + 20]!r}"
            end = token.end()
            if token["kind"]:
                self._control(token["kind"], token["codes"])
            else:
                self._put(token["plain"])
        assert end == len(written)
        return self

    def _control(self, kind: str, codes: str) -> None:
        if kind == "A":
            self._row = max(self._row - int(codes or 1), 0)
        elif kind == "K":
            assert codes == "2"
            self.rows[self._row].clear()
        elif kind == "m":
            self._style = "" if codes in {"", "0"} else f"{self._style};{codes}".strip(";")
        else:
            assert (codes, kind) in {("?25", "l"), ("?25", "h")}, f"not understood: {codes}{kind}"

    def _put(self, text: str) -> None:
        if text == "\r":
            self._column = 0
        elif text == "\n":
            self._row += 1
            if self._row == len(self.rows):
                self.rows.append([])
        else:
            if self._column == self.columns:
                self._put("\n")
                self._column = 0
            row = self.rows[self._row]
            row += [Cell()] * (self._column + 1 - len(row))
            row[self._column] = Cell(text, self._style)
            self._column += 1

    @property
    def lines(self) -> list[str]:
        """Text without blanks at the end."""
        return ["".join(cell.text for cell in row).rstrip() for row in self.rows]
