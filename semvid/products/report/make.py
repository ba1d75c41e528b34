"""Makes a report of a run, and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, nullcontext
from importlib.metadata import version
from pathlib import Path

import numpy as np

from semvid.core.config import CompressConfig, ExportConfig, MapsConfig
from semvid.core.errors import ConfigError, OutputError, SemvidError
from semvid.core.events import Notice, Stage
from semvid.core.resampling import stretched
from semvid.core.results import Result
from semvid.core.settings import or_default
from semvid.core.text import encodable, visible
from semvid.core.threads import limited_threads
from semvid.core.types import FloatArray
from semvid.engine.job import Job
from semvid.media.drawing import Bgr
from semvid.media.probe import probe
from semvid.media.reading.probe_edited import probe_edited
from semvid.media.writing.claim import Claim
from semvid.media.writing.output import check_place, scratch_folder
from semvid.products.compare.compare import field_notices
from semvid.products.maps import export_maps
from semvid.products.report.data import VERSION, CloseUp, Note, Report, SourceFacts, Spot, Still, Thumbnail
from semvid.products.report.differences import find_differences
from semvid.products.report.measure import (
    Measured,
    OnEvent,
    Versions,
    describe_encode,
    lumas,
    measure,
    read_versions,
)
from semvid.products.report.page import render_page
from semvid.products.report.pictures import Uprighter
from semvid.products.report.plain import match_of, only_progress, plain_encode
from semvid.products.report.settings import command_line, preset_of, settings_table
from semvid.products.report.store import dump_report
from semvid.scores.sources import deinterlaces, describe_source

SUFFIXES = (".html", ".json")
_PARTS, _THUMBNAILS = 5, 12


def make_report(
    result: Result,
    config: CompressConfig | None = None,
    *,
    plain: Result | None = None,
    maps: Path | None = None,
    on_event: OnEvent = lambda event: None,
) -> Report:
    """Compare a run with a plain encode: one of the same CRF, or with ``match="size"`` of the same size.

    It takes one encode, or up to six to find the size, and two passes of measuring. Intermediate files are in
    a temporary folder of the system; nothing is left behind.

    Args:
        result: What ``compress`` returned; source and output must still be there.
        config: The options given to ``compress``; None = defaults.
        plain: What ``plain_encode`` returned; None = make it.
        maps: The sidecar of the run, from ``save_maps``; None = make the maps again. Required if the caller
            supplied the source of maps.
        on_event: Called with ``Stage``, ``Progress`` and ``Notice``.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    config = or_default(config, CompressConfig)
    check_config(config)
    try:
        with limited_threads(config.threads), scratch_folder() as folder:
            return _make(result, config, plain, maps or config.save_maps, folder, on_event)
    except OSError as error:
        if isinstance(error, SemvidError):
            raise
        raise OutputError(f"the report cannot be made: {error.strerror or error}") from error


def check_config(config: CompressConfig) -> None:
    """Raise ConfigError for a run that has nothing to compare."""
    if config.allocation.strength == 0:
        raise ConfigError(
            "a report compares with a plain encode, and `strength=0` is one; "
            "raise `strength` or leave `make_report` out"
        )


def check_report_place(path: Path, source: Path | None, *, overwrite: bool, option: str = "output") -> None:
    """Refuse an output where no report can be written, before any work is done.

    Raises:
        OutputError: Its name ends in neither .html nor .json, or see ``check_place``.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"'{path.suffix or path.name}' is not a report; "
            f"end `{option}` in .html (a page) or .json (for 'semvid report')"
        )
    check_place(path, source, overwrite=overwrite, option=option)


def write_report(
    output: Path | str,
    report: Report,
    *others: Report,
    overwrite: bool = False,
    claim: Claim | None = None,
) -> int:
    """Write a report; returns its size in bytes.

    Args:
        output: Ends in .html for a page that needs nothing else, or in .json for ``load_report``.
        report: What to show.
        others: Of the same source, at other sizes: the page gets a rate-distortion plot. Not for .json.
        overwrite: Replace an existing file.
        claim: The claim on this output, if there is one; its owner releases it.

    Raises:
        OutputError: It cannot be written; nothing is left behind.
        ConfigError: The others do not fit.
    """
    output = Path(output)
    check_report_place(output, None, overwrite=overwrite)
    if output.suffix.lower() == ".json":
        if others:
            raise ConfigError("a .json holds one run; end `output` in .html to show several")
        text = dump_report(report)
    else:
        text = render_page(report, others)
    with nullcontext(claim) if claim is not None else Claim(output, overwrite=overwrite) as place:
        # Names that are not UTF-8 may be in it.
        return place.write(encodable(text).encode())


def _make(
    result: Result,
    config: CompressConfig,
    plain: Result | None,
    maps: Path | None,
    folder: Path,
    on_event: OnEvent,
) -> Report:
    info = probe_edited(result.source, config.edit)
    if maps is None:
        on_event(Stage("maps"))
        # Not as a sidecar, whose maps are a little coarser than the run's.
        maps = folder / "maps.mkv"
        again = ExportConfig(maps=config.maps, temporal=config.temporal, edit=config.edit)
        export_maps(result.source, maps, again, on_event=only_progress(on_event))
    if plain is None:
        on_event(Stage("plain encode"))
        place = folder / f"plain{result.output.suffix}"
        plain = plain_encode(result.source, place, config, result, on_event=on_event)
    sources = describe_source(info), describe_source(probe(result.output))
    for message in field_notices(*sources):
        on_event(Notice(message))
    versions = Versions(
        result.source, result.output, plain.output, MapsConfig(path=maps), info, deinterlaces(*sources)
    )
    measured = measure(versions, on_event)
    stills, closeups, strip = _look(versions, measured, on_event)
    width, height = measured.uprighter.shown_size
    return Report(
        version=VERSION,
        semvid=version("semvid"),
        source=SourceFacts(
            name=visible(result.source.name), num_bytes=result.source_bytes, codec=info.codec, width=width,
            height=height, num_frames=len(measured.seconds), duration_seconds=result.duration_seconds,
        ),
        codec=result.codec,
        preset=preset_of(config),
        seconds=measured.seconds,
        mapped=describe_encode(result, measured.mapped, measured.seconds),
        plain=describe_encode(plain, measured.plain, measured.seconds),
        stills=stills,
        closeups=closeups,
        strip=strip,
        command=command_line(result, config),
        settings=settings_table(config),
        job=Job(result.source, None, result.output, config).without_folders(),
        match=match_of(config),
        trials=result.trials,
    )  # fmt: skip


def spread(num_frames: int, count: int) -> list[int]:
    """Return indices in the middle of ``count`` equal parts; fewer where there are fewer frames."""
    return sorted({(2 * part + 1) * num_frames // (2 * count) for part in range(count)})


def choose_stills(gains: tuple[float, ...], strengths: Mapping[int, float]) -> dict[int, Note]:
    """Choose frames: one of each fifth of the video, and those that gained and lost most.

    Args:
        gains: Of salient PSNR, one a frame; NaN where there is none.
        strengths: How different the encodes look, by frames. The frame of a fifth is that where this is
            largest, or the middle one if nothing is seen in any.
    """
    chosen: dict[int, Note] = {}
    for part in range(_PARTS):
        frames = range(part * len(gains) // _PARTS, (part + 1) * len(gains) // _PARTS)
        if frames:
            best = max(frames, key=lambda index: strengths.get(index, 0.0))
            chosen[best if strengths.get(best) else frames[len(frames) // 2]] = ""
    known = np.array(gains)
    if np.isfinite(known).any():
        best, worst = int(np.nanargmax(known)), int(np.nanargmin(known))
        chosen[worst] = "largest loss" if known[worst] < 0 else "smallest gain"
        chosen[best] = "largest gain" if known[best] > 0 else "smallest loss"
    return dict(sorted(chosen.items()))


def _look(
    versions: Versions, measured: Measured, on_event: OnEvent
) -> tuple[tuple[Still, ...], tuple[CloseUp, ...], tuple[Thumbnail, ...]]:
    """Decode once more, for the pictures."""
    mapped, plain = measured.mapped["salient"], measured.plain["salient"]
    gains = tuple(ours - theirs for ours, theirs in zip(mapped, plain, strict=True))
    notes = choose_stills(gains, measured.strengths)
    regions = measured.regions.found
    strip_frames = spread(len(measured.seconds), _THUMBNAILS)
    wanted = {*notes, *strip_frames, *(one.index for one in regions.values())}
    stills, closeups, strip = [], [], []
    uprighter = measured.uprighter
    on_event(Stage("pictures"))
    with closing(read_versions(versions, on_event)) as triples:
        for source_frame, small, tests in triples:
            index = source_frame.index
            if index not in wanted:
                continue
            wanted.remove(index)
            seconds, importance = measured.seconds[index], uprighter.turn(small)
            source, ours, theirs = map(uprighter.picture, (source_frame, *tests))
            if index in strip_frames:
                strip.append(Thumbnail(seconds, uprighter.thumbnail(source, importance)))
            if index in notes:
                stills.append(Still(
                    index, seconds, notes[index], uprighter.still(source), uprighter.still(theirs),
                    uprighter.still(ours), uprighter.heat(importance),
                    _spots(uprighter, (source, theirs, ours), lumas(source_frame, tests), small),
                ))  # fmt: skip
            for kind, one in regions.items():
                if one.index == index:
                    matters = float(one.cut(stretched(importance, *source.shape[:2])).mean())
                    parts = (uprighter.close_up(each, one) for each in (source, theirs, ours))
                    closeups.append(CloseUp(
                        kind, index, seconds, one.x, one.y, one.width, one.height, one.gain_db, matters,
                        uprighter.where(source, one), *parts,
                    ))  # fmt: skip
            if not wanted:
                break
    return tuple(stills), tuple(sorted(closeups, key=lambda one: one.kind)), tuple(strip)


def _spots(
    uprighter: Uprighter, pictures: tuple[Bgr, Bgr, Bgr], lumas_as_coded: list[FloatArray], small: FloatArray
) -> tuple[Spot, ...]:
    """Find where a difference is seen, and cut it out of the source, the plain encode and semvid's."""
    luma, ours, theirs = map(uprighter.turn, lumas_as_coded)
    height, width = luma.shape
    spots = []
    for one in find_differences(luma, ours, theirs, uprighter.turn(small)):
        view = one.view((width, height))
        spots.append(Spot(
            one.kind, *uprighter.shown_box((one.x, one.y, one.side, one.side)), one.seen, one.gain_db,
            one.importance, uprighter.shown_box(view), *(uprighter.part(each, view) for each in pictures),
        ))  # fmt: skip
    return tuple(spots)
