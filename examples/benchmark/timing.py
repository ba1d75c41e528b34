"""Times semvid beside plain encodes: as commands, process against process, and as a library, in one process.

Scripts that tell how long something takes have both: ``of_command`` counts starting and ending, and its
anchor is the ``ffmpeg`` of the package imageio-ffmpeg; ``of_call`` counts the work alone, and its anchor is a
loop of PyAV that decodes, encodes and writes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np
from common import REPOSITORY, commit, data_folder
from memory import loop

import semvid
from semvid.codecs.registry import find_codec
from semvid.codecs.svtav1.priority import kept_priorities

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SEMVID = str(Path(sys.executable).with_name("semvid"))
Pairs = list[list[list[float]]]
"""Each of the anchor and of ours, each ``[seconds, processor seconds]``."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took."""

    seconds: float
    """On the clock."""
    processor_seconds: float
    """User and system, of all threads, and of all processes that it started."""

    @property
    def cores(self) -> float:
        """That were busy, on average."""
        return self.processor_seconds / self.seconds


def of_command(arguments: Sequence[str], cores: Collection[int] | None = None) -> Cost:
    """Run a command to its end; anything but success ends the benchmark.

    Args:
        arguments: Program and arguments.
        cores: It may run on; None = all.
    """
    # As where a user installed it: compiled modules are kept.
    around = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    nothing = subprocess.DEVNULL
    with on_cores(cores):
        started = time.perf_counter()
        process = subprocess.Popen(arguments, stdin=nothing, stdout=nothing, stderr=nothing, env=around)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


@contextmanager
def on_cores(cores: Collection[int] | None) -> Iterator[None]:
    """Let this thread, and the processes that it starts meanwhile, run on some cores alone; None = on all."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def of_call(action: Callable[[], object]) -> Cost:
    """Call something in this process."""
    started, processor = time.perf_counter(), time.process_time()
    action()
    return Cost(time.perf_counter() - started, time.process_time() - processor)


def add_pairs(
    pairs: Pairs, num_pairs: int, plain: Callable[[], Cost], ours: Callable[[], Cost]
) -> Iterator[None]:
    """Measure both in turns until there are enough pairs; a run of each goes before and does not count.

    Args:
        pairs: Those that are there; new ones are added.
        num_pairs: How many there should be.
        plain: Measures the anchor.
        ours: Measures what it is compared with.

    Yields:
        After each, so that it can be kept: a benchmark that is interrupted goes on there.
    """
    if len(pairs) < num_pairs:
        plain()
        ours()
    while len(pairs) < num_pairs:
        if len(pairs) % 2:
            after = ours()
            before = plain()
        else:
            before = plain()
            after = ours()
        pairs.append([[one.seconds, one.processor_seconds] for one in (before, after)])
        yield


def pairs_of(found: dict[str, Any], way: str) -> Pairs:
    """Return the pairs of a way to measure that are there, to be added to.

    Those of another commit are forgotten: code that has changed is measured again.
    """
    pairs: Pairs = _kept(found, way, "pairs")
    return pairs


def runs_of(found: dict[str, Any], way: str) -> list[list[float]]:
    """Return the runs that are there, each ``[seconds, processor seconds]``, as ``pairs_of`` does."""
    runs: list[list[float]] = _kept(found, way, "runs")
    return runs


def _kept(found: dict[str, Any], way: str, what: str) -> Any:
    now = commit(REPOSITORY)
    kept = found.get(way)
    if kept is None or kept["commit"].removesuffix("-dirty") != now.removesuffix("-dirty"):
        kept = found[way] = {what: [], "commit": now}
    return kept[what]


def add_runs(runs: list[list[float]], num_runs: int, measure: Callable[[], Cost]) -> Iterator[None]:
    """Do what ``add_pairs`` does, where there is no anchor."""
    if len(runs) < num_runs:
        measure()
    while len(runs) < num_runs:
        cost = measure()
        runs.append([cost.seconds, cost.processor_seconds])
        yield


def per_frame(found: dict[str, Any], way: str, num_frames: int) -> tuple[str, str]:
    """Return frames a second and milliseconds of processor time a frame, medians; empty without runs."""
    runs = found.get(way, {}).get("runs")
    if not runs:
        return "", ""
    seconds, processor = (statistics.median(column) for column in zip(*runs, strict=True))
    return f"{num_frames / seconds:.0f}", f"{1000 * processor / num_frames:.1f}"


def ratio(pairs: Pairs, which: int = 0) -> float:
    """Return the median over pairs of ours by the anchor: of seconds (0) or processor seconds (1)."""
    return statistics.median(after[which] / before[which] for before, after in pairs)


def median(pairs: Pairs, side: int, which: int = 0) -> float:
    """Return the median of the anchor (0) or of ours (1)."""
    return statistics.median(pair[side][which] for pair in pairs)


@dataclass(frozen=True, slots=True)
class Case:
    """A video and an encoder."""

    clip: str
    times: int
    """The clip, one after another."""
    codec: str
    preset: str
    lines: int | None = None
    """Enlarged to; None = as it is."""
    maps: str | None = None
    """What makes them: a model, or ``WIDTHxHEIGHT`` of a grey video; None = the default."""


CASES = {
    "720p 10 s, x264 medium": Case("dog_720p.mp4", 1, "x264", "medium"),
    "720p 60 s, x264 medium": Case("dog_720p.mp4", 6, "x264", "medium"),
    "272p 10 s, x264 medium": Case("street_272p.mp4", 1, "x264", "medium"),
    "1080p 20 s, x264 medium": Case("dog_720p.mp4", 2, "x264", "medium", 1080),
    "720p 10 s, x265 medium": Case("dog_720p.mp4", 1, "x265", "medium"),
    "720p 60 s, x264 superfast": Case("dog_720p.mp4", 6, "x264", "superfast"),
    "720p 10 s, av1 8": Case("dog_720p.mp4", 1, "av1", "8"),
    "720p 10 s, av1 8, spectral": Case("dog_720p.mp4", 1, "av1", "8", maps="spectral"),
    **{
        f"720p 10 s, x264 medium, {name}": Case("dog_720p.mp4", 1, "x264", "medium", maps=maps)
        for name, maps in (
            ("maps from a 320x180 file", "320x180"),
            ("maps from a 1280x720 file", "1280x720"),
            ("spectral", "spectral"),
            ("msroi-fast", "msroi-fast"),
        )
    },
}


def make_clip(case: Case, folder: Path) -> Path:
    """Make the input of a case, or return the clip itself. Longer ones repeat packets of a short one."""
    source = data_folder() / "clips" / case.clip
    if case.lines is not None:
        larger = folder / f"{case.clip}-{case.lines}.mp4"
        if not larger.exists():
            stream = ffmpeg.input(str(source)).output(
                str(larger), vf=f"scale=-2:{case.lines}:flags=lanczos", vcodec="libx264", preset="veryfast",
                crf=14, acodec="copy",
            )  # fmt: skip
            stream.run(cmd=FFMPEG, quiet=True)
        source = larger
    if case.times == 1:
        return source
    longer = folder / f"{source.stem}-{case.times}.mp4"
    if not longer.exists():
        loop(source, longer, case.times)
    return longer


def maps_of(case: Case, folder: Path, num_frames: int) -> semvid.MapsConfig:
    """Return what makes the maps of a case; makes the file if there is one."""
    if case.maps is None or not case.maps[0].isdigit():
        return semvid.MapsConfig(model=case.maps)
    path = folder / f"maps-{case.maps}.mkv"
    if not path.exists():
        width, height = map(int, case.maps.split("x"))
        write_map_video(path, (width, height), num_frames)
    return semvid.MapsConfig(path=path)


def write_map_video(path: Path, size: tuple[int, int], num_frames: int) -> None:
    """Write a lossless grey video of a soft blob that wanders over the picture."""
    width, height = size
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for index in range(num_frames):
            phase = 2 * np.pi * index / num_frames
            x, y = width * (0.5 + 0.25 * np.cos(phase)), height * (0.5 + 0.2 * np.sin(2 * phase))
            blob = np.exp(-(((cols - x) / (0.15 * width)) ** 2) - ((rows - y) / (0.25 * height)) ** 2)
            picture = cv2.convertScaleAbs(blob, alpha=255)
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())


def plain_command(case: Case, source: Path, output: Path) -> list[str]:
    """Return FFmpeg's command for the plain encode of a case, sound copied."""
    codec = find_codec(case.codec)
    return [
        FFMPEG, "-nostdin", "-loglevel", "error", "-y", "-i", str(source), "-map", "0:v:0", "-map", "0:a?",
        "-c:v", codec.library, "-preset", case.preset, "-crf", f"{codec.scale.default:g}", "-c:a", "copy",
        str(output),
    ]  # fmt: skip


AS_LARGE = ("--match", "size", "--probe", "none")
"""The encoder writes about as many bits as in a plain encode, and nothing is measured."""


def semvid_command(case: Case, source: Path, output: Path, maps: semvid.MapsConfig, *more: str) -> list[str]:
    """Return semvid's command for a case."""
    by = ["--maps", str(maps.path)] if maps.path else ["--model", maps.chosen_model]
    return [
        SEMVID, "compress", str(source), "-o", str(output), "-y", "--codec", case.codec,
        "--preset", case.preset, *by, *more,
    ]  # fmt: skip


def config_of(case: Case, maps: semvid.MapsConfig) -> semvid.CompressConfig:
    """Return the options of a case ``AS_LARGE``, for the library."""
    return semvid.CompressConfig(
        codec=case.codec, preset=case.preset, maps=maps, allocation=semvid.AllocationConfig(match="size"),
        probe="none", overwrite=True,
    )  # fmt: skip


def plain_encode(source: Path, output: Path, codec: str, preset: str | None = None) -> None:
    """Transcode with PyAV alone: no other stream, decoding with threads."""
    spec = find_codec(codec)
    options = spec.options(spec.crf.default, preset, {})
    with av.open(str(source)) as reader, av.open(str(output), "w") as writer:
        video = reader.streams.video[0]
        video.thread_type = "AUTO"
        stream = writer.add_stream(spec.library, rate=video.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, video.pix_fmt
        stream.codec_context.time_base = video.time_base
        stream.codec_context.bit_rate = spec.bit_rate
        stream.codec_context.thread_count = 0
        with kept_priorities():
            stream.codec_context.open()
        for frame in reader.decode(video):
            frame.pict_type = 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
