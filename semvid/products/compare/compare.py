"""Compares two versions of a video: whole frames, what matters, and the rest."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path

from semvid.core.config import CompareConfig
from semvid.core.errors import InputError
from semvid.core.results import Comparison
from semvid.core.settings import or_default
from semvid.core.text import counted
from semvid.core.types import VideoInfo
from semvid.engine.run import open_run
from semvid.engine.side_by_side import side_by_side
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_times
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.output import scratch_folder
from semvid.scores.filters import FILTERS, SMALLEST_VMAF, Scores, can_measure, filter_scores
from semvid.scores.pooling import pool
from semvid.scores.sources import Source, deinterlaces, describe_source, unchanging
from semvid.scores.weighted import weighted_scores

_DONE = "what could be decoded was compared"
_SAME_FRAMES = "compare versions with the same frames"


def compare(reference: Path | str, test: Path | str, config: CompareConfig | None = None) -> Comparison:
    """Score a video against the one it was made from.

    Args:
        reference: The original.
        test: The other version. Frames are matched by timestamp, counted from the first frame.
        config: Options; None = defaults.

    Raises:
        InputError: A file cannot be read, or the two do not have the same frames; other sizes are refused
            unless ``config.scale``.
        SemvidError: See ``semvid.core.errors``.
    """
    reference, test, config = Path(reference), Path(test), or_default(config, CompareConfig)
    mine, other = probe(reference), probe(test)
    times = _check_times(mine, other)
    wanted = [one for one in FILTERS if one in config.metrics]
    sources = describe_source(mine), describe_source(other)
    _check_sizes(*sources, scale=config.scale)
    scores, changes = _filtered(*sources, wanted, len(times))
    if "weighted" in config.metrics:
        with open_run(reference, config.temporal) as run, VideoReader(test) as tested:
            run.open_maps(config.maps)
            both = side_by_side(run, [tested], deinterlaces=deinterlaces(*sources), advice=_SAME_FRAMES)
            with closing(both):
                scores |= weighted_scores(both)
            for one in (run.reader, tested):
                changes += [f"{one.info.path}: {change}" for change in one.changes] + one.remarks(_DONE)
            changes += run.map_notices()
    notices = (*dict.fromkeys(changes), *field_notices(*sources))
    return Comparison(
        reference, test, times, {name: tuple(values.tolist()) for name, values in scores.items()},
        {name: pool(values) for name, values in scores.items()}, notices,
    )  # fmt: skip


def _filtered(
    reference: Source, test: Source, wanted: list[str], num_frames: int
) -> tuple[dict[str, Scores], list[str]]:
    """Measure with FFmpeg's command; return what changed on the way too."""
    changes = [
        f"{name} is left out: it measures pictures of at least {SMALLEST_VMAF} pixels a side"
        for name in wanted
        if not can_measure(name, reference.info)
    ]
    wanted = [one for one in wanted if can_measure(one, reference.info)]
    if not wanted:
        return {}, changes
    with scratch_folder() as folder:
        steady = []
        for source in (reference, test):
            one, found, remarks = unchanging(source, folder, _DONE)
            steady.append(one)
            changes += [f"{source.info.path}: {change}" for change in found] + remarks
        return filter_scores(steady[0], steady[1], wanted, num_frames), changes


def field_notices(reference: Source, test: Source) -> tuple[str, ...]:
    """Return how interlaced video is compared."""
    if deinterlaces(reference, test):
        return (f"{reference.info.path} is interlaced and {test.info.path} is not; compared with what bwdif "
                "makes of it",)  # fmt: skip
    if test.is_interlaced and not reference.is_interlaced:
        return (f"{test.info.path} is interlaced and {reference.info.path} is not; compared line by line",)
    return (
        "both are interlaced; compared line by line, both fields of a frame together",
    ) * test.is_interlaced


def _check_sizes(mine: Source, other: Source, *, scale: bool) -> None:
    sizes = [(one.info.width, one.info.height) for one in (mine, other)]
    paths = [one.info.path for one in (mine, other)]
    if sizes[0] != sizes[1] and not scale:
        raise InputError(
            f"{paths[1]} is {sizes[1][0]}x{sizes[1][1]} and {paths[0]} {sizes[0][0]}x{sizes[0][1]}; "
            "pass `scale=True` to bring it to that size"
        )


def _check_times(mine: VideoInfo, other: VideoInfo) -> tuple[float, ...]:
    """Return the reference's times in seconds from the first frame."""
    ours, theirs = _times(mine), _times(other)
    tolerance = float(1 / (2 * (mine.frame_rate or Fraction(50))))
    for index, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        if abs(a - b) > tolerance:
            raise InputError(
                f"frame {index} of {other.path} is shown at {b:.3f} s and that of {mine.path} at {a:.3f} s; "
                + _SAME_FRAMES
            )
    if len(ours) != len(theirs):
        raise InputError(
            f"{other.path} has {counted(len(theirs), 'frame')} and {mine.path} {len(ours)}; {_SAME_FRAMES}"
        )
    return tuple(ours)


def _times(info: VideoInfo) -> list[float]:
    times, _ = shown_times(info)
    return [float((pts - times[0]) * info.time_base) for pts in times]
