"""Encodes parts of a video again without a map, to measure how large all of it would be."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.registry import find_codec
from semvid.core.config import AllocationConfig, CompressConfig, MapsConfig, TemporalConfig
from semvid.core.errors import EncoderError, SemvidError
from semvid.core.events import Event, Measured, Notice, Progress, Stage
from semvid.core.rate import Crf, ScoreWish
from semvid.core.types import Span
from semvid.engine.samples import CodedFrames, CodingLog, Sample, budget_of_part, choose_samples
from semvid.engine.trials import part_of, try_part

_ERROR_OF_PARTS = 1.5
"""Points of the saving, in percent, by which measuring parts is off on average
(``examples/benchmark/savings.py``)."""


def plain_config(config: CompressConfig) -> CompressConfig:
    """Remove everything about maps from a config: the result is a plain encode that loads no network."""
    return replace(
        config,
        # Scores are of what matters, or take trials; this quality is for the caller to choose.
        rate=None if isinstance(config.rate, ScoreWish) else config.rate,
        maps=MapsConfig(model="spectral"),
        save_maps=None,
        temporal=TemporalConfig(),
        allocation=AllocationConfig(strength=0),
        overwrite=True,
        probe=None,
    )


def measure_plain(
    source: Path,
    span: Span,
    config: CompressConfig,
    log: CodingLog,
    suffix: str,
    num_whole: int | None = None,
) -> Generator[Event, None, Measured | None]:
    """Encode parts of a video without a map and in memory, and conclude how large all of it would be.

    Args:
        source: The video.
        span: The part of it that was encoded.
        config: How it was encoded, with a map.
        log: What came out.
        suffix: Of the output.
        num_whole: Frames of the whole video, where only a part was encoded; None = it is the whole.

    Yields:
        ``Stage``, ``Progress``, and ``Measured`` last; a ``Notice`` instead if it cannot be measured.
    """
    coded, (plain, finer) = log.coded(), whole_quality(plain_config(config))
    keys = np.flatnonzero(coded.is_key).tolist()
    budget = budget_of_part(len(coded.pts), num_whole or len(coded.pts))
    samples = choose_samples(len(coded.pts), keys, log.num_ahead, budget, reach=log.reach)
    found = np.full(len(coded.pts), np.nan)
    yield Stage("measuring")
    try:
        for sample in samples:
            found[sample.compared] = _sizes(source, span, sample, plain, coded, log.num_ahead, suffix)
            yield Progress(int(np.isfinite(found).sum()), sum(one.num_compared for one in samples), 0)
    except SemvidError as error:
        yield Notice(f"the size of a plain encode is estimated, since it could not be measured: {error}")
        return None
    num_found = int(np.isfinite(found).sum())
    off_by = 0.0 if num_found == len(found) else _ERROR_OF_PARTS
    measured = Measured(coded.bytes_of_all(found * finer), len(samples), num_found, off_by)
    yield measured
    return measured


def whole_quality(config: CompressConfig) -> tuple[CompressConfig, float]:
    """Bring the quality to one that is taken without a map; return what to multiply the bytes by for that."""
    scale = find_codec(config.codec).scale
    if not isinstance(config.rate, Crf):
        return config, 1.0
    taken = scale.round(config.rate.value)
    return replace(config, rate=Crf(taken)), 2 ** ((taken - config.rate.value) / scale.steps_per_octave)


def _sizes(
    source: Path,
    span: Span,
    sample: Sample,
    config: CompressConfig,
    coded: CodedFrames,
    num_ahead: int,
    suffix: str,
) -> NDArray[np.float64]:
    """Return the bytes of the frames of a sample that are compared."""
    part = part_of(sample, coded.pts, span, num_ahead)
    tried = try_part(source, part, sample, coded.pts, config, suffix, None, span.dropped(config.drop))
    if not np.array_equal(tried.coded.pts[tried.is_compared], coded.pts[sample.compared]):
        raise EncoderError("a part of the video has other frames than the whole")
    return tried.coded.sizes[tried.is_compared]
