"""Records what is wrong with an input, and puts it into words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

_SHORTFALL_SECONDS = Fraction(1, 2)
_SHORTFALL_FRAMES = 2
"""A stream that ends earlier than its header says by more than this counts as broken off. Headers may count
frames that were dropped when the file was made (AVI does)."""


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
        return bool(
            self.num_bad_packets
            or self.num_corrupt_frames
            or self.breaks_off
            or self.is_cut_off
            or self.has_gaps
        )

    def __str__(self) -> str:
        parts = []
        if self.breaks_off:
            parts.append("it ends before its header says")
        elif self.is_cut_off:
            parts.append("it is cut off: its last piece is incomplete")
        elif self.has_gaps:
            parts.append("parts of it cannot be read")
        if self.num_bad_packets:
            parts.append(f"{self.num_bad_packets} packets could not be decoded")
        if self.num_corrupt_frames:
            parts.append(f"{self.num_corrupt_frames} frames are damaged")
        return ", ".join(parts)
