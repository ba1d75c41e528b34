"""Measure how far rate neutrality holds: size with ``match="size"`` against the plain encode at the same CRF.

    python examples/benchmark/neutrality.py [--codecs x264,x265,vp8,vp9] [--models msroi,spectral]

Every ordinary clip, without a search (``--probe none``), the
default CRF and 5 to either side, default presets. Ratios are of the bytes of the
video stream. What is not asked for keeps its earlier results.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from common import clips, load, save, table

import semvid
from semvid.codecs.registry import find_codec


def video_bytes(source: Path, output: Path, codec: str, crf: float, model: str | None) -> int:
    """Encode with the maps of a model, or plain, and return the size of the video stream."""
    config = semvid.CompressConfig(
        codec=codec,
        rate=semvid.Crf(crf),
        maps=semvid.MapsConfig(model=model or "spectral"),
        allocation=semvid.AllocationConfig(match="size", strength=1 if model else 0),
        drop=frozenset({"audio", "subtitle", "data"}),
        probe="none" if model else None,
        overwrite=True,
    )
    return semvid.compress(source, output, config).video_bytes


def main() -> None:
    """Run everything, write ``results/neutrality.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265,vp8,vp9")
    parser.add_argument("--models", default="msroi,spectral")
    parser.add_argument("--crf-steps", default="-5,0,5", help="distances from the default CRF")
    arguments = parser.parse_args()
    codecs, models = arguments.codecs.split(","), arguments.models.split(",")
    kept = load("neutrality").get("results", [])
    results = [one for one in kept if one["codec"] not in codecs or one["model"] not in models]
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "coded.mkv"
        for codec in codecs:
            for step in map(int, arguments.crf_steps.split(",")):
                crf = find_codec(codec).crf.default + step
                for clip in clips():
                    plain = video_bytes(clip, output, codec, crf, None)
                    for model in models:
                        mapped = video_bytes(clip, output, codec, crf, model)
                        results.append({"codec": codec, "crf": crf, "model": model, "clip": clip.stem,
                                        "plain": plain, "mapped": mapped})  # fmt: skip
                print(codec, crf, flush=True)
    path = save("neutrality", {"results": results})
    rows = []
    for codec, model, crf in sorted({(one["codec"], one["model"], one["crf"]) for one in results}):
        ratios = {
            one["clip"]: one["mapped"] / one["plain"] - 1
            for one in results
            if (one["codec"], one["model"], one["crf"]) == (codec, model, crf)
        }
        errors = np.abs(list(ratios.values()))
        rows.append([codec, model, f"{crf:g}", *(f"{100 * one:+.1f} %" for one in ratios.values()),
                         f"{100 * errors.mean():.1f} %", f"{100 * errors.max():.1f} %"])  # fmt: skip
    print(
        table(
            ["codec", "map", "CRF", *(clip.stem for clip in clips()), "mean of sizes of errors", "worst"],
            rows,
        )
    )
    print(path)


if __name__ == "__main__":
    main()
