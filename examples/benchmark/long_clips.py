"""Clips of 32 frames with exact masks, composed of open stills and open cut-outs.

The camera pans, zooms and shakes over a photograph of the training pack's validation split. One thing moves
on its own, and bends and turns while it does; another of the same class stands in the scene, and so does a
third thing. In turn, the one that moves crosses the picture, stands still for a third of the time, passes
behind the third thing, or comes nearer.
"""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""``(2, 3)``, from places of one picture to those of another."""

NUM_FRAMES = 32
WIDTH, HEIGHT = 320, 180
KINDS = ("crosses", "pauses", "is covered", "comes nearer")
_NUM_CLIPS = 24
_WORLD = 1.7
"""Size of the photograph, in picture sizes."""
_NOISE = 2.0


@dataclass
class LongClip:
    """One clip: pictures, and masks of what moves."""

    name: str
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    """``(height, width, 3)`` BGR."""
    masks: list[NDArray[np.float32]] = field(default_factory=list)
    """``(height, width)`` in 0..1: what is seen of the thing that moves."""


@dataclass(frozen=True)
class _Thing:
    bgra: NDArray[np.uint8]
    side: float
    """Root of its area, in pixels of the frame."""

    def placed(
        self, foot: tuple[float, float], grown: float = 1.0, bend: float = 0.0, turn: float = 0.0
    ) -> Matrix:
        """From its pixels to the world."""
        height, width = self.bgra.shape[:2]
        scale = grown * self.side / math.sqrt(height * width)
        turned = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        linear = scale * turned @ np.array([[1, bend], [0, 1]])
        return np.column_stack([linear, np.array(foot) - linear @ np.array([width / 2, height])])


def long_clips(folder: Path) -> Iterator[LongClip]:
    """Compose the clips from the training pack, whose ``folder`` is given."""
    rows = _rows(folder / "index.jsonl")
    stills = [one for one in rows if one["split"] == "val" and one["source"] in ("osie", "scene500")]
    groups: dict[str, list[dict[str, Any]]] = {"animal": [], "object": [], "vehicle": [], "person": []}
    for one in _rows(folder / "cutouts.jsonl"):
        groups[one["group"]].append(one)
    with tarfile.open(folder / "cutouts.tar") as cutouts:
        for number in range(_NUM_CLIPS):
            rng = np.random.default_rng(number)
            group = ("animal", "object", "vehicle")[number % 3]
            names = [groups[group][one]["file"] for one in rng.permutation(len(groups[group]))[:2]]
            names.append(groups["object"][int(rng.integers(len(groups["object"])))]["file"])
            side = rng.uniform(0.25, 0.42) * HEIGHT
            things = [_Thing(_read(cutouts, name), side) for name in names]
            row = stills[number % len(stills)]
            with tarfile.open(folder / row["shard"]) as pictures:
                photograph = _read(pictures, row["file"])[..., :3]
            kind = KINDS[number % len(KINDS)]
            yield _composed(f"{number:02d} {group} {kind}", kind, photograph, things, rng)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, path.read_text().splitlines()) if one["terms"] == "open"]


def _read(tar: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    file = tar.extractfile(name)
    assert file is not None
    data = np.frombuffer(io.BytesIO(file.read()).getvalue(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), np.uint8)


def _composed(
    name: str, kind: str, photograph: NDArray[np.uint8], things: list[_Thing], rng: np.random.Generator
) -> LongClip:
    """Draw all frames. The world has the pixels of the frame when the camera is at rest."""
    mover, double, third = things
    rows, cols = photograph.shape[:2]
    scale = _WORLD * max(WIDTH / cols, HEIGHT / rows)
    ground = np.array([[scale, 0, (WIDTH - scale * cols) / 2], [0, scale, (HEIGHT - scale * rows) / 2]])
    pan = rng.uniform(-2.2, 2.2, 2) * (1, 0.3)
    zoom, shake, phase = rng.uniform(-0.004, 0.004), rng.uniform(0, 0.8), rng.uniform(0, 6, 3)
    floor = rng.uniform(0.6, 0.8) * HEIGHT
    beside = rng.uniform(0.1, 0.3) * WIDTH
    speed = rng.uniform(8, 13) if kind == "crosses" else rng.uniform(1.5, 3.5)
    start = -0.15 * WIDTH if kind == "crosses" else rng.uniform(0.3, 0.4) * WIDTH
    clip = LongClip(name)
    for index in range(NUM_FRAMES):
        since = index - NUM_FRAMES / 2
        camera = np.array([[1 + zoom * since, 0, 0], [0, 1 + zoom * since, 0]])
        camera[:, 2] = -zoom * since * np.array([WIDTH, HEIGHT]) / 2 - 0.6 * since * pan
        camera[:, 2] += shake * np.sin(np.array([1.9, 1.3]) * index + phase[:2])
        walked = min(index, 10) + max(index - 22, 0) if kind == "pauses" else index
        place = start + speed * walked + (0 if kind == "crosses" else 0.6 * since * pan[0])
        moved = mover.placed(
            (place, floor + 3 * math.sin(0.8 * walked)),
            1 + 0.035 * index if kind == "comes nearer" else 1,
            0.12 * math.sin(0.7 * walked + phase[2]),
            0.1 * math.sin(0.5 * walked),
        )
        layers = [(double, double.placed((beside, floor))), (mover, moved)]
        layers.insert(
            2 if kind == "is covered" else 0, (third, third.placed((0.55 * WIDTH, floor + 0.1 * HEIGHT)))
        )
        picture = _warped(photograph, _chained(camera, ground), cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
        mask = np.zeros((HEIGHT, WIDTH), np.float32)
        for thing, place_of in layers:
            drawn = _warped(thing.bgra, _chained(camera, place_of), cv2.INTER_AREA, cv2.BORDER_CONSTANT)
            alpha = drawn[..., 3] / 255
            picture += alpha[..., None] * (drawn[..., :3] - picture)
            mask = alpha if thing is mover else mask * (1 - alpha)
        picture += rng.normal(0, _NOISE, picture.shape)
        clip.pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
        clip.masks.append(mask)
    return clip


def _warped(picture: NDArray[np.uint8], matrix: Matrix, flags: int, border: int) -> NDArray[np.float32]:
    values = picture.astype(np.float32)
    return np.asarray(
        cv2.warpAffine(values, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=border), np.float32
    )


def _chained(outer: Matrix, inner: Matrix) -> Matrix:
    chained = outer[:, :2] @ inner
    chained[:, 2] += outer[:, 2]
    return chained
