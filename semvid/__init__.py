"""Compress video by meaning: bits go where people look, and every ordinary player plays the result."""

from __future__ import annotations

from importlib import import_module

# Not typing's: that takes longer to load than all of this, and signals find no handler meanwhile.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from semvid.core.config import (
        AllocationConfig,
        CompareConfig,
        CompressConfig,
        ExportConfig,
        FocusConfig,
        ImageConfig,
        LiveConfig,
        OverlayConfig,
        TemporalConfig,
    )
    from semvid.core.errors import SemvidError
    from semvid.core.events import Done, Event, Notice, Preview, Progress, Reported, Stage, Started
    from semvid.core.map_source import ImportanceSource, MapSource
    from semvid.core.results import Comparison, ExportResult, ImageResult, Pooled, Result
    from semvid.core.types import Frame, ImportanceMap, QuantizerOffsets, StreamInfo, VideoInfo
    from semvid.media.probe import probe
    from semvid.products.compare.compare import compare
    from semvid.products.compress import compress, compress_events
    from semvid.products.maps import export_maps
    from semvid.products.overlay import export_overlay
    from semvid.products.report.data import Report
    from semvid.products.report.make import make_report, write_report
    from semvid.products.report.store import load_report
    from semvid.products.still import compress_image
    from semvid.streaming.base.sound import SoundChunk
    from semvid.streaming.base.types import CodedPacket, LiveStatus
    from semvid.streaming.ends import PacketTaker
    from semvid.streaming.live import live
    from semvid.streaming.stream import LiveStream

_HOMES = {
    "AllocationConfig": "semvid.core.config",
    "CodedPacket": "semvid.streaming.base.types",
    "CompareConfig": "semvid.core.config",
    "Comparison": "semvid.core.results",
    "CompressConfig": "semvid.core.config",
    "Done": "semvid.core.events",
    "Event": "semvid.core.events",
    "ExportConfig": "semvid.core.config",
    "ExportResult": "semvid.core.results",
    "FocusConfig": "semvid.core.config",
    "Frame": "semvid.core.types",
    "ImageConfig": "semvid.core.config",
    "ImageResult": "semvid.core.results",
    "ImportanceMap": "semvid.core.types",
    "ImportanceSource": "semvid.core.map_source",
    "LiveConfig": "semvid.core.config",
    "LiveStatus": "semvid.streaming.base.types",
    "LiveStream": "semvid.streaming.stream",
    "MapSource": "semvid.core.map_source",
    "Notice": "semvid.core.events",
    "OverlayConfig": "semvid.core.config",
    "PacketTaker": "semvid.streaming.ends",
    "Pooled": "semvid.core.results",
    "Preview": "semvid.core.events",
    "Progress": "semvid.core.events",
    "QuantizerOffsets": "semvid.core.types",
    "Report": "semvid.products.report.data",
    "Reported": "semvid.core.events",
    "Result": "semvid.core.results",
    "SemvidError": "semvid.core.errors",
    "SoundChunk": "semvid.streaming.base.sound",
    "Stage": "semvid.core.events",
    "Started": "semvid.core.events",
    "StreamInfo": "semvid.core.types",
    "TemporalConfig": "semvid.core.config",
    "VideoInfo": "semvid.core.types",
    "compare": "semvid.products.compare.compare",
    "compress": "semvid.products.compress",
    "compress_events": "semvid.products.compress",
    "compress_image": "semvid.products.still",
    "export_maps": "semvid.products.maps",
    "export_overlay": "semvid.products.overlay",
    "live": "semvid.streaming.live",
    "load_report": "semvid.products.report.store",
    "make_report": "semvid.products.report.make",
    "probe": "semvid.media.probe",
    "write_report": "semvid.products.report.make",
}

__version__ = "0.1.0"
__all__ = [
    "AllocationConfig",
    "CodedPacket",
    "CompareConfig",
    "Comparison",
    "CompressConfig",
    "Done",
    "Event",
    "ExportConfig",
    "ExportResult",
    "FocusConfig",
    "Frame",
    "ImageConfig",
    "ImageResult",
    "ImportanceMap",
    "ImportanceSource",
    "LiveConfig",
    "LiveStatus",
    "LiveStream",
    "MapSource",
    "Notice",
    "OverlayConfig",
    "PacketTaker",
    "Pooled",
    "Preview",
    "Progress",
    "QuantizerOffsets",
    "Report",
    "Reported",
    "Result",
    "SemvidError",
    "SoundChunk",
    "Stage",
    "Started",
    "StreamInfo",
    "TemporalConfig",
    "VideoInfo",
    "__version__",
    "compare",
    "compress",
    "compress_events",
    "compress_image",
    "export_maps",
    "export_overlay",
    "live",
    "load_report",
    "make_report",
    "probe",
    "write_report",
]


def __getattr__(name: str) -> Any:
    # Names are loaded on first use, so that `import semvid` and `semvid --help` start in milliseconds.
    if name not in _HOMES:
        raise AttributeError(f"module 'semvid' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
