"""Compress video by meaning: bits go where people look, and every ordinary player plays the result."""

from __future__ import annotations

from importlib import import_module

# Not typing's: that takes longer to load than all of this, and signals find no handler meanwhile.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from semvid.batch.events import BatchEnded
    from semvid.batch.run import compress_many, compress_many_events
    from semvid.core.coded import CodedPacket
    from semvid.core.config import (
        AllocationConfig,
        BatchConfig,
        CompareConfig,
        CompressConfig,
        EditConfig,
        ExportConfig,
        FocusConfig,
        ImageConfig,
        LiveConfig,
        MapsConfig,
        Mark,
        OverlayConfig,
        TemporalConfig,
    )
    from semvid.core.errors import MissedError, SemvidError
    from semvid.core.events import (
        Chosen,
        Compressed,
        Done,
        Event,
        Failed,
        Finished,
        Listed,
        Measured,
        Notice,
        Preview,
        Progress,
        Reported,
        Stage,
        Started,
        Tried,
    )
    from semvid.core.map_source import ImportanceSource, MapSource
    from semvid.core.rate import (
        AsGoodAs,
        Bitrate,
        Crf,
        Peak,
        Quality,
        Rate,
        RegionPsnr,
        RegionVmaf,
        Size,
        Ssimulacra2,
        Vmaf,
        Xpsnr,
    )
    from semvid.core.results import (
        Comparison,
        ExportResult,
        ImageFailure,
        ImageResult,
        ImagesResult,
        Pooled,
        Result,
        Trial,
    )
    from semvid.core.types import Frame, ImportanceMap, QuantizerOffsets, Span, StreamInfo, VideoInfo
    from semvid.engine.job import Job
    from semvid.importance.edits.edits import Edit, Edits
    from semvid.importance.edits.shapes import Polygon, Stroke
    from semvid.media.probe import probe
    from semvid.products.bench.data import Bench
    from semvid.products.bench.run import bench
    from semvid.products.compare.compare import compare
    from semvid.products.compare.rates import compare_rates
    from semvid.products.compress import compress, compress_events, compress_job
    from semvid.products.edited_maps import edit_maps
    from semvid.products.maps import export_maps
    from semvid.products.overlay import export_overlay
    from semvid.products.report.data import Report
    from semvid.products.report.make import make_report, write_report
    from semvid.products.report.rates import compare_reports
    from semvid.products.report.store import load_report
    from semvid.products.still import compress_image
    from semvid.products.still_report.make import write_image_report
    from semvid.products.stills import compress_images, compress_images_events
    from semvid.products.wished import estimate_events
    from semvid.streaming.base.sound import SoundChunk
    from semvid.streaming.base.types import LiveStatus
    from semvid.streaming.ends import PacketTaker
    from semvid.streaming.live import live
    from semvid.streaming.stream import LiveStream

_NAMES = {
    "batch.events": "BatchEnded",
    "batch.run": "compress_many compress_many_events",
    "core.coded": "CodedPacket",
    "core.config": (
        "AllocationConfig BatchConfig CompareConfig CompressConfig EditConfig ExportConfig FocusConfig "
        "ImageConfig "
        "LiveConfig MapsConfig Mark OverlayConfig TemporalConfig"
    ),
    "core.errors": "MissedError SemvidError",
    "core.events": (
        "Chosen Compressed Done Event Failed Finished Listed Measured Notice Preview Progress Reported "
        "Stage Started Tried"
    ),
    "core.map_source": "ImportanceSource MapSource",
    "core.rate": "AsGoodAs Bitrate Crf Peak Quality Rate RegionPsnr RegionVmaf Size Ssimulacra2 Vmaf Xpsnr",
    "core.results": ("Comparison ExportResult ImageFailure ImageResult ImagesResult Pooled Result Trial"),
    "core.types": "Frame ImportanceMap QuantizerOffsets Span StreamInfo VideoInfo",
    "engine.job": "Job",
    "importance.edits.edits": "Edit Edits",
    "importance.edits.shapes": "Polygon Stroke",
    "media.probe": "probe",
    "products.bench.data": "Bench",
    "products.bench.run": "bench",
    "products.compare.compare": "compare",
    "products.compare.rates": "compare_rates",
    "products.compress": "compress compress_events compress_job",
    "products.edited_maps": "edit_maps",
    "products.maps": "export_maps",
    "products.overlay": "export_overlay",
    "products.report.data": "Report",
    "products.report.make": "make_report write_report",
    "products.report.rates": "compare_reports",
    "products.report.store": "load_report",
    "products.still": "compress_image",
    "products.still_report.make": "write_image_report",
    "products.stills": "compress_images compress_images_events",
    "products.wished": "estimate_events",
    "streaming.base.sound": "SoundChunk",
    "streaming.base.types": "LiveStatus",
    "streaming.ends": "PacketTaker",
    "streaming.live": "live",
    "streaming.stream": "LiveStream",
}
_HOMES = {name: f"semvid.{home}" for home, names in _NAMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = [
    "AllocationConfig",
    "AsGoodAs",
    "BatchConfig",
    "BatchEnded",
    "Bench",
    "Bitrate",
    "Chosen",
    "CodedPacket",
    "CompareConfig",
    "Comparison",
    "CompressConfig",
    "Compressed",
    "Crf",
    "Done",
    "Edit",
    "EditConfig",
    "Edits",
    "Event",
    "ExportConfig",
    "ExportResult",
    "Failed",
    "Finished",
    "FocusConfig",
    "Frame",
    "ImageConfig",
    "ImageFailure",
    "ImageResult",
    "ImagesResult",
    "ImportanceMap",
    "ImportanceSource",
    "Job",
    "Listed",
    "LiveConfig",
    "LiveStatus",
    "LiveStream",
    "MapSource",
    "MapsConfig",
    "Mark",
    "Measured",
    "MissedError",
    "Notice",
    "OverlayConfig",
    "PacketTaker",
    "Peak",
    "Polygon",
    "Pooled",
    "Preview",
    "Progress",
    "Quality",
    "QuantizerOffsets",
    "Rate",
    "RegionPsnr",
    "RegionVmaf",
    "Report",
    "Reported",
    "Result",
    "SemvidError",
    "Size",
    "SoundChunk",
    "Span",
    "Ssimulacra2",
    "Stage",
    "Started",
    "StreamInfo",
    "Stroke",
    "TemporalConfig",
    "Trial",
    "Tried",
    "VideoInfo",
    "Vmaf",
    "Xpsnr",
    "__version__",
    "bench",
    "compare",
    "compare_rates",
    "compare_reports",
    "compress",
    "compress_events",
    "compress_image",
    "compress_images",
    "compress_images_events",
    "compress_job",
    "compress_many",
    "compress_many_events",
    "edit_maps",
    "estimate_events",
    "export_maps",
    "export_overlay",
    "live",
    "load_report",
    "make_report",
    "probe",
    "write_image_report",
    "write_report",
]


def __getattr__(name: str) -> Any:
    # Names are loaded on first use, so that `import semvid` and `semvid --help` start in milliseconds.
    if name not in _HOMES:
        raise AttributeError(f"module 'semvid' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
