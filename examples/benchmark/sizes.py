"""Measure how exactly sizes, bit rates and ``match="size"`` are met, and what finding them costs.

    python examples/benchmark/sizes.py [--codecs x264,x265,vp8,vp9,av1] [--lines 180] [--only match,size,rate]
        [--sequences 0]

``match``: every ordinary clip (and DAVIS sequences, with truth masks) against a whole plain encode at CRF 23,
28 and 33 (VP8 and VP9: 28, 34 and 40; AV1: 29, 35 and 41). ``size``: five sizes for each clip, from a fifth
to all of what the encoder's usual quality takes. ``rate``: three bit rates for VP8 and VP9. ``--lines`` makes
the clips smaller first, where time is short. Encodes are counted in frames, since seconds of a shared machine
say little. What is in the result file is not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from common import clips, data_folder, load, save, table
from davis import pack_sequence
from savings import shrunk

import semvid

CRFS = {
    "x264": (23, 28, 33),
    "x265": (23, 28, 33),
    "vp8": (28, 34, 40),
    "vp9": (28, 34, 40),
    "av1": (29, 35, 41),
}
SHARES = (0.2, 0.35, 0.5, 0.7, 1.0)
RATE_SHARES = (0.3, 0.6, 1.0)
PLAIN = semvid.AllocationConfig(strength=0)
PICTURE_ALONE = frozenset({"audio", "subtitle", "data"})


def sources(work: Path, lines: int | None, sequences: int) -> Iterator[tuple[str, Path, semvid.MapsConfig]]:
    """Yield a name, a file and its maps."""
    for clip in clips():
        source = clip if lines is None else shrunk(clip, work / f"{clip.stem}.mkv", lines)
        maps = work / f"{clip.stem}.svmap"
        semvid.export_maps(source, maps)
        yield clip.stem, source, semvid.MapsConfig(path=maps)
    davis = data_folder() / "davis"
    for name in sorted(one.name for one in (davis / "JPEGImages").iterdir())[:sequences]:
        packed = work / f"{name}.mkv"
        pack_sequence(davis / "JPEGImages" / name, packed)
        source = packed if lines is None else shrunk(packed, work / f"{name}-small.mkv", lines)
        yield f"davis-{name}", source, semvid.MapsConfig(path=davis / "Annotations" / name)


def run(
    source: Path, output: Path, config: semvid.CompressConfig
) -> tuple[semvid.Result, list[semvid.Trial]]:
    """Compress, and return what was tried too."""
    tried = []

    def note(event: semvid.Event) -> None:
        if isinstance(event, semvid.Tried):
            tried.append(event.trial)

    return semvid.compress(source, output, config, on_event=note), tried


def counted(tried: list[semvid.Trial], seconds: float) -> dict[str, Any]:
    """Sum up what was tried."""
    return {
        "trials": sum(not one.is_whole for one in tried), "encodes": sum(one.is_whole for one in tried),
        "trial_seconds": sum(one.seconds for one in tried if not one.is_whole), "seconds": seconds,
    }  # fmt: skip


def measure(codec: str, name: str, source: Path, maps: semvid.MapsConfig, kinds: list[str],
            work: Path, record: dict[str, Any], where: str) -> None:  # fmt: skip
    """Measure one source with one codec."""
    base = semvid.CompressConfig(codec=codec, maps=maps, overwrite=True, drop=PICTURE_ALONE)
    output, results = work / f"coded{'.webm' if codec.startswith('vp') else '.mp4'}", record["results"]

    def missing(kind: str, key: object) -> str | None:
        full = f"{kind}/{codec}/{where}/{name}/{key}"
        return None if full in results else full

    for crf in CRFS[codec] if "match" in kinds else ():
        if (key := missing("match", crf)) is None:
            continue
        config = replace(base, rate=semvid.Crf(crf))
        plain, _ = run(source, output, replace(config, allocation=PLAIN))
        made, tried = run(source, output, replace(config, allocation=semvid.AllocationConfig(match="size")))
        guess, _ = run(
            source, output,
            replace(config, allocation=semvid.AllocationConfig(match="size"), probe="none"),
        )  # fmt: skip
        results[key] = {
            "frames": plain.num_frames, "plain": plain.video_bytes, "bytes": made.video_bytes,
            "told": made.plain_bytes, "unmeasured": guess.video_bytes,
            **counted(tried, made.elapsed_seconds),
        }  # fmt: skip
        save("sizes", record)
    wished = [("size", one) for one in SHARES if "size" in kinds]
    if codec.startswith("vp") and "rate" in kinds:
        wished += [("rate", one) for one in RATE_SHARES]
    missing_ones = [(kind, share, key) for kind, share in wished if (key := missing(kind, share))]
    if not missing_ones:
        return
    usual, _ = run(source, output, replace(base, probe="none"))
    for kind, share, key in missing_ones:
        if kind == "size":
            wanted = round(share * usual.output_bytes)
            rate: semvid.Rate = semvid.Size(wanted)
        else:
            wanted = round(share * 8 * usual.video_bytes / usual.duration_seconds)
            rate = semvid.Bitrate(wanted)
        try:
            made, tried = run(source, output, replace(base, rate=rate, probe="none"))
        except semvid.MissedError as error:
            results[key] = {"wanted": wanted, "refused": str(error)}
        else:
            found = made.output_bytes if kind == "size" else 8 * made.video_bytes / made.duration_seconds
            results[key] = {"wanted": wanted, "found": found, "crf": made.quality,
                            **counted(tried, made.elapsed_seconds)}  # fmt: skip
        save("sizes", record)


def summary(record: dict[str, Any]) -> str:
    """Make the tables."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, one in record["results"].items():
        kind, codec, where, name, _ = key.split("/")
        material = "DAVIS, truth" if name.startswith("davis-") else "clips"
        groups.setdefault((kind, codec, where, material), []).append(one)
    rows, matched = [], []
    for (kind, *group), found in sorted(groups.items()):
        if kind == "match":
            for way in ("bytes", "unmeasured"):
                off = 100 * np.array([one[way] / one["plain"] - 1 for one in found])
                matched.append([*group, "measured" if way == "bytes" else "--probe none", len(off),
                                f"{np.median(abs(off)):.1f} %", f"{abs(off).mean():.1f} %",
                                f"{off[abs(off).argmax()]:+.1f} %"])  # fmt: skip
            continue
        done = [one for one in found if "found" in one]
        off = 100 * np.array([one["found"] / one["wanted"] - 1 for one in done])
        rows.append([kind, *group, len(done), len(found) - len(done), f"{np.median(off):+.2f} %",
                     f"{off.min():+.2f} %", f"{off.max():+.2f} %",
                     f"{np.mean([one['trials'] for one in done]):.1f}",
                     f"{np.mean([one['encodes'] for one in done]):.1f}"])  # fmt: skip
    return "\n\n".join([
        table(["codec", "clips", "", "size of plain", "runs", "median", "mean off", "worst"], matched),
        table(["wish", "codec", "clips", "", "runs", "refused", "median", "lowest", "highest", "trials",
               "encodes"], rows),
    ])  # fmt: skip


def main() -> None:
    """Run what is missing, write ``results/sizes.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265,vp8,vp9,av1")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--only", default="match,size,rate")
    parser.add_argument("--sequences", type=int, default=0)
    arguments = parser.parse_args()
    record = load("sizes")
    record.setdefault("results", {})
    where = f"{arguments.lines or 'all'} lines"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        made = list(sources(work, arguments.lines, arguments.sequences))
        for codec in arguments.codecs.split(","):
            for name, source, maps in made:
                measure(codec, name, source, maps, arguments.only.split(","), work, record, where)
                print(codec, name, flush=True)
    print(summary(record))


if __name__ == "__main__":
    main()
