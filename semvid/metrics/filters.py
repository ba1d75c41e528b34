"""PSNR, SSIM, XPSNR and VMAF of every frame, by FFmpeg's own filters."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from semvid.errors import InputError
from semvid.types import VideoInfo

Scores = NDArray[np.float64]
"""``(n,)``, one a frame."""

FILTERS = ("psnr", "ssim", "xpsnr", "vmaf")
_LOG = "{}.log"
_LINES = {
    "psnr": re.compile(r"psnr_avg:(\S+)"),
    "ssim": re.compile(r"All:(\S+)"),
    "xpsnr": re.compile(r"XPSNR y:\s*(\S+)"),
}
_IDENTICAL = 100.0
"""dB for frames without any error."""


def filter_scores(
    reference: VideoInfo, test: VideoInfo, metrics: Sequence[str], *, full_range: bool
) -> dict[str, Scores]:
    """Score a video against another of as many frames, frame by frame.

    Args:
        reference: What it should look like.
        test: What became of it; scaled to the size and converted to the pixel format of the reference.
        metrics: Among ``FILTERS``: PSNR over all planes in dB, SSIM over all planes, XPSNR of luma in dB,
            VMAF (its default model).
        full_range: Whether the samples of the reference use the full range.

    Raises:
        InputError: FFmpeg cannot decode one of them.
    """
    if not metrics:
        return {}
    ours = ffmpeg.input(str(reference.path.resolve()))[str(reference.stream_index)]
    theirs = ffmpeg.input(str(test.path.resolve()))[str(test.stream_index)]
    theirs = theirs.filter(
        "scale", reference.width, reference.height, flags="bicubic", out_range="full" if full_range else "tv"
    ).filter("format", reference.pixel_format)
    ours = ours.filter("setpts", "PTS-STARTPTS").filter_multi_output("split", len(metrics))
    theirs = theirs.filter("setpts", "PTS-STARTPTS").filter_multi_output("split", len(metrics))
    outputs = []
    for index, name in enumerate(metrics):
        if name == "vmaf":
            options = {"log_fmt": "json", "log_path": _LOG.format(name), "n_threads": 2}
        else:
            options = {"stats_file": _LOG.format(name)}
        kind = "libvmaf" if name == "vmaf" else name
        outputs.append(ffmpeg.filter([theirs[index], ours[index]], kind, **options))
    with tempfile.TemporaryDirectory() as folder:
        # Timestamps are compared beforehand; from here on frames belong together by their number.
        sink = ffmpeg.output(*outputs, "-", format="null", fps_mode="passthrough")
        command = sink.global_args("-hide_banner", "-v", "error").compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise InputError(
                f"FFmpeg cannot compare {reference.path} and {test.path}: {why}; check that both play"
            )
        return {name: _read(name, Path(folder) / _LOG.format(name)) for name in metrics}


def _read(name: str, log: Path) -> Scores:
    if name == "vmaf":
        frames = json.loads(log.read_text())["frames"]
        return np.array([one["metrics"]["vmaf"] for one in frames])
    found = _LINES[name].findall(log.read_text())
    scores = np.array([float(one) for one in found])
    return np.where(np.isinf(scores), _IDENTICAL, scores)
