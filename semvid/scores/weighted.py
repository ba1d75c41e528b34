"""PSNR weighted by importance, of what matters, and of the rest."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from semvid.core.luma import has_luma_plane
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame
from semvid.media.colour import colours_of

NAMES = ("weighted", "salient", "background")
Together = tuple[Frame, FloatArray, list[Frame]]
"""A frame, its ``(h, w)`` importance, stretched over the picture as it is coded, and the other versions."""
IMPORTANT = 0.5
"""What exceeds it matters."""
_MOST = 100.0
"""dB for frames without any error."""


def weighted_scores(frames: Iterable[Together], count: int = 1) -> list[dict[str, NDArray[np.float64]]]:
    """Score the luma of every frame of each of ``count`` versions, in dB.

    Returns:
        By version ``weighted``: squared error weighted by importance; ``salient``: where importance exceeds a
        half; ``background``: elsewhere. NaN where a frame has no such area.
    """
    scores: list[dict[str, list[float]]] = [{name: [] for name in NAMES} for _ in range(count)]
    for reference, small, tests in frames:
        importance = stretched(small, *reference.luma.shape)
        for test, kept in zip(tests, scores, strict=True):
            for name, value in frame_scores(squared_error(reference, test), importance).items():
                kept[name].append(value)
    return [{name: np.array(values) for name, values in one.items()} for one in scores]


def squared_error(reference: Frame, test: Frame) -> FloatArray:
    """Return the squared difference of luma in 8-bit grey levels, ``(height, width)`` of the reference.

    Args:
        reference: The original.
        test: The other version; converted to the size and format of the reference. The column or row that an
            encoder adds to odd sizes is left out.
    """
    return np.asarray(np.square(grey_levels(reference) - matching_luma(reference, test)))


def matching_luma(reference: Frame, test: Frame) -> FloatArray:
    """Return the luma of another version as ``grey_levels`` of the reference; see ``squared_error``."""
    height, width = reference.luma.shape
    return grey_levels(like(reference, test))[:height, :width]


def frame_scores(error: FloatArray, importance: FloatArray) -> dict[str, float]:
    """Score one frame in dB, by ``NAMES``.

    Args:
        error: Squared, ``(height, width)``.
        importance: Likewise, in 0..1.
    """
    is_salient = importance > IMPORTANT
    return {
        "weighted": psnr(error, importance),
        "salient": psnr(error, is_salient.astype(np.float32)),
        "background": psnr(error, (~is_salient).astype(np.float32)),
    }


def grey_levels(frame: Frame) -> FloatArray:
    """Return luma in 8-bit grey levels, with fractions where there are more bits."""
    return frame.luma.astype(np.float32) / np.float32(1 << (frame.luma_bits - 8))


def like(reference: Frame, test: Frame) -> Frame:
    """Bring a frame to the size, format and colours of another.

    The column or row that an encoder adds to odd sizes stays.
    """
    mine, other = reference.picture, test.picture
    same_colour = colours_of(mine) == colours_of(other)
    is_padded = {other.width - mine.width, other.height - mine.height} <= {0, 1}
    if same_colour and is_padded and mine.format.name == other.format.name:
        return test
    # The reader turns what has no plane of luma to grey.
    name = mine.format.name if has_luma_plane(mine.format.name) else "gray"
    made = test.download(
        name, reference.size, source=colours_of(other), target=colours_of(mine),
        interpolation=Interpolation.BICUBIC,
    )  # fmt: skip
    return Frame(made, test.index)


def psnr(error: FloatArray, weight: FloatArray) -> float:
    """Return PSNR in dB of squared errors weighted by another array; NaN if nothing has weight."""
    total = float(weight.sum(dtype=np.float64))
    if total == 0:
        return float("nan")
    mean = float((error * weight).sum(dtype=np.float64)) / total
    return min(float(10 * np.log10(255**2 / mean)), _MOST) if mean > 0 else _MOST
