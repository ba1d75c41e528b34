"""Compress video by meaning: bits go where people look, and every ordinary player plays the result."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from semvid.export import export_maps
    from semvid.io.probe import probe
    from semvid.metrics.compare import compare
    from semvid.overlay import export_overlay
    from semvid.pipeline import compress, compress_events
    from semvid.report.data import Report
    from semvid.report.make import make_report, write_report
    from semvid.report.store import load_report
    from semvid.saliency.source import ImportanceSource
    from semvid.still import compress_image
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
        QuantizerOffsets,
        Result,
        VideoInfo,
    )

_HOMES = {
    "AllocationConfig": "semvid.config",
    "CodedPacket": "semvid.streaming.types",
    "SoundChunk": "semvid.streaming.sound",
    "CompareConfig": "semvid.config",
    "Comparison": "semvid.types",
    "CompressConfig": "semvid.config",
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
    "OverlayConfig": "semvid.config",
    "QuantizerOffsets": "semvid.types",
    "Report": "semvid.report.data",
    "Result": "semvid.types",
    "SemvidError": "semvid.errors",
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
    "OverlayConfig",
    "QuantizerOffsets",
    "Report",
    "Result",
    "SemvidError",
    "SoundChunk",
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
