"""VMAF and XPSNR of many pairs of scratch files in one process."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from semvid.core.children import run_child
from semvid.core.errors import EncoderError
from semvid.core.threads import thread_budget

Scores = NDArray[np.float64]
"""``(n,)``, one per frame."""
IDENTICAL = 100.0
"""dB for frames without any error."""
SMALLEST_VMAF = 32
"""Pixels a side: libvmaf crashes on smaller pictures."""
XPSNR = re.compile(r"XPSNR y:\s*(\S+)")
"""In a line of FFmpeg's log, of luma."""
_VMAF_THREADS = 2
_MOST_PAIRS = 16
"""In one process: each has two decoders."""


def vmaf_threads() -> int:
    """Return how many threads libvmaf gets. With more, other processes wait for it longer."""
    return min(thread_budget().cores, _VMAF_THREADS)


def filter_threads() -> list[str]:
    """Return options that keep FFmpeg's command to the threads of a run, beside those of its decoders."""
    number = thread_budget().helper
    return ["-filter_complex_threads", str(number)] if number else []


def read_vmaf(log: Path) -> Scores:
    """Read the scores of all frames from what libvmaf logs as JSON."""
    frames = json.loads(log.read_text())["frames"]
    return np.array([one["metrics"]["vmaf"] for one in frames])


def read_decibels(log: Path, pattern: re.Pattern[str]) -> Scores:
    """Read the scores of all frames from a log of lines; what is infinite becomes ``IDENTICAL``."""
    scores = np.array([float(one) for one in pattern.findall(log.read_text())])
    return np.where(np.isinf(scores), IDENTICAL, scores)


def score_pairs(pairs: Sequence[tuple[Path, Path]], metric: str) -> list[Scores]:
    """Score all frames of videos against others, of their size, format and number of frames.

    Args:
        pairs: Reference and test, all in one folder, where logs may be written.
        metric: ``vmaf`` or ``xpsnr``.

    Raises:
        EncoderError: FFmpeg cannot do it.
    """
    found: list[Scores] = []
    for first in range(0, len(pairs), _MOST_PAIRS):
        found += _scored(pairs[first : first + _MOST_PAIRS], metric)
    return found


def _scored(pairs: Sequence[tuple[Path, Path]], metric: str) -> list[Scores]:
    folder = pairs[0][0].parent
    inputs, filters, outputs, logs = [], [], [], []
    for index, pair in enumerate(pairs):
        logs.append(folder / f"{metric}-{index}.log")
        for path in pair:
            # Names are ours and plain, and the process works in their folder.
            inputs += ["-threads", "1", "-i", path.name]
        option = (
            f"libvmaf=log_fmt=json:n_threads={vmaf_threads()}:log_path={logs[-1].name}"
            if metric == "vmaf"
            else f"xpsnr=stats_file={logs[-1].name}"
        )
        filters.append(f"[{2 * index + 1}:v][{2 * index}:v]{option}[out{index}]")
        outputs += ["-map", f"[out{index}]"]
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "error", *inputs,
        *filter_threads(), "-filter_complex", ";".join(filters), *outputs,
        "-fps_mode", "passthrough", "-f", "null", "-",
    ]  # fmt: skip
    code, words = run_child(command, folder)
    if code:
        said = (words.strip().splitlines() or [f"it ended with {code}"])[-1]
        raise EncoderError(f"FFmpeg cannot measure {metric} of parts of the video: {said}")
    return [read_vmaf(one) if metric == "vmaf" else read_decibels(one, XPSNR) for one in logs]
