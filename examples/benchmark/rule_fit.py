"""Fitting the numbers of the MS-ROI rule; ``rule.py`` says to what, and how they are rated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from rule_material import BINS, SHARES, Looked, Rule, Shot

from semvid.core.config import CLASSES, FocusConfig
from semvid.models.rule import TUNED, Tuning, class_scores, importance

CHOICES: dict[str, tuple[Any, ...]] = {
    "salient": (0.4, 0.6, 0.8, 1.0),
    "fixation": (0.0, 0.1, 0.2, 0.3),
    "fixation_power": (0.5, 1.0, 2.0),
    "threshold": (0.1, 0.3, 0.5),
    "join": ("strongest", "either", "sum"),
}
NOISE = 0.002
"""Of the score: what changes a number must gain more. Halves of the material differ by several times that."""
GAZE_SHARE = 0.1
RELIABILITY_BINS = 16
MIDDLES = (np.arange(BINS) + 0.5) / BINS
MIDDLING = slice(BINS // 4, BINS - BINS // 4)


@dataclass(frozen=True, slots=True)
class Setting:
    """Numbers of the rule."""

    threshold: float = FocusConfig().threshold
    salient: float = FocusConfig().salient
    fixation: float = FocusConfig().fixation
    fixation_power: float = TUNED.fixation_power
    join: str = "strongest"
    gain: float = TUNED.gain
    offset: float = TUNED.offset

    def rule(self) -> Rule:
        """Return the rule with these numbers."""
        tuning = Tuning(self.fixation_power, self.gain, self.offset)
        if self.join == "strongest":
            focus = FocusConfig(threshold=self.threshold, salient=self.salient, fixation=self.fixation)
            return lambda maps: importance(maps, focus, tuning)
        focus = FocusConfig(threshold=0, salient=self.salient, fixation=self.fixation)
        return lambda maps: importance(self._joined(maps), focus, tuning)

    def _joined(self, maps: np.ndarray) -> np.ndarray:
        """Put all classes that are present into the first, in another way than the rule joins them."""
        classes = maps[: len(CLASSES)]
        kept = classes[class_scores(classes) >= self.threshold]
        joined = maps.copy()
        joined[: len(CLASSES)] = 0
        joined[0] = 1 - np.prod(1 - kept, axis=0) if self.join == "either" else np.clip(kept.sum(0), 0, 1)
        return joined


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a setting does on some shots."""

    curves: dict[str, np.ndarray]
    """For each material the mean IoU at importance above ``k / BINS``."""
    cells: dict[str, np.ndarray]
    """For each material ``(2, BINS)`` shares of cells, background and object."""

    def curve(self) -> np.ndarray:
        """Mean IoU at each threshold, all materials together."""
        return np.asarray(sum(SHARES[name] * one for name, one in self.curves.items()))

    def pooled(self) -> np.ndarray:
        """Shares of cells, all materials together."""
        return np.asarray(sum(SHARES[name] * one for name, one in self.cells.items()))

    def summary(self) -> dict[str, Any]:
        """Return the numbers that are reported."""
        curve, best = self.curve(), int(self.curve().argmax())
        pooled = self.pooled().reshape(2, RELIABILITY_BINS, -1).sum(2)
        middles = (np.arange(RELIABILITY_BINS) + 0.5) / RELIABILITY_BINS
        return {
            "iou_at_half": float(curve[BINS // 2]),
            "best_iou": float(curve[best]),
            "best_threshold": best / BINS,
            "calibration_error": float(np.abs(pooled[1] - pooled.sum(0) * middles).sum() / pooled.sum()),
            "log_loss": float(-(pooled_log(self.pooled())).sum() / self.pooled().sum()),
            "materials": {
                name: {"iou_at_half": float(one[BINS // 2]), "best_iou": float(one.max()),
                       "best_threshold": int(one.argmax()) / BINS}
                for name, one in self.curves.items()
            },
        }  # fmt: skip


def pooled_log(cells: np.ndarray) -> np.ndarray:
    """Logarithm of the chance that importance gave to what is there."""
    return np.asarray(cells * np.log(np.array([1 - MIDDLES, MIDDLES])))


def outcome(shots: Sequence[Shot], setting: Setting) -> Outcome:
    """Apply a setting: every frame counts the same in its clip, every clip in its material."""
    rule = setting.rule()
    curves: dict[str, list[np.ndarray]] = {}
    cells: dict[str, list[np.ndarray]] = {}
    for shot in shots:
        for name, frames in shot.histograms(rule).items():
            above = np.cumsum(frames[..., ::-1], -1)[..., ::-1]
            union = above[:, 0] + frames[:, 1].sum(-1, keepdims=True)
            curves.setdefault(name, []).append((above[:, 1] / union).mean(0))
            cells.setdefault(name, []).append((frames / frames.sum((1, 2), keepdims=True)).mean(0))
    return Outcome(
        {name: np.mean(rows, 0) for name, rows in curves.items()},
        {name: np.mean(rows, 0) for name, rows in cells.items()},
    )


def calibrate(shots: Sequence[Shot], setting: Setting, rounds: int) -> tuple[Setting, Outcome]:
    """Fit gain and offset, and return the outcome with them.

    The gain is that of all cells, the offset that of cells of middling importance, so that one half is right.
    What importance goes through after the rule, edges and time, makes more than one round necessary.
    """
    found = outcome(shots, setting)
    for _ in range(rounds):
        gain, _ = logistic(found.pooled())
        slope, lift = logistic(found.pooled()[:, MIDDLING], MIDDLES[MIDDLING])
        setting = replace(setting, gain=setting.gain * gain, offset=(setting.offset + lift / slope) * gain)
        found = outcome(shots, setting)
    return setting, found


def logistic(cells: np.ndarray, values: np.ndarray = MIDDLES) -> tuple[float, float]:
    """Fit ``object ~ gain * log odds + offset`` to ``(2, n)`` shares by Newton's method."""
    x = np.stack([np.log(values / (1 - values)), np.ones(len(values))])
    found, total = np.array([1.0, 0.0]), cells.sum(0)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-found @ x))
        curvature = (x * (total * chance * (1 - chance))) @ x.T
        step = np.linalg.solve(curvature, x @ (cells[1] - total * chance))
        found = found + step
        if np.abs(step).max() < 1e-9:
            break
    return float(found[0]), float(found[1])


def gaze(looked: Sequence[Looked], setting: Setting) -> dict[str, tuple[float, float]]:
    """NSS and CC of importance, by kind of photograph."""
    rule = setting.rule()
    rows: dict[str, list[tuple[float, float]]] = {}
    for one in looked:
        rows.setdefault(one.kind, []).append(one.score(rule))
    return {kind: (float(np.mean([one[0] for one in of])), float(np.mean([one[1] for one in of])))
            for kind, of in rows.items()}  # fmt: skip


def score(found: Outcome, looks: dict[str, tuple[float, float]]) -> float:
    """Join the best IoU and the correlation with gaze."""
    correlation = float(np.mean([one[1] for one in looks.values()]))
    return (1 - GAZE_SHARE) * float(found.curve().max()) + GAZE_SHARE * correlation


def fit(shots: Sequence[Shot], looked: Sequence[Looked]) -> tuple[Setting, list[dict[str, Any]]]:
    """Change one number after the other; return the best setting and everything that was tried."""
    tried: list[dict[str, Any]] = []

    def rate(setting: Setting) -> tuple[float, Setting]:
        calibrated, found = calibrate(shots, setting, rounds=1)
        looks = gaze(looked, calibrated)
        rated = score(found, looks)
        tried.append({**asdict(calibrated), "score": rated, "iou_at_half": float(found.curve()[BINS // 2]),
                      "best_iou": float(found.curve().max()), "gaze": looks})  # fmt: skip
        return rated, calibrated

    best, setting = rate(calibrate(shots, Setting(), rounds=1)[0])
    is_changed = True
    while is_changed:
        is_changed = False
        for name, values in CHOICES.items():
            others = [
                rate(replace(setting, **{name: one})) for one in values if one != getattr(setting, name)
            ]
            top, other = max(others, key=lambda one: one[0])
            if top > best + NOISE:
                best, setting, is_changed = top, other, True
    return calibrate(shots, setting, rounds=3)[0], tried


def halves(shots: Sequence[Shot]) -> tuple[list[Shot], list[Shot]]:
    """Deal the shots of each material out in turn."""
    kinds: dict[str, list[Shot]] = {}
    for shot in shots:
        kinds.setdefault(shot.material, []).append(shot)
    return tuple([one for of in kinds.values() for one in of[start::2]] for start in (0, 1))  # type: ignore[return-value]
