"""Records what is wrong with an input, and puts it into words."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from av import Packet

from semvid.core.errors import InputError
from semvid.core.records import dataclass
from semvid.core.text import Loss, counted, reason
from semvid.core.types import VideoInfo
from semvid.media.reading.gaps import Gap

_SHORTFALL_SECONDS = Fraction(1, 2)
_SHORTFALL_FRAMES = 2
"""A stream that ends earlier than its header says by more than this counts as broken off. Headers may count
frames that were dropped when the file was made (AVI does)."""

_WITHOUT_ZEROS = frozenset({"h264", "hevc", "vvc", "mpeg4", "vp8", "vp9", "av1"})
"""Formats whose packets hold nothing like it: start codes must not appear by chance, or all is coded to the
last bit. JPEG and lossless formats have long zeros where a picture is flat, MPEG-2 fills up with them."""
_HOLE = bytes(64)
_INNER_HOLE = re.compile(rb"\0{64}\0*[^\0\1]")
"""Zeros at the end and before a start code fill up."""


@dataclass(slots=True)
class Damage:
    """What was wrong with the input, filled in while it is read."""

    num_bad_packets: int = 0
    """Packets the decoder could not use."""
    num_corrupt_frames: int = 0
    """Frames the decoder delivered but marked as damaged."""
    breaks_off: bool = False
    """The file ends before its header says."""
    is_cut_off: bool = False
    """The last element of the file is incomplete."""
    has_gaps: bool = False
    """Parts of the file could not be read."""
    num_torn: int = 0
    """Packets of the video of which the container has not all."""

    def compare_length(
        self, num_packets: int, claimed_packets: int, end: Fraction, claimed_end: Fraction | None
    ) -> None:
        """Note whether a video is shorter than its header says.

        Args:
            num_packets: Read.
            claimed_packets: By the header; 0 = it does not say.
            end: In seconds, of what was read.
            claimed_end: By the header, which counts only where it names no packets; None = it does not say.
        """
        if claimed_packets:
            self.breaks_off |= num_packets + _SHORTFALL_FRAMES < claimed_packets
        elif claimed_end is not None:
            self.breaks_off |= end + _SHORTFALL_SECONDS < claimed_end

    def __bool__(self) -> bool:
        return self != Damage()

    def __str__(self) -> str:
        parts = []
        if self.breaks_off:
            parts.append("it ends before its header says")
        elif self.is_cut_off:
            parts.append("it is cut off: its last piece is incomplete")
        elif self.has_gaps:
            parts.append("parts of it cannot be read")
        if self.num_torn:
            parts.append(f"parts of {counted(self.num_torn, 'packet')} are missing")
        if self.num_bad_packets:
            parts.append(f"{counted(self.num_bad_packets, 'packet')} could not be decoded")
        if self.num_corrupt_frames:
            parts.append(f"{counted(self.num_corrupt_frames, 'frame is', 'frames are')} damaged")
        return ", ".join(parts)


@dataclass(slots=True)
class Oddities:
    """What else was wrong, and mended, while packets and frames were read."""

    first: Exception | None = None
    """FFmpeg's first error."""
    is_unreadable: bool = False
    """Some packets could not be read."""
    num_too_early: int = 0
    """Packets of words that end before anything else is shown."""
    num_moved: int = 0
    """Packets of copied streams whose timestamps repeated or went back."""
    num_retimed: int = 0
    """Frames, likewise."""
    num_early_chapters: int = 0
    """Chapters that end before anything is shown."""
    num_late: int = 0
    """Packets of streams that nothing told of when the file was opened."""
    gap: Gap | None = None
    """Frames that seem to be missing."""

    def remarks(self, path: Path, num_jumps: int) -> list[str]:
        """Return a sentence for the user for each kind, and for jumps of the file's clock."""
        times = "once" if num_jumps == 1 else f"{num_jumps} times"
        back = "with a timestamp that repeats or goes back in time; each"
        early = "left out, over before picture and sound begin"
        frames, packets = counted(self.num_retimed, "frame"), counted(self.num_moved, "packet")
        subtitles = counted(self.num_too_early, "subtitle")
        chapters, late = counted(self.num_early_chapters, "chapter"), counted(self.num_late, "packet")
        found = {
            f"its clock jumps {times}, as in joined files; its parts follow each other": num_jumps,
            f"{frames} {back} is shown right after the one before": self.num_retimed,
            f"{packets} of sound {back} follows the one before": self.num_moved,
            str(self.gap): 0 if self.gap is None else self.gap.num_frames,
        }
        lost = {
            f"{subtitles} {early}": self.num_too_early,
            f"{chapters} {early}": self.num_early_chapters,
            f"{late} of streams that begin in the middle of the file left out": self.num_late,
        }
        return [
            *(f"{path}: {sentence}" for sentence, count in found.items() if count),
            *(Loss(f"{path}: {sentence}") for sentence, count in lost.items() if count),
        ]


def has_hole(codec: str, packet: Packet[Any]) -> bool:
    """Return whether zeros are in a packet that no encoder writes: something was lost there, or never came.

    Decoders make up a picture all the same, often without a word.

    Args:
        codec: FFmpeg's name of its format.
        packet: Of the main video.
    """
    if codec not in _WITHOUT_ZEROS or packet.size <= len(_HOLE):
        return False
    data = bytes(packet)
    return _HOLE in data and _INNER_HOLE.search(data) is not None


def undecodable(info: VideoInfo, error: Exception | None) -> InputError:
    """Return the error for a video without a single frame; ``error`` is the first of FFmpeg's."""
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
