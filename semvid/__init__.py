"""Compress video by meaning: bits go where people look, and every ordinary player plays the result."""

from __future__ import annotations

from importlib import import_module

# Not typing's: that takes longer to load than all of this, and signals find no handler meanwhile.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from semvid.core.coded import CodedPacket
    from semvid.core.config import (
        AllocationConfig,
        CompareConfig,
        CompressConfig,
        ExportConfig,
        FocusConfig,
        ImageConfig,
        LiveConfig,
        MapsConfig,
        OverlayConfig,
        TemporalConfig,
    )
    from semvid.core.errors import SemvidError
    from semvid.core.events import Done, Event, Notice, Preview, Progress, Reported, Stage, Started
    from semvid.core.map_source import ImportanceSource, MapSource
    from semvid.core.rate import Bitrate, Crf, Quality, Rate, Size
    from semvid.core.results import Comparison, ExportResult, ImageResult, Pooled, Result
    from semvid.core.types import Frame, ImportanceMap, QuantizerOffsets, Span, StreamInfo, VideoInfo
    from semvid.engine.job import Job
    from semvid.media.probe import probe
    from semvid.products.compare.compare import compare
    from semvid.products.compress import compress, compress_events, compress_job
    from semvid.products.maps import export_maps
    from semvid.products.overlay import export_overlay
    from semvid.products.report.data import Report
    from semvid.products.report.make import make_report, write_report
    from semvid.products.report.store import load_report
    from semvid.products.still import compress_image
    from semvid.streaming.base.sound import SoundChunk
    from semvid.streaming.base.types import LiveStatus
    from semvid.streaming.ends import PacketTaker
    from semvid.streaming.live import live
    from semvid.streaming.stream import LiveStream

_HOMES = {
    "AllocationConfig": "semvid.core.config",
    "Bitrate": "semvid.core.rate",
    "CodedPacket": "semvid.core.coded",
    "CompareConfig": "semvid.core.config",
    "Comparison": "semvid.core.results",
    "CompressConfig": "semvid.core.config",
    "Crf": "semvid.core.rate",
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
    "Job": "semvid.engine.job",
    "LiveConfig": "semvid.core.config",
    "LiveStatus": "semvid.streaming.base.types",
    "LiveStream": "semvid.streaming.stream",
    "MapSource": "semvid.core.map_source",
    "MapsConfig": "semvid.core.config",
    "Notice": "semvid.core.events",
    "OverlayConfig": "semvid.core.config",
    "PacketTaker": "semvid.streaming.ends",
    "Pooled": "semvid.core.results",
    "Preview": "semvid.core.events",
    "Progress": "semvid.core.events",
    "Quality": "semvid.core.rate",
    "QuantizerOffsets": "semvid.core.types",
    "Rate": "semvid.core.rate",
    "Report": "semvid.products.report.data",
    "Reported": "semvid.core.events",
    "Result": "semvid.core.results",
    "SemvidError": "semvid.core.errors",
    "Size": "semvid.core.rate",
    "SoundChunk": "semvid.streaming.base.sound",
    "Span": "semvid.core.types",
    "Stage": "semvid.core.events",
    "Started": "semvid.core.events",
    "StreamInfo": "semvid.core.types",
    "TemporalConfig": "semvid.core.config",
    "VideoInfo": "semvid.core.types",
    "compare": "semvid.products.compare.compare",
    "compress": "semvid.products.compress",
    "compress_events": "semvid.products.compress",
    "compress_image": "semvid.products.still",
    "compress_job": "semvid.products.compress",
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
    "Bitrate",
    "CodedPacket",
    "CompareConfig",
    "Comparison",
    "CompressConfig",
    "Crf",
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
    "Job",
    "LiveConfig",
    "LiveStatus",
    "LiveStream",
    "MapSource",
    "MapsConfig",
    "Notice",
    "OverlayConfig",
    "PacketTaker",
    "Pooled",
    "Preview",
    "Progress",
    "Quality",
    "QuantizerOffsets",
    "Rate",
    "Report",
    "Reported",
    "Result",
    "SemvidError",
    "Size",
    "SoundChunk",
    "Span",
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
    "compress_job",
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
