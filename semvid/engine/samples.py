"""What a run coded, and which parts to code again without a map to learn what was saved. No files here.

How well a frame is coded depends on those around it: it is predicted from frames before it, and what later
frames take from it decides how many bits it gets. So an encoder that begins in the middle settles for some
frames that are not compared, and looks ahead beyond those that are. It also groups frames in another way than
the one that began earlier, so bytes are compared after they are spread evenly over each group. All that was
compared with whole encodes (``examples/benchmark/savings.py``).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.engine.encoding import Encoded
from semvid.engine.stages import Items

_SHARE, _LEAST_SHARE = 0.35, 0.07
"""Frames that may be encoded again: of a short video, and of a long one."""
_WHOLE, _FEWEST, _ENOUGH, _MOST = 250, 160, 400, 1500
"""Videos that have no more are encoded whole; of others at least so many frames; ``_SHARE`` holds up to so
many; and there are never more."""
_FEWEST_OF_PART = 48
"""Frames that may be encoded again of a part of a video that is encoded in parts, at least."""
_TRIAL_SHARE, _FEWEST_IN_TRIAL = 0.012, 250
"""The same of each trial before an encode, of a long video; and never fewer."""
_TRIED_WHOLE = 400
"""Videos that have no more are tried whole: what is looked at around parts makes these hardly shorter."""
_MOST_PARTS, _MOST_CHECKED_PARTS = 12, 48
_PART = 24
"""Time a part takes at least, in frames. Less tells too little of libvpx, which gives more bits to every
twentieth frame or so."""
_FEWEST_COMPARED = 12
_REACHES = {"av1": 32}
"""Frames in a group, by coding format: SVT-AV1 codes those that the others need first, hidden in a packet."""
_SETTLING = 4
ERROR_OF_MODEL = 7.0
"""Points of the saving, in percent, by which predicted bits are off on average
(``examples/benchmark/savings.py``)."""
_LOOK_COST = 0.2
"""Time that a frame takes which the encoder only looks at, as a share of what one takes that it encodes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A part of a video: frames by their number in order of presentation."""

    start: int
    """The first frame to encode."""
    compared_from: int
    compared_to: int
    """The first frame that is no longer compared."""

    @property
    def compared(self) -> slice:
        """The frames that are compared."""
        return slice(self.compared_from, self.compared_to)

    @property
    def num_compared(self) -> int:
        """How many they are."""
        return self.compared_to - self.compared_from


@dataclass(frozen=True, slots=True)
class CodedFrames:
    """Frames that were coded, in order of presentation."""

    pts: NDArray[np.int64]
    sizes: NDArray[np.float64]
    """Bytes, spread evenly over each group of a frame that others are predicted from and those before it that
    need it; key frames have their own."""
    is_key: NDArray[np.bool_]

    @classmethod
    def of_packets(
        cls,
        pts: Sequence[int],
        sizes: Sequence[int],
        is_key: Sequence[int],
        reach: int = 1,
        *,
        is_cut: bool = False,
    ) -> CodedFrames:
        """Put packets, given in order of decoding, into order of presentation.

        Args:
            pts: Presentation times.
            sizes: Bytes.
            is_key: Whether they are key frames.
            reach: Frames that what is in a packet is for: more than one where frames that later ones are
                predicted from are hidden in the packets of others.
            is_cut: More frames follow.
        """
        given = np.array(pts, np.int64)
        # What is needed by frames before it is decoded before them.
        leads = given == np.maximum.accumulate(given)
        order = np.argsort(given, kind="stable")
        spread, keys = np.array(sizes, np.float64)[order], np.array(is_key, np.bool_)[order]
        others = np.flatnonzero(~keys)
        group = np.cumsum(leads[order][others]) - leads[order][others]
        spread[others] = (np.bincount(group, spread[others]) / np.maximum(np.bincount(group), 1))[group]
        return cls(given[order], _spread_forward(spread, keys, reach, is_cut=is_cut), keys)

    def bytes_of_all(self, found: NDArray[np.float64]) -> int:
        """Conclude how large all frames would be in another encode from some of them.

        Args:
            found: Bytes of each frame in the other encode, spread likewise; NaN = unknown. The first frame is
                known.
        """
        is_found = np.isfinite(found)
        total = found[is_found].sum()
        # Key frames are much larger than others, and change by another factor.
        for kind in (self.is_key, ~self.is_key):
            known = is_found & kind if (is_found & kind).any() else is_found
            total += self.sizes[kind & ~is_found].sum() * found[known].sum() / self.sizes[known].sum()
        return round(float(total))


def _spread_forward(
    sizes: NDArray[np.float64], is_key: NDArray[np.bool_], reach: int, *, is_cut: bool
) -> NDArray[np.float64]:
    """Spread what each packet has over its frame and those behind it, up to the next key frame."""
    if reach == 1:
        return sizes
    spread = np.zeros_like(sizes)
    ends = np.append(np.flatnonzero(is_key), len(sizes) + (reach if is_cut else 0))
    for place, size in enumerate(sizes):
        end = place + 1 if is_key[place] else min(place + reach, ends[np.searchsorted(ends, place, "right")])
        spread[place:end] += size / (end - place)
    return spread


class CodingLog:
    """A stage that keeps count of what is coded, in 21 bytes a frame.

    Attributes:
        num_ahead: Frames that the encoder took before it gave the first one back.
        reach: See ``reach_of``.
    """

    def __init__(self) -> None:
        self._pts, self._sizes, self._keys = array("q"), array("q"), array("b")
        self._ratios = array("f")
        self._num_frames = self.num_ahead = 0
        self.reach = 1

    def run(self, items: Items) -> Items:
        """Look at what is coded, and pass on everything."""
        for item in items:
            if isinstance(item, Encoded):
                self.note(item)
            yield item

    def note(self, item: Encoded) -> None:
        """Count the packets that came out."""
        if item.packets and not self._pts:
            self.num_ahead = self._num_frames
        if item.frame is not None:
            self._num_frames += 1
            if item.frame.predicted is not None:
                self._ratios.append(item.frame.predicted.plain / item.frame.predicted.coded)
        for packet in item.packets:
            self.reach = reach_of(packet.codec)
            self._pts.append(packet.pts)
            self._sizes.append(len(packet.data))
            self._keys.append(packet.is_keyframe)

    @property
    def num_packets(self) -> int:
        """Packets so far."""
        return len(self._pts)

    def is_complete_before(self, pts: int) -> bool:
        """Whether all frames before ``pts`` have come out, and with them those that they are grouped with."""
        given = np.array(self._pts, np.int64)
        if not given.size or given.max() < pts:
            return False
        # Frames that lead come in order: what is before the first beyond it is complete when the next comes.
        leads = np.flatnonzero(given == np.maximum.accumulate(given))
        return int((given[leads] >= pts).sum()) > 1

    def predicted_ratios(self) -> NDArray[np.float64] | None:
        """Return how many times as large each frame is predicted to be without a map.

        Returns:
            ``(n,)`` as in ``coded``; None where that is not known.
        """
        return np.array(self._ratios, np.float64) if len(self._ratios) == self.num_packets else None

    def coded(self, *, is_cut: bool = False) -> CodedFrames:
        """Return what was coded so far; ``is_cut`` = the video goes on."""
        return CodedFrames.of_packets(self._pts, self._sizes, self._keys, self.reach, is_cut=is_cut)


def reach_of(coding_format: str) -> int:
    """Return how many frames what is in a packet is for, 1 = its own."""
    return _REACHES.get(coding_format, 1)


def budget_of(num_frames: int) -> int:
    """Return how many frames of so many may be encoded again."""
    if num_frames <= _WHOLE:
        return num_frames
    share = max(min(_SHARE * num_frames, _ENOUGH), _LEAST_SHARE * num_frames)
    return min(round(max(share, _FEWEST)), _MOST, num_frames)


def budget_of_part(num_frames: int, num_whole: int) -> int:
    """Return the share of ``budget_of(num_whole)`` that a part of so many frames has, or what it needs."""
    share = round(budget_of(num_whole) * num_frames / num_whole)
    return min(max(share, _FEWEST_OF_PART), num_frames)


def trial_budget_of(num_frames: int) -> int:
    """Return how many frames of so many one trial before the encode may take; there may be six."""
    if num_frames <= _TRIED_WHOLE:
        return num_frames
    return min(round(max(_TRIAL_SHARE * num_frames, _FEWEST_IN_TRIAL)), _MOST)


def checked_samples(num_frames: int, budget: int) -> list[Sample]:
    """Choose parts to measure an encode of everything by: more than are tried, since nothing is encoded."""
    return choose_samples(num_frames, (), 0, min(budget, num_frames), most_parts=_MOST_CHECKED_PARTS)


def choose_samples(
    num_frames: int,
    keys: Sequence[int],
    num_ahead: int,
    budget: int | None = None,
    *,
    most_parts: int = _MOST_PARTS,
    reach: int = 1,
) -> list[Sample]:
    """Choose parts that are spread over a video; what is compared does not overlap.

    The first begins with the video. Others begin at a key frame if one is near, where any encoder does.

    Args:
        num_frames: Of the video, at least 1.
        keys: Numbers of its key frames, rising.
        num_ahead: Frames that the encoder looks ahead.
        budget: How many frames may be encoded; None = ``budget_of``.
        most_parts: How many there may be.
        reach: See ``reach_of``: parts settle for as long, and are no shorter.
    """
    budget = budget_of(num_frames) if budget is None else budget
    if budget == num_frames or (reach > 1 and num_frames <= _TRIED_WHOLE):
        return [Sample(0, 0, num_frames)]
    settling, fewest = max(_SETTLING, reach - 1), max(_FEWEST_COMPARED, reach)
    rest = settling + round(_LOOK_COST * num_ahead)
    num_parts = min(max(budget // max(_PART, fewest + rest), 1), most_parts)
    num_compared = max(budget // num_parts - rest, fewest)
    samples = [Sample(0, 0, num_compared)]
    slot = num_frames / num_parts
    for part in range(1, num_parts):
        middle = round((part + 0.5) * slot - num_compared / 2)
        most_apart = slot / 4 if reach == 1 else slot / 2
        near = [one for one in keys if abs(one - middle) <= most_apart and one + num_compared <= num_frames]
        key = min(near, key=lambda one: abs(one - middle), default=None)
        first = middle if key is None else key
        samples.append(Sample(max(first - (settling if key is None else 0), 0), first, first + num_compared))
    return samples
