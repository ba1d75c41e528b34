"""Finds scene cuts: sudden changes that neither motion nor light explains."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import averaged
from semvid.core.types import FloatArray
from semvid.temporal.motion import OpticalFlow
from semvid.temporal.warp import halve, warp

Thumbnail = NDArray[np.uint8]

_SUSPICIOUS = 10.0
"""Grey levels the picture has to change by on average for a closer look ..."""
_SUDDEN = 2.0
"""... and by how much more than the frame before did: a pan is fast but steady."""
_ALIKE = 0.5
"""Correlation of detail from which on two frames show one scene. Measured after motion compensation:
0.67 to 1 between neighbours in real clips, at most 0.4 across cuts."""
_BLANK = 0.5
"""Share of pixels at black or white from which on a frame shows nothing."""
_COARSE = (18, 32)
_OTHER = 27.0
"""Grey levels two key frames of different scenes have to differ by on average. In real clips those at cuts
differ by 34 or more, and those of one scene, seconds apart, by up to 21."""


class SceneCutDetector:
    """Finds hard cuts in the thumbnails of successive frames, without looking ahead.

    A frame begins a new scene if it changes suddenly and its detail correlates neither with that of the frame
    before, even along the motion, nor with that of the last frame before a flash. Correlation is insensitive
    to light. A frame that is nearly all black or white shows no scene: what comes after it is compared with
    what came before it.
    """

    def __init__(self) -> None:
        self._flow = OpticalFlow()
        self._before: Thumbnail | None = None
        self._coarse: FloatArray | None = None
        self._stable: list[Thumbnail] = []
        self._difference = 0.0
        self._was_blank = False

    def update(self, thumbnail: Thumbnail) -> bool:
        """Return whether the next frame, given by its ``Frame.thumbnail``, begins a new scene."""
        coarse = _coarse(thumbnail)
        if self._coarse is None or self._before is None or self._before.shape != thumbnail.shape:
            self._remember(thumbnail, coarse, 0.0, is_cut=True)
            return True
        difference = float(cv2.absdiff(coarse, self._coarse).mean())
        is_sudden = difference > _SUSPICIOUS and difference > _SUDDEN * self._difference
        is_cut = False
        if _is_blank(thumbnail):
            self._was_blank = True
        elif is_sudden or self._was_blank:
            is_cut = not any(self._is_alike(thumbnail, one) for one in self._stable)
            self._was_blank = False
        self._remember(thumbnail, coarse, difference, is_cut=is_cut)
        return is_cut

    def _remember(self, thumbnail: Thumbnail, coarse: FloatArray, difference: float, *, is_cut: bool) -> None:
        self._before, self._coarse, self._difference = thumbnail, coarse, difference
        if not self._was_blank:
            # Also compare with the frame before the last one: a flash lasts one frame.
            self._stable = [thumbnail, *self._stable[: 0 if is_cut else 1]]

    def _is_alike(self, now: Thumbnail, before: Thumbnail) -> bool:
        moved = warp(halve(before), self._flow.between(now, before))
        if detail_correlation(halve(now), moved) > _ALIKE:
            return True
        return detail_correlation(*_panned(now, before)) > _ALIKE


def are_other_scenes(now: Thumbnail, before: Thumbnail) -> bool:
    """Whether two key frames, ``Frame.thumbnail``, surely show different scenes, however far apart they are.

    What lies between them is not known, so a cut between pictures of the same tone is not told.
    """
    if now.shape != before.shape:
        return True
    difference = float(cv2.absdiff(_coarse(now), _coarse(before)).mean())
    return difference > _OTHER and detail_correlation(halve(now), halve(before)) < _ALIKE


def _coarse(thumbnail: Thumbnail) -> FloatArray:
    return averaged(thumbnail, *_COARSE).astype(np.float32)


def _is_blank(thumbnail: Thumbnail) -> bool:
    return float(np.mean((thumbnail < 20) | (thumbnail > 250))) > _BLANK


def _panned(now: Thumbnail, before: Thumbnail) -> tuple[FloatArray, FloatArray]:
    """Crop both to what they share if the camera moved farther than optical flow can follow."""
    a, b = halve(now), halve(before)
    rows, cols = a.shape
    window = cv2.createHanningWindow((cols, rows), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(b, a, window)
    dx, dy = (round(min(max(v, -0.6 * n), 0.6 * n)) for v, n in ((x, cols), (y, rows)))
    here = a[max(dy, 0) : rows + min(dy, 0), max(dx, 0) : cols + min(dx, 0)]
    there = b[max(-dy, 0) : rows + min(-dy, 0), max(-dx, 0) : cols + min(-dx, 0)]
    return here, there


def detail_correlation(a: FloatArray, b: FloatArray) -> float:
    """Correlate two pictures after subtracting their local mean; 1 = same detail, whatever the light."""
    window = (a.shape[1] // 8 * 2 + 1, a.shape[1] // 8 * 2 + 1)
    p, q = (cv2.blur(one, (3, 3)) - cv2.blur(one, window) for one in (a, b))
    # One grey level: detail below that is noise.
    scale = np.sqrt((np.square(p).mean() + 1) * (np.square(q).mean() + 1))
    return float((p * q).mean() / scale)
