"""Holds a constant bit rate with little delay, by a quantizer for each picture before it is coded.

SVT-AV1 takes no map where it controls the rate, so it is told the quantizers. Pure: nothing is encoded here.

A leaky bucket is what waits for a line of constant rate (ITU-T H.264, annex C). A picture is to get
``rate * interval + (level wanted - level) * interval / horizon`` bits, so that the bucket comes back to the
level that is wanted (Li et al., "Adaptive basic unit layer rate control for JVT", JVT-G012, 2003), and the
quantizer comes from ``bits = a * complexity / quantizer ** b``, whose ``a`` follows what pictures took (Ma,
Gao and Lu, "Rate-distortion analysis for H.264/AVC video coding and its application to rate control", IEEE
TCSVT 15(12), 2005, with the difference to the picture before as the complexity).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_EXPONENT = 1.15
"""``b``, of key frames and of others: doubling the quantizer takes 55 % of the bits."""
_KEY_PRIOR, _OTHER_PRIOR = 2.0, 1.0
"""``a`` before anything is coded, per pixel."""
_KEY_FOLLOWS, _OTHER_FOLLOWS = 0.7, 0.4
"""Share of the newest picture in the logarithm of ``a``."""
_HIGH_RISES, _HIGH_FALLS = 0.7, 0.1
"""The same of the ``a`` that keeps pictures within the bucket. Few pictures take much where nothing changes:
when the quantizer has become so fine that all is coded again."""
_LEVEL = 0.2
"""Filling of the bucket that is wanted: low, so that key frames and cuts fit in."""
_HORIZON_SECONDS = 0.4
"""In which the bucket comes back to it."""
_MOST_OF_REST, _MOST_OF_ALL = 0.6, 0.5
"""Share of what is left in the bucket that a picture may be predicted to take; less of it the first, of which
nothing is known."""
_LEAST_BITS = 0.25
"""Of a picture, in pictures of equal size: what is starved costs more later."""
_KEY_QUANTIZER = 0.8
"""Quantizer of a key frame, in that of the others: they are predicted from it."""
_RISE = 1.35
"""How much coarser a picture may be than the one before, if it need not be more."""
_FALL, _FALL_WHEN_EMPTY = 1.8, 4.0
"""How much finer pictures may become in a second, as an exponent; more where no bits wait.
Each codes the errors of the one before again, and where nothing else changes all of them at once."""
_LEAST_COMPLEXITY = 0.25
"""Grey levels: noise."""
_INTERVAL_FOLLOWS = 0.1
"""Share of the newest interval in the running one."""


@dataclass(frozen=True, slots=True)
class Complexity:
    """How much there is to code in a picture."""

    detail: float
    """Mean absolute difference of neighbouring samples of luma, in grey levels of 8 bits."""
    change: float
    """The same between the picture and the one before; of the first, its ``detail``."""


class RateControl:
    """The rate of one stream.

    Args:
        bitrate: Bits per second of the line.
        bucket_bits: Most bits that may wait for it.
        num_pixels: Of a picture.
        interval: Seconds from picture to picture to expect.
        finest: Lowest quantizer, in steps of a sample of 8 bits.
        coarsest: Highest.

    Attributes:
        level: Bits that wait.
    """

    def __init__(
        self,
        bitrate: float,
        bucket_bits: float,
        num_pixels: int,
        interval: float,
        *,
        finest: float,
        coarsest: float,
    ) -> None:
        self.level = 0.0
        self._bitrate, self._bucket, self._interval = bitrate, bucket_bits, interval
        self._limits = finest, coarsest
        self._factors = {True: _KEY_PRIOR * num_pixels, False: _OTHER_PRIOR * num_pixels}
        self._high = self._factors[False]
        self._quantizer: float | None = None
        """That the next picture may be a little finer or coarser than; None = there is no picture yet."""
        self._asked = True, 1.0, 1.0
        """Whether the newest picture is a key frame, its complexity and quantizer."""
        self._has_begun = False

    def choose(self, complexity: Complexity, seconds: float, *, is_key: bool) -> float:
        """Return the quantizer of the next picture; ``coded`` follows.

        Args:
            complexity: Of the picture.
            seconds: Since the picture before, above 0; any for the first.
            is_key: Nothing is predicted.
        """
        if self._has_begun:
            self.level = max(self.level - self._bitrate * seconds, 0)
            self._interval += _INTERVAL_FOLLOWS * (seconds - self._interval)
        self._has_begun = True
        detail, change = (max(one, _LEAST_COMPLEXITY) for one in (complexity.detail, complexity.change))
        usual = self._bitrate * self._interval
        wanted = usual + (_LEVEL * self._bucket - self.level) * self._interval / _HORIZON_SECONDS
        share = _MOST_OF_ALL if self._quantizer is None else _MOST_OF_REST
        most = max(share * (self._bucket - self.level), _LEAST_BITS * usual)
        if is_key:
            quantizer = self._limits[0] if self._quantizer is None else _KEY_QUANTIZER * self._quantizer
        else:
            quantizer = _needed(max(wanted, _LEAST_BITS * usual), self._factors[False] * change)
            if self._quantizer is not None:
                emptiness = max(1 - self.level / (_LEVEL * self._bucket), 0)
                fall = (_FALL + emptiness * (_FALL_WHEN_EMPTY - _FALL)) * self._interval
                quantizer = min(max(quantizer, self._quantizer * math.exp(-fall)), self._quantizer * _RISE)
        # What cannot be predicted is coded like a key frame, which takes no more.
        least = _needed(most, self._factors[True] * detail)
        if not is_key:
            least = min(least, _needed(most, self._high * change))
        finest, coarsest = self._limits
        quantizer = min(max(quantizer, least, finest), coarsest)
        self._asked = is_key, detail if is_key else change, quantizer
        # Finer than what it is predicted from, a picture codes the errors of that again.
        if not is_key or self._quantizer is None or self._quantizer < quantizer:
            self._quantizer = quantizer
        return quantizer

    def coded(self, bits: int, quantizer: float | None = None) -> None:
        """Learn what the newest picture took.

        Args:
            bits: Above 0.
            quantizer: That it got, if not exactly the one that was chosen.
        """
        self.level += bits
        is_key, complexity, asked = self._asked
        seen = bits * (quantizer or asked) ** _EXPONENT / complexity
        share = _KEY_FOLLOWS if is_key else _OTHER_FOLLOWS
        self._factors[is_key] = _towards(self._factors[is_key], seen, share)
        if not is_key:
            self._high = _towards(self._high, seen, _HIGH_RISES if seen > self._high else _HIGH_FALLS)


def _needed(bits: float, work: float) -> float:
    """Return the quantizer at which a picture takes so many bits; ``work`` is ``a`` times its complexity."""
    return float((work / bits) ** (1 / _EXPONENT))


def _towards(value: float, target: float, share: float) -> float:
    """Go a share of the way in logarithms; both are above 0."""
    return value * math.exp(share * math.log(target / value))
