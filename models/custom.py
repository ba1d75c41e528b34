"""A user's own network: an ONNX file, and a small TOML file beside it that tells how to feed it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.config import FocusConfig
from semvid.errors import ModelError
from semvid.models.runtime import open_session

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Feeding:
    """Contents of ``NETWORK.toml``; every key may be left out."""

    size: tuple[int, int] | None = None
    """``[width, height]`` in pixels of the input; None = what the network itself says."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from samples in 0..1, in the order of ``order``."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what is left."""
    order: str = "rgb"
    """``rgb`` or ``bgr``."""
    channels: tuple[str, ...] = ()
    """Names of the output's channels, so that ``--focus`` can weigh those it knows."""

    @classmethod
    def read(cls, path: Path) -> Feeding:
        """Read the file; defaults if there is none.

        Raises:
            ModelError: It is no TOML, or a key or value is wrong.
        """
        if not path.exists():
            return cls()
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text())
            lists = {key: tuple(one) for key, one in values.items() if isinstance(one, list)}
            feeding = cls(**{**values, **lists})
            feeding.check()
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: {error}; it may hold size = [width, height], mean and std of three numbers, "
                'order = "rgb" or "bgr", and channels = [names]'
            ) from error
        return feeding

    def check(self) -> None:
        """Raise ValueError for values that cannot be meant."""
        if self.size is not None and not (
            len(self.size) == 2 and all(isinstance(one, int) and 8 <= one <= 4096 for one in self.size)
        ):
            raise ValueError(f"size {self.size} is not two whole numbers from 8 to 4096")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3:
                raise ValueError(f"{name} has {len(values)} numbers instead of 3")
        if min(self.std) <= 0:
            raise ValueError(f"std {min(self.std):g} is not above 0")
        if self.order not in {"rgb", "bgr"}:
            raise ValueError(f'order "{self.order}" is neither "rgb" nor "bgr"')


class OnnxPredictor:
    """A user's network behind the interface of ``semvid.saliency.predictor.Network``.

    Args:
        path: ``1x3xHxW`` float in, ``1xCxhxw`` float in 0..1 out. Importance is the largest of the channels.
        focus: Weighs the channels that carry names of classes.
        threads: 0 = as many as ONNX Runtime sees fit.

    Raises:
        ModelError: The file cannot be loaded or has other shapes.
    """

    batch_size = 1

    def __init__(self, path: Path, focus: FocusConfig, threads: int = 0) -> None:
        if not path.is_file():
            raise ModelError(f"--model {path} does not exist; check the path")
        self.notices: list[str] = []
        self._path = path
        self._feeding = Feeding.read(path.with_suffix(".toml"))
        self._session = open_session(path, threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = inputs[0].shape
        if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{one.type} {one.shape}" for one in inputs)
            raise ModelError(f"--model {path} takes {found}; semvid feeds one float 1x3xHxW tensor")
        if len(outputs[0].shape) != 4:
            raise ModelError(f"--model {path} gives {outputs[0].shape}; semvid needs 1xCxhxw")
        self._size = self._feeding.size or _fixed_size(path, shape)
        self._num_channels = outputs[0].shape[1]
        self.refocus(focus)
        self._input = inputs[0].name

    def refocus(self, focus: FocusConfig) -> None:
        """Change what matters, from the next picture on."""
        self._weights = self._channel_weights(focus.weights, self._num_channels)

    def _channel_weights(self, focus: Mapping[str, float], count: Any) -> FloatArray:
        names = self._feeding.channels
        if names and isinstance(count, int) and len(names) != count:
            raise ModelError(
                f"{self._path.with_suffix('.toml')} names {len(names)} channels, the network has {count}"
            )
        return np.array([focus.get(name, 1.0) for name in names] or [1.0], np.float32)

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """Return what the network wants, whatever the picture's size, and no less."""
        return self._size

    def predict(self, pictures: NDArray[np.uint8]) -> FloatArray:
        """Return ``(n, h, w)`` importance in 0..1 for ``(n, H, W, 3)`` RGB pictures.

        Raises:
            ModelError: The network failed, or gave another shape than it said.
        """
        return np.stack([self._predict_one(one) for one in pictures])

    def _predict_one(self, picture: NDArray[np.uint8]) -> FloatArray:
        samples = picture if self._feeding.order == "rgb" else picture[..., ::-1]
        mean, std = (np.asarray(one, np.float32) for one in (self._feeding.mean, self._feeding.std))
        scaled = (samples.astype(np.float32) / 255 - mean) / std
        x = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
        try:
            maps = np.asarray(self._session.run(None, {self._input: x})[0], np.float32)
        except Exception as error:
            raise ModelError(f"--model {self._path} failed on a {x.shape} input: {error}") from error
        if maps.ndim != 4 or maps.shape[0] != 1 or self._weights.size not in {1, maps.shape[1]}:
            raise ModelError(f"--model {self._path} gave {maps.shape}; semvid needs 1xCxhxw")
        if not np.isfinite(maps).all():
            raise ModelError(f"--model {self._path} gave values that are no numbers; check mean and std")
        strongest = (maps[0] * self._weights[:, None, None]).max(0)
        return np.asarray(np.clip(strongest / max(float(self._weights.max()), 1e-6), 0, 1), np.float32)


def _fixed_size(path: Path, shape: list[Any]) -> tuple[int, int]:
    height, width = shape[2:]
    if not (isinstance(height, int) and isinstance(width, int)):
        raise ModelError(
            f"--model {path} takes any size; write size = [width, height] into {path.with_suffix('.toml')}"
        )
    return width, height
