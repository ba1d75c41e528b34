"""Fit all numbers of the MS-ROI rule on validation data (never on DAVIS, Kodak, or held-out OSIE).

    python examples/benchmark/rule.py [--model msroi] [--pack FOLDER] [--more FOLDER] [--leave-out]

Threshold of the classes, shares of the class-free map and of fixations, power of the fixation map, how
classes join, and the calibration of the outcome: importance 0.5 is an even chance that a cell belongs to what
matters. Two minutes on one core; ``--leave-out`` takes two more. It prints what belongs in ``FocusConfig``
(``threshold``, ``salient``, ``fixation``) and in ``TUNED`` of ``models/rule.py``.

Materials: validation rows of the pack with gated labels or known masks; three real clips; synthetic clips.
They count a third each, and clips half alone and half in time, followed as ``compress`` follows. Gaze: OSIE
without its held-out part, and photographs that the open recipe does not use.

A setting is first calibrated, by logistic regression on all cells (each frame and each material weigh the
same). Its score: nine tenths IoU at the best threshold, one tenth the correlation with gaze. From the present
numbers, one after the other is changed where that gains more than noise.

At importance 0.5 the IoU is lower than at the best threshold: a mask with the best IoU also holds cells that
are less likely than not to be object, since a miss costs more than a false alarm where things are small.

``--leave-out`` fits on every other picture and clip, and scores on the rest, both ways.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from common import REPOSITORY, data_folder, save, table
from matplotlib.figure import Figure
from rule_fit import RELIABILITY_BINS, Outcome, Setting, calibrate, fit, gaze, halves, outcome
from rule_material import SHARES, Material, Shot

from semvid.models.training.materials import Sources

PICTURE = REPOSITORY / "docs" / "reliability.png"


def unseen(shots: Sequence[Shot], setting: Setting) -> dict[str, dict[str, np.ndarray]]:
    """Return cells before and after a calibration that is fitted to the other half."""
    plain = replace(setting, gain=1.0, offset=0.0)
    parts: dict[str, list[Outcome]] = {"before": [], "after": []}
    both = halves(shots)
    for half, other in (both, both[::-1]):
        parts["before"].append(outcome(other, plain))
        parts["after"].append(outcome(other, calibrate(half, setting, rounds=3)[0]))
    return {when: {"all": np.mean([one.pooled() for one in of], 0),
                   **{name: np.mean([one.cells[name] for one in of], 0) for name in SHARES}}
            for when, of in parts.items()}  # fmt: skip


def reliability(cells: np.ndarray) -> dict[str, list[float]]:
    """Share of objects, and share of all cells, in each bin of importance."""
    binned = cells.reshape(2, RELIABILITY_BINS, -1).sum(2)
    total = binned.sum(0)
    return {
        "object": (binned[1] / np.maximum(total, 1e-12)).tolist(),
        "cells": (total / total.sum()).tolist(),
    }


def draw(found: dict[str, dict[str, dict[str, list[float]]]], path: Path) -> None:
    """Draw the share of objects over importance, before and after calibration."""
    figure = Figure(figsize=(9, 4.7), layout="constrained")
    middles = (np.arange(RELIABILITY_BINS) + 0.5) / RELIABILITY_BINS
    for axes, (when, of) in zip(figure.subplots(1, 2), found.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="0.75", lw=1)
        for name, one in of.items():
            # Bins with next to nothing in them say nothing.
            kept = np.array(one["cells"]) > 1e-3
            axes.plot(middles[kept], np.array(one["object"])[kept], "o-" if name == "all" else "-",
                      ms=4, lw=2.5 if name == "all" else 1, color="k" if name == "all" else None,
                      label=name)  # fmt: skip
        axes.set(title=f"{when} calibration", xlabel="importance", ylabel="share of cells that matter",
                 xlim=(0, 1), ylim=(0, 1), aspect="equal")  # fmt: skip
        axes.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


def leave_out(material: Material) -> list[dict[str, Any]]:
    """Fit on one half and score on the other, both ways, against numbers fitted to all."""
    every, _ = fit(material.shots, material.looked)
    both, rows = halves(material.shots), []
    for index, (half, other) in enumerate((both, both[::-1])):
        setting, _ = fit(half, material.looked[index::2])
        rows.append({
            "setting": asdict(setting),
            "iou_at_half": outcome(other, setting).summary()["iou_at_half"],
            "fitted_on_all": outcome(other, every).summary()["iou_at_half"],
        })  # fmt: skip
    return rows


def main() -> None:
    """Fit, write ``results/rule.json``, draw ``docs/reliability.png``, print what to change."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument("--pack", type=Path, default=None)
    parser.add_argument("--more", type=Path, default=None, help="the second pack")
    parser.add_argument("--leave-out", action="store_true", help="also fit on halves")
    arguments = parser.parse_args()
    started = time.process_time()
    more = arguments.more or data_folder() / "training2"
    material = Material(arguments.model, Sources(arguments.pack or data_folder() / "training", more))
    setting, tried = fit(material.shots, material.looked)
    rows = {"as it is": Setting(), "not calibrated": replace(setting, gain=1, offset=0), "fitted": setting}
    report = {
        name: {**outcome(material.shots, one).summary(), "gaze": gaze(material.looked, one)}
        for name, one in rows.items()
    }
    curves = {when: {name: reliability(one) for name, one in of.items()}
              for when, of in unseen(material.shots, setting).items()}  # fmt: skip
    record = {"model": arguments.model, "setting": asdict(setting), "outcomes": report,
              "reliability_of_the_unseen_half": curves, "tried": tried}  # fmt: skip
    if arguments.leave_out:
        record["leave_out"] = leave_out(material)
    if arguments.model == "msroi":
        save("rule", record)
        draw(curves, PICTURE)
    show(record)
    print(f"{time.process_time() - started:.0f} s of one core")


def show(record: dict[str, Any]) -> None:
    """Print the tables, and what belongs in the code."""
    names = ["salient", "fixation", "fixation_power", "threshold", "join", "score", "best_iou", "iou_at_half"]
    tried = sorted(record["tried"], key=lambda one: -one["score"])[:10]
    cells = [[one[key] if key == "join" else f"{one[key]:.4g}" for key in names] for one in tried]
    print(table(names, cells))
    kinds = list(record["outcomes"]["fitted"]["gaze"])
    lines = [
        [name, f"{one['iou_at_half']:.3f}", f"{one['best_iou']:.3f} at {one['best_threshold']:.2f}",
         f"{one['calibration_error']:.3f}", f"{one['log_loss']:.3f}",
         *(f"{one['gaze'][kind][0]:.2f} / {one['gaze'][kind][1]:.3f}" for kind in kinds)]
        for name, one in record["outcomes"].items()
    ]  # fmt: skip
    print(table(["rule", "IoU at 0.5", "best", "calibration error", "log loss",
                 *(f"{kind}: NSS / CC" for kind in kinds)], lines))  # fmt: skip
    for one in record.get("leave_out", []):
        print(f"IoU of what was left out: {one['iou_at_half']:.4f}, with numbers fitted to all "
              f"{one['fitted_on_all']:.4f}; {one['setting']}")  # fmt: skip
    print("FocusConfig: threshold = {threshold:g}, salient = {salient:g}, fixation = {fixation:g}; TUNED = "
          "Tuning({fixation_power:g}, {gain:.2f}, {offset:.2f}); classes join: {join}"
          .format(**record["setting"]))  # fmt: skip


if __name__ == "__main__":
    main()
