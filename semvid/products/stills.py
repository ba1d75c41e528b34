"""Compresses many still pictures on all cores."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from semvid.core.config import ImageConfig
from semvid.core.errors import ConfigError, InputError, OutputError, SemvidError
from semvid.core.events import Compressed, Failed, Finished, ImagesEvent, Listed, Notice
from semvid.core.interrupts import finished_step
from semvid.core.map_source import MapSource
from semvid.core.opencv_threads import one_opencv_thread
from semvid.core.results import ImageFailure, ImageResult, ImagesResult
from semvid.core.setting_types import Limits
from semvid.core.settings import or_default
from semvid.core.text import reason
from semvid.core.threads import InTurn, budget_of, limited_threads
from semvid.core.types import FloatArray
from semvid.engine.run import follow
from semvid.importance.registry import importance_from, open_source
from semvid.media.orientation import turn_back
from semvid.media.stills.picture import Picture
from semvid.media.stills.picture_file import LARGEST_PICTURE, open_picture
from semvid.media.writing.claim import more_to_come
from semvid.media.writing.output import check_place, write_whole
from semvid.products.still import CodedStill, code_still
from semvid.products.still_sources import Still, find_stills

JOBS = Limits(1, 256)
_AHEAD = 2
"""Pictures in the making or waiting to be written, for each worker."""


def compress_images(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: ImageConfig | None = None,
    *,
    jobs: int | None = None,
    on_event: Callable[[ImagesEvent], None] | None = None,
) -> ImagesResult:
    """Compress pictures and folders of pictures, several at a time.

    Args:
        sources: Pictures, and folders, of which all pictures are taken, with those in their folders.
        output: A folder; None = beside each source: ``NAME.semvid.jpg``, or a folder ``NAME.semvid``.
        config: Options, the same for all; None = defaults.
        jobs: Pictures at a time, 1..256; None = as many as there are cores. The files are the same with
            any number.
        on_event: Called with every event of ``compress_images_events``, in the calling thread.

    Returns:
        What was done, and what failed: one picture that fails does not stop the others.

    Raises:
        SemvidError: There is nothing to do, or an option is wrong; see ``semvid.core.errors``.
    """
    return follow(compress_images_events(sources, output, config, jobs=jobs), on_event)


def compress_images_events(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: ImageConfig | None = None,
    *,
    jobs: int | None = None,
) -> Generator[ImagesEvent, None, ImagesResult]:
    """Do the work of ``compress_images`` step by step; arguments are the same.

    Yields:
        ``Listed``, then ``Notice``, and ``Compressed`` or ``Failed`` for each picture in the order of the
        sources; ``Finished`` last. Closing the generator early leaves no partial output.
    """
    started = time.monotonic()
    config = or_default(config, ImageConfig)
    if jobs is not None:
        JOBS.check("jobs", jobs)
    found = find_stills([Path(one) for one in sources], None if output is None else Path(output))
    if config.maps.has_file and len(found.stills) > 1:
        raise ConfigError(
            f"maps, boxes and marks in files are for one picture, and there are {len(found.stills)}; "
            "compress each with its own, or give `model`"
        )
    yield Listed(len(found.stills), dict(found.passed_over))
    yield from map(Notice, found.notices)
    done: list[ImageResult] = []
    failed = list(found.unreadable)
    yield from map(Failed, failed)
    num_workers = min(jobs or budget_of(config.threads).cores, max(len(found.stills), 1))
    with (
        limited_threads(config.threads),
        more_to_come(),
        one_opencv_thread(),
        closing(_open_maps(config)) as maps,
    ):
        with _pool(num_workers) as pool:
            for still, coded in _coded(found.stills, config, maps, pool, num_workers):
                try:
                    result = _written(still, coded.result(), config)
                except SemvidError as error:
                    failed.append(ImageFailure(still.source, str(error)))
                    yield Failed(failed[-1])
                else:
                    done.append(result)
                    yield Compressed(result)
        said = maps.finish(len(found.stills))
        if said:
            yield Notice(said)
    result_of_all = ImagesResult(
        tuple(done), tuple(failed), dict(found.passed_over), time.monotonic() - started
    )
    yield Finished(
        len(done), sum(one.quality is None for one in done), len(failed), result_of_all.source_bytes,
        result_of_all.output_bytes, result_of_all.elapsed_seconds,
    )  # fmt: skip
    return result_of_all


def _open_maps(config: ImageConfig) -> MapSource:
    # Every worker runs the network on its own core. Its number of threads does not depend on how many there
    # are, since that could change the last bits of a map.
    return open_source(replace(config.maps, threads=config.maps.threads or 1), 1)


@contextmanager
def _pool(num_workers: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(num_workers, "semvid-still")
    try:
        yield pool
    finally:
        finished_step(lambda: pool.shutdown(cancel_futures=True))


def _coded(
    stills: Sequence[Still], config: ImageConfig, maps: MapSource, pool: ThreadPoolExecutor, num_workers: int
) -> Iterator[tuple[Still, Future[CodedStill]]]:
    """Code pictures in the pool, and yield them in order; few are ahead, since each takes memory."""
    room = _Room(LARGEST_PICTURE)
    pending: deque[tuple[Still, Future[CodedStill]]] = deque()
    for number, still in enumerate(stills):
        pending.append((still, pool.submit(_code, still, number, config, maps, room)))
        if len(pending) >= _AHEAD * num_workers:
            yield pending.popleft()
    while pending:
        yield pending.popleft()


def _code(still: Still, number: int, config: ImageConfig, maps: MapSource, room: _Room) -> CodedStill:
    def map_of(picture: Picture) -> FloatArray:
        return turn_back(importance_from(maps, picture.upright(), number), picture.orientation)

    _check_output(still, config)
    with open_picture(still.source) as image:
        num_pixels = image.width * image.height
    with room.taken(num_pixels):
        try:
            return code_still(still.source, config, map_of, InTurn())
        except MemoryError as error:
            raise InputError(
                f"{still.source} does not fit the free memory; make it smaller, or give fewer `jobs`"
            ) from error


def _check_output(still: Still, config: ImageConfig) -> None:
    # Folders are made when there is something to put into them.
    if still.output.parent.exists():
        check_place(still.output, still.source, overwrite=config.overwrite)


def _written(still: Still, coded: CodedStill, config: ImageConfig) -> ImageResult:
    folder = still.output.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be created: {reason(error)}; choose another `output`"
        ) from error
    check_place(still.output, still.source, overwrite=config.overwrite)
    size = write_whole(still.output, coded.data, overwrite=config.overwrite)
    return ImageResult(still.source, still.output, coded.quality, coded.source_bytes, size, coded.notices)


class _Room:
    """Limits how many pixels are in the making at once: so many pictures need the memory of the largest.

    Args:
        num_pixels: Maximum number; a picture that is larger is made alone.
    """

    def __init__(self, num_pixels: int) -> None:
        self._most = num_pixels
        self._taken = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, num_pixels: int) -> Iterator[None]:
        """Wait until there is room, and take it for the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + num_pixels <= self._most)
            self._taken += num_pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= num_pixels
                self._changed.notify_all()
