"""Sizes of some parts of a video without a map and with it, and what follows for all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.engine.trials import PartsTrial


@dataclass(slots=True)
class PlainBeside:
    """Parts of a video that were encoded plainly and, at some qualities, with maps."""

    plain: list[float]
    """Bytes of each part without a map."""
    middles: list[float]
    """Of each part, by the numbers of frames: it tells of those that are nearer to it than to others."""
    whole_bytes: int | None
    """Bytes of the plain encode, if the parts are all there is."""
    steps: float
    """Steps of the quality that halve the size, roughly."""
    mapped: list[tuple[float, list[float]]] = field(default_factory=list)
    """A quality, and the bytes of each part with maps at it, for each that was tried."""

    @classmethod
    def of(cls, plain: PartsTrial, steps: float) -> PlainBeside:
        """Begin with a plain encode of the parts."""
        middles = [(one.sample.compared_from + one.sample.compared_to - 1) / 2 for one in plain.parts]
        whole_bytes = plain.video_bytes if plain.is_whole else None
        return cls([one.num_bytes for one in plain.parts], middles, whole_bytes, steps)

    def add(self, tried: PartsTrial) -> None:
        """Add an encode with maps."""
        self.mapped.append((tried.quality, [one.num_bytes for one in tried.parts]))

    def plain_bytes(self, sizes: NDArray[np.float64], qualities: NDArray[np.float64] | float) -> int:
        """Conclude how large the video would be without a map.

        How frames are coded in a part and in the whole differs by more than two encodes of a part do, so
        each is compared with the same part with maps.

        Args:
            sizes: ``(n,)`` bytes of all frames of an encode with maps, in order of presentation.
            qualities: ``(n,)`` at which each was encoded, or one for all.
        """
        if self.whole_bytes is not None:
            return self.whole_bytes
        quality, mapped = min(self.mapped, key=lambda one: abs(one[0] - float(np.mean(qualities))))
        like_tried = sizes * 2 ** ((qualities - quality) / self.steps)
        borders = [(one + other) / 2 for one, other in pairwise(self.middles)]
        slots = np.split(like_tried, np.searchsorted(np.arange(len(sizes)), borders))
        return round(sum(float(a.sum()) * b / c for a, b, c in zip(slots, self.plain, mapped, strict=True)))

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "plain": self.plain, "middles": self.middles, "whole_bytes": self.whole_bytes,
            "steps": self.steps, "mapped": [[quality, list(sizes)] for quality, sizes in self.mapped],
        }  # fmt: skip

    @classmethod
    def from_plain(cls, record: Mapping[str, Any]) -> PlainBeside:
        """Read what ``to_plain`` made."""
        mapped: Sequence[Any] = record["mapped"]
        tried = [(float(quality), list(sizes)) for quality, sizes in mapped]
        return cls(record["plain"], record["middles"], record["whole_bytes"], record["steps"], tried)
