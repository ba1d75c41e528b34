"""Copied sound at the borders of a part of a video: cut exactly by edit lists, elsewhere between packets."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av import Packet

from semvid.media.writing.containers import MP4_LIKE

_TOLD = Fraction(2, 1000)
"""Seconds worth a notice; less is the rounding of time bases."""


class SoundCut:
    """Decides which packets of a copied stream of sound are written.

    In MP4 and QuickTime times may be negative: an edit list hides what is before 0, and the length of the
    track what is beyond its end. Elsewhere a packet that begins before the part is left out, and the last one
    is whole.

    Args:
        label: The stream's name in messages.
        suffix: Of the output.
        length: Of the part in seconds; None = it ends with the video.
        hidden: Seconds of the first sound that players leave out, as the container tells them; None = the
            part begins with the file, and so does its sound.
    """

    def __init__(self, label: str, suffix: str, length: Fraction | None, hidden: Fraction | None) -> None:
        self._label, self._suffix, self._length = label, suffix, length
        self._is_exact = suffix in MP4_LIKE
        self._hidden = hidden
        self._cut_until = self._late = self._over = Fraction(0)
        self._has_begun = False

    def takes(self, packet: Packet[Any]) -> bool:
        """Whether to write a packet, whose end may be moved."""
        if packet.pts is None or not packet.time_base:
            return True
        start = packet.pts * packet.time_base
        end = start + (packet.duration or 0) * packet.time_base
        if self._is_exact:
            if self._length is not None and end > self._length:
                packet.duration = max(round((self._length - start) / packet.time_base), 1)
            return True
        if self._hidden is not None and not self._has_begun:
            if start < -self._hidden:
                self._cut_until = end
                return False
            # What AVI cannot do is told before.
            if self._cut_until > -self._hidden and self._suffix != ".avi":
                self._late = start + self._hidden
        self._has_begun = True
        if self._length is not None:
            self._over = max(self._over, end - self._length)
        return True

    @property
    def notices(self) -> list[str]:
        """A sentence if the cuts are not exact."""
        words = [
            f"{word} {float(1000 * seconds):.0f} ms late"
            for word, seconds in (("begins", self._late), ("ends", self._over))
            if seconds > _TOLD
        ]
        if not words:
            return []
        return [
            f"{self._label} {' and '.join(words)}: {self._suffix} can only cut copied sound between packets; "
            "write to .mp4 or .mov, or convert it with `audio`"
        ]
