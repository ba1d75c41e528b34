"""PSNR, SSIM, XPSNR and VMAF of every frame, from FFmpeg's filters, which need frames of one kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from semvid.core.children import run_child
from semvid.core.errors import InputError
from semvid.core.text import counted
from semvid.core.threads import thread_budget
from semvid.core.types import VideoInfo
from semvid.media.names import ffmpeg_name
from semvid.media.reach import process_options
from semvid.media.writing.output import scratch_folder
from semvid.scores.pairs import (
    SMALLEST_VMAF,
    XPSNR,
    Scores,
    filter_threads,
    read_decibels,
    read_vmaf,
    vmaf_threads,
)  # fmt: skip
from semvid.scores.sources import Source, deinterlaces

FILTERS = ("psnr", "ssim", "xpsnr", "vmaf")
_LOG = "{}.log"
_CLOCK = "1"
"""Seconds from frame to frame: long enough that FFmpeg rounds no two to the same time."""
_INPUTS = ("reference of semvid", "test of semvid")
"""Placeholders for names until the command is built."""
_LINES = {
    "psnr": re.compile(r"psnr_avg:(\S+)"),
    "ssim": re.compile(r"All:(\S+)"),
    "xpsnr": XPSNR,
}
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}


def can_measure(metric: str, info: VideoInfo) -> bool:
    """Return whether pictures of this size can be measured: libvmaf crashes on small ones."""
    return metric != "vmaf" or min(info.width, info.height) >= SMALLEST_VMAF


def filter_scores(
    reference: Source, test: Source, metrics: Sequence[str], num_frames: int
) -> dict[str, Scores]:
    """Score a video against another of as many frames, frame by frame.

    Args:
        reference: The original.
        test: The other version; converted to the size, pixel format, matrix and range of the reference.
        metrics: Among ``FILTERS``: PSNR over all planes in dB, SSIM over all planes, XPSNR of luma in dB,
            VMAF (its default model).
        num_frames: That each of them has.

    Raises:
        InputError: FFmpeg cannot decode one of them to the end.
    """
    if not metrics:
        return {}
    # Both are compared as they are coded: the command would turn rotated video upright.
    given = {"noautorotate": None, **_decoder_threads(), **process_options()}
    ours, theirs = (
        ffmpeg.input(name, **given)[str(one.info.stream_index)]
        for name, one in zip(_INPUTS, (reference, test), strict=True)
    )
    info = reference.info
    if deinterlaces(reference, test):
        ours = ours.filter("bwdif", mode="send_frame", deint="interlaced")
    theirs = theirs.filter(
        "scale", info.width, info.height, flags="bicubic", in_range=test.range_name,
        out_range=reference.range_name, in_color_matrix=_MATRICES.get(test.matrix, "auto"),
        out_color_matrix=_MATRICES.get(reference.matrix, "auto"),
    ).filter("format", info.pixel_format)  # fmt: skip
    # Timestamps are compared beforehand. Frames belong together by their number: containers round times, and
    # FFmpeg would take an earlier frame for one that is a fraction of a millisecond late.
    ours, theirs = (
        one.filter("settb", _CLOCK).filter("setpts", "N").filter_multi_output("split", len(metrics))
        for one in (ours, theirs)
    )
    outputs = []
    for index, name in enumerate(metrics):
        if name == "vmaf":
            options = {"log_fmt": "json", "log_path": _LOG.format(name), "n_threads": vmaf_threads()}
        else:
            options = {"stats_file": _LOG.format(name)}
        kind = "libvmaf" if name == "vmaf" else name
        outputs.append(ffmpeg.filter([theirs[index], ours[index]], kind, **options))
    sink = ffmpeg.output(*outputs, "-", format="null", fps_mode="passthrough")
    sink = sink.global_args("-hide_banner", "-nostdin", "-v", "error", *filter_threads())
    with scratch_folder() as folder:
        command = sink.compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
        # ffmpeg-python takes no names that are not UTF-8; processes do.
        paths = [ffmpeg_name(one.info.path.absolute()) for one in (reference, test)]
        names = dict(zip(_INPUTS, paths, strict=True))
        code, words = run_child([names.get(one, one) for one in command], folder)
        if code:
            silent = f"it crashed, signal {-code}" if code < 0 else "no reason given"
            why = (words.strip().splitlines() or [silent])[-1]
            raise InputError(
                f"FFmpeg cannot compare {info.path} and {test.info.path}: {why}; check that both play"
            )
        scores = {name: _read(name, folder / _LOG.format(name)) for name in metrics}
    for name, values in scores.items():
        if len(values) != num_frames:
            raise InputError(
                f"FFmpeg scored {len(values)} of {counted(num_frames, 'frame')} of {test.info.path} by "
                f"{name}; one of the two files is damaged, check that both play to the end"
            )
    return scores


def _decoder_threads() -> dict[str, int]:
    budget = thread_budget()
    return {"threads": budget.helper} if budget.helper else {}


def _read(name: str, log: Path) -> Scores:
    return read_vmaf(log) if name == "vmaf" else read_decibels(log, _LINES[name])
