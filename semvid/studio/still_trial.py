"""Tries a photograph: our JPEG, and a plain one of as many bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.codecs.jpeg.lossless import bare_jpeg
from semvid.codecs.jpeg.writer import insert_segments, progressive
from semvid.core.config import ImageConfig
from semvid.core.errors import InputError, MissedError
from semvid.core.events import Notice, Stage
from semvid.core.records import dataclass
from semvid.core.resampling import stretched
from semvid.core.text import visible
from semvid.core.threads import thread_budget
from semvid.core.types import FloatArray
from semvid.importance.registry import importance_of
from semvid.media.orientation import turn_back
from semvid.media.stills.picture import read_picture
from semvid.products.still import code_still, still_tags
from semvid.products.still_report.coders import libjpeg_turbo, lowest, plain_at_size, sampling_of
from semvid.scores.stills import psnr_scores
from semvid.scores.weighted import IMPORTANT

MOST_PIXELS = 60_000_000
"""Of a photograph that is tried: 60 megapixels take 2.5 GB, and half a minute."""
_SOURCE_QUALITY, _FINEST = 95, 100
_FINER = 3
"""About so much finer is a plain JPEG that is as good where it matters."""


@dataclass(frozen=True, slots=True)
class StillSide:
    """One of the two JPEGs."""

    path: Path
    num_bytes: int
    """Of the file, metadata included."""
    quality: float | None
    """On the scale of plain JPEG; None = the source, copied without loss."""
    scores: dict[str, float]
    """PSNR of luma in dB by ``salient``, ``background`` and ``whole``; NaN where there is no such area."""


@dataclass(frozen=True, slots=True)
class StillTrial:
    """A photograph as it would be written, and what to compare it with."""

    size: tuple[int, int]
    """``(width, height)`` of the files as they are shown, upright."""
    source: Path
    """The photograph as a JPEG of quality 95."""
    source_bytes: int
    """Of the file it came from."""
    mapped: StillSide
    plain: StillSide | None
    """None = the source was copied, and there is nothing to compare."""
    important_share: float
    """Share of the area where importance exceeds a half."""


@dataclass(frozen=True, slots=True)
class AsGood:
    """How large a plain JPEG is that is as good as ours."""

    measure: str
    """The score that both have: ``salient``, or ``whole`` where nothing matters by more than a half."""
    num_bytes: int | None
    """Of the file; None = even at quality 100 it is not as good."""


class _Watched(Executor):
    """Does work as another executor does, until the trial is called off.

    Args:
        pool: Does it.
        check: Raises if the trial is called off.
    """

    def __init__(self, pool: Executor, check: Callable[[], None]) -> None:
        self._pool, self._check = pool, check

    def submit(self, work: Callable[..., Any], /, *given: Any, **options: Any) -> Future[Any]:
        self._check()
        return self._pool.submit(work, *given, **options)

    def map(
        self,
        fn: Callable[..., Any],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator[Any]:
        self._check()
        return self._pool.map(fn, *iterables, timeout=timeout, chunksize=chunksize)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def still_trial_events(
    source: Path, config: ImageConfig, folder: Path, check: Callable[[], None] = lambda: None
) -> Generator[Stage | Notice | StillTrial | AsGood, None, None]:
    """Encode a photograph as it would be, and as a plain JPEG (libjpeg-turbo) in at least as many bytes.

    Args:
        source: The photograph.
        config: How it would be compressed.
        folder: Where files go.
        check: Called now and then; raises if the trial is called off.

    Yields:
        ``Stage`` and ``Notice``; ``StillTrial``; at last ``AsGood``, unless there is nothing to compare.
        Closing the generator ends the trial.

    Raises:
        SemvidError: See ``code_still``; or it is too large to be tried.
    """
    yield Stage("finding what matters")
    picture = read_picture(source)
    if picture.pixels.shape[0] * picture.pixels.shape[1] > MOST_PIXELS:
        raise InputError(
            f"{visible(source.name)} has more than {MOST_PIXELS // 10**6} megapixels, the most that are "
            "tried; encode it without a trial"
        )
    importance, said = importance_of(picture.upright(), config.maps)
    yield from map(Notice, said)
    stored = turn_back(importance, picture.orientation)
    yield Stage("our JPEG")
    try:
        pool = _Watched(thread_budget().pool("semvid-still-part"), check)
        with_map = code_still(source, config, lambda _: stored, pool)
    except MissedError as error:
        what = str(error).partition(";")[0].replace(str(source), visible(source.name))
        raise MissedError(f"{what}; wish for less, or keep it as it is") from error
    yield from map(Notice, with_map.notices)
    shown = picture.within(config.max_edge)
    pixels, matters = shown.pixels, stretched(stored, *shown.pixels.shape[:2])
    tags, _ = still_tags(shown, config)
    height, width = shown.upright().shape[:2]

    def side(name: str, data: bytes, quality: float | None) -> StillSide:
        path = folder / name
        path.write_bytes(data)
        return StillSide(path, len(data), quality, _scores(data, pixels, matters))

    mapped, plain = side("ours.jpg", with_map.data, with_map.quality), None
    bare = _bare(with_map.data)
    sampling = sampling_of(bare)
    if with_map.quality is not None:
        yield Stage("a plain JPEG of as many bytes")
        # Ours has finer tables than a plain one of as many bytes.
        near = round(0.9 * with_map.quality)
        rival = plain_at_size(pixels, len(bare), sampling, is_progressive=config.progressive, near=near)
        plain = side("plain.jpg", insert_segments(rival.data, tags), rival.quality)
    whole = folder / "source.jpg"
    whole.write_bytes(insert_segments(_bare(libjpeg_turbo(pixels, _SOURCE_QUALITY, "4:4:4")), tags))
    share = float((matters > IMPORTANT).mean())
    yield StillTrial((width, height), whole, with_map.source_bytes, mapped, plain, share)
    if plain is None:
        return
    yield Stage("how large a plain JPEG is that is as good")
    measure = "whole" if math.isnan(mapped.scores["salient"]) else "salient"
    wanted, known = mapped.scores[measure], plain.scores[measure]

    def is_enough(data: bytes) -> bool:
        check()
        return _scores(data, pixels, matters)[measure] >= wanted

    quality, found = lowest(
        lambda tried: _bare(libjpeg_turbo(pixels, tried, sampling)),
        is_enough,
        near=rival.quality + (_FINER if known < wanted else 0),
    )
    if config.progressive:
        found = progressive(found)
    is_there = quality < _FINEST or is_enough(found)
    yield AsGood(measure, len(insert_segments(found, tags)) if is_there else None)


def _scores(data: bytes, pixels: NDArray[np.uint8], matters: FloatArray) -> dict[str, float]:
    with Image.open(io.BytesIO(data)) as image:
        test = np.asarray(image.convert("L" if pixels.ndim == 2 else "RGB"))
    return psnr_scores(pixels, test, matters)


def _bare(data: bytes) -> bytes:
    bare = bare_jpeg(data)
    assert bare is not None  # noqa: S101 - every viewer shows what was coded here
    return bare
