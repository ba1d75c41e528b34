"""Every option and its default, in one place."""

from semvid.core.config.live import (
    LIVE_BITRATES,
    LiveConfig,
)
from semvid.core.config.maps import (
    BACKGROUND_WEIGHT,
    CLASSES,
    DEFAULT_MODEL,
    LIVE_MODEL,
    MODEL_SUFFIXES,
    MODELS,
    AllocationConfig,
    Device,
    FocusConfig,
    MapsConfig,
    Motion,
    TemporalConfig,
)
from semvid.core.config.still import (
    JPEG_QUALITY,
    ImageConfig,
    Sampling,
)
from semvid.core.config.video import (
    METRICS,
    SOUND_CODECS,
    CompareConfig,
    CompressConfig,
    Deinterlace,
    DroppableKind,
    ExportConfig,
    MapFormat,
    OverlayConfig,
    OverlayStyle,
)

__all__ = [
    "BACKGROUND_WEIGHT",
    "CLASSES",
    "DEFAULT_MODEL",
    "JPEG_QUALITY",
    "LIVE_BITRATES",
    "LIVE_MODEL",
    "METRICS",
    "MODELS",
    "MODEL_SUFFIXES",
    "SOUND_CODECS",
    "AllocationConfig",
    "CompareConfig",
    "CompressConfig",
    "Deinterlace",
    "Device",
    "DroppableKind",
    "ExportConfig",
    "FocusConfig",
    "ImageConfig",
    "LiveConfig",
    "MapFormat",
    "MapsConfig",
    "Motion",
    "OverlayConfig",
    "OverlayStyle",
    "Sampling",
    "TemporalConfig",
]
