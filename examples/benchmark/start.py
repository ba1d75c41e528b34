"""Time commands from the moment Enter is pressed until help is shown, a frame is encoded, a packet is out.

    python examples/benchmark/start.py [--runs 9] [--only NAME ...]

Every case is a process of its own, timed from outside, and ends where its name says: those with ``until`` end
themselves at that moment (by a hook in the encoder's module), all others when they are done. Each is run once
before, so that files are in memory, and what the first run on a machine finds out is kept; only ``first run``
has none of that. Cases alternate, so that a busy machine is busy for all of them. Anchors: Python that does
nothing, and FFmpeg encoding one frame with the same encoder. Those that begin with ``library`` are timed from
inside: a call of ``semvid.compress`` in a process that has made another video before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import imageio_ffmpeg
from common import data_folder, load, save, table

UNTIL = """
import os, sys
from importlib.util import find_spec
module_name, class_name, needs_packet = sys.argv[1], sys.argv[2], sys.argv[3] == "packet"
del sys.argv[1:4]
class Hook:
    def find_spec(self, name, path, target=None):
        if name != module_name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        load = spec.loader.exec_module
        def load_and_hook(module):
            load(module)
            kind = getattr(module, class_name)
            usual = kind.encode
            def encode(self, picture):
                if not needs_packet:
                    os._exit(0)
                packets = usual(self, picture)
                if packets:
                    os._exit(0)
                return packets
            kind.encode = encode
        spec.loader.exec_module = load_and_hook
        return spec
sys.meta_path.insert(0, Hook())
sys.argv[0] = "semvid"
from semvid.cli.main import run
run()
"""
"""A program: the command line after its first three arguments, until an encoder gets a picture or gives a
packet."""

LIBRARY = """
import os, sys, time
import semvid
from semvid.codecs.ffmpeg.encoder import VideoEncoder
short, source, output = sys.argv[1:]
semvid.compress(short, output, semvid.CompressConfig(overwrite=True, probe="none"))
def encode(self, picture):
    print(time.perf_counter() - started, time.process_time() - processor, flush=True)
    os._exit(0)
VideoEncoder.encode = encode
started, processor = time.perf_counter(), time.process_time()
semvid.compress(source, output, semvid.CompressConfig(overwrite=True))
"""
"""A program that tells the seconds of a call until x264 gets a picture, on the clock and of the processor."""

FFMPEG_ENCODER = ("semvid.codecs.ffmpeg.encoder", "VideoEncoder")
SVT_ENCODER = ("semvid.codecs.svtav1.encoder", "SvtEncoder")
FFMPEG = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
LIBRARIES = {"x264": "libx264", "x265": "libx265", "av1": "libsvtav1"}


@dataclass(frozen=True, slots=True)
class Case:
    """A command.

    Attributes:
        budget: Seconds it may take on two quiet cores; None = it is an anchor, or has none.
        has_no_cache: Whether each run finds an empty cache folder.
        tells: Whether it prints its seconds itself.
    """

    arguments: Sequence[str]
    budget: float | None = None
    has_no_cache: bool = False
    tells: bool = False
    seconds: list[float] = field(default_factory=list)
    processor_seconds: list[float] = field(default_factory=list)


def cases(work: Path) -> Mapping[str, Case]:
    """Return all, by name. They write to ``work``."""
    data = data_folder()
    clip, small = data / "clips" / "dog_720p.mp4", data / "clips" / "street_272p.mp4"
    still = data / "kodak" / sorted(one.name for one in (data / "kodak").glob("*.png"))[0]
    python, semvid = sys.executable, [str(Path(sys.executable).with_name("semvid"))]

    def compress(source: Path, codec: str) -> list[str]:
        return ["compress", str(source), "-o", str(work / "out.mp4"), "-y", "--codec", codec]

    def until(what: str, encoder: tuple[str, str], arguments: Sequence[str]) -> list[str]:
        return [python, "-P", "-c", UNTIL, *encoder, what, *arguments]

    def one_frame(library: str) -> list[str]:
        frame = ["-frames:v", "1", "-an", "-c:v", library, str(work / "frame.mp4")]
        return [FFMPEG, "-v", "error", "-y", "-i", str(clip), *frame]

    def library(source: Path) -> list[str]:
        return [python, "-P", "-c", LIBRARY, str(work / "short.mp4"), str(source), str(work / "out.mp4")]

    image = [*semvid, "image", str(still), "-o", str(work / "out.jpg"), "-y"]
    live = ["stream", str(clip), str(work / "out.ts"), "-y"]
    return {
        "python -c pass": Case([python, "-c", "pass"]),
        **{f"ffmpeg, one frame of 720p, {one}": Case(one_frame(LIBRARIES[one])) for one in LIBRARIES},
        "--version": Case([*semvid, "--version"], 0.10),
        "compress --help": Case([*semvid, "compress", "--help"], 0.35),
        "compress 272p until a frame is in x264": Case(
            until("frame", FFMPEG_ENCODER, compress(small, "x264")), 0.60
        ),
        "compress 720p until a frame is in x264": Case(
            until("frame", FFMPEG_ENCODER, compress(clip, "x264"))
        ),
        "compress 720p until a frame is in x265": Case(
            until("frame", FFMPEG_ENCODER, compress(clip, "x265"))
        ),
        "compress 720p until a frame is in av1": Case(until("frame", SVT_ENCODER, compress(clip, "av1"))),
        "library, 272p until a frame is in x264": Case(library(small), tells=True),
        "library, 720p until a frame is in x264": Case(library(clip), tells=True),
        "image of 0.4 megapixels": Case(image, 0.90),
        "image of 0.4 megapixels, first run": Case(image, has_no_cache=True),
        "stream 720p until a packet is out": Case(until("packet", FFMPEG_ENCODER, live), 1.00),
    }


def warm_up(every: Mapping[str, Case], work: Path) -> None:
    """Have everything kept that commands keep: runs that end themselves do it before."""
    short = work / "short.mp4"
    clip = str(data_folder() / "clips" / "dog_720p.mp4")
    cut = [FFMPEG, "-v", "error", "-y", "-i", clip, "-frames:v", "4", "-an", "-c:v", "libx264", str(short)]
    subprocess.run(cut, check=True)
    for one in every.values():
        if UNTIL in one.arguments:
            arguments = list(one.arguments[one.arguments.index(UNTIL) + 4 :])
            program = ["-P", "-c", "from semvid.cli.main import run; run()"]
            run(Case([sys.executable, *program, arguments[0], str(short), *arguments[2:]]), work)
        elif not one.has_no_cache:
            run(one, work)
    for one in every.values():
        run(one, work)


def run(case: Case, work: Path) -> tuple[float, float]:
    """Return seconds on the clock, and of all threads."""
    # pip compiles modules when it installs them, and Python when it first loads them.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if case.has_no_cache:
        cache = work / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        environment["XDG_CACHE_HOME"] = str(cache)
    started = time.perf_counter()
    process = subprocess.Popen(
        case.arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if case.tells else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        assert process.stderr is not None
        told = process.stderr.read()
        itself = process.stdout.read().split() if process.stdout is not None else []
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(case.arguments[-6:])} failed: {told.decode(errors='replace').strip()}")
    if case.tells:
        return float(itself[0]), float(itself[1])
    return seconds, usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run all cases in turn and write ``results/start.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--only", nargs="*", help="parts of names; default all")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        chosen = {
            name: one
            for name, one in cases(work).items()
            if not arguments.only or any(part in name for part in arguments.only)
        }
        warm_up(chosen, work)
        for number in range(arguments.runs):
            for one in chosen.values():
                # The first of these is enough: it takes ten seconds to compile.
                if one.has_no_cache and number > 2:
                    continue
                seconds, processor_seconds = run(one, work)
                one.seconds.append(seconds)
                one.processor_seconds.append(processor_seconds)
            print(f"round {number + 1} of {arguments.runs}", flush=True)
    results = {
        name: {
            "seconds": statistics.median(one.seconds), "fastest": min(one.seconds),
            "processor_seconds": statistics.median(one.processor_seconds), "budget": one.budget,
            "runs": one.seconds,
        }
        for name, one in chosen.items()
    }  # fmt: skip
    path = save("start", {"results": {**load("start").get("results", {}), **results}})
    rows = [
        (name, f"{one['seconds']:.2f} s", f"{one['fastest']:.2f} s", f"{one['processor_seconds']:.2f} s",
         "-" if one["budget"] is None else f"{one['budget']:.2f} s")
        for name, one in results.items()
    ]  # fmt: skip
    print(table(["command", "median", "fastest", "of all threads", "budget"], rows))
    print(path)


if __name__ == "__main__":
    main()
