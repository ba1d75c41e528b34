"""The odd files of real collections: what semvid keeps beside what FFmpeg's own copy keeps.

    python examples/benchmark/keeps_odd.py [--only NAME ...] [--work FOLDER]

Every file of ``odd`` goes to mp4, mov and mkv twice: by ``ffmpeg -map 0 -c copy`` and by ``semvid compress``.
Whatever the copy shows as the source does (streams, tags, chapters, times, side data; see ``keeps_facts``)
semvid must show too, or name in a notice. Writes ``results/keeps_odd.json``; exits with 1 if something is
missing without a word.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from commands import Command, run_all
from common import data_folder, save
from keeps import NOT_PROMISED, VIDEO_PRODUCTS, is_told, short
from keeps_facts import Facts, differences, read_facts
from makers import run as run_ffmpeg

_CONTAINERS = ("mp4", "mov", "mkv")
_LIMIT_SECONDS = 300.0


def copied(source: Path, output: Path) -> Facts | None:
    """Facts of FFmpeg's copy; streams that the container refuses are left out, kind by kind."""
    for mapped in ("-map 0", "-map 0 -map -0:d", "-map 0 -map -0:d -map -0:s", "-map 0:v -map 0:a?"):
        try:
            words = "-copy_unknown -strict -2 -c copy"
            run_ffmpeg(f"-i {str(source).replace(' ', '~')} {mapped} {words}", output)
            return read_facts(output)
        except (RuntimeError, OSError):
            output.unlink(missing_ok=True)
    return None


def _commands(sources: list[Path], work: Path) -> Iterator[Command]:
    for source in sources:
        for name in _CONTAINERS:
            product = VIDEO_PRODUCTS[name]
            folder = work / f"{source.name}-{name}"
            folder.mkdir(parents=True)
            filled = {"{in}": str(source), "{out}": str(folder / f"out{product.suffix}")}
            yield Command(
                [filled.get(word, word) for word in product.arguments], folder, (source, name, product)
            )


def main() -> int:
    """Run everything, write the result, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    sources = sorted((data_folder() / "odd").iterdir())
    if options.only:
        sources = [one for one in sources if one.name in options.only]
    cells, counts = [], Counter[str]()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        for command, outcome in run_all(
            _commands(sources, work), workers=options.workers, limit_seconds=_LIMIT_SECONDS
        ):
            source, name, product = command.key
            lost: list[str] = []
            # Where the files lie on this machine is nobody's business.
            words = " ".join(outcome.err.replace(f"{source.parent}{os.sep}", "").split())
            if outcome.fault:
                result, lost = "FAILED", [outcome.fault]
            elif outcome.code:
                result, lost = "refused", [words]
            else:
                copy = copied(source, command.folder / f"copy{product.suffix}")
                before, after = read_facts(source), read_facts(command.folder / f"out{product.suffix}")
                wanted = {key: value for key, value in before.items() if not NOT_PROMISED.search(key)}
                if copy is not None:
                    gone = set(differences(wanted, copy))
                    wanted = {key: value for key, value in wanted.items() if key not in gone}
                changed = differences(wanted, after)
                lost = [f"{key}: {short(before[key])} -> {short(after.get(key))}" for key in changed
                        if not is_told(key, words)]  # fmt: skip
                result = "LOST" if lost else "told" if changed else "kept"
            counts[result] += 1
            cells.append({"source": source.name, "container": name, "result": result, "why": lost})
            if result != "kept":
                print(result, source.name, name, "; ".join(lost)[:600], flush=True)
    print(len(sources), "files,", dict(counts))
    if not options.only:
        save("keeps_odd", {"counts": counts, "cells": cells})
    return int(bool(counts["LOST"] or counts["FAILED"]))


if __name__ == "__main__":
    sys.exit(main())
