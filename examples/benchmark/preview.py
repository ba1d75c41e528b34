"""Time `semvid compress` with the picture it draws in a terminal against without, in alternating pairs.

    python examples/benchmark/preview.py [--pairs 6]

Both are whole programs, start included, in a terminal of 80 x 24 characters and 24 bits of colour; anchor and
test differ in ``--no-preview`` alone. After a warm-up of each, which of a pair goes first changes from pair
to pair. Processor time is that of the program with all its threads; what a terminal needs to show the
characters is not in it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from common import data_folder, save, table

CLIP = "dog_720p.mp4"
COLUMNS, LINES = 80, 24
PIXELS = "▀".encode()
DROPPED = {"NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS", "LINES", "TTY_COMPATIBLE"}
"""Variables that change what a terminal is taken for."""


@dataclass(frozen=True)
class Run:
    """One run of the program."""

    cpu_seconds: float
    wall_seconds: float
    terminal_bytes: int
    """All it wrote to the terminal."""


def compress(source: Path, output: Path, *, has_preview: bool) -> Run:
    """Run the program in a terminal and check that it drew what it should."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
    arguments = ["compress", str(source), "-o", str(output), "-y", "--match", "size", "--probe", "none"]
    started = time.perf_counter()
    program = subprocess.Popen(
        [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()", *arguments,
         *([] if has_preview else ["--no-preview"])],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    )  # fmt: skip
    os.close(theirs)
    written = b"".join(parts_of(ours))
    _, status, usage = os.wait4(program.pid, 0)
    seconds = time.perf_counter() - started
    os.close(ours)
    program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0, written.decode()
    assert (PIXELS in written) == has_preview
    return Run(usage.ru_utime + usage.ru_stime, seconds, len(written))


def parts_of(terminal: int) -> Iterator[bytes]:
    """Read what a terminal is sent until its other end is closed, which Linux tells by an error."""
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 65536):
            yield part


def median_ratio(pairs: list[dict[str, Run]], name: str) -> float:
    """Return the median over the pairs of a value with previews by the same without."""
    return statistics.median(getattr(one["with"], name) / getattr(one["without"], name) for one in pairs)


def main() -> None:
    """Run all pairs, write ``results/preview.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=6)
    num_pairs = parser.parse_args().pairs
    source, pairs = data_folder() / "clips" / CLIP, []
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "out.mp4"
        kinds = {"without": False, "with": True}
        for has_preview in kinds.values():
            compress(source, output, has_preview=has_preview)
        for index in range(num_pairs):
            order = list(kinds) if index % 2 == 0 else list(kinds)[::-1]
            pair = {name: compress(source, output, has_preview=kinds[name]) for name in order}
            pairs.append(pair)
            told = [f"{name} {one.cpu_seconds:.2f} s, {one.wall_seconds:.2f} s" for name, one in pair.items()]
            print(*told, sep="; ", flush=True)
    ratios = {name: median_ratio(pairs, name) for name in ("cpu_seconds", "wall_seconds")}
    plain = [{name: asdict(one) for name, one in pair.items()} for pair in pairs]
    path = save(
        "preview", {"clip": CLIP, "terminal": [COLUMNS, LINES], "pairs": plain, "median_ratios": ratios}
    )
    rows = [
        (name.replace("_", " "),
         *(f"{statistics.median(getattr(one[kind], name) for one in pairs):.2f} s" for kind in kinds),
         f"x{ratio:.3f}")
        for name, ratio in ratios.items()
    ]  # fmt: skip
    print(table(["", "without", "with", "median of pair ratios"], rows))
    print(path)


if __name__ == "__main__":
    main()
