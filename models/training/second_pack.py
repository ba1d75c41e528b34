"""Read the second pack: foreground maps for the first one, photographs with fixations, clips with masks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.models.training.pack import FixationExample, Picture, decode_rgb, read_members, read_rows

Foregrounds = Mapping[str, NDArray[np.uint8]]
"""Name of a picture without its suffix -> foreground at the size of its labels, 255 = certain."""

_AROUND = np.ones((9, 9), np.uint8)
"""Cells that count around things of synthetic clips: the picture behind has things of its own."""
_SYNTHETIC = "synth/"
_FIRST_ONLY = {"judo"}
"""Clips whose later masks show one bystander each."""
_VALIDATION_EVERY = 6
"""One photograph in so many is kept for validation."""
_VALIDATION_SYNTHETIC = 40
"""So many synthetic clips are, the first ones."""


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One frame of a clip whose mask is known; to validate with."""

    clip: str
    jpeg: bytes
    mask: NDArray[np.bool_]
    """``(ceil(height / 4), ceil(width / 4))``: what matters."""
    counts: NDArray[np.bool_]
    """Likewise: where the mask tells all."""

    @property
    def is_synthetic(self) -> bool:
        """Whether things were pasted into a still picture."""
        return self.clip.startswith(_SYNTHETIC)

    def picture(self) -> Picture:
        """Decode to ``(height, width, 3)`` RGB."""
        return decode_rgb(self.jpeg)


@dataclass(frozen=True, slots=True)
class SyntheticFrame:
    """One frame of a synthetic clip; to learn from."""

    clip: str
    index: int
    jpeg: bytes
    exact: NDArray[np.uint8]
    """``(ceil(height / 4), ceil(width / 4))``: what was pasted, 255 = inside."""

    def picture(self) -> Picture:
        """Decode to ``(height, width, 3)`` RGB."""
        return decode_rgb(self.jpeg)


def load_foregrounds(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the maps that a background-removal network made of the first pack's open rows."""
    return {Path(name).stem: _grey(png) for name, png in read_members(folder / "isnet512.tar").items()}


def load_photographs(folder: Path) -> list[FixationExample]:
    """Read the photographs with human fixation densities, which nobody stated the terms of."""
    files = read_members(folder / "fixation-extra.tar")
    densities = np.load(folder / "fixation-extra-maps.npz")["data"]
    return [
        FixationExample(files[row["file"]], densities[row["row"]], _split(row["row"]))
        for row in read_rows(folder / "index.jsonl")
        if row["valid"] == ["fixation"]
    ]


def _split(row: int) -> str:
    return "val" if row % _VALIDATION_EVERY == 0 else "train"


def load_clips(folder: Path) -> list[ClipFrame]:
    """Read every fifth frame with a mask of the clips with one subject, and the last of synthetic clips.

    ``salient`` is what matters in real clips, ``mover`` and ``still`` in synthetic ones, of which those that
    show neither are left out.
    """
    files = {**read_members(folder / "synth.tar"), **read_members(folder / "video.tar")}
    found: dict[str, list[ClipFrame]] = {}
    for row in read_rows(folder / "index.jsonl"):
        masks = [row["labels"][name] for name in ("salient", "mover", "still") if name in row["labels"]]
        if not masks or "ignore" in row["labels"]:
            continue
        mask = np.max([_grey(files[one]) for one in masks], 0) > 127
        known = found.setdefault(row["clip"], [])
        if mask.any() and not (known and row["clip"] in _FIRST_ONLY):
            counts = around(mask) if "mover" in row["labels"] else np.ones_like(mask)
            known.append(ClipFrame(row["clip"], files[row["file"]], mask, counts))
    return [one for frames in found.values() for one in (frames[-1:] if len(frames) <= 6 else frames[::5])]


def validated_synthetic(clips: list[ClipFrame]) -> list[ClipFrame]:
    """Choose the synthetic clips to validate with."""
    return [one for one in clips if one.is_synthetic][:_VALIDATION_SYNTHETIC]


def load_synthetic(folder: Path) -> list[SyntheticFrame]:
    """Read a frame of each synthetic clip that is not validated with: of one its first, then a second, ..."""
    validated = {one.clip for one in validated_synthetic(load_clips(folder))}
    files = read_members(folder / "synth.tar")
    clips: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(folder / "index.jsonl"):
        if row.get("clip", "").startswith(_SYNTHETIC) and row["clip"] not in validated:
            clips.setdefault(row["clip"], []).append(row)
    found = []
    for turn, (clip, rows) in enumerate(clips.items()):
        index = turn % len(rows)
        masks = [_grey(files[one]) for one in rows[index]["labels"].values()]
        found.append(SyntheticFrame(clip, index, files[rows[index]["file"]], np.max(masks, 0)))
    return found


def around(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where the mask of a synthetic clip tells all: at what was pasted, and close to it."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _AROUND) > 0)


def digest(folder: Path) -> str:
    """SHA-256 over the second pack's index."""
    return hashlib.sha256((folder / "index.jsonl").read_bytes()).hexdigest()


def _grey(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)
