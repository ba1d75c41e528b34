"""Pictures that the numbers of the MS-ROI rule are fitted to: what a network says of them, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import semvid
from semvid.core.config import FocusConfig, TemporalConfig
from semvid.core.resampling import fitted, stretched
from semvid.core.types import FloatArray
from semvid.engine.analysis import look_ahead_of
from semvid.importance.edges import snap_to_edges
from semvid.importance.predictor import NetworkSource
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.training.gating import GATED
from semvid.models.training.materials import Sources, load_materials
from semvid.models.training.pack import Pack, decode_rgb, read_members, read_rows
from semvid.models.training.scores import gaze_scores
from semvid.models.training.second_pack import load_photographs
from semvid.temporal.motion import open_estimator
from semvid.temporal.plan import Planner, Step
from semvid.temporal.propagate import MapPropagator

Rule = Callable[[FloatArray], FloatArray]
"""From ``(8, h, w)`` class maps to ``(h, w)`` importance."""

SHARES = {"stills": 1 / 3, "clips": 1 / 6, "clips, in time": 1 / 6, "synthetic": 1 / 6,
          "synthetic, in time": 1 / 6}  # fmt: skip
"""What each material counts: stills, clips and synthetic clips a third each, alone and in time alike."""
BINS = 128
_AROUND = np.ones((9, 9), np.uint8)
"""Cells that count around things of synthetic clips: the picture behind has things of its own."""
_ROAD, _ROAD_FRAMES = "cdnet_highway", slice(100, 180)
_FIRST_ONLY = {"judo"}
"""Clips whose later masks show one bystander each."""
_CLIP_EVERY, _SYNTHETIC_EVERY = 10, 5
"""Frames from key frame to key frame; synthetic clips have six frames."""
_SCORED_EVERY, _SCORED_SYNTHETIC = 4, 3
"""One frame in so many of clips is scored, and of synthetic ones all from this on."""
_MOST_SEEN, _MOST_PHOTOGRAPHS = 100, 100


@dataclass(frozen=True, slots=True)
class Truth:
    """Masks at a quarter of the picture's size."""

    mask: NDArray[np.bool_]
    counts: NDArray[np.bool_]
    """Where the mask tells all."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture, or a clip with the plan that maps follow in it."""

    material: str
    name: str
    maps: dict[int, FloatArray] = field(default_factory=dict)
    """Class maps of key frames and of frames with a truth."""
    thumbnails: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    alone: dict[int, Truth] = field(default_factory=dict)
    """Of frames looked at alone."""
    in_time: dict[int, Truth] = field(default_factory=dict)
    """Of frames in time: where something moves, what stands still need not be marked."""

    def histograms(self, rule: Rule) -> dict[str, NDArray[np.float64]]:
        """Count, for each material, cells by importance: ``(frames, 2, BINS)``, background and object."""
        maps = {index: snap_to_edges(rule(one), self.thumbnails[index]) for index, one in self.maps.items()}
        found = {self.material: [_histogram(maps[index], one) for index, one in self.alone.items()]}
        if self.steps:
            carried = list(self._carried(maps))
            rows = [_histogram(carried[index], one) for index, one in self.in_time.items()]
            found[f"{self.material}, in time"] = rows
        return {name: np.array(rows) for name, rows in found.items()}

    def _carried(self, maps: dict[int, FloatArray]) -> Iterator[FloatArray]:
        propagator = MapPropagator(
            NetworkSource.smoothing, NetworkSource.movement, look_ahead_of(TemporalConfig())
        )
        for index, step in enumerate(self.steps):
            yield from propagator.update(step, maps[index] if step.is_key else None)
        yield from propagator.finish()


@dataclass(frozen=True, slots=True)
class Looked:
    """A photograph and where people looked."""

    kind: str
    maps: FloatArray
    thumbnail: NDArray[np.uint8]
    density: FloatArray

    def score(self, rule: Rule) -> tuple[float, float]:
        """Return NSS and CC of the importance."""
        return gaze_scores(
            fitted(snap_to_edges(rule(self.maps), self.thumbnail), *self.density.shape), self.density
        )


def _histogram(values: FloatArray, truth: Truth) -> NDArray[np.float64]:
    cells = np.minimum((stretched(values, *truth.mask.shape) * BINS).astype(int), BINS - 1)
    kinds = (truth.counts & ~truth.mask, truth.counts & truth.mask)
    return np.array([np.bincount(cells[one], minlength=BINS) for one in kinds], np.float64)


class Material:
    """All of it, seen by one network once.

    Args:
        model: Name or weights of the network.
        sources: Folders of both packs.
    """

    def __init__(self, model: str, sources: Sources) -> None:
        assert sources.more is not None
        predictor = open_predictor(model, FocusConfig(), "cpu", threads=1)
        assert isinstance(predictor, MsRoiPredictor)
        self._predictor = predictor
        pack = load_materials(sources, "gated", open_terms_only=False)
        self.shots = [*self._stills(pack), *self._clips(sources.more)]
        self.looked = list(self._photographs(pack, sources.more))

    def _class_maps(self, rgb: NDArray[np.uint8]) -> FloatArray:
        width, height = self._predictor.input_size(rgb.shape[1], rgb.shape[0])
        return self._predictor.class_maps(fitted(rgb, height, width)[None])[0]

    def _see(self, shot: Shot, index: int, rgb: NDArray[np.uint8]) -> None:
        shot.maps[index] = self._class_maps(rgb)
        shot.thumbnails[index] = _frame(rgb, index).thumbnail

    def _stills(self, pack: Pack) -> Iterator[Shot]:
        """Validation rows with gated labels, or with masks that are known exactly."""
        for example in pack.examples:
            mask = example.labels[-1] > 127
            if example.split == "val" and example.salient_from in {GATED, "gt-mask"} and mask.any():
                shot = Shot("stills", example.name, alone={0: Truth(mask, np.ones_like(mask))})
                self._see(shot, 0, example.picture())
                yield shot

    def _clips(self, folder: Path) -> Iterator[Shot]:
        files = {**read_members(folder / "synth.tar"), **read_members(folder / "video.tar")}
        clips: dict[str, list[dict[str, Any]]] = {}
        for row in read_rows(folder / "index.jsonl"):
            if row.get("clip"):
                clips.setdefault(row["clip"], []).append(row)
        for name, rows in clips.items():
            rows.sort(key=lambda row: int(row["frame"]))
            shot = self._clip(name, rows[_ROAD_FRAMES] if name == _ROAD else rows, files)
            if shot.alone:
                yield shot

    def _clip(self, name: str, rows: list[dict[str, Any]], files: dict[str, bytes]) -> Shot:
        is_synthetic = name.startswith("synth")
        shot = Shot("synthetic" if is_synthetic else "clips", name)
        every = _SYNTHETIC_EVERY if is_synthetic else _CLIP_EVERY
        planner = Planner(every, open_estimator("flow"), find_own_motion=True, find_way_back=True)
        for index, row in enumerate(rows):
            rgb = decode_rgb(files[row["file"]])
            shot.steps.append(planner.update(_frame(rgb, index)))
            masks = {key: _mask(files[path]) for key, path in row["labels"].items()}
            if is_synthetic and index >= _SCORED_SYNTHETIC:
                _add_synthetic(shot, index, masks["mover"], masks["still"])
            elif masks and not is_synthetic:
                is_due = not shot.alone if name in _FIRST_ONLY else index % _SCORED_EVERY == 0
                mask = masks["salient"] if "salient" in masks else masks["mover"]
                if is_due and mask.any():
                    counts = ~masks["ignore"] if "ignore" in masks else np.ones_like(mask)
                    shot.alone[index] = shot.in_time[index] = Truth(mask, counts)
            if shot.steps[-1].is_key or index in shot.alone:
                self._see(shot, index, rgb)
        return shot

    def _photographs(self, pack: Pack, folder: Path) -> Iterator[Looked]:
        """OSIE without what is held out, and photographs that the open recipe does not use."""
        seen = 0
        for example in pack.examples:
            if example.source != "osie" or example.gaze is None or example.split == "heldout":
                continue
            seen += example.split == "train"
            if example.split == "train" and seen > _MOST_SEEN:
                continue
            kind = "osie" if example.split == "val" else "osie, learned from"
            yield self._look(kind, example.picture(), example.gaze)
        rows = [one for one in load_photographs(folder) if one.split == "val"]
        for one in rows[:_MOST_PHOTOGRAPHS]:
            yield self._look("photographs", decode_rgb(one.jpeg), one.density)

    def _look(self, kind: str, rgb: NDArray[np.uint8], density: NDArray[np.uint8]) -> Looked:
        return Looked(kind, self._class_maps(rgb), _frame(rgb, 0).thumbnail, density.astype(np.float32))


def _add_synthetic(shot: Shot, index: int, mover: NDArray[np.bool_], still: NDArray[np.bool_]) -> None:
    things = mover | still
    if not things.any():
        return
    around = np.asarray(cv2.dilate(things.astype(np.uint8), _AROUND) > 0)
    shot.alone[index] = shot.in_time[index] = Truth(things, around)
    if mover.any():
        shot.in_time[index] = Truth(mover, around & (mover | ~still))


def _mask(png: bytes) -> NDArray[np.bool_]:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE) > 127)


def _frame(rgb: NDArray[np.uint8], index: int) -> semvid.Frame:
    height, width = (side // 2 * 2 for side in rgb.shape[:2])
    planes = cv2.cvtColor(np.ascontiguousarray(rgb[:height, :width]), cv2.COLOR_RGB2YUV_I420)
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.pts = index
    return semvid.Frame(picture, index)
