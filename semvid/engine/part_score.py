"""Measures the encode of one part of a video that is encoded in parts."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from semvid.codecs.registry import find_codec
from semvid.core.events import Event, Stage
from semvid.core.rate import ScoreWish
from semvid.engine.job import Job
from semvid.engine.map_memory import MapMemory
from semvid.engine.part_frames import add_others
from semvid.engine.ruler import Measured, Ruler
from semvid.engine.samples import checked_samples
from semvid.engine.scored import num_checked, scores_rest
from semvid.engine.trials import Trials
from semvid.importance.files.sidecar_source import all_maps
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.probe_edited import probe_edited
from semvid.scores.parts import PartScorer

_FEWEST = 24
"""Frames of a part that are measured at least."""


def score_part(
    job: Job, rate: ScoreWish, maps: Path | None, num_whole: int, folder: Path
) -> Generator[Event, None, tuple[Measured, int]]:
    """Measure the encode of a part, which lies at the output of its job.

    As many frames are measured of all parts together as of a video in one piece.

    Args:
        job: How the part was encoded.
        rate: What to measure.
        maps: A sidecar of the part that the job made; None = it has no maps.
        num_whole: Frames of the whole video.
        folder: For scratch files; it is empty.

    Yields:
        ``Stage``.

    Returns:
        What was measured, and of how many frames.
    """
    yield Stage("measuring")
    assert job.span is not None and job.output is not None  # noqa: PT018, S101 - it is of a part
    config, info = job.config, probe_edited(job.source, job.config.edit)
    coding_format = find_codec(config.codec).coding_format
    trials = Trials(job.source, job.span, shown_frames(info), job.output.suffix, coding_format)
    if maps is not None:
        trials.memory = MapMemory.of(all_maps(maps))
    budget = max(round(num_checked(rate, info) * trials.num_frames / num_whole), _FEWEST)
    samples = checked_samples(trials.num_frames, budget)
    scorer = PartScorer(folder, rate.MEASURE, info.frame_rate, scores_rest=scores_rest(rate, config))
    ruler = Ruler(scorer, samples, trials.num_frames)
    # Maps are in memory by now.
    add_others(scorer, samples, trials, replace(config, save_maps=None))
    return ruler.of_file(job.output), sum(one.num_compared for one in samples)
