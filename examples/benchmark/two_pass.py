"""Measure if two passes hit the bit rate, and if what they write is as good as at a CRF.

    python examples/benchmark/two_pass.py [--codecs x264,x265] [--sequences 3] [--parts clips,davis]

Clips: every ordinary clip, its first ten seconds at 270 lines, ``veryfast``, at the bit rates that a plain
encode has at CRF 23 and 30; without a map and with those of ``msroi``. Rates below 100 kbit/s are searched by
the CRF, not met in two passes, and counted apart. DAVIS: with truth masks and the
default offsets at CRF 23, 30 and 36, and at the same sizes in two passes, with offsets of both kinds
(``region``: 0 to ``coarsest``; ``size``: on both sides of 0). PSNR is of luma, whole and of the object, and
compared at equal size, for which the curve over the CRFs is interpolated. What is in the result file is not
measured again.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import clips, data_folder, load, save, table
from davis import luma_frames, pack_sequence, score

import semvid
from semvid.core.config import Match

CRFS, CLIP_CRFS = (23, 30, 36), (23, 30)
LINES, SECONDS, PRESET = 270, 10, "veryfast"
LOWEST = 100_000
PLAIN = semvid.AllocationConfig(strength=0)


def shortened(source: Path, output: Path) -> Path:
    """Make a smaller copy of the first seconds, nearly without loss."""
    with av.open(str(source)) as reader, av.open(str(output), "w") as writer:
        given = reader.streams.video[0]
        width = round(given.width * LINES / given.height / 2) * 2
        options = {"crf": "14", "preset": "superfast"}
        made = writer.add_stream("libx264", rate=given.average_rate, options=options)
        made.width, made.height, made.pix_fmt = width, LINES, "yuv420p"
        for frame in reader.decode(given):
            if frame.time is not None and frame.time >= SECONDS:
                break
            smaller = frame.reformat(width, LINES, "yuv420p")
            smaller.pict_type = av.video.frame.PictureType.NONE
            writer.mux(made.encode(smaller))
        writer.mux(made.encode())
    return output


def with_offsets(config: semvid.CompressConfig, match: Match) -> semvid.CompressConfig:
    """Return options with offsets of one kind; those of ``size`` are left as the rate model has them."""
    allocation = semvid.AllocationConfig(match=match)
    has_no_search = match == "region" or isinstance(config.rate, semvid.Bitrate)
    return replace(config, allocation=allocation, probe=config.probe if has_no_search else "none")


def encode(source: Path, output: Path, config: semvid.CompressConfig) -> dict[str, Any]:
    """Encode, and return what counts."""
    told: list[str] = []

    def note(event: semvid.Event) -> None:
        if isinstance(event, semvid.Stage | semvid.Notice):
            told.append(event.name if isinstance(event, semvid.Stage) else event.message)

    result = semvid.compress(source, output, config, on_event=note)
    seconds = result.duration_seconds
    return {
        "bytes": result.video_bytes, "bits_per_second": 8 * result.video_bytes / seconds,
        "frames": result.num_frames, "seconds": round(result.elapsed_seconds, 2), "told": told,
    }  # fmt: skip


def measure_clips(codecs: list[str], record: dict[str, Any]) -> None:
    """Compare the bit rates that come out with those asked for, with maps and without."""
    results = record.setdefault("clips", {})
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "coded.mkv"
        for clip in clips():
            keys = {(codec, crf): f"{codec}/{crf}/{clip.stem}" for codec in codecs for crf in CLIP_CRFS}
            if all(key in results for key in keys.values()):
                continue
            source, maps = shortened(clip, Path(work) / "clip.mkv"), Path(work) / "maps.svmap"
            semvid.export_maps(source, maps, semvid.ExportConfig(overwrite=True))
            for (codec, crf), key in keys.items():
                if key in results:
                    continue
                plain = semvid.CompressConfig(
                    codec=codec, preset=PRESET, rate=semvid.Crf(crf), overwrite=True, allocation=PLAIN,
                    maps=semvid.MapsConfig(model="spectral"), drop=frozenset({"audio", "subtitle", "data"}),
                )  # fmt: skip
                point = {"crf": encode(source, output, plain)}
                asked = round(point["crf"]["bits_per_second"])
                at_rate = replace(plain, rate=semvid.Bitrate(asked))
                mapped = replace(
                    at_rate, allocation=semvid.AllocationConfig(), maps=semvid.MapsConfig(path=maps)
                )
                point["plain"] = encode(source, output, at_rate)
                point["maps"] = encode(source, output, mapped)
                results[key] = {"asked": asked, **point}
                save("two_pass", record)
            print(clip.stem, flush=True)


def measure_davis(codecs: list[str], num_sequences: int, record: dict[str, Any]) -> None:
    """Compare PSNR with that at a CRF, at equal size."""
    results, davis = record.setdefault("davis", {}), data_folder() / "davis"
    with tempfile.TemporaryDirectory() as work:
        clip, coded = Path(work) / "clip.mkv", Path(work) / "coded.mkv"
        for sequence in sorted(one.name for one in (davis / "JPEGImages").iterdir())[:num_sequences]:
            for codec in codecs:
                key = f"{codec}/{sequence}"
                if key in results:
                    continue
                pack_sequence(davis / "JPEGImages" / sequence, clip)
                frames, folder = luma_frames(clip), davis / "Annotations" / sequence
                masks = [
                    cv2.imread(str(one), cv2.IMREAD_GRAYSCALE) > 127 for one in sorted(folder.glob("*.png"))
                ]
                points = []
                for crf in CRFS:
                    config = semvid.CompressConfig(
                        codec=codec, maps=semvid.MapsConfig(path=folder), overwrite=True,
                        rate=semvid.Crf(crf),
                    )  # fmt: skip
                    point = {}
                    for kind in ("region", "size"):
                        made = encode(clip, coded, with_offsets(config, kind))
                        point[f"crf {kind}"] = made | score(frames, luma_frames(coded), masks)
                    asked = round(point["crf region"]["bits_per_second"])
                    at_rate = replace(config, rate=semvid.Bitrate(asked))
                    for kind in ("region", "size"):
                        made = encode(clip, coded, with_offsets(at_rate, kind))
                        point[kind] = made | score(frames, luma_frames(coded), masks)
                    points.append({"asked": asked, **point})
                results[key] = points
                save("two_pass", record)
                print(key, flush=True)


def gains(points: list[dict[str, Any]], test: str, anchor: str, metric: str) -> list[float]:
    """Return by how many dB the one is better than the other at its own size."""
    curve = sorted((one[anchor]["bytes"], one[anchor][metric]) for one in points)
    sizes, scores = np.log([size for size, _ in curve]), [value for _, value in curve]
    # Beyond the ends the curve goes on as it ended.
    slopes = np.diff(scores) / np.diff(sizes)
    found = []
    for one in points:
        size = np.log(one[test]["bytes"])
        part = int(np.clip(np.searchsorted(sizes, size) - 1, 0, len(slopes) - 1))
        found.append(float(one[test][metric] - scores[part] - slopes[part] * (size - sizes[part])))
    return found


def summary(record: dict[str, Any]) -> str:
    """Make the tables."""
    rows = []
    results = record.get("clips", {})
    for codec, is_low in sorted({(key.split("/")[0], one["asked"] < LOWEST) for key, one in results.items()}):
        found = [
            one for key, one in results.items()
            if key.startswith(f"{codec}/") and (one["asked"] < LOWEST) == is_low
        ]  # fmt: skip
        apart = [100 * (one["maps"]["bytes"] / one["plain"]["bytes"] - 1) for one in found]
        for kind in ("plain", "maps"):
            off = np.array([100 * (one[kind]["bits_per_second"] / one["asked"] - 1) for one in found])
            repeated = sum("second pass, corrected" in one[kind]["told"] for one in found)
            rows.append([
                f"{codec}, {'searched' if is_low else 'two passes'}", kind, len(off),
                f"{np.abs(off).mean():.2f} %", f"{off[np.abs(off).argmax()]:+.2f} %",
                repeated, "" if kind == "plain" else f"{max(apart, key=abs):+.2f} %",
            ])  # fmt: skip
    header = ["clips", "", "encodes", "off by", "worst", "corrected", "from plain, worst"]
    parts, rows = [table(header, rows)], []
    results = record.get("davis", {})
    for codec in sorted({key.split("/")[0] for key in results}):
        for test, anchor in (
            ("region", "crf region"), ("size", "crf size"), ("region", "size"), ("crf region", "crf size"),
        ):  # fmt: skip
            row = [codec, test, anchor]
            for metric in ("object_psnr", "psnr"):
                found = [
                    gain
                    for key, points in results.items()
                    if key.startswith(f"{codec}/")
                    for gain in gains(points, test, anchor, metric)
                ]
                row += [f"{np.mean(found):+.3f} dB", f"{min(found):+.3f} dB"]
            rows.append(row)
    header = ["DAVIS", "offsets", "against", "object", "worst", "whole", "worst"]
    return "\n\n".join([*parts, table(header, rows)])


def main() -> None:
    """Run what is missing, write ``results/two_pass.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265")
    parser.add_argument("--sequences", type=int, default=3)
    parser.add_argument("--parts", default="clips,davis")
    arguments = parser.parse_args()
    record, codecs, parts = load("two_pass"), arguments.codecs.split(","), arguments.parts.split(",")
    if "davis" in parts:
        measure_davis(codecs, arguments.sequences, record)
    if "clips" in parts:
        measure_clips(codecs, record)
    print(summary(record))


if __name__ == "__main__":
    main()
