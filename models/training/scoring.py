"""Score networks on what they did not learn from: ``python -m semvid.models.training.scoring WEIGHTS ...``.

Objects: the validation rows of the pack whose labels could be sharpened, real clips, and synthetic ones (made
of pictures that may have been learned from), all at the one threshold that is best for the rows of the pack.
Gaze: the validation rows of OSIE, and photographs that the open recipe does not use, with human densities in
place of single fixations. Text, with ``--cache``: all open rows that were not learned from, by the reader
that teaches text, so what it misses itself is not seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import FocusConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.resampling import fitted, stretched
from semvid.core.types import FloatArray, Pixels
from semvid.models.architecture import CHANNELS, Architecture
from semvid.models.msroi import MsRoi
from semvid.models.predictor import MsRoiPredictor
from semvid.models.training.gating import CLASS_GROUPS, GATED
from semvid.models.training.materials import Sources, load_materials
from semvid.models.training.pack import PACK_CHANNELS, Example, FixationExample, Pack, Picture, decode_rgb
from semvid.models.training.scores import THRESHOLDS, boundary_f, gaze_scores, iou_curve, text_scores
from semvid.models.training.second_pack import ClipFrame, load_clips, load_photographs, validated_synthetic
from semvid.models.training.text_labels import words_label
from semvid.models.weights_file import open_weights

_SALIENT, _FIXATION, _TEXT = (CHANNELS.index(name) for name in ("salient", "fixation", "text"))
_MOST_PHOTOGRAPHS = 100


class _InMemory:
    """A runtime for a network that is not in a file."""

    batch_size = 1

    def __init__(self, network: MsRoi) -> None:
        self.notices: list[str] = []
        self._network = network.eval()

    def run(self, pictures: Pixels) -> FloatArray:
        import torch

        device = next(self._network.parameters()).device
        with torch.no_grad():
            x = torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2)
            return np.asarray(self._network(x.float().div(127.5).sub(1)).float().cpu(), np.float32)


class Scorer:
    """Scores networks on the same pictures.

    Args:
        pack: With gated labels.
        clips: With masks.
        photographs: With human fixation densities.
        read: Pictures in which a reader looked for words.
    """

    def __init__(
        self,
        pack: Pack,
        clips: list[ClipFrame],
        photographs: list[FixationExample],
        read: Sequence[tuple[Example, NDArray[np.uint8]]] = (),
    ) -> None:
        rows = [one for one in pack.examples if one.split == "val"]
        self._objects = [one for one in rows if one.salient_from == GATED]
        self._looked = [one for one in rows if one.source == "osie" and one.gaze is not None]
        self._synthetic = validated_synthetic(clips)
        self._real = [one for one in clips if not one.is_synthetic]
        self._photographs = [one for one in photographs if one.split == "val"][:_MOST_PHOTOGRAPHS]
        self._read = read

    def score(self, network: MsRoi) -> dict[str, float]:
        """Return IoU and F of ``salient``, IoU of classes at one half, NSS and CC of ``fixation``; text."""
        predictor = MsRoiPredictor(_InMemory(network), network.architecture, FocusConfig())
        maps = [_maps(predictor, one.picture()) for one in self._objects]
        pairs, index, scores = self._salient(maps), 0, {}
        if pairs:
            curve = np.mean([iou_curve(*pair) for pair in pairs], 0)
            index = int(np.argmax(curve))
            threshold = float(THRESHOLDS[index])
            outlines = [boundary_f(values > threshold, mask) for values, mask in pairs]
            scores = {"threshold": threshold, "iou": curve[index], "boundary_f": np.mean(outlines)}
        scores |= self._classes(maps)
        for name, frames in (("synthetic", self._synthetic), ("clips", self._real)):
            if frames:
                scores[name] = _iou_by_clip(predictor, frames, index)
        looked = [(one.picture(), _human(one)) for one in self._looked]
        seen = [(decode_rgb(one.jpeg), one.density.astype(np.float32)) for one in self._photographs]
        for name, photographs in (("osie", looked), ("photographs", seen)):
            if photographs:
                rows = [gaze_scores(_fixation(predictor, picture, d), d) for picture, d in photographs]
                scores[f"{name}_nss"], scores[f"{name}_cc"] = np.mean(rows, 0)
        if self._read:
            texts = [
                stretched(_maps(predictor, one.picture())[_TEXT], *words.shape[1:])
                for one, words in self._read
            ]
            scores |= text_scores(texts, [words for _, words in self._read])
        return {name: round(float(value), 4) for name, value in scores.items()}

    def _salient(self, maps: list[FloatArray]) -> list[tuple[FloatArray, NDArray[np.bool_]]]:
        """What was found and what is there."""
        return [
            (stretched(one[_SALIENT], *example.labels.shape[1:]), example.labels[-1] > 127)
            for one, example in zip(maps, self._objects, strict=True)
        ]

    def _classes(self, maps: list[FloatArray]) -> dict[str, float]:
        half = int(np.argmin(np.abs(THRESHOLDS - 0.5)))
        found: dict[str, list[float]] = {}
        for one, example in zip(maps, self._objects, strict=True):
            for name in (*CLASS_GROUPS, "face"):
                index = PACK_CHANNELS.index(name)
                label = example.labels[index] > 127
                if example.valid[index] and label.any():
                    values = stretched(one[CHANNELS.index(name)], *label.shape)
                    found.setdefault(name, []).append(float(iou_curve(values, label)[half]))
        return {name: float(np.mean(values)) for name, values in found.items()}


def _iou_by_clip(predictor: MsRoiPredictor, frames: list[ClipFrame], index: int) -> float:
    """Mean over clips of the mean over their frames."""
    clips: dict[str, list[float]] = {}
    for frame in frames:
        values = stretched(_maps(predictor, frame.picture())[_SALIENT], *frame.mask.shape)
        clips.setdefault(frame.clip, []).append(
            float(iou_curve(np.where(frame.counts, values, 0), frame.mask)[index])
        )
    return float(np.mean([np.mean(one) for one in clips.values()]))


def _maps(predictor: MsRoiPredictor, picture: Picture) -> FloatArray:
    width, height = predictor.input_size(picture.shape[1], picture.shape[0])
    return np.asarray(predictor.class_maps(fitted(picture, height, width)[None])[0], np.float32)


def _fixation(predictor: MsRoiPredictor, picture: Picture, density: FloatArray) -> FloatArray:
    return fitted(_maps(predictor, picture)[_FIXATION], *density.shape)


def _human(example: Example) -> FloatArray:
    assert example.gaze is not None  # noqa: S101 - chosen by it
    return example.gaze.astype(np.float32)


def open_scorer(sources: Sources, pack: Pack | None = None, words: Path | None = None) -> Scorer:
    """Load everything that is scored on.

    Args:
        sources: Both packs.
        pack: With gated labels, if it was loaded before.
        words: Cache of ``text_labels``, to score text too.

    Raises:
        ConfigError: Words are missing.
    """
    loaded = pack or load_materials(sources, "gated", open_terms_only=True)
    assert sources.more is not None  # noqa: S101 - gated labels need it
    read = _read(loaded, words) if words else []
    return Scorer(loaded, load_clips(sources.more), load_photographs(sources.more), read)


def _read(pack: Pack, cache: Path) -> list[tuple[Example, NDArray[np.uint8]]]:
    rows = [one for one in pack.examples if one.split != "train"]
    read = [(one, words) for one in rows if (words := words_label(one, cache)) is not None]
    if len(read) < len(rows):
        raise ConfigError(
            f"{cache} holds the words of {len(read)} of {len(rows)} pictures to score text with; "
            "run semvid.models.training.text_labels first"
        )
    return read


def main() -> None:
    """Print one JSON line for each network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="+", help="msroi, msroi-fast, or a file of the recipe")
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--more", type=Path, required=True, help="folder of the second pack")
    parser.add_argument("--width", type=int, help="of the input for wide pictures; others get as many pixels")
    parser.add_argument("--cache", type=Path, help="folder that text_labels filled, to score text too")
    arguments = parser.parse_args()
    try:
        scorer = open_scorer(Sources(arguments.pack, arguments.more), words=arguments.cache)
    except SemvidError as error:
        parser.error(str(error))
    for name in arguments.weights:
        network = open_weights(name).load()
        network.architecture = _widened(network.architecture, arguments.width)
        size = [network.architecture.input_width, network.architecture.input_height]
        print(json.dumps({"weights": name, "size": size, **scorer.score(network)}), flush=True)


def _widened(architecture: Architecture, width: int | None) -> Architecture:
    """The same network for larger or smaller pictures of about the same shape."""
    if width is None:
        return architecture
    cells = round((width - 1) / 32 * (architecture.input_height - 1) / (architecture.input_width - 1))
    return replace(architecture, input_width=width, input_height=32 * cells + 1)


if __name__ == "__main__":
    main()
