"""Measure what ``match="region"`` saves, if what is told of it is true, and what it costs where it matters.

    python examples/benchmark/savings.py [--codecs x264,x265] [--preset medium] [--lines 180] [--sequences 10]
        [--davis x264,x265] [--only dog,parkour]

Clips: every ordinary clip at CRF 23, 28 and 33, with the maps of ``msroi``. What is told was measured on
parts (``full``, "told" in the record), estimated from parts that a fast preset encodes twice (``quick``, the
default) or predicted (``none``, "estimated"); the truth is a whole plain encode at that CRF. Time is that of
the processor. ``--lines`` makes the clips smaller first, where time is
short. DAVIS: with truth masks and with the maps of ``msroi``, at CRF 23 to 38 (VP8 and VP9: 24 to 54), luma
PSNR of the object against the plain encode at the same CRF, as in ``davis.py``. What is in the result file is
not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import clips, data_folder, load, save, table
from davis import CRFS, luma_frames, pack_sequence, score

import semvid

CLIP_CRFS = (23, 28, 33)
DAVIS_KINDS = ("plain", "truth", "msroi")
REGION, PLAIN = semvid.AllocationConfig(match="region"), semvid.AllocationConfig(strength=0)


def shrunk(source: Path, output: Path, lines: int) -> Path:
    """Make a smaller copy of the picture, nearly without loss."""
    with av.open(str(source)) as reader, av.open(str(output), "w") as writer:
        given = reader.streams.video[0]
        width = round(given.width * lines / given.height / 2) * 2
        made = writer.add_stream(
            "libx264", rate=given.average_rate, options={"crf": "14", "preset": "superfast"}
        )
        made.width, made.height, made.pix_fmt = width, lines, "yuv420p"
        for frame in reader.decode(given):
            smaller = frame.reformat(width, lines, "yuv420p")
            smaller.pict_type = av.video.frame.PictureType.NONE
            writer.mux(made.encode(smaller))
        writer.mux(made.encode())
    return output


def measure_clips(codecs: list[str], preset: str, lines: int | None, record: dict[str, Any]) -> None:
    """Compare what is told with whole plain encodes."""
    results = record.setdefault("clips", {})
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "coded.mkv"
        for clip in clips():
            source = clip if lines is None else shrunk(clip, Path(work) / f"{clip.stem}.mkv", lines)
            maps = Path(work) / f"{clip.stem}.svmap"
            semvid.export_maps(source, maps)
            for codec in codecs:
                for crf in CLIP_CRFS:
                    key = f"{codec}/{preset}/{lines or 'all'} lines/{crf}/{clip.stem}"
                    # Older records have no quick way.
                    if "quick" in results.get(key, {}):
                        continue
                    config = {
                        "codec": codec, "preset": preset, "rate": semvid.Crf(crf), "overwrite": True,
                        "maps": semvid.MapsConfig(path=maps),
                        "drop": frozenset({"audio", "subtitle", "data"}),
                    }  # fmt: skip
                    made, seconds = {}, {}
                    for name, more in (
                        ("told", {"allocation": REGION, "probe": "full"}),
                        ("quick", {"allocation": REGION, "probe": "quick"}),
                        ("estimated", {"allocation": REGION, "probe": "none"}),
                        ("plain", {"allocation": PLAIN}),
                    ):
                        began = time.process_time()
                        made[name] = semvid.compress(source, output, semvid.CompressConfig(**config, **more))
                        seconds[name] = round(time.process_time() - began, 3)
                    told, plain = made["told"], made["plain"]
                    results[key] = {
                        "frames": told.num_frames, "bytes": told.output_bytes, "plain": plain.output_bytes,
                        "told": told.saving, "quick": made["quick"].saving,
                        "estimated": made["estimated"].saving,
                        "quick_error": made["quick"].saving_error,
                        "true": 1 - told.output_bytes / plain.output_bytes,
                        "seconds": seconds,
                    }  # fmt: skip
                    save("savings", record)
            print(clip.stem, flush=True)


def measure_davis(codec: str, num_sequences: int, only: set[str], record: dict[str, Any]) -> None:
    """Compare sizes and the object's PSNR with plain encodes at the same CRF."""
    results, davis = record.setdefault(davis_key(codec), {}), data_folder() / "davis"
    with tempfile.TemporaryDirectory() as work:
        clip, coded, network = (Path(work) / name for name in ("clip.mkv", "coded.mkv", "maps.svmap"))
        for sequence in sorted(one.name for one in (davis / "JPEGImages").iterdir())[:num_sequences]:
            if only and sequence not in only:
                continue
            points = results.setdefault(sequence, {})
            wanted = [
                (crf, kind) for crf in CRFS[codec] for kind in DAVIS_KINDS if f"{crf}/{kind}" not in points
            ]
            if not wanted:
                continue
            pack_sequence(davis / "JPEGImages" / sequence, clip)
            semvid.export_maps(clip, network, semvid.ExportConfig(overwrite=True))
            frames, folder = luma_frames(clip), davis / "Annotations" / sequence
            masks = [cv2.imread(str(one), cv2.IMREAD_GRAYSCALE) > 127 for one in sorted(folder.glob("*.png"))]
            for crf, kind in wanted:
                is_plain = kind == "plain"
                config = semvid.CompressConfig(
                    codec=codec, rate=semvid.Crf(crf), overwrite=True, probe=None if is_plain else "none",
                    maps=semvid.MapsConfig(path=network if kind == "msroi" else folder),
                    allocation=PLAIN if is_plain else REGION,
                )  # fmt: skip
                made = semvid.compress(clip, coded, config)
                points[f"{crf}/{kind}"] = {
                    "bytes": made.output_bytes, **score(frames, luma_frames(coded), masks)
                }  # fmt: skip
                save("savings", record)
            print(codec, sequence, flush=True)


def davis_key(codec: str) -> str:
    """Return where the record has what an encoder did to DAVIS."""
    return "davis" if codec == "x264" else f"davis {codec}"


def summary(record: dict[str, Any]) -> str:
    """Make the tables."""
    rows = []
    clips_found = record.get("clips", {})
    for group in sorted({key.rpartition("/")[0] for key in clips_found}):
        found = [one for key, one in clips_found.items() if key.rpartition("/")[0] == group]
        for one in ("told", "quick", "estimated"):
            if any(one not in each for each in found):
                continue
            errors = np.array([100 * (each[one] - each["true"]) for each in found])
            saved = 100 * np.mean([each["true"] for each in found])
            spent = [each["seconds"] for each in found if "seconds" in each]
            time_taken = ""
            if spent:
                least = sum(each["estimated"] for each in spent)
                time_taken = f"x{sum(each[one] for each in spent) / least:.2f}"
            rows.append([group, one, f"{saved:.1f} %", f"{np.abs(errors).mean():.1f}",
                         f"{errors[np.abs(errors).argmax()]:+.1f}", time_taken])  # fmt: skip
    parts = [table(["clips", "saving", "true", "off by, points", "worst", "time"], rows)]
    rows = []
    for codec, kind in product(CRFS, DAVIS_KINDS[1:]):
        rows += davis_rows(record.get(davis_key(codec), {}), codec, kind)
    header = ["DAVIS, maps", "CRF", "sequences", "size", "object", "worst", "whole"]
    return "\n\n".join([*parts, table(header, rows)])


def davis_rows(results: dict[str, Any], codec: str, kind: str) -> list[list[object]]:
    """Make the rows of an encoder and a kind of maps."""
    rows: list[list[object]] = []
    for crf in CRFS[codec]:
        found = [
            (each[f"{crf}/{kind}"], each[f"{crf}/plain"])
            for each in results.values()
            if f"{crf}/{kind}" in each
        ]
        if found:
            change = [100 * (one["bytes"] / plain["bytes"] - 1) for one, plain in found]
            lost = [one["object_psnr"] - plain["object_psnr"] for one, plain in found]
            whole = [one["psnr"] - plain["psnr"] for one, plain in found]
            rows.append([
                f"{codec}, {kind}", crf, len(found), f"{np.mean(change):+.1f} %",
                f"{np.mean(lost):+.2f} dB", f"{min(lost):+.2f} dB", f"{np.mean(whole):+.2f} dB",
            ])  # fmt: skip
    return rows


def main() -> None:
    """Run what is missing, write ``results/savings.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--sequences", type=int, default=10)
    parser.add_argument("--davis", default="x264", help="encoders for DAVIS")
    parser.add_argument("--only", default="", help="names of sequences; default: all")
    arguments = parser.parse_args()
    record = load("savings")
    if arguments.codecs:
        measure_clips(arguments.codecs.split(","), arguments.preset, arguments.lines, record)
    for codec in filter(None, arguments.davis.split(",")):
        measure_davis(codec, arguments.sequences, set(filter(None, arguments.only.split(","))), record)
    print(summary(record))


if __name__ == "__main__":
    main()
