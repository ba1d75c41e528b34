"""Read the training pack: pictures with soft maps per class, cut-outs, and human fixation densities."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray

FIXATION_LABELS = "gt-fixation+teacher"
"""``salient_from`` of rows whose ``salient`` is where people looked."""
PACK_CHANNELS = ("person", "face", "animal", "vehicle", "object", "salient")
"""Channels the pack has labels for; text is rendered while training."""

LABEL_STRIDE = 4
"""Picture pixels between neighbouring labels; label ``j`` covers pixels ``4 j`` to ``4 j + 3``."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled picture, compressed in memory."""

    name: str
    jpeg: bytes
    labels: NDArray[np.uint8]
    """``(6, ceil(height / 4), ceil(width / 4))`` in ``PACK_CHANNELS`` order, 255 = certain."""
    valid: NDArray[np.bool_]
    """``(6,)``: whether a channel may be learned from."""
    salient_from: str
    source: str
    terms: str
    split: str
    aspect: float
    """Width by height."""
    doubt: NDArray[np.uint8] | None = None
    """As one channel of ``labels``: 255 where ``salient`` is unknown; ``None`` = nowhere."""
    gaze: NDArray[np.uint8] | None = None
    """Likewise: where people look, 255 at its maximum; ``None`` = unknown."""
    words: NDArray[np.uint8] | None = None
    """As two channels: what lines of text cover, and what else may be text; ``None`` = nobody looked."""

    def picture(self) -> Picture:
        """Decode to ``(height, width, 3)`` RGB."""
        return decode_rgb(self.jpeg)


@dataclass(frozen=True, slots=True)
class Cutout:
    """Something with an exact outline, to be pasted."""

    png: bytes
    group: str
    """``person``, ``animal``, ``vehicle`` or ``object``."""

    def picture(self) -> Picture:
        """Decode to ``(height, width, 4)`` RGBA."""
        bgra = np.asarray(cv2.imdecode(np.frombuffer(self.png, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
        return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA), np.uint8)


@dataclass(frozen=True, slots=True)
class FixationExample:
    """A photograph and where people looked."""

    jpeg: bytes
    density: NDArray[np.uint8]
    """``(48, 48)``, up to 255, stretched over the picture."""
    split: str


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything training reads."""

    examples: list[Example]
    cutouts: list[Cutout]
    fixations: list[FixationExample]
    digest: str
    """SHA-256 over the indices: tells which pack a network was trained on."""


def decode_rgb(jpeg: bytes) -> Picture:
    """Decode a JPEG to ``(height, width, 3)`` RGB."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB), np.uint8)


def as_label(values: FloatArray) -> NDArray[np.uint8]:
    """Turn shares of 1 into labels, 255 = certain."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def load_pack(folder: Path, *, open_terms_only: bool) -> Pack:
    """Load a pack into memory, about 300 MB.

    Args:
        folder: Where the pack lies; its README tells the layout.
        open_terms_only: Leave out rows whose terms are not ``open``, and the fixation photographs, whose
            terms nobody stated.
    """
    rows = read_rows(folder / "index.jsonl")
    wanted: Callable[[str], bool] = lambda terms: terms == "open" or not open_terms_only  # noqa: E731
    pictures = {name: read_members(folder / name) for name in {row["shard"] for row in rows}}
    labels = {
        shard: np.load(folder / f"labels-{shard:03d}.npz")["data"]
        for shard in {row["label_shard"] for row in rows}
    }
    examples = [
        _example(row, pictures[row["shard"]][row["file"]], labels[row["label_shard"]])
        for row in rows
        if wanted(row["terms"])
    ]
    files = read_members(folder / "cutouts.tar")
    cutouts = [
        Cutout(files[row["file"]], row["group"])
        for row in read_rows(folder / "cutouts.jsonl")
        if wanted(row["terms"])
    ]
    fixations = [] if open_terms_only else _fixations(folder)
    digest = hashlib.sha256()
    for name in ("index.jsonl", "cutouts.jsonl", "fixation-index.jsonl"):
        digest.update((folder / name).read_bytes())
    return Pack(examples, cutouts, fixations, digest.hexdigest())


def _example(row: dict[str, Any], jpeg: bytes, labels: NDArray[np.uint8]) -> Example:
    height, width, start = row["label_h"], row["label_w"], row["label_offset"]
    count = len(PACK_CHANNELS) * height * width
    return Example(
        name=row["file"],
        jpeg=jpeg,
        labels=labels[start : start + count].reshape(len(PACK_CHANNELS), height, width),
        valid=np.array([channel in row["valid"] for channel in PACK_CHANNELS]),
        salient_from=row["salient_from"],
        source=row["source"],
        terms=row["terms"],
        split=row["split"],
        aspect=row["width"] / row["height"],
    )


def _fixations(folder: Path) -> list[FixationExample]:
    files = read_members(folder / "fixation-images.tar")
    densities = np.load(folder / "fixation-maps.npz")["data"]
    return [
        FixationExample(files[row["file"]], densities[row["row"]], row["split"])
        for row in read_rows(folder / "fixation-index.jsonl")
    ]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read an index: one JSON object a line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_members(path: Path) -> dict[str, bytes]:
    """Read all files of a tar into memory."""
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        found = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None:
                found[member.name] = file.read()
        return found
