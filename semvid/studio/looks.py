"""Quick looks: maps of single frames, by a network that knows nothing of the frames around them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import CLASSES, FocusConfig, MapsConfig
from semvid.core.records import dataclass
from semvid.core.types import Frame, to_grey
from semvid.importance.edges import snap_to_edges
from semvid.importance.registry import open_source
from semvid.models.custom import OnnxPredictor
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import class_scores, importance
from semvid.studio.map_store import Grey

_MOST_LOOKS = 96
"""Of a video that are kept: each takes a third of a megabyte."""


@dataclass(frozen=True, slots=True)
class FoundClass:
    """A class that was found in a video."""

    name: str
    share: float
    """Of the frames that were looked at, in which the class was found, 0..1."""
    sureness: float
    """Of the network in those frames, on average, 0..1."""


@dataclass(frozen=True, slots=True)
class _Look:
    class_maps: NDArray[np.float16]
    """``(8, h, w)`` in 0..1: another focus makes another map of them, and needs no network."""
    thumbnail: NDArray[np.uint8]


class Looker:
    """Networks that are open, one for each name, shared by all videos."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._networks: dict[str, MsRoiPredictor | OnnxPredictor] = {}

    def warm_up(self, model: str) -> None:
        """Open a network before it is needed.

        Raises:
            ModelError: It cannot be loaded.
        """
        with self._lock:
            self._network(model)

    def class_maps(self, model: str, frame: Frame) -> NDArray[np.float32] | None:
        """Return ``(8, h, w)`` in 0..1 of a frame; None = this model knows no classes."""
        if model == "spectral":
            return None
        with self._lock:
            network = self._network(model)
            if not isinstance(network, MsRoiPredictor):
                return None
            picture = np.asarray(frame.rgb(network.input_size(*frame.upright_size)))
            return np.asarray(network.class_maps(picture[None])[0], np.float32)

    def _network(self, model: str) -> MsRoiPredictor | OnnxPredictor:
        if model not in self._networks:
            self._networks.clear()
            self._networks[model] = open_predictor(model, FocusConfig())
        return self._networks[model]


class Looks:
    """What quick looks at a video found.

    Args:
        looker: Has the networks.
    """

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._lock = threading.Lock()
        self._found: OrderedDict[int, _Look | Grey] = OrderedDict()
        self._model = ""
        self._scores: dict[int, NDArray[np.float32]] = {}

    def look(self, index: int, frame: Frame, maps: MapsConfig) -> None:
        """Look at a frame.

        Args:
            index: Of the frame.
            frame: The frame.
            maps: The model, and the focus where it knows no classes.

        Raises:
            ModelError: The network cannot be loaded or run.
        """
        found = self._looker.class_maps(maps.chosen_model, frame)
        if found is None:
            with closing(open_source(maps, 1)) as source:
                kept: _Look | Grey = to_grey(source.update(frame).values)
        else:
            kept = _Look(found.astype(np.float16), frame.thumbnail)
        with self._lock:
            if self._model != maps.chosen_model:
                self._found.clear()
                self._scores.clear()
                self._model = maps.chosen_model
            self._found[index] = kept
            if found is not None:
                self._scores[index] = class_scores(found[: len(CLASSES)])
            while len(self._found) > _MOST_LOOKS:
                self._found.popitem(last=False)

    def has(self, index: int, maps: MapsConfig) -> bool:
        """Return whether there is a map of a frame by this model."""
        with self._lock:
            return self._model == maps.chosen_model and index in self._found

    def get(self, index: int, maps: MapsConfig) -> Grey | None:
        """Return ``(rows, cols)`` importance times 255 of a frame; None = nobody looked at it."""
        with self._lock:
            found = self._found.get(index) if self._model == maps.chosen_model else None
        if found is None or isinstance(found, np.ndarray):
            return found
        values = importance(found.class_maps.astype(np.float32), maps.focus)
        return to_grey(snap_to_edges(values, found.thumbnail))

    def classes(self, threshold: float) -> list[FoundClass]:
        """Return the classes that were found, the most frequent first.

        Args:
            threshold: How sure the network must be, 0..1.
        """
        with self._lock:
            scores = np.array([*self._scores.values()])
        if not len(scores):
            return []
        is_found = scores >= threshold
        shares, sure = is_found.mean(0), (scores * is_found).sum(0) / np.maximum(is_found.sum(0), 1)
        found = [FoundClass(*one) for one in zip(CLASSES, shares.tolist(), sure.tolist(), strict=True)]
        return sorted((one for one in found if one.share), key=lambda one: (-one.share, -one.sureness))
