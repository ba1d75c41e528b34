"""Compares two encodes of a video with it, frame by frame, and picks what is worth looking at."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.errors import InputError
from semvid.core.events import Event, Notice, Progress, Stage
from semvid.core.records import dataclass
from semvid.core.resampling import stretched
from semvid.core.results import Result
from semvid.core.types import FloatArray, Frame, VideoInfo
from semvid.engine.run import open_run
from semvid.engine.side_by_side import side_by_side
from semvid.media.probe import open_packets, probe
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.output import scratch_folder
from semvid.products.report.data import MEASURES, Encode
from semvid.products.report.differences import find_differences, strength
from semvid.products.report.pictures import Uprighter
from semvid.products.report.regions import RegionFinder
from semvid.scores.filters import can_measure, filter_scores
from semvid.scores.pooling import pool
from semvid.scores.sources import Source, describe_source, unchanging
from semvid.scores.weighted import Together, frame_scores, grey_levels, matching_luma, psnr

_FILTERS = ("ssim", "vmaf")
_EVERY = 3
"""Frames from one that is searched for differences to the next; what encoders do recurs every two or four."""
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Versions:
    """A video, two encodes of it, and where its maps are."""

    source: Path
    mapped: Path
    plain: Path
    maps: MapsConfig
    info: VideoInfo
    """Of the source, as it was edited."""
    deinterlaces: bool = False
    """The source is interlaced and the encodes are not."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of all frames."""

    seconds: tuple[float, ...]
    mapped: Mapping[str, tuple[float, ...]]
    plain: Mapping[str, tuple[float, ...]]
    regions: RegionFinder
    uprighter: Uprighter
    strengths: Mapping[int, float]
    """How different the encodes look, by frames: every third of them. See ``strength``."""


def read_versions(versions: Versions, on_event: OnEvent) -> Generator[Together, None, None]:
    """Decode all versions side by side: the source, and beside it the one with maps and the plain one.

    Raises:
        InputError: They do not have the same number of frames.
    """
    with (
        open_run(versions.source, TemporalConfig(), edit=versions.info.edit) as run,
        VideoReader(versions.mapped) as mapped,
        VideoReader(versions.plain) as plain,
    ):
        run.open_maps(versions.maps)
        advice = "report a run that was not cut or edited since"
        both = side_by_side(run, (mapped, plain), deinterlaces=versions.deinterlaces, advice=advice)
        with closing(both):
            for one in both:
                yield one
                on_event(Progress(one[0].index + 1, versions.info.num_frames_from_header, 0))
        # What is wrong with the source was told when it was compressed.
        for reader in (mapped, plain):
            for message in reader.remarks("what could be decoded was measured"):
                on_event(Notice(message))


def lumas(source: Frame, tests: Sequence[Frame]) -> list[FloatArray]:
    """Return the lumas of a frame and of its other versions, in 8-bit grey levels and of one size."""
    return [grey_levels(source), *(matching_luma(source, one) for one in tests)]


def measure(versions: Versions, on_event: OnEvent) -> Measured:
    """Score both encodes.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    seconds: list[float] = []
    scores: tuple[dict[str, list[float]], ...] = ({}, {})
    regions, uprighter, strengths = RegionFinder(), None, dict[int, float]()
    first_pts = 0
    on_event(Stage("measuring"))
    with closing(read_versions(versions, on_event)) as triples:
        for source, small, tests in triples:
            if uprighter is None:
                first_pts = source.pts
                uprighter = Uprighter(source, versions.info.sample_aspect_ratio)
            seconds.append(float((source.pts - first_pts) * versions.info.time_base))
            luma, *others = lumas(source, tests)
            errors = [np.square(luma - other) for other in others]
            importance = stretched(small, *errors[0].shape)
            for error, kept in zip(errors, scores, strict=True):
                whole = psnr(error, np.ones_like(error))
                for name, value in {**frame_scores(error, importance), "whole": whole}.items():
                    kept.setdefault(name, []).append(value)
            regions.update(source.index, *(uprighter.turn(error) for error in errors))
            if source.index % _EVERY == 0:
                seen = find_differences(*map(uprighter.turn, (luma, *others, small)))
                strengths[source.index] = strength(seen)
    assert uprighter is not None  # noqa: S101 - the reader raises if there is no frame
    on_event(Stage("SSIM and VMAF"))
    with scratch_folder() as folder:
        # What is wrong with the source was told when it was compressed.
        reference, _, _ = unchanging(describe_source(versions.info), folder, "")
        extra = [
            _filtered(reference, test, len(seconds), on_event) for test in (versions.mapped, versions.plain)
        ]
    both = extra[0].keys() & extra[1].keys()
    mapped, plain = (
        {name: tuple({**kept, **more}[name]) for name in MEASURES if name in kept or name in both}
        for kept, more in zip(scores, extra, strict=True)
    )
    return Measured(tuple(seconds), mapped, plain, regions, uprighter, strengths)


def _filtered(source: Source, test: Path, num_frames: int, on_event: OnEvent) -> dict[str, list[float]]:
    """Measure with FFmpeg's command; what it cannot measure is left out, with a notice."""
    try:
        wanted = [one for one in _FILTERS if can_measure(one, source.info)]
        found = filter_scores(source, describe_source(probe(test)), wanted, num_frames)
    except InputError as error:
        on_event(Notice(f"no SSIM and VMAF: {error}"))
        return {}
    return {name: values.tolist() for name, values in found.items()}


def describe_encode(
    result: Result, scores: Mapping[str, tuple[float, ...]], seconds: tuple[float, ...]
) -> Encode:
    """Put together what is known of an encode."""
    return Encode(
        quality=result.quality,
        file_bytes=result.output_bytes,
        video_bytes=result.video_bytes,
        bits=bits_of_frames(result.output, seconds),
        scores=scores,
        pooled={name: pool(np.array(values)) for name, values in scores.items()},
    )


def bits_of_frames(path: Path, seconds: tuple[float, ...]) -> tuple[int, ...]:
    """Sum the bytes of the packets of each frame.

    Args:
        path: The encode.
        seconds: When each frame is shown, from the first, rising.
    """
    info = probe(path)
    with open_packets(path) as container:
        stream = container.streams[info.stream_index]
        packets = [(one.pts, one.size) for one in container.demux(stream) if one.size and one.pts is not None]
    if not packets:
        return (0,) * len(seconds)
    packets.sort()
    if len(packets) == len(seconds):
        return tuple(8 * size for _, size in packets)
    # Frames that are never shown (VP8's alternate references) have packets too: they count to the next.
    times = np.array([float((pts - packets[0][0]) * info.time_base) for pts, _ in packets])
    middles = np.append(np.diff(seconds) / 2 + np.array(seconds[:-1]), np.inf)
    sums = np.bincount(np.searchsorted(middles, times), [8.0 * size for _, size in packets], len(seconds))
    return tuple(round(one) for one in sums)
