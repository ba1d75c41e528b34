"""Fit the model that guesses sizes where there is no time to measure, and tell how far off it is.

    python examples/benchmark/rate_model.py --cache FOLDER [--codecs x264,av1] [--every N] [--fit | --kept]

Every sequence of ``rate_material.py`` is encoded plain and with two maps (msroi, and the truth, or spectral
where there is none) at three CRFs and default presets, once as large as a plain encode (by the constants in
the code at that time), once smaller. The constants are then fitted to all ratios of sizes, and once more for
each of six parts of the sequences without that part, relatives kept together. Errors are those on sequences
left out: with the constants fitted without them, mapped encodes at the default CRF that are meant to be as
large as plain ones, and what the model says that smaller ones save. ``--fit`` only fits; ``--kept`` collects
no more than there is. Constants are copied by hand.

What was encoded is kept in the cache: the command goes on where it was stopped. Needs some hours of one core
the first time, and minutes from then on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import load, save, table
from rate_fit import Encode, features, fit, load_encodes, model_of
from rate_material import sequences, write_sequence

import semvid
from semvid.allocate.levels import LevelQuantizer
from semvid.allocate.rate_model import RateModel
from semvid.codecs import registry
from semvid.codecs.base.coding import Target
from semvid.codecs.ffmpeg.regions import CAPACITIES
from semvid.codecs.registry import find_codec
from semvid.codecs.svtav1 import av1
from semvid.codecs.vpx import vp8, vp9
from semvid.core.types import AnalysedFrame
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

CRFS = {
    "x264": (21, 26, 31),
    "x265": (23, 28, 33),
    "vp8": (26, 34, 42),
    "vp9": (30, 38, 46),
    "av1": (27, 35, 43),
}
SCALES = {"vp8": vp8.quantizer_scale, "vp9": vp9.quantizer_scale, "av1": av1.quantizer_scale}
NUM_PARTS = 6
MADE = ("scene", "cutout")
"""How the names of sequences begin that a script made."""


def make_sequences(cache: Path, every: int) -> list[Path]:
    """Write what is not in the cache, and return the folders."""
    folders = []
    for name, make in islice(sequences(), 0, None, every):
        folder = cache / "seq" / name
        if not (folder / "group").exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = make()
            write_sequence(made, folder / "clip.mkv")
            if made.masks is not None:
                np.savez_compressed(folder / "masks.npz", masks=np.stack(made.masks))
            (folder / "group").write_text(made.group)
        folders.append(folder)
    return folders


def analysed(folder: Path, maps: str) -> Iterator[AnalysedFrame]:
    """Yield the frames of a sequence with their maps; those of networks are kept beside it."""
    path = folder / f"maps-{maps}.npz"
    if not path.exists():
        model = "spectral" if maps == "truth" else maps
        source = open_source(semvid.MapsConfig(model=model, threads=1), None)
        with VideoReader(folder / "clip.mkv") as reader:
            analyser = Analyser(source, semvid.TemporalConfig(), frame_rate=reader.info.frame_rate)
            found = list(analyser.run(only_frames(reader.read())))
        made = [one.importance for one in found if isinstance(one, AnalysedFrame)]
        if maps == "truth":
            made = list(np.load(folder / "masks.npz")["masks"])
        kept = {f"m{index}": np.asarray(one, np.float16) for index, one in enumerate(made)}
        np.savez_compressed(path, cuts=np.array([one.is_cut for one in found]), **kept)  # type: ignore[union-attr, arg-type]
    kept = np.load(path)
    with VideoReader(folder / "clip.mkv") as reader:
        for index, frame in enumerate(only_frames(reader.read())):
            importance = kept[f"m{index}"].astype(np.float32) if "m0" in kept else None
            if importance is None:
                importance = kept["maps"][index].astype(np.float32)
            yield AnalysedFrame(frame, frame.as_coded(importance), bool(kept["cuts"][index]))


def encode(folder: Path, maps: str | None, codec: str, crf: float, match: str = "size") -> dict[str, Any]:
    """Encode a sequence, plain if there are no maps; return bytes and offsets of its frames."""
    allocation = semvid.AllocationConfig(match=match) if maps else semvid.AllocationConfig(strength=0)
    config = semvid.CompressConfig(codec=codec, rate=semvid.Crf(crf), allocation=allocation)
    coding, encoder = find_codec(codec).coding(config), None
    sizes: dict[int, int] = {}
    offsets = []
    with VideoReader(folder / "clip.mkv") as reader:
        target = Target.of_file(reader.info, ".mkv")
    for one in analysed(folder, maps or "msroi"):
        prepared = coding.prepare(one if maps else replace(one, importance=None))
        encoder = encoder or coding.open(prepared, target)
        for packet in encoder.encode(prepared):
            sizes[packet.pts] = sizes.get(packet.pts, 0) + len(packet.data)
        offsets.append(prepared.offsets)
    assert encoder is not None
    for packet in encoder.flush():
        sizes[packet.pts] = sizes.get(packet.pts, 0) + len(packet.data)
    encoder.close()
    return {"sizes": np.array([sizes[pts] for pts in sorted(sizes)]), "offsets": offsets}


def coded_offsets(codec: str, crf: float, asked: list[semvid.QuantizerOffsets], match: str) -> np.ndarray:
    """QP steps ``(frames, rows, cols)`` from ``crf`` as they are coded: rounded to the encoder's levels."""
    spec = find_codec(codec)
    quantizer, rows = LevelQuantizer(spec.max_levels, CAPACITIES[-1]), []
    for index, one in enumerate(asked):
        if index and one is asked[index - 1]:
            rows.append(rows[-1])
            continue
        levels = np.zeros_like(one.values)
        for top, bottom, left, right, level in quantizer.update(
            spec.to_native(one.values, crf), is_cut=one.is_cut
        )[::-1]:
            levels[top:bottom, left:right] = level
        rows.append(levels)
    native = np.stack(rows)
    if codec not in SCALES:
        return native
    scale = SCALES[codec]()
    if codec == "av1":
        # Offsets are of the quantizer that the frame is coded with.
        coded_crf = spec.coded_crf(crf, semvid.AllocationConfig(match=match))
        return scale.steps_of_index_offsets(native + scale.index(coded_crf) - scale.index(crf), crf)
    return scale.steps_of_index_offsets(np.sign(native) * scale.index(np.abs(native)), crf)


def collect(folders: list[Path], codec: str, cache: Path) -> None:
    """Encode what is not in the cache."""
    (cache / "res").mkdir(exist_ok=True)
    for folder in folders:
        path = cache / "res" / f"{folder.name}--{codec}.npz"
        if path.exists():
            continue
        found = {}
        for crf in CRFS[codec]:
            found[f"plain/{crf}/sizes"] = encode(folder, None, codec, crf)["sizes"]
            for maps in ("msroi", "truth" if (folder / "masks.npz").exists() else "spectral"):
                for match in ("size", "region"):
                    made = encode(folder, maps, codec, crf, match)
                    found[f"{maps}/{match}/{crf}/sizes"] = made["sizes"]
                    steps = coded_offsets(codec, crf, made["offsets"], match)
                    found[f"{maps}/{match}/{crf}/coded"] = steps.astype(np.float16)
        np.savez_compressed(path, **found)  # type: ignore[arg-type]
        print(codec, folder.name, flush=True)


def parts_of(encodes: Sequence[Encode]) -> list[set[str]]:
    """Divide the groups of relatives."""
    groups = sorted({one.group for one in encodes})
    np.random.default_rng(1).shuffle(groups)
    return [set(groups[index::NUM_PARTS]) for index in range(NUM_PARTS)]


def fitted(encodes: list[Encode], codec: str, parts: list[set[str]], cache: Path) -> list[list[float]]:
    """Return the constants fitted to all, and those fitted without each part; kept in the cache."""
    path = cache / f"fit-{codec}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("encodes") != len(encodes):
        whole = fit(encodes, codec)
        without = [fit([one for one in encodes if one.group not in part], codec, whole, 20) for part in parts]
        kept = {"encodes": len(encodes), "constants": [whole, *without]}
        path.write_text(json.dumps(kept))
    constants: list[list[float]] = kept["constants"]
    return constants


def check(encodes: list[Encode], codec: str, parts: list[set[str]], constants: list[list[float]],
          cache: Path) -> list[dict[str, Any]]:  # fmt: skip
    """Try each sequence with the constants that were fitted without it and its relatives.

    What is meant to be as large as a plain encode is encoded, at the default CRF. What is saved otherwise
    does not depend on the model, only what is said of it.
    """
    spec, results = registry.CODECS[codec], []
    path = cache / f"check-{codec}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    if kept.get("constants") != constants:
        kept = {"constants": constants, "results": {}}
    for one in encodes:
        if one.match == "size" and one.crf != CRFS[codec][1]:
            continue
        part = next(index for index, groups in enumerate(parts) if one.group in groups)
        key = f"{one.sequence}/{one.maps}/{one.match}/{one.crf:g}"
        if key not in kept["results"]:
            model = model_of(constants[part])
            registry.CODECS[codec] = replace(spec, rate=model)
            if one.match == "size":
                made = encode(cache / "seq" / one.sequence, one.maps, codec, one.crf)
                plain = np.load(cache / "res" / f"{one.sequence}--{codec}.npz")[f"plain/{one.crf:g}/sizes"]
                true = made["sizes"].sum() / plain.sum()
                error = true - 1
            else:
                true = one.ratio
                error = told(one, codec, model, cache) - (1 - true)
            kept["results"][key] = [100 * float(error), 100 * float(1 - true)]
            path.write_text(json.dumps(kept))
        error, saved = kept["results"][key]
        results.append(
            {
                "codec": codec, "sequence": one.sequence, "maps": one.maps, "match": one.match,
                "crf": one.crf, "error": round(error, 2), "saved": round(saved, 2),
            }
        )  # fmt: skip
    registry.CODECS[codec] = spec
    return results


def told(one: Encode, codec: str, model: RateModel, cache: Path) -> float:
    """Return the saving that the model tells of an encode by its offsets."""
    spec = find_codec(codec)
    octaves = (spec.crf_steps(one.crf) - spec.crf_steps(spec.crf.default)) / 6
    gradients, differences = features(cache / "seq" / one.sequence / "clip.mkv", spec.block_size)
    kept = np.load(cache / "res" / f"{one.sequence}--{codec}.npz")
    offsets = kept[f"{one.maps}/{one.match}/{one.crf:g}/coded"].astype(np.float32)
    coded = plain = 0.0
    for index, gradient in enumerate(gradients):
        blocks = model.blocks(gradient, differences[index] if index else None, octaves)
        coded += blocks.total(offsets[index])[0]
        plain += blocks.plain
    return 1 - coded / plain


def summary(results: list[dict[str, Any]], codecs: list[str]) -> str:
    """Make the table: errors on sequences left out."""
    rows = []
    for codec in codecs:
        for match, unit in (("size", "%"), ("region", "points")):
            found = [one for one in results if one["codec"] == codec and one["match"] == match]
            for name, kind in (("filmed", False), ("made by scripts", True)):
                errors = np.array([one["error"] for one in found if one["sequence"].startswith(MADE) is kind])
                if errors.size:
                    off = np.abs(errors)
                    figures = (off.mean(), np.median(off), np.percentile(off, 90), off.max())
                    bias = f"{errors.mean():+.1f} {unit}"
                    rows.append([codec, match, name, len(off), bias, *(f"{one:.1f}" for one in figures)])
    header = ["encoder", "match", "sequences", "encodes", "bias", "mean of errors", "median", "90 %", "worst"]
    return table(header, rows)


def main() -> None:
    """Collect, fit, check, save ``results/rate_model.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--codecs", default="x264,x265,vp8,vp9,av1")
    parser.add_argument("--every", type=int, default=1, help="take only every Nth sequence")
    parser.add_argument("--fit", action="store_true", help="only fit to what is in the cache")
    parser.add_argument("--kept", action="store_true", help="collect no more than what is in the cache")
    arguments = parser.parse_args()
    codecs, cache = arguments.codecs.split(","), arguments.cache
    # What is not asked for keeps its earlier results.
    record = load("rate_model")
    for codec in codecs:
        if not (arguments.fit or arguments.kept):
            collect(make_sequences(cache, arguments.every), codec, cache)
        encodes = load_encodes(cache, codec)
        parts = parts_of(encodes)
        whole, *without = fitted(encodes, codec, parts, cache)
        print(codec, len(encodes), "encodes:", whole, flush=True)
        if arguments.fit:
            continue
        record.setdefault("constants", {})[codec] = whole
        others = [one for one in record.get("results", []) if one["codec"] != codec]
        record["results"] = others + check(encodes, codec, parts, without, cache)
        save("rate_model", record)
    if "results" in record:
        print(summary(record["results"], codecs))


if __name__ == "__main__":
    main()
