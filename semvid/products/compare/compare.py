"""Compares two versions of a video: whole frames, what matters, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

from semvid.core.config import CompareConfig
from semvid.core.errors import InputError
from semvid.core.events import Event, Progress, Stage
from semvid.core.results import Comparison
from semvid.core.settings import or_default
from semvid.core.text import counted
from semvid.core.threads import limited_threads
from semvid.core.types import VideoInfo
from semvid.engine.run import open_run
from semvid.engine.side_by_side import side_by_side
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.output import scratch_folder
from semvid.scores.filters import FILTERS, can_measure, filter_scores
from semvid.scores.pairs import SMALLEST_VMAF, Scores
from semvid.scores.pooling import pool
from semvid.scores.sources import Source, deinterlaces, describe_source, unchanging
from semvid.scores.weighted import Together, weighted_scores

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
    return compare_all(reference, [test], config)[0]


def compare_all(
    reference: Path | str,
    tests: Sequence[Path | str],
    config: CompareConfig | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> list[Comparison]:
    """Score several versions of a video, whose maps are made only once.

    Args:
        reference: The original.
        tests: The other versions.
        config: As for ``compare``, like what is raised.
        on_event: Called with ``Stage``, and with ``Progress`` while maps are made.
    """
    config = or_default(config, CompareConfig)
    with limited_threads(config.threads):
        return _compared(Path(reference), [*map(Path, tests)], config, on_event)


def _compared(
    reference: Path, paths: list[Path], config: CompareConfig, on_event: Callable[[Event], None]
) -> list[Comparison]:
    mine = probe(reference)
    others = [probe(one) for one in paths]
    times: tuple[float, ...] = ()
    for other in others:
        times = _check_times(mine, other)
    source, versions = describe_source(mine), [*map(describe_source, others)]
    for version in versions:
        _check_sizes(source, version, scale=config.scale)
    wanted = [one for one in FILTERS if one in config.metrics]
    scores, changes = [], []
    for path, version in zip(paths, versions, strict=True):
        on_event(Stage(path.name))
        found, changed = _filtered(source, version, wanted, len(times))
        scores.append(found)
        changes.append(changed)
    if "weighted" in config.metrics:
        on_event(Stage("what matters"))
        # Those that are interlaced are compared with other pictures of the source than those that are not.
        kinds = [deinterlaces(source, version) for version in versions]
        for kind in dict.fromkeys(kinds):
            indices = [index for index, one in enumerate(kinds) if one == kind]
            found_all, told = _weighted(mine, [paths[one] for one in indices], config, kind, on_event)
            for index, found, changed in zip(indices, found_all, told, strict=True):
                scores[index] |= found
                changes[index] += changed
    return [
        Comparison(
            reference, test, times, {name: tuple(values.tolist()) for name, values in found.items()},
            {name: pool(values) for name, values in found.items()},
            (*dict.fromkeys(changed), *field_notices(source, version)),
        )
        for test, version, found, changed in zip(paths, versions, scores, changes, strict=True)
    ]  # fmt: skip


def _weighted(
    reference: VideoInfo,
    tests: list[Path],
    config: CompareConfig,
    is_deinterlaced: bool,
    on_event: Callable[[Event], None],
) -> tuple[list[dict[str, Scores]], list[list[str]]]:
    """Measure by the maps, all versions in one pass; return what changed on the way too."""
    with open_run(reference.path, config.temporal) as run, ExitStack() as stack:
        tested = [stack.enter_context(VideoReader(one)) for one in tests]
        run.open_maps(config.maps)
        together = side_by_side(run, tested, deinterlaces=is_deinterlaced, advice=_SAME_FRAMES)
        with closing(together):
            scores = weighted_scores(_counted(together, reference, on_event), len(tested))
        said = [
            [f"{one.info.path}: {change}" for change in one.changes] + one.remarks(_DONE)
            for one in (run.reader, *tested)
        ]
        return scores, [[*said[0], *mine, *run.map_notices()] for mine in said[1:]]


def _counted(
    frames: Iterable[Together], info: VideoInfo, on_event: Callable[[Event], None]
) -> Iterator[Together]:
    for one in frames:
        yield one
        on_event(Progress(one[0].index + 1, info.num_frames_from_header, 0))


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
    times = shown_frames(info).pts.tolist()
    return [float((pts - times[0]) * info.time_base) for pts in times]
