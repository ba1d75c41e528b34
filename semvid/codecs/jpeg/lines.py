"""Finds pictures of letters and lines (screens, slides, plots, comics) and tunes for them.

A block with a letter has as much energy as one with grass, but half of it is flat, and nothing hides what
rings there. Letters also live from the high frequencies that the tables for photographs cut. Tables are one
for the whole picture, so the tuning goes from that of photographs to ``LINES`` by the share of detail that
has flat ground in it. It is seen in the blocks alone: the map tells where words are, but neither where lines
are, nor all of a page.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from semvid.codecs.jpeg.choice import Each
from semvid.codecs.jpeg.encoder import PictureCoder
from semvid.codecs.jpeg.overshoot import without_ringing
from semvid.codecs.jpeg.planes import Plane, Planes
from semvid.codecs.jpeg.tables import ANNEX_K_CHROMA, ANNEX_K_LUMA, ROBIDOUX
from semvid.codecs.jpeg.tuning import TUNINGS, ComponentTuning, Tuned, Tuning, between, blend
from semvid.core.config import Tune
from semvid.core.types import FloatArray

_SIDE = 8
_MOST_BLOCKS = 2**14
"""Roughly, that are looked at."""
_BUSY = 100.0
"""Variance from which on a block has detail, in squared sample levels."""
_FLAT, _LEAST_FLAT = 0.005, 1.0
"""Variance up to which two by two samples are flat: this share of the block's, or this much."""
_PHOTOGRAPH, _DRAWN = 0.34, 0.42
"""Shares of flat ground in blocks with detail. It is 0.21 at most in 60 photographs of OSIE, 0.25 in smaller
copies, and in what ``examples/benchmark/still_lines.py`` draws 0.58 to 0.67, after JPEG at quality 85 still
0.34 to 0.58. A scanned page has 0.3: it is unsharp and grainy, and better as a photograph."""

LINES = Tuned(
    luma=ComponentTuning(
        blend(ANNEX_K_LUMA, -0.2, ROBIDOUX, 1.2), scale=1, flatness=0.4, weight=1, dc_weight=2.07,
        visibility=0.75, masking_floor=93, masking=0.15, dc_masking=0.07, emptiness=0.2,
    ),
    chroma=ComponentTuning(
        blend(ANNEX_K_CHROMA, 0.5, ROBIDOUX, 0.7), scale=0.77, flatness=0.57, weight=0.22, dc_weight=0.6,
        visibility=0.78, masking_floor=128, masking=0.1, dc_masking=0.1, emptiness=0.3,
    ),
    scale=1, price=0.105, contrast=0.62, dc_contrast=0.54,
)  # fmt: skip
"""Steps are more alike, and energy hides little."""
_SCALE = 1.0
"""As of ``Tuning``."""


def still_coder(
    planes: Planes,
    importance: FloatArray | None,
    tune: Tune,
    each: Each = map,
    *,
    tuning: Tuning | None = None,
) -> PictureCoder:
    """Return a coder of a still that keeps letters and lines crisp.

    Args:
        planes: The picture.
        importance: As for ``PictureCoder``.
        tune: What error means.
        each: As for ``PictureCoder``.
        tuning: That of photographs; None = the usual one.
    """
    luma, *chroma = planes.components
    raised = Planes((without_ringing(luma), *chroma), planes.sampling)
    return PictureCoder(raised, importance, tuning_for(planes, tune, tuning), each)


def tuning_for(planes: Planes, tune: Tune, tuning: Tuning | None = None) -> Tuning:
    """Return the tuning of a picture; by squared error, letters are as all else."""
    usual = TUNINGS[tune] if tuning is None else tuning
    share = 0 if tune == "psnr" else drawn_share(planes)
    knots = (replace(between(one, LINES, share), scale=one.scale) for one in usual.knots)
    return replace(usual, scale=between(usual.scale, _SCALE, share), knots=tuple(knots))


def drawn_share(planes: Planes) -> float:
    """Return how much a picture is of letters and lines, 0 = a photograph, 1 = altogether."""
    share = (_flat_share(planes.components[0]) - _PHOTOGRAPH) / (_DRAWN - _PHOTOGRAPH)
    return float(min(max(share, 0), 1))


def _flat_share(plane: Plane) -> float:
    """Return the mean share of flat ground in blocks with detail, 0 if there are none."""
    rows, cols = plane.shape[0] // _SIDE, plane.shape[1] // _SIDE
    # Some rows of blocks tell enough of a large picture.
    every = max(rows * cols // _MOST_BLOCKS, 1)
    whole = plane[: rows * _SIDE, : cols * _SIDE].reshape(rows, _SIDE, cols, _SIDE)[::every]
    blocks = whole.astype(np.float32).swapaxes(1, 2).reshape(-1, _SIDE * _SIDE)
    variances = blocks.var(axis=1)
    is_busy = variances >= _BUSY
    if not is_busy.any():
        return 0.0
    squares = blocks[is_busy].reshape(-1, 4, 2, 4, 2).var(axis=(2, 4)).reshape(-1, 16)
    most = np.maximum(_FLAT * variances[is_busy], np.float32(_LEAST_FLAT))
    return float((squares < most[:, None]).mean())
