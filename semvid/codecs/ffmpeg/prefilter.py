"""Softens what does not matter before it is coded: detail that is not there costs no bits.

Every encoder can be helped so. Beside a map it saves more, and what is soft is soft in every player.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from semvid.core.luma import LumaArray
from semvid.core.types import FloatArray
from semvid.media.filter_chain import chain

if TYPE_CHECKING:
    from av import VideoFrame

MOST_SIGMA = 0.8
"""Pixels of luma: beyond it the background looks out of focus."""
_LEAST_SIGMA = 0.15
"""Below it nothing changes."""
_KEPT_SHARE = 0.5
"""Of the importance of what matters most: what has more is left as it is, as it keeps its quantizer."""
_WHOLE = 255
_MARGIN = 9
"""Pixels around what matters that are left as they are, in pictures 480 lines high."""


class Prefilter:
    """Softens the pictures of one video.

    Args:
        sigma: Of the Gaussian where nothing matters, in pixels of luma.
    """

    def __init__(self, sigma: float) -> None:
        self.sigma = min(sigma, MOST_SIGMA)
        self._copier: Graph | None = None
        self._softeners: dict[tuple[int, ...], _Softener] = {}

    @property
    def notice(self) -> str:
        """A sentence about what is done to the pictures."""
        if self.sigma < _LEAST_SIGMA:
            return (
                f"nothing is softened: the pre-filter comes to a sigma of {self.sigma:.2f} pixels at this "
                f"quality, and below {_LEAST_SIGMA:g} nothing changes"
            )
        return (
            f"what does not matter is softened before it is coded (Gaussian, sigma {self.sigma:.2f} pixels)"
        )

    def apply(self, picture: VideoFrame, importance: FloatArray) -> VideoFrame:
        """Return a softer copy of a planar YUV picture.

        Args:
            picture: 8 to 12 bits.
            importance: ``(h, w)`` in 0..1, stretched over it.
        """
        top = float(importance.max())
        if self.sigma < _LEAST_SIGMA or float(importance.min()) >= _KEPT_SHARE * top:
            return picture
        if self._copier is None:
            self._copier = chain(picture, ("copy", None))
        self._copier.push(picture)
        softened = cast("VideoFrame", self._copier.pull())
        share = _share_softened(importance, top, picture.width, picture.height)
        for index, plane in enumerate(softened.planes[:3]):
            sigma = self.sigma * plane.width / picture.width
            if sigma >= _LEAST_SIGMA:
                samples = _samples(softened, index)
                softener = self._softeners.get(samples.shape) or _Softener(samples)
                self._softeners[samples.shape] = softener
                softener.soften(samples, share, sigma)
        return softened


def _share_softened(importance: FloatArray, top: float, width: int, height: int) -> NDArray[np.uint8]:
    """Return how much of a blurred picture to take, ``(h, w)``, 255 = all, a margin around what matters."""
    share = np.maximum(1 - importance / np.float32(_KEPT_SHARE * top), 0)
    rows, cols = share.shape
    margin = _MARGIN * height / 480
    down, across = max(1, round(margin * rows / height)), max(1, round(margin * cols / width))
    # One more: what lies between two is stretched from both.
    around = np.ones((2 * down + 3, 2 * across + 3), np.uint8)
    far = cv2.blur(cv2.erode(share, around), (2 * across + 1, 2 * down + 1))
    return np.asarray(np.rint(_WHOLE * far), np.uint8)


class _Softener:
    """Softens planes of one size in place; it keeps what it works with, since fresh memory takes longer."""

    def __init__(self, samples: LumaArray) -> None:
        self._blurred = np.empty_like(samples)
        self._share = np.empty(samples.shape, np.uint8)
        self._weights, self._change = (np.empty(samples.shape, np.int16) for _ in range(2))

    def soften(self, samples: LumaArray, share: NDArray[np.uint8], sigma: float) -> None:
        """Blur ``(h, w)`` samples of at most 12 bits as far as the share says, 255 = wholly."""
        cv2.GaussianBlur(samples, (5, 5), sigma, dst=self._blurred)
        cv2.resize(share, samples.shape[::-1], dst=self._share, interpolation=cv2.INTER_LINEAR)
        self._weights[...] = self._share
        cv2.subtract(self._blurred, samples, dst=self._change, dtype=cv2.CV_16S)
        cv2.multiply(self._change, self._weights, dst=self._change, scale=1 / _WHOLE)
        cv2.add(samples, self._change, dst=samples, dtype=cv2.CV_8U if samples.itemsize == 1 else cv2.CV_16U)


def _samples(picture: VideoFrame, index: int) -> LumaArray:
    """Return the samples of a plane, which may be written."""
    plane = picture.planes[index]
    rows: LumaArray = np.frombuffer(cast(bytes, plane), np.uint8)
    if picture.format.components[index].bits > 8:
        rows = rows.view(np.uint16)
    return rows.reshape(plane.height, -1)[:, : plane.width]
