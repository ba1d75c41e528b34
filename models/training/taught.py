"""Make training pictures of the frames that ``foreground.py`` kept.

An outline counts as far as msroi says that it matters, ``sqrt(foreground x importance)``, and likewise as a
class; a class that fits no outline is not learned. A frame where the two differ on the whole is left out, and
where they differ in places nothing is learned of ``salient``. An empty scene, in which neither sees anything,
stays.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import FocusConfig
from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS
from semvid.models.rule import class_scores, importance
from semvid.models.training.gating import fitting, gated
from semvid.models.training.pack import PACK_CHANNELS, Example, as_label, decode_rgb
from semvid.models.training.second_pack import around

TAUGHT = "taught"
"""``salient_from`` of frames of clips."""

_SALIENT, _FACE = PACK_CHANNELS.index("salient"), PACK_CHANNELS.index("face")
_FROM_MAPS = [CHANNELS.index(name) for name in PACK_CHANNELS]
_CERTAIN = 127
_ABSENT, _PRESENT = 0.2, 0.5
"""Scores of a class below and above which it surely is not, or is, in the picture."""
_DIFFERENCE = 0.5
"""How far foreground and importance may differ before a cell counts less."""


def load_frames(cache: Path) -> list[Example]:
    """Read all kept frames whose labels are fit to learn from."""
    found = (frame_example(path) for path in sorted((cache / "frames").glob("*.npz")))
    return [one for one in found if one is not None]


def frame_example(path: Path) -> Example | None:
    """Return a kept frame with its labels, or ``None`` where the networks differ on the whole."""
    with np.load(path) as parts:
        jpeg, outlined, maps = parts["jpeg"].tobytes(), _share(parts["foreground"]), _share(parts["maps"])
        exact = _share(parts["exact"]) if "exact" in parts.files else None
    matters = importance(maps, FocusConfig())
    salient = np.sqrt(outlined * matters)
    doubt = np.clip(np.abs(outlined - matters) / _DIFFERENCE - 1, 0, 1)
    known = np.zeros(outlined.shape, bool)
    if exact is not None:
        # Close to what was pasted, the picture behind may show a thing of its own.
        is_pasted = exact > _CERTAIN / 255
        known = around(is_pasted) & (is_pasted | (outlined < _CERTAIN / 255))
        outlined, matters, salient = (np.where(known, exact, one) for one in (outlined, matters, salient))
        doubt = np.where(known, 0, doubt)
    example = _example(path.stem, jpeg, maps, matters)
    sharper = gated(example, as_label(outlined))
    is_apart = sharper is example and max(outlined.max(), matters.max()) > _CERTAIN / 255
    if is_apart and exact is None:
        return None
    labels = sharper.labels.copy()
    fits = [] if sharper is example else fitting(example, as_label(outlined))
    labels[fits] = as_label(np.sqrt(_share(sharper.labels[fits]) * _share(example.labels[fits])))
    labels[_SALIENT] = as_label(salient)
    # What was pasted is certain, whatever the networks say of the picture behind.
    doubt = np.where(known, 0, 1) if is_apart else doubt
    return replace(
        sharper, labels=labels, valid=_valid(maps, fits), salient_from=TAUGHT, doubt=as_label(doubt)
    )


def _example(name: str, jpeg: bytes, maps: FloatArray, matters: FloatArray) -> Example:
    """The frame, labelled by the network of ours alone."""
    labels = as_label(maps[_FROM_MAPS])
    labels[_SALIENT] = as_label(matters)
    height, width = decode_rgb(jpeg).shape[:2]
    all_valid = np.ones(len(PACK_CHANNELS), bool)
    source = name.partition("__")[0]
    return Example(name, jpeg, labels, all_valid, "teacher", source, "open", "train", width / height)


def _valid(maps: FloatArray, fits: list[int]) -> NDArray[np.bool_]:
    """Of each channel of the pack, whether it is known: a class is if it fits or surely is not there."""
    scores = class_scores(maps)[_FROM_MAPS]
    valid = scores < _ABSENT
    valid[fits] = True
    valid[_FACE] |= scores[_FACE] > _PRESENT
    valid[_SALIENT] = True
    return np.asarray(valid)


def _share(values: NDArray[np.uint8]) -> FloatArray:
    return values.astype(np.float32) / np.float32(255)
