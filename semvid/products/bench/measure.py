"""Encodes a clip with maps and without, at several qualities, and scores what comes out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from semvid.codecs.registry import find_codec
from semvid.core.config import CompareConfig, CompressConfig, ExportConfig, MapsConfig, TemporalConfig
from semvid.core.events import Event, Notice, Progress, Stage
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_frames
from semvid.products.bench.data import VARIANTS, BenchClip, BenchEncode, Variant
from semvid.products.compare.compare import compare
from semvid.products.compress import compress
from semvid.products.maps import export_maps
from semvid.products.report.plain import only_progress

OnEvent = Callable[[Event], None]
_CODED = "coded.mkv"


def encode_and_score(
    source: Path,
    variant: Variant,
    quality: float,
    config: CompressConfig,
    scored_by: CompareConfig,
    folder: Path,
    on_event: OnEvent = lambda event: None,
    look: Callable[[Path], Mapping[str, float]] = lambda coded: {},
) -> tuple[BenchEncode, tuple[str, ...]]:
    """Encode a clip and score the result.

    Args:
        source: The video.
        variant: With the maps of ``config``, or without any.
        quality: On the scale of the codec.
        config: All other options.
        scored_by: Measures, and the maps or masks of what matters.
        folder: For the encode, which does not stay.
        on_event: Called with ``Progress``.
        look: Called with the encode before it goes; returns more scores of it.

    Returns:
        What was found, and a sentence for each thing that had to be changed to score it.
    """
    allocation = config.allocation
    if variant != "mapped":
        allocation = replace(allocation, strength=0, match=None, prefilter=0)
    made = replace(
        config,
        rate=find_codec(config.codec).scale.rate(quality),
        allocation=allocation,
        drop=frozenset({"video", "audio", "subtitle", "data", "attachment"}),
        # Where the size is not matched, measuring would only tell what is measured here anyway.
        probe="none" if allocation.keeps_region else None,
        overwrite=True,
    )
    told: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Notice):
            told.append(event.message)
        elif isinstance(event, Progress):
            on_event(event)

    result = compress(source, folder / _CODED, made, on_event=note)
    found = compare(source, result.output, scored_by)
    means = {**{name: one.mean for name, one in found.pooled.items()}, **look(result.output)}
    result.output.unlink()
    scores = {name: one for name, one in means.items() if not math.isnan(one)}
    encode = BenchEncode(variant, quality, result.video_bytes, result.elapsed_seconds, scores)
    return encode, (*told, *found.notices)


def measure_clip(
    clip: BenchClip,
    source: Path,
    masks: Path | None,
    qualities: tuple[float, ...],
    config: CompressConfig,
    metrics: tuple[str, ...],
    folder: Path,
    keep: Callable[[BenchClip], None],
    on_event: OnEvent,
) -> BenchClip:
    """Make and score the encodes that a clip does not have yet.

    Args:
        clip: With the encodes it has.
        source: Its video.
        masks: What matters; None = the maps tell.
        qualities: On the scale of the codec.
        config: Options of the encodes with maps, but for their quality.
        metrics: As in ``CompareConfig``.
        folder: For intermediate files.
        keep: Called after each encode.
        on_event: Called with ``Stage`` and ``Progress``.

    Returns:
        The clip with all encodes.
    """
    have = {(one.variant, one.quality) for one in clip.encodes}
    missing = [(variant, one) for one in qualities for variant in VARIANTS if (variant, one) not in have]
    if not missing:
        return clip
    on_event(Stage(f"{clip.name}: maps"))
    maps, started = folder / "maps.svmap", time.monotonic()
    export_maps(
        source, maps, ExportConfig(maps=config.maps, temporal=config.temporal, overwrite=True),
        on_event=only_progress(on_event),
    )  # fmt: skip
    clip = replace(clip, maps_seconds=time.monotonic() - started)
    # Maps from a file have been through all that.
    made = replace(config, maps=MapsConfig(path=maps), temporal=TemporalConfig())
    scored_by = CompareConfig(maps=MapsConfig(path=masks or maps), metrics=metrics, scale=True)
    for index, (variant, quality) in enumerate(missing):
        what = "plain" if variant == "plain" else "with maps"
        on_event(Stage(f"{clip.name}: CRF {quality:g}, {what} ({index + 1} of {len(missing)})"))
        one, notices = encode_and_score(source, variant, quality, made, scored_by, folder, on_event)
        notices = tuple(dict.fromkeys((*clip.notices, *notices)))
        clip = replace(clip, encodes=(*clip.encodes, one), notices=notices)
        keep(clip)
    return clip


def unmeasured(key: str, name: str, source: Path, *, has_masks: bool) -> BenchClip:
    """Return a clip of which nothing is measured yet."""
    info = probe(source)
    shown = shown_frames(info)
    times, end = shown.pts.tolist(), shown.end
    # Files of ours do not say how long the last frame is shown.
    spacing = (times[-1] - times[0]) / max(len(times) - 1, 1)
    seconds = (max(end, times[-1] + spacing) - times[0]) * float(info.time_base)
    return BenchClip(key, name, info.width, info.height, len(times), seconds, has_masks, 0.0, ())
