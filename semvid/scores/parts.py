"""Scores encodes of parts of a video, again and again, against the source, which is prepared once.

A score of what matters is one of its area alone, where importance exceeds a half: ``lanes.py`` says how. So
is one of the rest, except that its VMAF is of whole pictures with the original in place of what matters,
which is a little higher.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from semvid.core.errors import EncoderError
from semvid.core.luma import LumaArray
from semvid.core.records import dataclass
from semvid.core.types import FloatArray, Frame
from semvid.scores.areas import PackedMask, Run, region_runs
from semvid.scores.grey_video import MOST_BITS, SUFFIX, GreyWriter, grey_pictures
from semvid.scores.lanes import FilterLane, Lane, PsnrLane
from semvid.scores.pairs import Scores
from semvid.scores.weighted import like

_FAST = 32
"""Frames per second from which XPSNR looks at two frames before each."""


@dataclass(frozen=True, slots=True)
class PartScores:
    """Scores of one encode; NaN for frames that are not counted or have no such area."""

    target: Scores
    rest: Scores | None
    parts: Sequence[int]
    """Of each frame, the part it is in."""

    def mean(self, scores: Scores, weights: Sequence[float]) -> float:
        """Return the mean that all frames of the video would have.

        Args:
            scores: ``target`` or ``rest``.
            weights: How many frames each part stands for.

        Returns:
            NaN if there is no score.
        """
        found, shares = np.isfinite(scores), self._shares(scores, weights)
        parts = np.array(self.parts)
        scored = np.bincount(parts[found], minlength=len(weights))
        means = np.bincount(parts[found], scores[found], len(weights)) / np.maximum(scored, 1)
        return float((means * shares).sum() / shares.sum()) if shares.any() else float("nan")

    def num_scored(self, scores: Scores, weights: Sequence[float]) -> float:
        """Return how many frames of the video would have a score; arguments are those of ``mean``."""
        return float(self._shares(scores, weights).sum())

    def _shares(self, scores: Scores, weights: Sequence[float]) -> NDArray[np.float64]:
        """Return how many of the frames that each part stands for have the area; ``(len(weights),)``."""
        parts, found = np.array(self.parts), np.isfinite(scores)
        counted = np.bincount(parts, minlength=len(weights))
        scored = np.bincount(parts[found], minlength=len(weights))
        return np.asarray(np.array(weights) * scored / np.maximum(counted, 1), np.float64)


class PartScorer:
    """Parts of a video, ready to be compared with encodes of them.

    Args:
        folder: For scratch files, which stay there.
        measure: ``vmaf``, ``xpsnr``, ``region-vmaf`` or ``region-psnr``.
        frame_rate: Frames per second; None = unknown.
        scores_rest: Also score what does not matter, by the same measure.
    """

    def __init__(
        self, folder: Path, measure: str, frame_rate: Fraction | None, *, scores_rest: bool = False
    ) -> None:
        self._folder, self._rate = folder, frame_rate or Fraction(25)
        area, _, metric = measure.rpartition("-")
        self._metric, self._areas = metric, [area or "whole"] + ["rest"] * scores_rest
        self._reference = folder / f"reference{SUFFIX}"
        self._writer: GreyWriter | None = None
        self._first: Frame | None = None
        self._bits, self._size = 8, (0, 0)
        self._masks: list[PackedMask] = []
        self._parts: list[int] = []
        self._is_counted: list[bool] = []
        self._lanes: list[Lane] = []

    def add(self, frame: Frame, importance: FloatArray | None, part: int, *, is_counted: bool = True) -> None:
        """Add the next frame of the source, as it is encoded.

        Args:
            frame: All have one size and format.
            importance: ``(h, w)``, stretched over it as it is coded; None = only whole frames are scored.
            part: Number of its part, from 0.
            is_counted: False = encoders only settle in it.
        """
        if self._writer is None:
            self._first, self._bits = frame, min(frame.luma_bits, MOST_BITS)
            self._size = (frame.luma.shape[0] & ~1, frame.luma.shape[1] & ~1)
            self._writer = GreyWriter(self._reference, self._bits, self._rate)
        self._writer.write(self._samples(frame))
        values = np.ones((1, 1), np.float32) if importance is None else importance
        self._masks.append(PackedMask.of(values, self._size))
        self._parts.append(part)
        self._is_counted.append(is_counted)

    def _samples(self, frame: Frame) -> LumaArray:
        luma = frame.luma[: self._size[0], : self._size[1]]
        return cast(LumaArray, luma >> (frame.luma_bits - self._bits))

    def finish(self) -> None:
        """Prepare what is common to all encodes; call it after the last frame."""
        assert self._writer is not None  # noqa: S101 - there are frames
        self._writer.close()
        for area in self._areas:
            if self._metric == "psnr":
                self._lanes.append(PsnrLane(area, self._bits, len(self._parts)))
            else:
                self._lanes.append(self._filter_lane(area))

    def _filter_lane(self, area: str) -> FilterLane:
        num_before = 1 + (self._metric == "xpsnr" and self._rate >= _FAST)
        runs = [Run(0, 0, len(self._parts))]
        if area == "region":
            runs = region_runs(self._masks, self._parts, num_before)
        # What is measured of these depends on frames that are not there.
        is_blind = [
            part > 0 and self._parts[max(index - num_before, 0)] != part
            for index, part in enumerate(self._parts)
        ]
        return FilterLane(
            self._reference, area, self._metric, runs, self._masks, np.array(is_blind), self._bits, self._rate
        )

    def score(self, parts: Iterable[Iterable[Frame]]) -> PartScores:
        """Score an encode.

        Args:
            parts: Decoded frames of each part in order of presentation, at least as many as were added.

        Raises:
            EncoderError: A frame is missing, or FFmpeg cannot score them.
        """
        with ExitStack() as stack:
            for lane in self._lanes:
                stack.callback(lane.close)
            for lane in self._lanes:
                lane.begin()
            reference = grey_pictures(self._reference)
            stack.callback(reference.close)
            num_frames = 0
            for part, frames in enumerate(parts):
                for test in islice(frames, self._parts.count(part)):
                    mask = self._masks[num_frames].unpacked()
                    pair = next(reference), self._test_samples(test)
                    for lane in self._lanes:
                        lane.write(num_frames, *pair, mask)
                    num_frames += 1
        if num_frames != len(self._parts):
            raise EncoderError(f"an encode of parts has {num_frames} of {len(self._parts)} frames")
        found = [np.where(self._is_counted, lane.finish(), np.nan) for lane in self._lanes]
        return PartScores(found[0], found[1] if len(found) > 1 else None, self._parts)

    def _test_samples(self, test: Frame) -> LumaArray:
        assert self._first is not None  # noqa: S101 - there are frames
        return self._samples(like(self._first, test))
