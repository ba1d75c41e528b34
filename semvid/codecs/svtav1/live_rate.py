"""Quantizers and key frames of a live stream by SVT-AV1, which takes no map where it controls the rate."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.svtav1.av1 import quantizer_scale
from semvid.codecs.svtav1.rate_control import Complexity, RateControl

_FINEST, _COARSEST = 4, 63
"""Quantizers on the scale of CRFs; at 0 coding is lossless, where maps count for nothing."""
_INDEX_UNITS = 8.0
"""Quantizers in an eighth of a grey level, as the indices' table has them (AV1 specification, 7.12.2)."""
_LOOKED_AT = 4
"""Every such row and column is enough to tell how much there is to code."""
_SHORTEST, _LONGEST = 1 / 1000, 1.0
"""Seconds from picture to picture: after a longer pause the line is as empty."""


class LiveRate:
    """The rate of one live stream.

    Args:
        options: Of ``live_options``; ``b``, ``bufsize`` and ``g``, which no encoder is to see, are taken out.
        size: ``(width, height)`` in pixels.
        frame_rate: Pictures a second to expect.
    """

    PARAMETERS: ClassVar[Mapping[str, str]] = {"rc": "0", "use-q-file": "1", "keyint": "-1"}
    """Of the library, with which it is told quantizers and key frames."""

    def __init__(self, options: dict[str, str], size: tuple[int, int], frame_rate: Fraction) -> None:
        scale = quantizer_scale()
        self._indices = [round(float(scale.index(one))) for one in range(_COARSEST + 1)]
        steps = scale.step(np.asarray(self._indices, np.float32)) / _INDEX_UNITS
        self._steps = steps.astype(np.float64)
        self._key_distance, self._since_key = int(options.pop("g")), -1
        self._control = RateControl(
            float(options.pop("b")), float(options.pop("bufsize")), size[0] * size[1], float(1 / frame_rate),
            finest=float(self._steps[_FINEST]), coarsest=float(self._steps[_COARSEST]),
        )  # fmt: skip
        self._before: NDArray[np.int16] | None = None
        self._shown = 0.0
        self._quantizer = _COARSEST

    @property
    def wants_key(self) -> bool:
        """Whether the next picture must be a key frame."""
        return not 0 <= self._since_key < self._key_distance - 1

    def choose(self, luma: NDArray[np.generic], seconds: float, *, is_key: bool) -> int:
        """Return the quantizer of the next picture, in 4..63; ``coded`` follows.

        Args:
            luma: ``(h, w)`` uint8, or uint16 of 10 bits.
            seconds: When it is shown.
            is_key: It is a key frame.
        """
        since = min(max(seconds - self._shown, _SHORTEST), _LONGEST)
        self._since_key = 0 if is_key else self._since_key + 1
        self._shown = seconds
        step = self._control.choose(self._look(luma), since, is_key=is_key)
        distances = np.abs(np.log(self._steps[_FINEST:] / step))
        self._quantizer = _FINEST + int(np.argmin(distances))
        return self._quantizer

    def _look(self, luma: NDArray[np.generic]) -> Complexity:
        few = luma[::_LOOKED_AT, ::_LOOKED_AT].astype(np.int16)
        units = 1 if luma.dtype == np.uint8 else 4
        slopes = [float(np.abs(np.diff(few, axis=axis)).mean()) for axis in (0, 1) if few.shape[axis] > 1]
        detail = change = sum(slopes) / max(len(slopes), 1) / units
        if self._before is not None:
            change = float(np.abs(few - self._before).mean()) / units
        self._before = few
        return Complexity(detail, change)

    def coded(self, num_bytes: int) -> None:
        """Learn what the newest picture took."""
        self._control.coded(8 * num_bytes, float(self._steps[self._quantizer]))

    def index_room(self, quantizer: int) -> tuple[int, int]:
        """Return how far offsets of the index may go below and above that of a quantizer.

        Beyond, the library leaves the map out, or the quantizer ends.
        """
        index = self._indices[quantizer]
        return 1 - index, self._indices[_COARSEST] - index
