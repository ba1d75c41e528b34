"""Feed semvid damaged and hostile files: ``make fuzz``.

    python examples/benchmark/fuzz.py [--runs 2000] [--seed 1] [--only NAME]

Each run mutates one file (media, maps, boxes, networks, reports) or the options, and gives it to a command in
a process of its own. Wanted: no crash, no hang over 60 s, no traceback, no partial output, the source as it
was, less than 1 GB of memory. The same seed makes the same runs. What fails is kept in ``--keep`` with its
command. Writes ``results/fuzz.json``; exits with 1 if anything failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import av
from commands import Command, Outcome, run_all
from common import save
from fuzz_seeds import OPTIONS, Seed, make_seeds
from mutations import mutate

_LIMIT_SECONDS = 60.0
_MOST_MIB = 1000.0
_OPTION_SHARE = 0.1


def runs(seeds: list[Seed], clip: Path, work: Path, number: int, seed: int) -> Iterator[Command]:
    """Make the commands; every one has a folder of its own."""
    # Files of maps, boxes and networks are few: drawn as often as all media together.
    media = [one for one in seeds if one.path.parent.name != "others"]
    others = [one for one in seeds if one not in media]
    for index in range(number):
        chance = random.Random(f"{seed}-{index}")
        folder = work / f"{index:05d}"
        folder.mkdir(parents=True)
        if chance.random() < _OPTION_SHARE:
            arguments = ["compress", str(clip), "-o", str(folder / "out.mp4"), "--model", "spectral"]
            for option, values in chance.sample(OPTIONS, chance.randint(1, 3)):
                arguments += [option, chance.choice(values)]
            yield Command(arguments, folder, (clip, clip))
            continue
        one = chance.choice(media if chance.random() < 0.5 else others)
        path = folder / f"in{one.path.suffix}"
        path.write_bytes(mutate(one.path.read_bytes(), chance, is_text=one.is_text))
        given = path
        if one.path.suffix == ".toml":
            given = path.with_suffix(".onnx")
            shutil.copyfile(one.path.with_suffix(".onnx"), given)
        filled = {"{}": str(given), "{clip}": str(clip)}
        arguments = [filled.get(word, word.replace("{out}", str(folder / "out")))
                     for word in chance.choice(one.commands)]  # fmt: skip
        yield Command(arguments, folder, (one.path, path))


def fault_of(command: Command, outcome: Outcome, digest: str) -> str | None:
    """Say what went wrong that no input may cause."""
    if outcome.fault is not None:
        return outcome.fault
    _, given = command.key
    if _digest(given) != digest:
        return "the input was changed"
    if outcome.peak_mib > _MOST_MIB:
        return f"{outcome.peak_mib:.0f} MiB of memory"
    made = [one for one in command.folder.iterdir() if one.name.startswith((".", "out", "x"))]
    if any(one.name.startswith(".") for one in made):
        return f"left behind: {[one.name for one in made]}"
    if outcome.code:
        # A report that fails leaves its video, as documented.
        if made and "--report" not in command.arguments and "report" not in outcome.err:
            return f"exit code {outcome.code}, and {[one.name for one in made]} exist"
        lines = outcome.err.strip().splitlines()
        if not lines[-1].startswith("semvid: "):
            return f"the last line is no error of semvid's: {lines[-1][:200]}"
        return None
    for one in made:
        if one.suffix in {".mp4", ".mkv", ".webm", ".avi", ".gif"}:
            try:
                with av.open(str(one)) as container:
                    if not sum(bool(packet.size) for packet in container.demux(video=0)):
                        return f"{one.name} holds no video"
            except av.error.FFmpegError as error:
                return f"{one.name} cannot be read back: {error}"
    return None


def _digest(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def main() -> int:
    """Run everything, write the result, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="only seeds whose name contains this")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"), help="where failing runs are kept")
    options = parser.parse_args()
    codes: Counter[int] = Counter()
    failures: list[dict[str, object]] = []
    most = slowest = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        clip, seeds = make_seeds(work)
        if options.only:
            seeds = [one for one in seeds if options.only in one.path.name]
        digests: dict[Path, str] = {}

        def watched() -> Iterator[Command]:
            for command in runs(seeds, clip, work / "runs", options.runs, options.seed):
                digests[command.folder] = _digest(command.key[1])
                yield command

        for command, outcome in run_all(watched(), workers=options.workers, limit_seconds=_LIMIT_SECONDS):
            codes[outcome.code] += 1
            most, slowest = max(most, outcome.peak_mib), max(slowest, outcome.seconds)
            fault = fault_of(command, outcome, digests.pop(command.folder))
            if fault is not None:
                made_from = command.key[0].name.encode("ascii", "replace").decode()
                words = [word.replace(str(work), "") for word in command.arguments]
                failures.append({"run": command.folder.name, "from": made_from, "fault": fault,
                                 "arguments": words})  # fmt: skip
                print(command.folder.name, made_from, command.arguments[0], fault, flush=True)
                kept = options.keep / command.folder.name
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(command.folder, kept)
                (kept / "command.txt").write_text(
                    "\n".join([*command.arguments, "", outcome.err]), errors="surrogateescape"
                )
            shutil.rmtree(command.folder)
            if sum(codes.values()) % 200 == 0:
                print(sum(codes.values()), "runs,", len(failures), "failed", flush=True)
    by_code = dict(sorted(codes.items()))
    print(f"{sum(codes.values())} runs, {len(failures)} failed; exit codes {by_code}")
    print(f"at most {most:.0f} MiB and {slowest:.0f} s")
    if not options.only:
        save("fuzz", {"runs": options.runs, "seed": options.seed, "exit_codes": by_code,
                      "most_mib": round(most),
                      "slowest_seconds": round(slowest, 1), "failures": failures})  # fmt: skip
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
