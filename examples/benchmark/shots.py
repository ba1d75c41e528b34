"""Compare ways to make the maps of a shot agree: what was tried, what it gains, and what it costs elsewhere.

    OPENBLAS_NUM_THREADS=1 python examples/benchmark/shots.py [--model msroi]

Material, with masks of what moves: 24 composed clips of 32 frames (``long_clips.py``), a tennis player, the
first 200 frames of a road, and small synthetic clips of 6 frames (``look_ahead.py``). IoU is the mean over
these four, each at its best threshold, and at the one that is best for all. Flicker is the mean change along
motion, times 10,000.

Kept: on four ordinary clips of people and animals, without masks, the share of its importance that a part of
what is important keeps because other things move (the lower quartile of all parts; mean over frames). IoU
with movers alone is highest where nothing is kept: only variants that keep as much can be compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import av
import cv2
import numpy as np
from common import clips, data_folder, save, table
from long_clips import long_clips
from look_ahead import flicker, load
from numpy.typing import NDArray

import semvid
from semvid.core.config import CLASSES, FocusConfig
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.engine.stages import only_frames
from semvid.importance.edges import snap_to_edges
from semvid.importance.predictor import NetworkSource
from semvid.importance.tracking.matching import to_cells, to_map
from semvid.media.reading.reader import VideoReader
from semvid.models.predictor import MsRoiFeatures, MsRoiPredictor
from semvid.models.registry import open_features, open_predictor
from semvid.models.rule import class_scores, importance
from semvid.temporal.motion import OpticalFlow
from semvid.temporal.own_motion import OwnMotion
from semvid.temporal.plan import Planner, Step
from semvid.temporal.propagate import MapPropagator

THRESHOLDS = np.linspace(0.1, 0.8, 29)
SCORING = (80, 45)
LOOK_AHEAD = 16
ORDINARY = ("bunny", "dog", "juggle", "signer")
NUM_ROAD, NUM_ORDINARY = 200, 64
_RIDGE = 1e-3


@dataclass
class Shot:
    """A clip, and what a network says of its key frames."""

    group: str
    thumbnails: list[NDArray[np.uint8]] = field(default_factory=list)
    masks: list[FloatArray | None] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    classes: dict[int, FloatArray] = field(default_factory=dict)
    """Class maps of key frames."""
    features: dict[int, FloatArray] = field(default_factory=dict)

    def fresh(self) -> dict[int, FloatArray]:
        """Return the maps of key frames, as a network source makes them."""
        return {
            index: snap_to_edges(importance(maps, FocusConfig()), self.thumbnails[index])
            for index, maps in self.classes.items()
        }


def planned(
    group: str, frames: list[semvid.Frame], every: int, predictor: MsRoiPredictor, features: MsRoiFeatures
) -> Shot:
    """Run everything that does not differ between variants."""
    planner = Planner(every, OpticalFlow(), find_own_motion=True, find_way_back=True)
    shot = Shot(group, [one.thumbnail for one in frames])
    for index, frame in enumerate(frames):
        shot.steps.append(planner.update(frame))
        if shot.steps[-1].is_key:
            picture = frame.rgb(predictor.input_size(*frame.upright_size))
            shot.classes[index] = predictor.class_maps(picture[None])[0]
            # As many pixels as for maps: then one run could give both.
            shot.features[index] = features.features(picture)
    return shot


def with_masks(look: Callable[..., Shot]) -> Iterator[Shot]:
    """Read the clips with masks."""
    for clip in long_clips(data_folder() / "training"):
        shot = look("long", [_frame(one, index) for index, one in enumerate(clip.pictures)], 10)
        yield replace(shot, masks=clip.masks)
    for number, other in enumerate(load()):
        is_short = other.group == "synth"
        if is_short and number % 2:
            continue
        shot = look(other.group, list(other.frames())[:NUM_ROAD], 5 if is_short else 10)
        yield replace(shot, masks=other.masks[:NUM_ROAD])


def _frame(bgr: NDArray[np.uint8], index: int) -> semvid.Frame:
    picture = av.VideoFrame.from_ndarray(bgr, format="bgr24").reformat(format="yuv420p")
    picture.pts = index
    return semvid.Frame(picture, index)


def ordinary(look: Callable[..., Shot]) -> Iterator[Shot]:
    """Read the ordinary clips."""
    for path in clips():
        if path.name.startswith(ORDINARY):
            with VideoReader(path) as reader:
                frames = [
                    one for one, _ in zip(only_frames(reader.read()), range(NUM_ORDINARY), strict=False)
                ]
            yield look(path.stem, frames, 10)


def propagated(
    shot: Shot,
    *,
    fresh: dict[int, FloatArray] | None = None,
    steps: list[Step] | None = None,
    movement: float = NetworkSource.movement,
    look_ahead: int = LOOK_AHEAD,
) -> list[FloatArray]:
    """Make the maps of all frames; what is not given is as by default."""
    propagator = MapPropagator(NetworkSource.smoothing, movement, look_ahead)
    fresh = shot.fresh() if fresh is None else fresh
    maps: list[FloatArray] = []
    for index, step in enumerate(shot.steps if steps is None else steps):
        maps += propagator.update(step, fresh.get(index))
    return maps + propagator.finish()


def by_the_past(shot: Shot, **settings: float) -> list[FloatArray]:
    """What moves is known from the frames before alone."""
    return propagated(shot, steps=[replace(one, moved=None) for one in shot.steps], **settings)


def classes_pooled(shot: Shot) -> list[FloatArray]:
    """A class counts if its mean score over the shot so far passes the threshold."""
    fresh, so_far = {}, []
    for index, maps in shot.classes.items():
        so_far = [] if shot.steps[index].is_cut else so_far
        so_far.append(class_scores(maps[: len(CLASSES)]))
        counted = maps.copy()
        counted[: len(CLASSES)][np.mean(so_far, 0) < FocusConfig().threshold] = 0
        values = importance(counted, FocusConfig(threshold=0))
        fresh[index] = snap_to_edges(values, shot.thumbnails[index])
    return propagated(shot, fresh=fresh)


def regressed(shot: Shot, targets: dict[int, FloatArray]) -> dict[int, FloatArray]:
    """Say by looks what ``targets`` say: ridge regression over the shot so far and the next key frame."""
    keys, found = list(targets), {}
    for number, index in enumerate(keys):
        begin = max(one for one in keys[: number + 1] if shot.steps[one].is_cut or one == keys[0])
        seen = [one for one in keys[: number + 2] if one >= begin]
        rows = np.concatenate([shot.features[one].reshape(-1, shot.features[one].shape[2]) for one in seen])
        rows = np.column_stack([rows, np.ones(len(rows), np.float32)])
        wanted = np.concatenate(
            [to_cells(targets[one], shot.features[one].shape[:2]).ravel() for one in seen]  # type: ignore[arg-type]
        )
        weights = np.linalg.solve(
            rows.T @ rows / len(rows) + _RIDGE * np.eye(rows.shape[1]), rows.T @ wanted / len(rows)
        )
        told = np.clip(shot.features[index] @ weights[:-1] + weights[-1], 0, 1).astype(np.float32)
        found[index] = to_map(told, (targets[index].shape[0], targets[index].shape[1]))
    return found


def importance_by_looks(shot: Shot) -> list[FloatArray]:
    """Half of a key frame's map is what the shot says of things that look so."""
    fresh = shot.fresh()
    told = regressed(shot, fresh)
    return propagated(shot, fresh={one: 0.5 * (fresh[one] + told[one]) for one in fresh})


def motion_by_looks(shot: Shot, **settings: float) -> list[FloatArray]:
    """What looks like what moves elsewhere in the shot counts as moving."""
    targets = {
        index: one.own_motion.values
        for index, one in enumerate(shot.steps)
        if one.is_key and one.own_motion is not None
    }
    told, steps, latest = regressed(shot, targets), [], None
    for index, step in enumerate(shot.steps):
        latest = None if step.is_cut else told.get(index, latest)
        if latest is not None and step.way is not None:
            here = latest if step.is_key else step.way.carry(latest)
            step = replace(step, own_motion=raised(step.own_motion, here), moved=raised(step.moved, here))  # noqa: PLW2901
        steps.append(step)
    return propagated(shot, steps=steps, **settings)


def raised(own_motion: OwnMotion | None, to: FloatArray) -> OwnMotion | None:
    """Raise to what is said elsewhere."""
    return own_motion and replace(own_motion, values=np.maximum(own_motion.values, to))


def edges_again(shot: Shot) -> list[FloatArray]:
    """The map of every frame is filtered by its luma, not those of key frames alone."""
    return [snap_to_edges(*both) for both in zip(propagated(shot), shot.thumbnails, strict=True)]


VARIANTS: dict[str, Callable[[Shot], list[FloatArray]]] = {
    "default": propagated,
    "causal": partial(propagated, look_ahead=0),
    "motion by the past alone": by_the_past,
    "motion by the past alone, movement 0.5": partial(by_the_past, movement=0.5),
    **{f"movement {one}": partial(propagated, movement=one) for one in (0.0, 0.4, 0.5, 0.7, 0.8, 1.0)},
    "classes pooled over the shot": classes_pooled,
    "importance by looks": importance_by_looks,
    "motion by looks": motion_by_looks,
    "motion by looks, movement 0.7": partial(motion_by_looks, movement=0.7),
    "edges of every frame": edges_again,
}


def ious(values: FloatArray, mask: FloatArray) -> FloatArray:
    """Overlap with a mask at all thresholds."""
    found = fitted(values, *SCORING[::-1])[None] > THRESHOLDS[:, None, None]
    true = cv2.resize(mask, SCORING, interpolation=cv2.INTER_AREA) > 0.5
    union = (found | true).sum((1, 2))
    return np.asarray((found & true).sum((1, 2)) / np.maximum(union, 1))


def kept(maps: list[FloatArray], unweighed: list[FloatArray]) -> float:
    """Share of its importance that what is important keeps although other things move."""
    shares = []
    for values, most in zip(maps, unweighed, strict=True):
        here, there = fitted(values, *most.shape), most > 0.5 * most.max()
        shares.append(np.percentile(here[there] / most[there], 25))
    return float(np.mean(shares))


def summary(groups: dict[str, dict[str, list]]) -> dict[str, Any]:
    """Average what was measured on the clips with masks."""
    curves = {group: np.mean(one["iou"], 0) for group, one in groups.items()}
    return {
        "iou": float(np.mean([one.max() for one in curves.values()])),
        "iou_at_one_threshold": float(np.mean(list(curves.values()), 0).max()),
        "groups": {
            group: {"iou": float(curves[group].max()), "flicker": float(np.mean(one["flicker"]))}
            for group, one in groups.items()
        },
        "ordinary": {},
    }


def main() -> None:
    """Measure, write ``results/shots.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    predictor = open_predictor(arguments.model, FocusConfig(), "cpu", 1)
    look = partial(planned, predictor=predictor, features=open_features(arguments.model, "cpu", 1))
    rows: dict[str, dict[str, dict[str, list]]] = {name: {} for name in VARIANTS}
    for shot in with_masks(look):
        for name, variant in VARIANTS.items():
            maps = variant(shot)
            row = rows[name].setdefault(shot.group, {"iou": [], "flicker": []})
            pairs = [(a, b) for a, b in zip(maps, shot.masks, strict=True) if b is not None and b.max() > 0.5]
            row["iou"].append(np.mean([ious(*both) for both in pairs], 0))
            row["flicker"].append(1e4 * flicker(shot.thumbnails, maps))
    found = {name: summary(groups) for name, groups in rows.items()}
    for shot in ordinary(look):
        unweighed = {
            look_ahead: propagated(shot, movement=0, look_ahead=look_ahead) for look_ahead in (0, 16)
        }
        for name, variant in VARIANTS.items():
            maps = variant(shot)
            share = kept(maps, unweighed[0 if name == "causal" else LOOK_AHEAD])
            found[name]["ordinary"][shot.group] = {
                "kept": share,
                "flicker": 1e4 * flicker(shot.thumbnails, maps),
            }
    save("shots", {"model": arguments.model, "variants": found})
    header = ["variant", "IoU", "at one threshold", *rows["default"], "flicker", "kept", "flicker there"]
    lines = []
    for name, one in found.items():
        there = one["ordinary"].values()
        lines.append([
            name, f"{one['iou']:.3f}", f"{one['iou_at_one_threshold']:.3f}",
            *(f"{group['iou']:.3f}" for group in one["groups"].values()),
            f"{np.mean([group['flicker'] for group in one['groups'].values()]):.0f}",
            f"{np.mean([clip['kept'] for clip in there]):.2f}",
            f"{np.mean([clip['flicker'] for clip in there]):.0f}",
        ])  # fmt: skip
    print(table(header, lines))


if __name__ == "__main__":
    main()
