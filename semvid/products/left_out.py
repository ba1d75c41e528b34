"""Encodes without a map where it was measured that one costs more than it saves."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.events import Event, Notice, Stage
from semvid.core.results import Result
from semvid.engine.job import Job
from semvid.engine.run import ToldOnce, passed_on
from semvid.products.encode import LosingMapError, encode_events

if TYPE_CHECKING:
    from semvid.engine.plain_size import PlainSize

_STAGE = "without a map"


def or_without_map(
    events: Generator[Event, None, Result], job: Job, preview_size: tuple[int, int] | None
) -> Generator[Event, None, Result]:
    """Do what a run does, and if it ends with ``LosingMapError``, encode without a map instead."""
    started, told = time.monotonic(), ToldOnce()
    try:
        return (yield from passed_on(events, told.is_new))
    except LosingMapError as error:
        losing = error
    config = without_map(job.config)
    # The maps that the run was to save are whole, and get their name with the output.
    with losing.others:
        yield Notice(
            f"a map does not pay here: with one the video has {losing.video_bytes} bytes, without one "
            f"{losing.plain_bytes}, and is as good where it matters; it is encoded without"
        )
        yield Stage(_STAGE)
        encoded = encode_events(
            job.source, job.output, config, find_codec(config.codec).coding(config),
            span=job.span, preview_size=preview_size,
        )  # fmt: skip
        result = yield from passed_on(encoded, told.is_new)
    return replace(
        result, elapsed_seconds=time.monotonic() - started, map_left_out=True,
        plain_bytes=result.output_bytes, saving=0.0,
    )  # fmt: skip


def size_without_map(
    job: Job, wish: PlainSize, preview_size: tuple[int, int] | None
) -> Generator[Event, None, Result]:
    """Write the plain encode that a run was to be as large as: what matters is better there."""
    config, plain = job.config, without_map(job.config)
    yield Notice(
        f"a map does not pay here: with one what matters has {wish.gain:+.2f} dB in as many bytes; "
        "the video is encoded without"
    )
    yield Stage(_STAGE)
    encoded = encode_events(
        # Maps that are to be saved are saved all the same; they are in a sidecar by now.
        job.source, job.output, config if config.save_maps else plain, find_codec(plain.codec).coding(plain),
        span=job.span, preview_size=preview_size, recording=wish.plain_recording,
    )  # fmt: skip
    result = yield from passed_on(encoded, ToldOnce(has_started=True).is_new)
    return replace(result, map_left_out=True, plain_bytes=result.output_bytes, saving=None, gain_db=0.0)


def without_map(config: CompressConfig) -> CompressConfig:
    """Return the config of a plain encode at the same quality, or the nearest that takes no map."""
    from semvid.engine.probe import plain_config, whole_quality

    return replace(whole_quality(plain_config(config))[0], overwrite=config.overwrite)
