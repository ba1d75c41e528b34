"""How the bits of blocks depend on their content and quantizer: the model behind rate neutrality.

It only has to be right in proportion: the allocator weighs blocks against each other with it. Each encoder
has its own constants, fitted to the sizes of real encodes by ``examples/benchmark/rate_model.py``. They are
read for ``--help`` too: numpy is loaded where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

# Grey levels. What is flatter or stiller than noise still costs its headers.
_SPATIAL_FLOOR = 0.4
_TEMPORAL_FLOOR = 0.003


@dataclass(frozen=True, slots=True)
class RateModel:
    """Bits of a block: ``gradient ** spatial * difference ** temporal * 2 ** (-slope * offset / 6)``."""

    spatial: float
    """Exponent of the mean absolute gradient."""
    temporal: float
    """Exponent of the mean absolute difference to the frame before."""
    finer: float
    """Slope below offset 0; 1.5 means that bits halve every 4 QP."""
    coarser: float
    """Slope above offset 0."""

    def activity(self, gradient: FloatArray, difference: FloatArray) -> FloatArray:
        """Bits in a plain encode, up to a common factor.

        Args:
            gradient: ``(rows, cols)`` mean absolute gradient of each block in 8-bit grey levels at half size.
            difference: Likewise the difference to the frame before.

        Returns:
            ``(rows, cols)`` float32 > 0.
        """
        import numpy as np

        activity: FloatArray = (gradient + np.float32(_SPATIAL_FLOOR)) ** np.float32(self.spatial) * (
            difference + np.float32(_TEMPORAL_FLOOR)
        ) ** np.float32(self.temporal)
        return activity

    def rate_ratio(self, offsets: FloatArray, activity: FloatArray) -> float:
        """Predict the bits of a frame with offsets as a multiple of the bits without.

        Args:
            offsets: ``(rows, cols)`` QP steps.
            activity: ``(rows, cols)`` > 0, from ``activity``.
        """
        import numpy as np

        if self.finer == self.coarser:
            exponents = offsets * np.float32(-self.coarser / 6)
        else:
            slopes = np.where(offsets < 0, np.float32(-self.finer / 6), np.float32(-self.coarser / 6))
            exponents = offsets * slopes
        return float((activity * np.exp2(exponents)).sum() / activity.sum())
