"""Labels of gaze from two networks: ``python -m semvid.models.training.gaze``.

Attention-center (Google, Apache-2.0) tells well where people look in a photograph, msroi knows faces and
small things; their product is better than either. Running them takes half a second a picture, so what they
say is kept in the cache, one file a picture: the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import FocusConfig
from semvid.core.errors import ConfigError
from semvid.core.resampling import averaged, fitted, stretched
from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.training.kept import keep
from semvid.models.training.pack import FIXATION_LABELS, PACK_CHANNELS, Example, Picture, load_pack

GRID = (60, 80)
"""Rows and columns of a cached map; it is stretched over the picture."""
CENTER_POWER, SEEN_POWER = 0.15, 1.0
"""Powers of attention-center's map and of msroi's: chosen by ``examples/benchmark/gaze_powers.py``."""

_INPUT = (480, 640)
_OUTPUT_TENSOR = 1581
_FLOOR = 1e-4


class AttentionCenter:
    """Google's attention-center, as a TFLite file whose output is the logarithm of a density.

    Raises:
        ConfigError: What runs it is not installed.
    """

    def __init__(self, tflite: Path) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ConfigError("labels of gaze need ai-edge-litert: pip install 'semvid[train]'") from error
        self._interpreter = Interpreter(str(tflite), num_threads=1)
        self._interpreter.allocate_tensors()
        inputs = self._interpreter.get_input_details()
        self._image = next(one["index"] for one in inputs if one["name"].startswith("image"))

    def logits(self, picture: Picture) -> FloatArray:
        """Return ``GRID`` logits for an RGB picture of any size."""
        height, width = _INPUT
        enlarged = stretched(picture, height, width).astype(np.float32) / np.float32(255)
        self._interpreter.set_tensor(self._image, enlarged[None])
        self._interpreter.invoke()
        return averaged(np.asarray(self._interpreter.get_tensor(_OUTPUT_TENSOR)[0, ..., 0]), *GRID)


class Seen:
    """The fixation map of a network of ours."""

    def __init__(self, model: str) -> None:
        predictor = open_predictor(model, FocusConfig(), "cpu", threads=1)
        assert isinstance(predictor, MsRoiPredictor)  # noqa: S101 - a name or a file of our own training
        self._predictor = predictor

    def logits(self, picture: Picture) -> FloatArray:
        """Return ``GRID`` logarithms of the density, 0 at its maximum."""
        width, height = self._predictor.input_size(picture.shape[1], picture.shape[0])
        maps = self._predictor.class_maps(fitted(picture, height, width)[None])
        fixation = maps[0, CHANNELS.index("fixation")]
        return np.asarray(np.log(np.maximum(stretched(fixation, *GRID), _FLOOR)), np.float32)


def gaze_file(cache: Path, name: str) -> Path:
    """Where the cache keeps the maps of a picture: ``(2, 60, 80)`` float16, logits of the two networks."""
    return cache / "gaze" / f"{Path(name).stem}.npy"


def product(logits: FloatArray, *, center: float = CENTER_POWER, seen: float = SEEN_POWER) -> FloatArray:
    """Combine the two maps of a cached file into one density with a maximum of 1.

    Args:
        logits: ``(2, h, w)``: attention-center's and msroi's.
        center: Power of the first.
        seen: Power of the second.
    """
    total = center * logits[0].astype(np.float32) + seen * logits[1].astype(np.float32)
    return np.asarray(np.exp(total - total.max()), np.float32)


def gaze_label(example: Example, cache: Path | None) -> NDArray[np.uint8] | None:
    """Return where people look, at the size of the labels, 255 at its maximum; ``None`` if nobody knows.

    Where people were asked, half is what they did: their density joined with objects is what the pack has,
    so it is flatter than gaze is, and its square comes nearer. Without a cache all is.
    """
    parts = []
    path = gaze_file(cache, example.name) if cache else None
    if path and path.exists():
        parts.append(stretched(product(np.load(path)), *example.labels.shape[1:]))
    if example.salient_from == FIXATION_LABELS:
        looked = example.labels[PACK_CHANNELS.index("salient")].astype(np.float32)
        parts.append(np.square(looked / np.float32(255)))
    parts = [one / one.sum() for one in parts if one.any()]
    if not parts:
        return None
    density = np.mean(parts, 0)
    return np.asarray(np.rint(density * (255 / density.max())), np.uint8)


def fill_cache(
    pictures: Iterable[tuple[str, Picture]], cache: Path, center: AttentionCenter, seen: Seen
) -> None:
    """Write the cached file of every picture that has none."""
    for name, picture in pictures:
        path = gaze_file(cache, name)
        if path.exists():
            continue
        both = np.stack([center.logits(picture), seen.logits(picture)]).astype(np.float16)
        keep(path, partial(np.save, arr=both))


def _in_order(examples: list[Example]) -> list[Example]:
    """Scenes before the lone objects of Caltech-101, which tell less about gaze."""
    return sorted(examples, key=lambda one: one.source == "caltech101")


def main() -> None:
    """Fill the cache for all open rows but the held-out ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--more", type=Path, required=True, help="folder of the second pack")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what takes long to make")
    parser.add_argument("--model", default="msroi", help="network of ours to multiply with")
    arguments = parser.parse_args()
    examples = [
        one for one in load_pack(arguments.pack, open_terms_only=True).examples if one.split != "heldout"
    ]
    try:
        center = AttentionCenter(arguments.more / "attention_center_logits.tflite")
    except ConfigError as error:
        parser.error(str(error))
    pictures = ((one.name, one.picture()) for one in _in_order(examples))
    fill_cache(pictures, arguments.cache, center, Seen(arguments.model))


if __name__ == "__main__":
    main()
