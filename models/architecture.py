"""What a network of the MS-ROI family looks like from outside; needs no torch."""

from __future__ import annotations

from typing import Literal

from semvid.core.config import CLASSES
from semvid.core.records import dataclass

CHANNELS = (*CLASSES, "salient", "fixation")
"""All channels: after the classes the class-free object map and the density of human fixations."""

MAP_STRIDE = 4
"""Input pixels between neighbouring cells of the output."""

FEATURE_STRIDE = 8
"""Likewise of the features."""

Head = Literal["maps", "features"]
"""What a network is asked for: what each cell shows, or what it looks like."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What it takes to build a network that fits a weights file."""

    name: str
    input_width: int = 321
    """Pixels, ``32 m + 1``, for landscape pictures; portrait ones are shown upright, with sides swapped."""
    input_height: int = 193
    width16: int = 160
    """Channels of the decoder at stride 16 and 32."""
    width8: int = 112
    width4: int = 64


ARCHITECTURES = {
    one.name: one
    for one in (
        Architecture("msroi"),
        Architecture("msroi-fast", input_width=225, input_height=129, width16=96, width8=64, width4=32),
    )
}
"""The networks that are shipped, by name."""
