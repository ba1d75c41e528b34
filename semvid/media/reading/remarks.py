"""Notices about what was wrong with an input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from semvid.core.errors import InputError
from semvid.core.text import reason
from semvid.core.types import VideoInfo

if TYPE_CHECKING:
    from semvid.media.reading.packets import PacketReader


def remarks(
    path: Path, damage: str, packets: PacketReader, num_retimed: int, num_early_chapters: int
) -> list[str]:
    """Return a sentence for each thing that was wrong with a file.

    Args:
        path: The file.
        damage: What is damaged, and what was done with the rest; empty = nothing is damaged.
        packets: Its packets, read.
        num_retimed: Frames whose timestamps did not rise.
        num_early_chapters: Chapters that end before anything is shown.
    """
    num_jumps, errors = packets.clock.num_jumps, packets.errors
    times = "once" if num_jumps == 1 else f"{num_jumps} times"
    back = "repeat a timestamp or go back in time"
    early = "end before picture and sound begin; they are left out"
    found = {
        f"{path} is damaged: {damage}": damage,
        f"{path}: its clock jumps {times}, as in joined files; its parts follow each other": num_jumps,
        f"{path}: {num_retimed} frames {back}; each is shown right after the one before": num_retimed,
        f"{path}: {errors.num_moved} packets of sound {back}; each follows the one before": errors.num_moved,
        f"{path}: {errors.num_too_early} subtitles {early}": errors.num_too_early,
        f"{path}: {num_early_chapters} chapters {early}": num_early_chapters,
    }
    return [sentence for sentence, is_so in found.items() if is_so]


def undecodable(info: VideoInfo, error: Exception | None) -> InputError:
    """Return the error for a video without a single frame.

    Args:
        info: Of the video.
        error: What FFmpeg said first; None = nothing.
    """
    if info.codec == "webp":
        return InputError(
            f"{info.path} is WebP that FFmpeg cannot decode, as if animated; convert it to GIF "
            "or APNG, or give a still to semvid image"
        )
    why = f" ({reason(error)})" if error else ""
    return InputError(
        f"{info.path}: no frame of its {info.codec} video could be decoded{why}; "
        "it is encrypted, damaged, or cut off before the first frame"
    )
