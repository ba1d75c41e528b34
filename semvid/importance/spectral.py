"""Spectral residual saliency: no learning, no classes; the baseline that every network must beat.

X. Hou and L. Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007. What the amplitude
spectrum of a picture does not share with its own local average is what stands out.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.map_source import MapSource
from semvid.core.resampling import averaged
from semvid.core.types import Frame, ImportanceMap

WORKING_WIDTH = 64
"""Width the picture is reduced to; the paper found about 64 pixels to match human gaze best."""

_AMPLITUDE_FILTER = (3, 3)
_BLUR_SIGMA = 2.5


def spectral_residual(luma: NDArray[np.integer[Any] | np.floating[Any]]) -> NDArray[np.float32]:
    """Return the spectral residual saliency of one picture.

    Args:
        luma: ``(h, w)`` picture of any integer or float type; only its shape matters, not its scale.

    Returns:
        ``(round(64 * h / w), 64)`` float32 in 0..1; all zeros for a flat picture.
    """
    height, width = luma.shape
    small = averaged(luma, max(8, round(WORKING_WIDTH * height / width)), WORKING_WIDTH).astype(np.float32)
    if np.ptp(small) == 0:
        return np.zeros_like(small)
    # Zero mean keeps the constant term from ringing; the residual at that term is meaningless anyway.
    spectrum = np.fft.rfft2(small - small.mean())
    # One grey level of amplitude: below that the logarithm amplifies rounding noise.
    log_amplitude = np.log1p(np.abs(spectrum)).astype(np.float32)
    residual = log_amplitude - cv2.blur(log_amplitude, _AMPLITUDE_FILTER)
    phase = np.angle(spectrum)
    saliency = np.fft.irfft2(np.exp(residual + 1j * phase), s=small.shape) ** 2
    blurred = cv2.GaussianBlur(saliency.astype(np.float32), (0, 0), _BLUR_SIGMA)
    lowest, highest = float(blurred.min()), float(blurred.max())
    if highest - lowest < 1e-12:
        return np.zeros_like(small)
    scaled: NDArray[np.float32] = (blurred - lowest) / (highest - lowest)
    return scaled


class SpectralSource(MapSource):
    """Spectral residual saliency of every frame, averaged over about ten frames."""

    smoothing = 0.9

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        return ImportanceMap(spectral_residual(frame.upright(frame.half_luma)))
