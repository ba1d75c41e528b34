"""Measures what maps buy on the user's own clips: a whole folder of them, and it can be interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av

from semvid.codecs.base.codec import Codec
from semvid.codecs.registry import find_codec
from semvid.core.config import METRICS, CompareConfig, CompressConfig, MapsConfig
from semvid.core.errors import ConfigError, OutputError, SemvidError
from semvid.core.events import Notice
from semvid.core.plain import to_plain
from semvid.core.rate import Crf
from semvid.core.setting_types import Limits
from semvid.core.settings import or_default
from semvid.core.text import counted, encodable, setting
from semvid.core.threads import limited_threads
from semvid.importance.registry import open_source
from semvid.media.writing.claim import Claim
from semvid.media.writing.output import check_place, scratch_folder
from semvid.products.bench.data import VERSION, Bench, BenchClip
from semvid.products.bench.frames import pack_pictures
from semvid.products.bench.material import Clip, find_clips, pictures_in
from semvid.products.bench.measure import OnEvent, measure_clip, unmeasured
from semvid.products.bench.page import render_bench
from semvid.products.bench.store import Record
from semvid.products.bench.summary import to_csv
from semvid.products.report.settings import preset_of, settings_table
from semvid.scores.bd_rate import LEAST_POINTS, USUAL_POINTS

QUALITIES: Mapping[str, tuple[float, ...]] = {
    "x264": (23, 28, 33, 38), "x265": (23, 28, 33, 38), "vp8": (24, 34, 44, 54), "vp9": (24, 34, 44, 54),
}  # fmt: skip
"""Defaults, in the CRF of each codec."""
SUFFIXES = (".html", ".json", ".csv")
FRAME_RATE = Fraction(24)
"""Default of folders of pictures."""
_FRAME_RATES = Limits(1, 240)


def bench(
    folder: Path | str,
    output: Path | str,
    config: CompressConfig | None = None,
    *,
    masks: Path | str | None = None,
    qualities: Sequence[float] | None = None,
    metrics: tuple[str, ...] = METRICS,
    frame_rate: Fraction = FRAME_RATE,
    on_event: OnEvent = lambda event: None,
) -> Bench:
    """Encode all clips of a folder with maps and without, at several qualities, and compare at equal quality.

    Every finished encode is kept in a record, a JSON file beside the output; the same call goes on there.

    Args:
        folder: Holds videos, and folders of numbered pictures, each of them one clip.
        output: Where to write a page (.html), the record (.json), or a table of all encodes (.csv).
        config: Options of the encodes, but for ``rate``; None = defaults. ``overwrite`` is for the output;
            a record is always added to.
        masks: A folder with what matters in the clips, named like them: folders of PNG, grey videos, or
            anything else that ``maps.path`` reads. None = what matters is judged by the maps.
        qualities: CRFs; None = ``QUALITIES``.
        metrics: As in ``CompareConfig``.
        frame_rate: Of folders of pictures, in frames per second.
        on_event: Called with ``Stage``, ``Progress`` and ``Notice``.

    Returns:
        All that was measured, by earlier calls too if their options were the same. Clips that cannot be
        measured are named in it, unless none can.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    output, config = Path(output), or_default(config, CompressConfig)
    masks = None if masks is None else Path(masks)
    codec = _check_config(config)
    chosen = _check_qualities(config, codec, qualities)
    CompareConfig(metrics=metrics)
    _FRAME_RATES.check("frame_rate", float(frame_rate))
    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"'{output.suffix or output.name}' holds no benchmark; "
            "end `output` in .html (a page), .json or .csv"
        )
    clips, told = find_clips(Path(folder), masks)
    for message in told:
        on_event(Notice(message))
    is_record = output.suffix.lower() == ".json"
    check_place(output, None, overwrite=config.overwrite or is_record)
    with limited_threads(config.threads), ExitStack() as stack:
        claim = stack.enter_context(Claim(output, overwrite=config.overwrite or is_record))
        place = output.with_suffix(".json")
        kept = claim if is_record else stack.enter_context(Claim(place, overwrite=True))
        record = Record(place)
        measured, failed = _measure_all(clips, record, kept, config, chosen, metrics, frame_rate, on_event)
        found = Bench(
            VERSION, version("semvid"), codec.name, preset_of(config), chosen,
            tuple(row for row in settings_table(config) if row[0] != codec.scale.name), measured, failed,
        )  # fmt: skip
        kept.write(record.dump())
        if not is_record:
            text = to_csv(found) if output.suffix.lower() == ".csv" else render_bench(found)
            claim.write(encodable(text).encode())
    return found


def _measure_all(
    clips: list[Clip],
    record: Record,
    claim: Claim,
    config: CompressConfig,
    qualities: tuple[float, ...],
    metrics: tuple[str, ...],
    frame_rate: Fraction,
    on_event: OnEvent,
) -> tuple[tuple[BenchClip, ...], tuple[tuple[str, str], ...]]:
    def keep(one: BenchClip) -> None:
        record.clips[one.key] = one
        claim.write(record.dump(), is_last=False)

    measured: list[BenchClip] = []
    failed: list[tuple[str, str]] = []
    first: SemvidError | None = None
    for clip in clips:
        try:
            with scratch_folder() as folder:
                source = clip.path
                if source.is_dir():
                    source = folder / "pictures.mkv"
                    pack_pictures(pictures_in(clip.path), source, frame_rate)
                key = _key(clip, config, metrics, frame_rate)
                one = record.clips.get(key) or unmeasured(
                    key, clip.name, source, has_masks=clip.masks is not None
                )
                if clip.masks is not None:
                    # Masks that do not fit are told before any work is done.
                    open_source(MapsConfig(path=clip.masks), one.num_frames).close()
                one = measure_clip(
                    one, source, clip.masks, qualities, config, metrics, folder, keep, on_event
                )
        except OutputError:
            raise
        except SemvidError as error:
            failed.append((clip.name, str(error)))
            on_event(Notice(f"{clip.name} is left out: {error}"))
            first = first or error
            continue
        encodes = tuple(each for each in one.encodes if each.quality in qualities)
        measured.append(replace(one, name=clip.name, encodes=encodes))
    if first is not None and not measured:
        raise first
    return tuple(measured), tuple(failed)


def _check_config(config: CompressConfig) -> Codec:
    codec = find_codec(config.codec)
    if codec.scale.kind is not Crf:
        raise ConfigError(
            f"{setting('codec', config.codec)} has no CRF; a benchmark is of encoders that have one: "
            f"{', '.join(QUALITIES)}"
        )
    if config.rate is not None:
        raise ConfigError("a benchmark sets the rate of every encode; leave it out, and give `qualities`")
    if config.maps.has_file or config.save_maps is not None:
        raise ConfigError(
            "a benchmark makes the maps of every clip by a model; leave files of maps out, and give a folder "
            "of `masks` to say what matters"
        )
    if config.allocation.strength == 0:
        raise ConfigError("a strength of 0 is the plain encode that a benchmark compares with; raise it")
    return codec


def _check_qualities(
    config: CompressConfig, codec: Codec, given: Sequence[float] | None
) -> tuple[float, ...]:
    chosen = tuple(sorted({float(one) for one in (given or QUALITIES[codec.name])}))
    for one in chosen:
        # It knows its range, and options that do not go together.
        codec.coding(replace(config, rate=Crf(one)))
    if len(chosen) < LEAST_POINTS:
        raise ConfigError(
            f"`qualities` has {counted(len(chosen), 'CRF')}: a curve needs {LEAST_POINTS} at least, and "
            f"{USUAL_POINTS} are usual; give more"
        )
    return chosen


def _key(clip: Clip, config: CompressConfig, metrics: tuple[str, ...], frame_rate: Fraction) -> str:
    """Return what tells apart clips that were measured differently."""
    model = Path(config.maps.chosen_model)
    facts = [
        version("semvid"), av.__version__, clip.name, _state(clip.path),
        clip.masks and _state(clip.masks), model.is_file() and _state(model), metrics, str(frame_rate),
        to_plain(replace(config, overwrite=False)),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _state(path: Path) -> list[int]:
    """Return number, bytes and newest time of a file, or of those in a folder."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    found = [one.stat() for one in files]
    return [len(found), sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)]
