"""Measure how near to the score that was asked for an encode comes, on all frames, and what finding it takes.

    python examples/benchmark/targets.py [--codecs x264] [--preset fast] [--lines 180] [--clips NAME,...]

Every ordinary clip, made smaller first, with the maps of ``msroi``. An encode is found on parts of a video;
here it is scored on all frames, by ``semvid.compare`` as anybody would (it has no VMAF of what matters).
``gain`` is by how much the first whole encode was better than what its parts told, in the unit of the score,
the usual gain included already. What is in the result file is not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from common import clips, load, save, table
from savings import shrunk

import semvid
from semvid.core.errors import MissedError
from semvid.core.events import Chosen, Tried
from semvid.core.types import AnalysedFrame
from semvid.engine.run import open_run
from semvid.engine.stages import pipeline
from semvid.media.reading.reader import VideoReader
from semvid.scores.parts import PartScorer

WISHES: tuple[tuple[str, type[Any], tuple[float, ...]], ...] = (
    ("VMAF", semvid.Vmaf, (85, 90, 95)),
    ("XPSNR", semvid.Xpsnr, (34,)),
    ("PSNR of what matters", semvid.RegionPsnr, (35, 40)),
    ("VMAF of what matters", semvid.RegionVmaf, (85, 93)),
)
BARS = {"VMAF": 0.5, "XPSNR": 0.2, "PSNR of what matters": 0.2, "VMAF of what matters": 0.5}


def frames_of(path: Path) -> Iterator[semvid.Frame]:
    """Decode the picture of a video."""
    with VideoReader(path) as reader:
        reader.keep(())
        yield from (one for one in reader.read() if isinstance(one, semvid.Frame))


def whole_score(source: Path, coded: Path, rate: Any, folder: Path) -> float:
    """Score all frames of an encode."""
    measure = rate.MEASURE
    if measure != "region-vmaf":
        metric, name = ("weighted", "salient") if measure == "region-psnr" else (measure, measure)
        return semvid.compare(source, coded, semvid.CompareConfig(metrics=(metric,))).pooled[name].mean
    folder.mkdir(exist_ok=True)
    with open_run(source, semvid.TemporalConfig()) as run:
        run.reader.keep(())
        run.open_maps(semvid.MapsConfig())
        scorer = PartScorer(folder, measure, run.reader.info.frame_rate or Fraction(25))
        with pipeline(run.reader, run.analyse) as items:
            for one in items:
                if isinstance(one, AnalysedFrame):
                    scorer.add(one.frame, one.importance, 0)
    scorer.finish()
    found = scorer.score([frames_of(coded)])
    return found.mean(found.target, [1])


def run(source: Path, codec: str, preset: str, rate: Any, work: Path) -> dict[str, Any]:
    """Compress to a score, and measure what came of it."""
    events: list[semvid.Event] = []
    output = work / "coded.mkv"
    config = semvid.CompressConfig(codec=codec, preset=preset, rate=rate, overwrite=True, probe="none",
                                   drop=frozenset({"audio", "subtitle", "data"}))  # fmt: skip
    started = time.monotonic()
    try:
        result = semvid.compress(source, output, config, on_event=events.append)
    except MissedError as error:
        return {"missed": str(error), "best": error.best and error.best.score}
    seconds = time.monotonic() - started
    tried = [one.trial for one in events if isinstance(one, Tried)]
    expected = next(one.trial.score for one in events if isinstance(one, Chosen))
    encodes = [one for one in tried if one.is_whole]
    return {
        "score": whole_score(source, output, rate, work / "scores"), "told": result.score,
        "quality": result.quality, "bytes": result.output_bytes, "probes": len(tried) - len(encodes),
        "encodes": len(encodes), "gain": encodes[0].score - expected, "seconds": seconds,
        "encode_seconds": encodes[-1].seconds,
    }  # fmt: skip


def summary(record: dict[str, Any]) -> str:
    """Make the table."""
    rows = []
    for codec in sorted({key.partition("/")[0] for key in record.get("runs", {})}):
        for name, _, values in WISHES:
            found = [
                (one, value)
                for value in values
                for key, one in record["runs"].items()
                if key.startswith(f"{codec}/") and f"/{name} {value}/" in key
            ]
            done = [(one, value) for one, value in found if "score" in one]
            if not done:
                continue
            off = np.array([one["score"] - value for one, value in done])
            rows.append([
                codec, name, len(done), len(found) - len(done), f"{np.abs(off).mean():.2f}",
                f"{off[np.abs(off).argmax()]:+.2f}", f"{np.mean(np.abs(off) <= BARS[name]):.0%}",
                f"{np.mean([one['probes'] for one, _ in done]):.1f}", max(one["probes"] for one, _ in done),
                f"{np.mean([one['encodes'] for one, _ in done]):.1f}",
                f"{np.mean([one['gain'] for one, _ in done]):+.2f}",
            ])  # fmt: skip
    header = ["codec", "score", "runs", "out of reach", "off by", "worst", "within the bar", "probes", "most",
              "encodes", "gain"]  # fmt: skip
    return table(header, rows)


def main() -> None:
    """Run what is missing, write ``results/targets.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--lines", type=int, default=180)
    parser.add_argument("--clips", help="Names that begin like this, separated by commas; default: all.")
    parser.add_argument("--wishes", help='As in "VMAF 90,PSNR of what matters 35"; default: all.')
    arguments = parser.parse_args()
    record = load("targets")
    results = record.setdefault("runs", {})
    for clip in clips():
        if arguments.clips and not clip.name.startswith(tuple(arguments.clips.split(","))):
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            source = shrunk(clip, work / f"{clip.stem}.mkv", arguments.lines)
            for codec in arguments.codecs.split(","):
                for name, kind, values in WISHES:
                    for value in values:
                        preset = arguments.preset if codec.startswith("x26") else None
                        key = f"{codec}/{preset}/{arguments.lines} lines/{name} {value}/{clip.stem}"
                        if arguments.wishes and f"{name} {value}" not in arguments.wishes.split(","):
                            continue
                        if key not in results:
                            results[key] = run(source, codec, preset, kind(value), work)
                            save("targets", record)
        print(clip.stem, flush=True)
    print(summary(record))


if __name__ == "__main__":
    main()
