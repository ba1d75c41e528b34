"""Does the network know when its map is bad, and would weaker offsets help then?

    python examples/benchmark/uncertainty.py [--model msroi] [--parts maps,bits]

Only material for validation: rows of the pack that no network learned from and whose labels are masks or
could be sharpened, and clips with masks (``training2``). Neither DAVIS nor the clips of ``generality.py``.

maps: for several numbers that the maps of one frame give, how well they rank pictures by the IoU of their
    map (Spearman's correlation), and tell those below 0.3 from the rest (area under the ROC curve). Then, by
    quarters of the first of them, whether maps are less than they claim, and the offset of the object.
bits: BD-rate of x264 as in ``davis.py`` at full and reduced strength, for the surer and the less sure half.
    Finished clips are kept in the result file: for new weights, remove it first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import data_folder, load, save, table
from davis import bd_rate, luma_frames, rate_curve
from look_ahead import Clip
from look_ahead import load as load_clips_over_time
from scipy.stats import spearmanr

import semvid
from semvid.core.config import FocusConfig
from semvid.core.resampling import averaged, stretched
from semvid.core.types import FloatArray
from semvid.importance.registry import open_source
from semvid.models.architecture import CHANNELS
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import class_scores, importance
from semvid.models.training.gating import GATED, GATED_FIXATION
from semvid.models.training.materials import Sources, load_materials
from semvid.models.training.second_pack import load_clips

MASKS = {GATED, GATED_FIXATION, "gt-mask"}
"""``salient_from`` of rows whose label tells where the object is."""
BAD = 0.3
STRENGTHS = (0.4, 0.7, 1.0)
NUM_SYNTHETIC, NUM_FRAMES = 40, 24
"""Clips, and frames of each real one at most."""


def expected_iou(values: FloatArray) -> float:
    """Return the IoU of the best cut, if every value were the chance that its cell is object."""
    ordered = np.sort(values, axis=None)[::-1].astype(np.float64)
    inside = np.cumsum(ordered)
    return float((inside / (np.arange(1, ordered.size + 1) + inside[-1] - inside)).max())


def entropy(values: FloatArray) -> FloatArray:
    """Binary entropy in bits."""
    p = np.clip(values, 1e-4, 1 - 1e-4)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), np.float32)


def overlap(one: FloatArray, other: FloatArray) -> float:
    """Intersection over union of soft maps."""
    return float(np.minimum(one, other).sum() / max(float(np.maximum(one, other).sum()), 1e-6))


def numbers(maps: FloatArray, focus: FocusConfig) -> dict[str, float]:
    """Return what the maps of one picture say about themselves; more should mean a better map."""
    values, classes, scores = importance(maps, focus), maps[:-2], class_scores(maps)
    salient, fixation = (maps[CHANNELS.index(name)] for name in ("salient", "fixation"))
    return {
        "expected IoU of the importance": expected_iou(values),
        "expected IoU of salient": expected_iou(salient),
        "mean of salient, weighted by itself": float(np.square(salient).sum() / max(salient.sum(), 1e-6)),
        "no entropy of salient": -float(entropy(salient).mean()),
        "no entropy where salient": -float((entropy(salient) * salient).sum() / max(salient.sum(), 1e-6)),
        "score of the best class": float(scores[:-2].max()),
        "score of salient": float(scores[CHANNELS.index("salient")]),
        "salient and classes agree": overlap(salient, classes.max(0)),
        "salient and fixation agree": float(np.corrcoef(salient.ravel(), fixation.ravel())[0, 1]),
        "little is marked": -float(values.mean()),
    }


def measure_maps(model: str) -> dict[str, Any]:
    """Score every number, and describe the quarters of the best."""
    focus, config = FocusConfig(), semvid.AllocationConfig(match="size")
    predictor = open_predictor(model, focus, "cpu", 1)
    assert isinstance(predictor, MsRoiPredictor)
    threshold = load("saliency")["results"][model]["davis"]["threshold"]
    folder = data_folder()
    pack = load_materials(Sources(folder / "training", folder / "training2"), "gated", open_terms_only=False)
    rows = [one for one in pack.examples if one.split == "val" and one.salient_from in MASKS]
    items = [(one.picture(), one.labels[-1] > 127, np.ones(one.labels.shape[1:], bool)) for one in rows]
    items += [(one.picture(), one.mask, one.counts) for one in load_clips(folder / "training2")]
    found: list[dict[str, float]] = []
    ious, shares, offsets = [], [], []
    for rgb, mask, counts in items:
        if not mask.any():
            continue
        width, height = predictor.input_size(rgb.shape[1], rgb.shape[0])
        maps = predictor.class_maps(averaged(rgb, height, width)[None])[0]
        found.append(numbers(maps, focus))
        values = stretched(importance(maps, focus), *mask.shape)
        predicted = (values > threshold) & counts
        ious.append((predicted & mask).sum() / (predicted | mask).sum())
        shares.append(((values * counts).sum(), mask.sum()))
        # Where every block costs the same: the offset of the object, when the frame costs no bits.
        weight = np.log2(config.background_weight + values)
        offsets.append(-3 * float(weight[mask].mean() - weight.mean()))
    quality = np.array(ious)
    is_bad = quality < BAD
    scores = {}
    for name in found[0]:
        column = np.array([one[name] for one in found])
        below = (column[is_bad][:, None] < column[~is_bad]).mean()
        scores[name] = {"correlation": float(spearmanr(column, quality)[0]), "auc": float(below)}
    best = "expected IoU of the importance"
    order = np.argsort([one[best] for one in found])
    quarters = []
    for part in np.array_split(order, 4):
        marked, true = np.sum([shares[one] for one in part], 0)
        own = [offsets[one] for one in part]
        quarters.append(
            {
                "expected": float(np.mean([found[one][best] for one in part])),
                "iou": float(quality[part].mean()),
                "marked_by_true_area": float(marked / true),
                "object_offset": float(np.mean(own)),
                "worst_object_offset": float(np.max(own)),
            }
        )
    return {"pictures": len(found), "bad": int(is_bad.sum()), "numbers": scores, "quarters": quarters}


def measure_bits(model: str) -> dict[str, Any]:
    """Encode clips at several strengths."""
    rows: dict[str, Any] = load("uncertainty").get("bits", {})
    source = open_source(semvid.MapsConfig(model=model, threads=1), None)
    num_synthetic = 0
    with tempfile.TemporaryDirectory() as work:
        clip, coded, folder = Path(work) / "clip.mkv", Path(work) / "coded.mkv", Path(work) / "masks"
        for one in load_clips_over_time():
            num_synthetic += one.group == "synth"
            name = f"synth {num_synthetic}" if one.group == "synth" else one.group
            if (one.group == "synth" and num_synthetic > NUM_SYNTHETIC) or name in rows:
                continue
            masks = write_clip(one, clip)
            expected = [expected_iou(source.update(frame).values) for frame in list(one.frames())[::6]]
            curves = {
                str(strength): rate_curve(
                    clip, coded, "x264", f"{model}@strength={strength}", luma_frames(clip), masks, folder
                )
                for strength in (0, *STRENGTHS)
            }
            rows[name] = {"expected_iou": float(np.mean(expected)), "curves": curves}
            save("uncertainty", {**load("uncertainty"), "bits": rows})
            print(name, round(rows[name]["expected_iou"], 2), flush=True)
    return rows


def write_clip(one: Clip, clip: Path) -> list[np.ndarray]:
    """Write the frames without loss; return masks of their size, empty where they are not known."""
    del one.pictures[NUM_FRAMES:], one.masks[NUM_FRAMES:]
    with av.open(str(clip), "w") as writer:
        stream = writer.add_stream("ffv1", rate=24)
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = one.pictures[0].shape[0] * 2 // 3, one.pictures[0].shape[1]
        for planes in one.pictures:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        writer.mux(stream.encode())
    size = (stream.width, stream.height)
    return [
        np.zeros(size[::-1], bool) if mask is None else cv2.resize(mask, size) > 0.5 for mask in one.masks
    ]


def summarise_bits(rows: dict[str, Any]) -> str:
    """Make the table: halves by what the maps claim."""
    ordered = sorted(rows.values(), key=lambda one: one["expected_iou"])
    lines = []
    for name, part in (("less sure", ordered[: len(ordered) // 2]), ("surer", ordered[len(ordered) // 2 :])):
        for strength in STRENGTHS:
            curves = [(one["curves"]["0"], one["curves"][str(strength)]) for one in part]
            inside, whole = (
                [bd_rate(*pair, metric) for pair in curves] for metric in ("object_psnr", "psnr")
            )
            expected = np.mean([one["expected_iou"] for one in part])
            figures = (np.mean(inside), np.max(inside), np.mean(whole))
            lines.append([name, f"{expected:.2f}", strength, *(f"{value:+.1f} %" for value in figures)])
    return table(["clips", "expected IoU", "strength", "object", "worst object", "whole"], lines)


def main() -> None:
    """Run the parts, write ``results/uncertainty.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument("--parts", default="maps,bits")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    if "maps" in parts:
        maps = measure_maps(arguments.model)
        save("uncertainty", {**load("uncertainty"), "maps": maps})
        rows = [
            [name, f"{one['correlation']:+.2f}", f"{one['auc']:.2f}"] for name, one in maps["numbers"].items()
        ]
        print(f"{maps['pictures']} pictures, {maps['bad']} with a bad map")
        print(table(["number", "correlation with IoU", "AUC of bad maps"], rows))
        header = ["quarter", "expected IoU", "IoU", "marked by true area", "offset of the object", "worst"]
        quarters = [
            [index + 1, *(f"{value:.2f}" for value in one.values())]
            for index, one in enumerate(maps["quarters"])
        ]
        print(table(header, quarters))
    if "bits" in parts:
        print(summarise_bits(measure_bits(arguments.model)))


if __name__ == "__main__":
    main()
