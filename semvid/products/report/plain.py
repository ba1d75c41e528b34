"""Makes the plain encode to measure the maps against: as good where it matters, or of a given size."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig, Match
from semvid.core.events import Event, Progress
from semvid.core.rate import Crf
from semvid.core.results import Result
from semvid.engine.probe import plain_config
from semvid.engine.search import Search
from semvid.media.writing.claim import Claim, writing
from semvid.media.writing.output import scratch_folder
from semvid.products.compress import compress


def match_of(config: CompressConfig) -> Match:
    """Return what a run has in common with the plain encode that it is held against."""
    if not isinstance(config.rate, Crf | None):
        return "size"
    return "region" if find_codec(config.codec).coding(config).keeps_region else "size"


def plain_encode(
    source: Path | str,
    output: Path | str,
    config: CompressConfig,
    wanted: Result,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Result:
    """Encode without a map, by the same encoder with the same options.

    If the run to match keeps what matters as it is in a plain encode, this one has the same CRF; otherwise
    the size, as by ``plain_encode_of_size``, whose arguments are the same.
    """
    if match_of(config) == "region":
        return compress(source, output, plain_config(config), on_event=only_progress(on_event))
    return plain_encode_of_size(source, output, config, wanted, on_event=on_event)


def plain_encode_of_size(
    source: Path | str,
    output: Path | str,
    config: CompressConfig,
    wanted: Result,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Result:
    """Encode without a map, by the same encoder with the same options, to the size of another encode.

    The video streams are made equally large, as closely as ``Search`` comes.

    Args:
        source: The video.
        output: Where the plain encode goes.
        config: Options of the encode to match; those of maps are ignored.
        wanted: The result of that encode.
        on_event: Called with ``Progress`` of every try.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, nothing is left behind.
    """
    output = Path(output)
    with scratch_folder() as folder, Claim(output, overwrite=True) as claim:
        best = _search(Path(source), folder, output.suffix, plain_config(config), wanted, on_event)
        with writing(output):
            temporary = claim.temporary()
            shutil.copyfile(best.output, temporary)
            claim.publish(temporary)
    return replace(best, output=output)


def only_progress(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return what passes ``Progress`` on, and no other event of a run within another."""
    return lambda event: on_event(event) if isinstance(event, Progress) else None


def _at(config: CompressConfig, quality: float) -> CompressConfig:
    return replace(config, rate=find_codec(config.codec).scale.rate(quality))


def _search(
    source: Path,
    folder: Path,
    suffix: str,
    config: CompressConfig,
    wanted: Result,
    on_event: Callable[[Event], None],
) -> Result:
    scale = find_codec(config.codec).scale
    search: Search[Result] = Search.of_size(scale)
    quality: float | None = scale.round(wanted.quality)
    kept: Result | None = None
    while quality is not None:
        output = folder / f"{len(search.points)}{suffix}"
        result = compress(source, output, _at(config, quality), on_event=only_progress(on_event))
        octaves = math.log2(max(result.video_bytes, 1) / max(wanted.video_bytes, 1))
        if search.note(quality, octaves, result) is search.best:
            if kept is not None:
                kept.output.unlink()
            kept = result
        else:
            result.output.unlink()
        quality = search.next()
    assert kept is not None  # noqa: S101 - there is at least one trial
    return kept
