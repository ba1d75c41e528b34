"""Frames before a part that are encoded and thrown away, so that the encoder begins it as it would go on."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import EncoderError
from semvid.core.rate import Crf
from semvid.core.records import dataclass
from semvid.core.types import AnalysedFrame, Span
from semvid.engine.encoding import Encoded
from semvid.engine.stages import Items

PRE_ROLL_SECONDS = Fraction(1)
"""Rate controls choose the quantizer of a key frame by those of the frames before it, and that of a first
frame by a guess: libx264's is 2.8 QP coarser at CRF, which a still scene keeps to its end. After a second
0.1 QP are left. What that is worth to a film: ``examples/benchmark/batch.py``."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What an encoder is to see before a part."""

    seconds: Fraction

    @classmethod
    def of(cls, config: CompressConfig, span: Span | None) -> Lead | None:
        """Return what suits an encode; None = nothing."""
        if not find_codec(config.codec).needs_pre_roll or span is None or span.start == 0:
            return None
        # What is asked for, as a bit rate, and what is compared, as a plain encode, is of the part alone.
        is_alone = config.rate is not None and not isinstance(config.rate, Crf)
        is_alone |= config.allocation.strength > 0 and config.chosen_probe == "full"
        return None if is_alone else cls(PRE_ROLL_SECONDS)


@dataclass(frozen=True, slots=True)
class _Before:
    """A frame before the part: no other stage need know of it."""

    frame: AnalysedFrame


class PreRoll:
    """The stages of a run that leave out what is before a part, and let an encoder see the end of it.

    The part begins with a key frame all the same.

    Args:
        span: The part.
        time_base: Seconds per unit of it.
        lead: What is before it; None = nothing.

    Attributes:
        is_there: An encoder sees something of what is before the part.
    """

    def __init__(self, span: Span, time_base: Fraction, lead: Lead | None) -> None:
        self._span = span
        self._first = span.start - (round(lead.seconds / time_base) if lead else 0)
        self.is_there = lead is not None
        self._has_begun = lead is None
        self._num_kept = 0

    def hide(self, items: Items) -> Items:
        """Leave out the frames that are not in the part, and hide those that only an encoder is to see."""
        for item in items:
            if not isinstance(item, AnalysedFrame) or item.frame.pts in self._span:
                yield item
            elif self._first <= item.frame.pts < self._span.start:
                yield _Before(item)

    def show(self, items: Items) -> Items:
        """Put what was hidden back in its place, and have the part begin with a key frame."""
        for item in items:
            if isinstance(item, _Before):
                yield item.frame
            elif isinstance(item, AnalysedFrame) and not self._has_begun:
                self._has_begun = True
                yield replace(item, wants_key=True)
            else:
                yield item

    def drop(self, items: Items) -> Items:
        """Throw away what was coded of the frames before the part.

        Raises:
            EncoderError: The part does not begin with a key frame.
        """
        start = self._span.start
        for item in items:
            if not self.is_there or not isinstance(item, Encoded):
                yield item
            elif item.frame is None or (item.frame.decoded.pts or 0) >= start:
                packets = [one for one in item.packets if one.pts >= start]
                if packets and not self._num_kept and not packets[0].is_keyframe:
                    raise EncoderError(
                        "a part of the video does not begin with a key frame; leave out the encoder's own "
                        "options for key frames, or compress the video in one piece"
                    )
                self._num_kept += len(packets)
                yield Encoded(item.frame, packets)
