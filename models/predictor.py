"""MS-ROI from pictures to importance: input size, network, rule, and where the cells lie."""

from __future__ import annotations

import math

import cv2
import numpy as np

from semvid.core.config import FocusConfig
from semvid.core.types import FloatArray, Pixels
from semvid.models.architecture import MAP_STRIDE, Architecture
from semvid.models.rule import importance
from semvid.models.runtime import Runtime

_COARSEST_STRIDE = 32
_FEWEST_CELLS, _MOST_CELLS = 2, 32
_LEAST_SHRINKING = 4.0
"""Pixels of a picture for each that the network sees, at least: maps would take most of the time of encoding
small ones. At 272 lines that keeps 98 % of what the object gains (``davis.py --lines 272``)."""
_FEATURE_SHARE = 2.0
"""Pixels for features, as a share of those for maps: on cut-outs that move over photographs tracking gains
0.018 IoU, for 7 ms a frame."""


class MsRoiPredictor:
    """A network with its runtime and the user's focus."""

    def __init__(self, runtime: Runtime, architecture: Architecture, focus: FocusConfig) -> None:
        self._runtime = runtime
        self._architecture = architecture
        self._focus = focus

    @property
    def batch_size(self) -> int:
        """Number of pictures per run that is fastest."""
        return self._runtime.batch_size

    @property
    def notices(self) -> list[str]:
        """What the user should know, as it comes up."""
        return self._runtime.notices

    def refocus(self, focus: FocusConfig) -> None:
        """Change what matters, starting with the next picture."""
        self._focus = focus

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """Return the ``(width, height)`` in pixels to shrink a whole picture of this size to.

        The number of pixels is ``share`` of the architecture's, and less for small pictures; the aspect is as
        near the picture's as sides of ``32 m + 1`` allow.
        """
        usual = (self._architecture.input_width - 1) * (self._architecture.input_height - 1)
        share = min(share, width * height / (_LEAST_SHRINKING * usual))
        return _input_size(self._architecture, width, height, share)

    def class_maps(self, pictures: Pixels) -> FloatArray:
        """Return ``(n, 8, h, w)`` in 0..1 in the order of ``CHANNELS``, stretched over the pictures.

        Args:
            pictures: ``(n, H, W, 3)`` RGB of a size from ``input_size``.
        """
        maps = self._runtime.run(pictures)
        return np.stack([_cells_to_samples(one) for one in maps])

    def predict(self, pictures: Pixels) -> FloatArray:
        """Return ``(n, h, w)`` importance in 0..1, each map stretched over its picture.

        Args:
            pictures: ``(n, H, W, 3)`` RGB of a size from ``input_size``.
        """
        return np.stack([importance(maps, self._focus) for maps in self.class_maps(pictures)])


class MsRoiFeatures:
    """A network that is asked what the parts of a picture look like, to find them again in other pictures.

    Args:
        runtime: With the head ``features``.
        architecture: Of the network.
    """

    def __init__(self, runtime: Runtime, architecture: Architecture) -> None:
        self._runtime = runtime
        self._architecture = architecture

    @property
    def notices(self) -> list[str]:
        """What the user should know, as it comes up."""
        return self._runtime.notices

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the ``(width, height)`` in pixels to shrink a whole picture of this size to."""
        return _input_size(self._architecture, width, height, _FEATURE_SHARE)

    def features(self, picture: Pixels) -> FloatArray:
        """Return ``(h, w, c)`` vectors of length 1 of cells centred on pixels 0, 8, 16, ... of the picture.

        Args:
            picture: ``(H, W, 3)`` RGB of a size from ``input_size``.
        """
        return np.ascontiguousarray(self._runtime.run(picture[None])[0].transpose(1, 2, 0))


def _input_size(architecture: Architecture, width: int, height: int, share: float) -> tuple[int, int]:
    pixels = share * (architecture.input_width - 1) * (architecture.input_height - 1)
    aspect = width / height
    across = _whole_cells(math.sqrt(pixels * aspect))
    down = _whole_cells(math.sqrt(pixels / aspect))
    return _COARSEST_STRIDE * across + 1, _COARSEST_STRIDE * down + 1


def _whole_cells(side: float) -> int:
    return min(max(round(side / _COARSEST_STRIDE), _FEWEST_CELLS), _MOST_CELLS)


def _cells_to_samples(maps: FloatArray) -> FloatArray:
    """Resample ``(c, h, w)`` maps from cells centred on pixels 0, 4, 8, ... to samples that tile them.

    Cell i of n is centred on pixel ``4 i`` of ``4 (n - 1) + 1``, so the outermost centres lie half a pixel
    from the edge. Sample k of n covers the picture from k / n to (k + 1) / n.
    """
    height, width = maps.shape[1:]
    affine = np.zeros((2, 3))
    for axis, count in enumerate((width, height)):
        pixels = MAP_STRIDE * (count - 1) + 1
        affine[axis, axis] = pixels / (MAP_STRIDE * count)
        affine[axis, 2] = (pixels / (2 * count) - 0.5) / MAP_STRIDE
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = [
        cv2.warpAffine(one, affine, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        for one in maps
    ]
    return np.asarray(moved, np.float32)
