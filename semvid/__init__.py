"""Compress video by meaning: bits go where people look, and every ordinary player plays the result."""

from __future__ import annotations

from importlib import import_module

# Not typing's: that takes longer to load than all of this, and signals find no handler meanwhile.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from semvid.config import (
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
    from semvid.errors import SemvidError
    from semvid.events import Done, Event, Notice, Preview, Progress, Reported, Stage, Started
    from semvid.export import export_maps
    from semvid.io.probe import probe
    from semvid.metrics.compare import compare
    from semvid.overlay import export_overlay
    from semvid.pipeline import compress, compress_events
    from semvid.report.data import Report
    from semvid.report.make import make_report, write_report
    from semvid.report.store import load_report
    from semvid.saliency.source import ImportanceSource, MapSource
    from semvid.still import compress_image
    from semvid.streaming.ends import PacketTaker
    from semvid.streaming.live import live
    from semvid.streaming.sound import SoundChunk
    from semvid.streaming.stream import LiveStream
    from semvid.streaming.types import CodedPacket, LiveStatus
    from semvid.types import (
        Comparison,
        ExportResult,
        Frame,
        ImageResult,
        ImportanceMap,
        Pooled,
        QuantizerOffsets,
        Result,
        StreamInfo,
        VideoInfo,
    )

_HOMES = {
    "AllocationConfig": "semvid.config",
    "CodedPacket": "semvid.streaming.types",
    "CompareConfig": "semvid.config",
    "Comparison": "semvid.types",
    "CompressConfig": "semvid.config",
    "Done": "semvid.events",
    "Event": "semvid.events",
    "ExportConfig": "semvid.config",
    "ExportResult": "semvid.types",
    "FocusConfig": "semvid.config",
    "Frame": "semvid.types",
    "ImageConfig": "semvid.config",
    "ImageResult": "semvid.types",
    "ImportanceMap": "semvid.types",
    "ImportanceSource": "semvid.saliency.source",
    "LiveConfig": "semvid.config",
    "LiveStatus": "semvid.streaming.types",
    "LiveStream": "semvid.streaming.stream",
    "MapSource": "semvid.saliency.source",
    "Notice": "semvid.events",
    "OverlayConfig": "semvid.config",
    "PacketTaker": "semvid.streaming.ends",
    "Pooled": "semvid.types",
    "Preview": "semvid.events",
    "Progress": "semvid.events",
    "QuantizerOffsets": "semvid.types",
    "Report": "semvid.report.data",
    "Reported": "semvid.events",
    "Result": "semvid.types",
    "SemvidError": "semvid.errors",
    "SoundChunk": "semvid.streaming.sound",
    "Stage": "semvid.events",
    "Started": "semvid.events",
    "StreamInfo": "semvid.types",
    "TemporalConfig": "semvid.config",
    "VideoInfo": "semvid.types",
    "compare": "semvid.metrics.compare",
    "compress": "semvid.pipeline",
    "compress_events": "semvid.pipeline",
    "compress_image": "semvid.still",
    "export_maps": "semvid.export",
    "export_overlay": "semvid.overlay",
    "live": "semvid.streaming.live",
    "load_report": "semvid.report.store",
    "make_report": "semvid.report.make",
    "probe": "semvid.io.probe",
    "write_report": "semvid.report.make",
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
