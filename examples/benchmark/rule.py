"""Choose the numbers of the MS-ROI rule on the validation split of the training pack (never on DAVIS).

    python examples/benchmark/rule.py [--model msroi] [--pack FOLDER] [--labels gated --more FOLDER]

For every threshold of the class scores and every share of the class-free map: the mean IoU of the importance
map, at its best threshold, with the salient label. The defaults in ``FocusConfig`` come from here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from common import data_folder, save, table

from semvid.core.config import FocusConfig
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import importance
from semvid.models.training.materials import Sources, load_materials
from semvid.models.training.recipe import RECIPES

CLASS_THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
SALIENT_SHARES = (0.0, 0.25, 0.4, 0.5, 0.6, 0.75, 1.0)
MAP_THRESHOLDS = np.linspace(0.1, 0.9, 33)


def main() -> None:
    """Score the grid, write ``results/rule.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument("--pack", type=Path, default=None)
    parser.add_argument("--labels", choices=sorted(RECIPES), default="pack", help="gated: sharper ones")
    parser.add_argument("--more", type=Path, default=None, help="the second pack, for gated labels")
    arguments = parser.parse_args()
    predictor = open_predictor(arguments.model, FocusConfig(), "cpu")
    assert isinstance(predictor, MsRoiPredictor)
    sources = Sources(
        arguments.pack or data_folder() / "training", arguments.more or data_folder() / "training2"
    )
    pack = load_materials(sources, arguments.labels, open_terms_only=False)
    scores: dict[tuple[float, float], list[np.ndarray]] = {}
    for example in pack.examples:
        mask = example.labels[-1] > 127
        if example.split != "val" or "fixation" in example.salient_from or not mask.any():
            continue
        rgb = example.picture()
        size = predictor.input_size(rgb.shape[1], rgb.shape[0])
        maps = predictor.class_maps(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)[None])[0]
        for threshold in CLASS_THRESHOLDS:
            for share in SALIENT_SHARES:
                focus = FocusConfig(threshold=threshold, salient=share, fixation=0)
                values = cv2.resize(importance(maps, focus), mask.shape[::-1])
                levels = values[None] > MAP_THRESHOLDS[:, None, None]
                union = (levels | mask).sum((1, 2))
                scores.setdefault((threshold, share), []).append((levels & mask).sum((1, 2)) / union)
    best = {key: float(np.mean(rows, 0).max()) for key, rows in scores.items()}
    save("rule", {"model": arguments.model, "iou": [[*key, value] for key, value in best.items()]})
    rows = [
        (f"{threshold:g}", *(f"{best[threshold, share]:.4f}" for share in SALIENT_SHARES))
        for threshold in CLASS_THRESHOLDS
    ]
    print(table(["class threshold", *(f"salient {share:g}" for share in SALIENT_SHARES)], rows))


if __name__ == "__main__":
    main()
