"""What is measured of each frame: PSNR of an area in arrays, VMAF and XPSNR of one by FFmpeg.

VMAF of what matters is defined here. Libvmaf scores whole pictures. So in a box around what matters, the
same for up to 48 frames, everything else is replaced by the original. That loses less than if all of the
box were as bad. How much less is measured once, on a blurred copy of the source: ``share`` is what blurring
the area loses, divided by what blurring the box loses. Then ``VMAF = VMAF of the original - loss / share``:
what the box would have if all of it were as good as what matters in it. Frames count by how much of them
matters.

It falls with the quality of the area and with nothing else. Where the area is much smoother or more textured
than what is around it, it is some points off what a plain encode of the box has; and as libvmaf scores
nothing above 100, small losses in small areas may count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.luma import LumaArray
from semvid.scores.areas import Mask, PackedMask, Run
from semvid.scores.grey_video import SUFFIX, GreyWriter, grey_pictures
from semvid.scores.pairs import IDENTICAL, Scores, score_pairs
from semvid.scores.weighted import psnr

_BLUR = 2.0
"""Standard deviation in pixels: with so much VMAF is 20 to 50, as bad as any encode, and not 0 yet."""
_SMALLEST_SHARE = 0.01
Compose = Callable[[LumaArray, Mask], LumaArray]
"""Makes a picture of the original and its mask."""


class Lane(Protocol):
    """A measure of an area; call ``begin``, ``write`` for each frame, and ``finish``, for each encode."""

    def begin(self) -> None:
        """Begin an encode."""

    def write(self, index: int, reference: LumaArray, test: LumaArray, mask: Mask) -> None:
        """Take the next frame."""

    def finish(self) -> Scores:
        """Return the scores of all frames; NaN where there is no such area."""

    def close(self) -> None:
        """Stop writing."""


class PsnrLane:
    """PSNR of an area, in dB.

    Args:
        area: ``region`` or ``rest``.
        bits: Of the samples.
        num_frames: Of an encode.
    """

    def __init__(self, area: str, bits: int, num_frames: int) -> None:
        self._area, self._scale = area, np.float32(1 << (bits - 8))
        self._scores = np.full(num_frames, np.nan)

    def begin(self) -> None:
        """See ``Lane``."""
        self._scores[:] = np.nan

    def write(self, index: int, reference: LumaArray, test: LumaArray, mask: Mask) -> None:
        """See ``Lane``."""
        error = (reference.astype(np.float32) - test.astype(np.float32)) / self._scale
        weight = mask if self._area == "region" else ~mask
        self._scores[index] = psnr(np.square(error), weight.astype(np.float32))

    def finish(self) -> Scores:
        """See ``Lane``."""
        return self._scores.copy()

    def close(self) -> None:
        """See ``Lane``."""


class FilterLane:
    """VMAF or XPSNR of an area, by FFmpeg.

    Args:
        reference: The source's frames, in the folder for all files.
        area: ``whole``, ``region`` or ``rest``.
        metric: ``vmaf`` or ``xpsnr``.
        runs: What is measured as a video of its own.
        masks: Of all frames.
        is_blind: Frames whose scores depend on frames that are not there.
        bits: Of the samples.
        frame_rate: Frames per second.
    """

    def __init__(
        self,
        reference: Path,
        area: str,
        metric: str,
        runs: Sequence[Run],
        masks: Sequence[PackedMask],
        is_blind: NDArray[np.bool_],
        bits: int,
        frame_rate: Fraction,
    ) -> None:
        self._area, self._metric, self._runs, self._masks = area, metric, runs, masks
        self._reference, self._folder = reference, reference.parent
        self._bits, self._rate = bits, frame_rate
        shares = np.array([one.share for one in masks])
        self._areas = {"whole": np.ones(len(masks)), "region": shares, "rest": 1 - shares}[area]
        self._is_unknown = is_blind | (self._areas == 0)
        self._references = [reference]
        self._tests: list[Path] = []
        self._writers: list[GreyWriter] = []
        self._best: Scores | None = None
        self._share = 1.0
        if area == "region":
            self._references = self._write_all("reference", lambda luma, mask: luma)
            if metric == "vmaf":
                self._find_share()

    def _find_share(self) -> None:
        def blurred(luma: LumaArray) -> LumaArray:
            return cast(LumaArray, cv2.GaussianBlur(luma, (0, 0), _BLUR))

        self._best = self._of_source(lambda luma, mask: luma)
        box = self._best - self._of_source(lambda luma, mask: blurred(luma))
        area = self._best - self._of_source(lambda luma, mask: _either(mask, blurred(luma), luma))
        known = ~self._is_unknown & np.isfinite(box)
        if known.any() and box[known].sum() > 0:
            self._share = min(max(float(area[known].sum() / box[known].sum()), _SMALLEST_SHARE), 1.0)

    def _of_source(self, make: Compose) -> Scores:
        self._tests = self._write_all("made", make)
        return self._scored()

    def _open(self, name: str) -> list[Path]:
        paths = [self._folder / f"{name}-{self._area}-{index}{SUFFIX}" for index in range(len(self._runs))]
        self._writers = [GreyWriter(one, self._bits, self._rate) for one in paths]
        return paths

    def _write_all(self, name: str, make: Compose) -> list[Path]:
        paths = self._open(name)
        for index, luma in enumerate(grey_pictures(self._reference)):
            self._write(index, make(luma, self._masks[index].unpacked()))
        self.close()
        return paths

    def begin(self) -> None:
        """See ``Lane``."""
        self._tests = self._open("test")

    def write(self, index: int, reference: LumaArray, test: LumaArray, mask: Mask) -> None:
        """See ``Lane``."""
        if self._area == "region":
            test = _either(mask, test, reference)
        elif self._area == "rest":
            test = _either(mask, reference, test)
        self._write(index, test)

    def _write(self, index: int, luma: LumaArray) -> None:
        for run, writer in zip(self._runs, self._writers, strict=True):
            if run.start <= index < run.end:
                writer.write(luma if run.box is None else luma[run.box])

    def finish(self) -> Scores:
        """See ``Lane``."""
        scores = self._scored()
        if self._best is not None:
            scores = self._best - (self._best - scores) / self._share
        elif self._metric == "xpsnr":
            # What is the original adds no error: the mean is over the area alone.
            with np.errstate(divide="ignore"):
                scores = np.where(scores < IDENTICAL, scores + 10 * np.log10(self._areas), scores)
        scores[self._is_unknown] = np.nan
        return scores

    def _scored(self) -> Scores:
        scores = np.full(len(self._masks), np.nan)
        pairs = list(zip(self._references, self._tests, strict=True))
        for run, found in zip(self._runs, score_pairs(pairs, self._metric), strict=True):
            scores[run.counted_from : run.end] = found[run.counted_from - run.start :]
        return scores

    def close(self) -> None:
        """See ``Lane``."""
        for one in self._writers:
            one.close()


def _either(mask: Mask, inside: LumaArray, outside: LumaArray) -> LumaArray:
    return cast(LumaArray, np.where(mask, inside, outside))
