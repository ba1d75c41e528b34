"""Draw the log of a training run."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure


def draw_curves(log: Path, picture: Path) -> None:
    """Write a picture of losses and validation scores over the steps.

    Args:
        log: ``log.jsonl`` of ``train``.
        picture: Where to write; the suffix decides the format.
    """
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [one["step"] for one in entries]
    figure = Figure(figsize=(11, 4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    for name in entries[-1]["loss"]:
        losses.plot(steps, [one["loss"][name] for one in entries], "o-", ms=3, label=name)
    losses.set(title="training loss", xlabel="step", yscale="log")
    for name in entries[-1]["val"]:
        scores.plot(steps, [one["val"].get(name) for one in entries], "o-", ms=3, label=name)
    scores.set(title="validation", xlabel="step", ylim=(0, None))
    for axes in (losses, scores):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, ncols=2)
    figure.savefig(picture, dpi=110)
