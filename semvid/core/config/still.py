"""Options of stills."""

from __future__ import annotations

from typing import Annotated, Literal

from semvid.core.config.maps import BACKGROUND_WEIGHT, BackgroundWeight, MappedConfig
from semvid.core.errors import ConfigError
from semvid.core.rate import Quality, Size
from semvid.core.setting_types import Limits
from semvid.core.settings import settings

JPEG_QUALITY = Quality(80)
"""Default of stills and of Motion-JPEG."""
Sampling = Literal["4:2:0", "4:2:2", "4:4:4", "grey"]


@settings
class ImageConfig(MappedConfig):
    """All options of ``compress_image``."""

    rate: Quality | Size = JPEG_QUALITY
    """The target: ``Quality``, or ``Size`` for the best picture that fits."""
    match: Literal["plain"] | None = None
    """``plain``: write as many bytes as a plain JPEG of this ``Quality`` has, and look better where it
    matters."""
    sampling: Sampling = "4:2:0"
    """Chroma sampling; a grey picture stays grey."""
    price: Annotated[float, Limits(0, 10)] = 0.08
    """How much squared error to accept for each bit saved, in squares of the luma DC step; 0 = plain
    rounding."""
    background_weight: BackgroundWeight = BACKGROUND_WEIGHT
    """Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast."""
    overwrite: bool = False
    """Replace an existing output."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        if isinstance(self.rate, Size) and self.match is not None:
            raise ConfigError("`Size` and `match` exclude each other; give one")
