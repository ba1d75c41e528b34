"""Checks that a coded video keeps to its maximum bit rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semvid.core.rate import Peak
from semvid.core.text import setting
from semvid.engine.encoding import Encoded
from semvid.engine.stages import Items

_LEEWAY = 1.01
"""Encoders plan with what frames took before, and hit the buffer by about a bit in a hundred."""


def needed_buffer(sizes: Sequence[int], times: Sequence[float], bits_per_second: float) -> float:
    """Return how many bits a player must have read before it starts, so that no frame comes too late.

    That is the most by which the bits of any part of the video exceed those that arrive in its time.

    Args:
        sizes: Bits of each frame, in order of decoding.
        times: When each is decoded, in seconds, rising.
        bits_per_second: At which they arrive.
    """
    most = behind = 0.0
    before = times[0] if times else 0.0
    for size, now in zip(sizes, times, strict=True):
        behind = max(behind - (now - before) * bits_per_second, 0.0) + size
        most, before = max(most, behind), now
    return most


class PeakWatch:
    """A stage that keeps the sizes and times of packets, to compare them with a maximum at the end.

    Args:
        peak: The maximum; None = there is none.
    """

    def __init__(self, peak: Peak | None) -> None:
        self._peak = peak
        self._sizes: list[int] = []
        self._times: list[float] = []

    def run(self, items: Items) -> Items:
        """Look at what is coded, and pass on everything."""
        for item in items:
            if self._peak is not None and isinstance(item, Encoded):
                for packet in item.packets:
                    self._sizes.append(8 * len(packet.data))
                    self._times.append(float(packet.dts * packet.time_base))
            yield item

    def remarks(self) -> Iterator[str]:
        """Return a sentence if the video takes more than the maximum; call it at the end."""
        if self._peak is None:
            return
        rate, buffer = self._peak.bits_per_second, self._peak.chosen_buffer_bits
        needed = needed_buffer(self._sizes, self._times, rate)
        if needed > _LEEWAY * buffer:
            yield (
                f"the encoder did not keep to {setting('Peak', rate)}: the video needs a buffer of "
                f"{needed:.0f} bits, more than {setting('buffer_bits', buffer)}; allow more, or ask for less"
            )
