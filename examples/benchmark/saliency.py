"""Score importance maps against object masks and human fixations; none of it was trained on.

    python examples/benchmark/saliency.py [--models msroi,spectral,centre] [--pack FOLDER]

DAVIS-2016, 10 sequences, single frames, no temporal step: mean over frames of IoU at a fixed threshold, F
(beta^2 = 0.3, best threshold for all), mean absolute error, and F of the boundary (2 pixels at the map's
own size). Importance of our networks is cut where validation material has the best IoU (``rule.py``), and
IoU at one half, an even chance, is told too; what is not calibrated is cut at a threshold from the validation
split of the training pack. Never at one from DAVIS.
OSIE, 140 held-out photographs: NSS, AUC (Judd), CC and SIM of the map against fixations blurred by 3 % of the
longer side. 200 held-out photographs with densities: CC, SIM, KL. For networks the fixation channel is scored
on fixations, and the importance map (as ``compress`` uses it) on objects; both are listed for OSIE.

Z. Bylinskii et al., "What do different evaluation metrics tell us about saliency models?", TPAMI 2019.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import data_folder, save, table, validated_threshold

from semvid.core.config import MODELS, FocusConfig
from semvid.core.geometry import motion_grid
from semvid.importance.edges import snap_to_edges
from semvid.importance.spectral import spectral_residual
from semvid.models.architecture import CHANNELS
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import importance
from semvid.models.training.pack import Pack, decode_rgb, load_pack
from semvid.models.training.scores import boundary_f

Maps = tuple[np.ndarray, np.ndarray]
"""Importance and fixation map of one picture, each ``(h, w)`` in 0..1."""
Model = Callable[[np.ndarray], Maps]

SCORING_WIDTH = 427
"""DAVIS masks are scored at half of 480p."""
THRESHOLDS = np.linspace(0.02, 0.98, 49)
UNCALIBRATED = {"spectral", "centre"}
SCORES = ("iou", "boundary_f", "mae", "iou_at_half")


def spectral(rgb: np.ndarray) -> Maps:
    """Return the floor."""
    values = spectral_residual(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    return values, values


def centre(rgb: np.ndarray) -> Maps:
    """Return a blob in the middle, whatever the picture."""
    y, x = np.mgrid[0:48, 0:64]
    values = np.exp(-(((x / 63 - 0.5) / 0.35) ** 2) - ((y / 47 - 0.5) / 0.35) ** 2).astype(np.float32)
    return values, values


def network(name: str) -> Model:
    """Return a trained network: the importance map as compress makes it, and the fixation channel."""
    focus = FocusConfig()
    predictor = open_predictor(name, focus, "cpu")
    assert isinstance(predictor, MsRoiPredictor)

    def predict(rgb: np.ndarray) -> Maps:
        size = predictor.input_size(rgb.shape[1], rgb.shape[0])
        maps = predictor.class_maps(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)[None])[0]
        rows, cols = motion_grid(rgb.shape[1], rgb.shape[0])
        luma = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
        thumbnail = np.asarray(cv2.resize(luma, (2 * cols, 2 * rows), interpolation=cv2.INTER_AREA), np.uint8)
        return snap_to_edges(importance(maps, focus), thumbnail), maps[CHANNELS.index("fixation")]

    return predict


def find(name: str) -> Model:
    """Look a model up."""
    return {"spectral": spectral, "centre": centre}.get(name) or network(name)


def iou(predicted: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union; 1 where both are empty."""
    union = (predicted | mask).sum()
    return float((predicted & mask).sum() / union) if union else 1.0


def choose_threshold(model: Model, pack: Pack) -> float:
    """For what is not calibrated: the best for ``salient`` on the validation split."""
    scores = []
    for example in pack.examples:
        if example.split != "val" or example.salient_from == "gt-fixation+teacher":
            continue
        mask = example.labels[-1] > 127
        if mask.any():
            values = cv2.resize(model(example.picture())[0], mask.shape[::-1])
            scores.append([iou(values > one, mask) for one in THRESHOLDS])
    return float(THRESHOLDS[np.argmax(np.mean(scores, 0))])


def score_davis(model: Model, threshold: float, every: int) -> dict[str, Any]:
    """Score the importance map against the masks of DAVIS."""
    davis = data_folder() / "davis"
    sequences: dict[str, dict[str, float]] = {}
    curves = []
    for folder in sorted((davis / "JPEGImages").iterdir()):
        rows = []
        for path in sorted(folder.glob("*.jpg"))[::every]:
            rgb = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            size = (SCORING_WIDTH, round(SCORING_WIDTH * rgb.shape[0] / rgb.shape[1]))
            mask_file = davis / "Annotations" / folder.name / f"{path.stem}.png"
            mask = cv2.resize(cv2.imread(str(mask_file), 0), size, interpolation=cv2.INTER_AREA) > 127
            values = cv2.resize(model(rgb)[0], size)
            predicted = values > threshold
            rows.append(
                (
                    iou(predicted, mask),
                    boundary_f(predicted, mask, within=2),
                    float(np.abs(values - mask).mean()),
                    iou(values > 0.5, mask),
                )
            )
            levels = values[None] > THRESHOLDS[:, None, None]
            hits = (levels & mask).sum((1, 2))
            precision, recall = hits / np.maximum(levels.sum((1, 2)), 1), hits / max(mask.sum(), 1)
            f = 1.3 * precision * recall / np.maximum(0.3 * precision + recall, 1e-9)
            best_iou = hits / np.maximum(levels.sum((1, 2)) + mask.sum() - hits, 1)
            curves.append((f, best_iou))
        means = np.mean(rows, 0)
        sequences[folder.name] = dict(zip(SCORES, map(float, means), strict=True))
    f, best_iou = (np.mean([one[index] for one in curves], 0) for index in (0, 1))
    return {
        "threshold": threshold,
        **{key: float(np.mean([one[key] for one in sequences.values()])) for key in SCORES},
        "max_f": float(f.max()),
        "iou_at_best_threshold": float(best_iou.max()),
        "sequences": sequences,
    }


def nss(values: np.ndarray, points: np.ndarray) -> float:
    """Mean of the standardised map at the fixations; ``points`` is ``(n, 2)`` x, y."""
    scaled = (values - values.mean()) / max(values.std(), 1e-9)
    return float(scaled[points[:, 1], points[:, 0]].mean())


def auc_judd(values: np.ndarray, points: np.ndarray) -> float:
    """Area under the ROC curve: map at the fixations against the map everywhere."""
    everywhere = np.sort(values.ravel())
    at_points = np.sort(values[points[:, 1], points[:, 0]])[::-1]
    found = np.arange(1, at_points.size + 1) / at_points.size
    false = 1 - np.searchsorted(everywhere, at_points, "left") / everywhere.size
    return float(np.trapezoid(np.r_[0, found, 1], np.r_[0, false, 1]))


def density_scores(values: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """CC, SIM and KL of two maps of one size."""
    p, q = (one.astype(np.float64) / max(one.sum(), 1e-12) for one in (values, truth))
    return {
        "cc": float(np.corrcoef(p.ravel(), q.ravel())[0, 1]) if p.std() > 0 else 0.0,
        "sim": float(np.minimum(p, q).sum()),
        "kl": float((q * np.log(1e-12 + q / (p + 1e-12))).sum()),
    }


def score_osie(model: Model, pack: Pack, folder: Path, which: int) -> dict[str, float]:
    """Score on the held-out photographs of OSIE; ``which`` 0 = importance, 1 = fixation map."""
    truth = np.load(folder / "osie-heldout-fixations.npz")
    names, offsets, xy = truth["names"], truth["offsets"], truth["xy"]
    pictures = {Path(one.name).stem.split("__")[-1]: one for one in pack.examples if one.split == "heldout"}
    rows = []
    for index, name in enumerate(names):
        example = pictures[Path(str(name)).stem.split("__")[-1]]
        stop = offsets[index + 1] if index + 1 < len(offsets) else len(xy)
        points = xy[offsets[index] : stop] / 10 / 4
        points = np.clip(points.astype(int), 0, (199, 149))
        values = cv2.resize(model(example.picture())[which], (200, 150))
        density = np.zeros((150, 200), np.float32)
        np.add.at(density, (points[:, 1], points[:, 0]), 1)
        density = cv2.GaussianBlur(density, (0, 0), 0.03 * 200)
        scores = density_scores(values, density)
        rows.append((nss(values, points), auc_judd(values, points), scores["cc"], scores["sim"]))
    return dict(zip(("nss", "auc_judd", "cc", "sim"), map(float, np.mean(rows, 0)), strict=True))


def score_densities(model: Model, pack: Pack) -> dict[str, float]:
    """Score the fixation map on the held-out photographs with densities."""
    rows = []
    for photograph in pack.fixations:
        if photograph.split == "test":
            values = cv2.resize(model(decode_rgb(photograph.jpeg))[1], photograph.density.shape[::-1])
            rows.append(list(density_scores(values, photograph.density).values()))
    return dict(zip(("cc", "sim", "kl"), map(float, np.mean(rows, 0)), strict=True))


def main() -> None:
    """Score all, write ``results/saliency.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join([*MODELS, "centre"]))
    parser.add_argument("--name", default="saliency", help="of the result file")
    parser.add_argument("--pack", type=Path, default=None, help="default: in the test material")
    parser.add_argument("--every", type=int, default=2, help="score every n-th frame of DAVIS")
    arguments = parser.parse_args()
    folder = arguments.pack or data_folder() / "training"
    pack = load_pack(folder, open_terms_only=False)
    results = {}
    for name in arguments.models.split(","):
        model = find(name)
        threshold = choose_threshold(model, pack) if name in UNCALIBRATED else validated_threshold()
        name = name if name in {*MODELS, "centre"} else Path(name).parent.name  # noqa: PLW2901 - runs/NAME/...
        results[name] = {
            "davis": score_davis(model, threshold, arguments.every),
            "osie_fixation_map": score_osie(model, pack, folder, 1),
            "osie_importance": score_osie(model, pack, folder, 0),
            "densities": score_densities(model, pack),
        }
        print(name, {key: value["iou"] for key, value in results[name]["davis"]["sequences"].items()})
    path = save(arguments.name, {"every": arguments.every, "results": results})
    rows = []
    for name, one in results.items():
        davis, osie, density = one["davis"], one["osie_fixation_map"], one["densities"]
        rows.append([
            name, f"{davis['iou']:.3f} at {davis['threshold']:.2f}", f"{davis['iou_at_half']:.3f}",
            f"{davis['max_f']:.3f}",
            f"{davis['mae']:.3f}", f"{davis['boundary_f']:.3f}", f"{osie['nss']:.2f}",
            f"{osie['auc_judd']:.3f}",
            f"{osie['cc']:.2f}", f"{osie['sim']:.2f}", f"{one['osie_importance']['nss']:.2f}",
            f"{density['cc']:.2f}", f"{density['sim']:.2f}", f"{density['kl']:.2f}",
        ])  # fmt: skip
    header = ["map", "DAVIS IoU", "IoU at 0.5", "max F", "MAE", "boundary F", "OSIE NSS", "AUC", "CC", "SIM",
              "NSS of importance", "density CC", "SIM", "KL"]  # fmt: skip
    print(table(header, rows))
    print(path)


if __name__ == "__main__":
    main()
