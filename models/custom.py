"""A user's own network: an ONNX file, and a small TOML file beside it that describes its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.core.checked import Field, Malformed, parse_toml, shown_line
from semvid.core.config import FocusConfig
from semvid.core.decoding import read_text
from semvid.core.errors import ModelError
from semvid.core.records import dataclass
from semvid.core.text import counted, setting
from semvid.core.types import FloatArray, Pixels
from semvid.models.runtime import open_session

_SMALLEST_SIDE, _LARGEST_SIDE = 8, 4096
"""Pixels of an input: 4096 x 4096 take 200 MB as floats."""
_MOST_CHANNELS = 4096
_MOST_CELLS = 2**25
"""Numbers in an output, all channels together; they take 128 MB of memory."""
_STRAYING = 0.01
"""How far an output may leave 0..1 without a notice: rounding does not explain more."""
_MOST_TOML_BYTES = 2**16
_FARTHEST_MEAN, _SMALLEST_STD, _LARGEST_STD = 1e3, 1e-6, 1e6


@dataclass(frozen=True, slots=True)
class Feeding:
    """Contents of ``NETWORK.toml``; every key may be left out."""

    size: tuple[int, int] | None = None
    """``[width, height]`` in pixels of the input; None = what the network itself declares."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from samples in 0..1, in the order of ``order``."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides the result of the subtraction."""
    order: str = "rgb"
    """``rgb`` or ``bgr``."""
    channels: tuple[str, ...] = ()
    """Names of the output's channels; ``FocusConfig.weights`` weighs those that are names of classes."""

    @classmethod
    def read(cls, path: Path) -> Feeding:
        """Read the file; defaults if there is none.

        Raises:
            ModelError: it is not TOML, or a key or value is wrong.
        """
        if not path.exists():
            return cls()
        try:
            with path.open("rb") as file:
                values = parse_toml(read_text(file, _MOST_TOML_BYTES)).known(*_READERS)
            fields = {key: values.find(key) for key in _READERS}
            return cls(**{key: _READERS[key](field) for key, field in fields.items() if field is not None})
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
        except Malformed as error:
            raise ModelError(
                f"{path}: {error}; it may hold size = [width, height], mean and std of three numbers, "
                'order = "rgb" or "bgr", and channels = [names]'
            ) from error


def _three(values: Field, low: float, high: float) -> tuple[float, ...]:
    return tuple(one.number(low, high) for one in values.items(least=3, most=3))


def _order(value: Field) -> str:
    if value.text() not in {"rgb", "bgr"}:
        value.fail('"rgb" or "bgr"')
    return value.text()


_READERS: dict[str, Callable[[Field], Any]] = {
    "size": lambda sides: tuple(
        one.whole(_SMALLEST_SIDE, _LARGEST_SIDE) for one in sides.items(least=2, most=2)
    ),
    "mean": lambda means: _three(means, -_FARTHEST_MEAN, _FARTHEST_MEAN),
    "std": lambda deviations: _three(deviations, _SMALLEST_STD, _LARGEST_STD),
    "order": _order,
    "channels": lambda names: tuple(one.text() for one in names.items(most=_MOST_CHANNELS)),
}


class OnnxPredictor:
    """A user's network behind the interface of ``semvid.importance.predictor.Network``.

    Args:
        path: ``1x3xHxW`` float in, ``1xCxhxw`` float in 0..1 out. Importance is the largest of the channels.
        focus: Weighs the channels that have names of classes.
        threads: CPU threads; 0 = ONNX Runtime chooses.

    Raises:
        ModelError: The file cannot be loaded or has other shapes.
    """

    batch_size = 1

    def __init__(self, path: Path, focus: FocusConfig, threads: int = 0) -> None:
        if not path.is_file():
            raise ModelError(f"{setting('model', path)} does not exist; check the path")
        self.notices: list[str] = []
        self._path = path
        self._feeding = Feeding.read(path.with_suffix(".toml"))
        self._session = open_session(path, threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shapes = [list(one.shape or ()) for one in (*inputs, *outputs)]
        is_fit = len(inputs) == 1 and len(shapes[0]) == 4 and _can_be(shapes[0][:2], 1, 3)
        if not is_fit or inputs[0].type != "tensor(float)":
            found = ", ".join(f"{one.type} {one.shape}" for one in inputs) or "nothing"
            raise ModelError(f"{setting('model', path)} takes {found}; semvid feeds one float 1x3xHxW tensor")
        if not outputs or not _can_be(shapes[1], 1, None, None, None):
            found = str(outputs[0].shape) if outputs else "nothing"
            raise ModelError(
                f"{setting('model', path)} gives {found}; semvid needs 1xCxhxw, C, h and w above 0"
            )
        self._size = self._feeding.size or _fixed_size(path, shapes[0])
        if not _can_be(shapes[0][2:], *reversed(self._size)):
            raise ModelError(
                f"{path.with_suffix('.toml')}: size is {list(self._size)}, but the network takes "
                f"{shapes[0][3]}x{shapes[0][2]} pixels only; leave size out"
            )
        self._num_channels = shapes[1][1]
        self.refocus(focus)
        self._input = inputs[0].name

    def refocus(self, focus: FocusConfig) -> None:
        """Change what matters, starting with the next picture."""
        names, count = self._feeding.channels, self._num_channels
        if names and isinstance(count, int) and len(names) != count:
            raise ModelError(
                f"{self._path.with_suffix('.toml')} names {counted(len(names), 'channel')}, "
                f"the network has {count}"
            )
        self._weights = np.array([focus.weight(name) for name in names] or [1.0], np.float32)

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """Return the size of the network's input, whatever the picture's size and ``share``."""
        return self._size

    def predict(self, pictures: Pixels) -> FloatArray:
        """Return ``(n, h, w)`` importance in 0..1 for ``(n, H, W, 3)`` RGB pictures.

        Raises:
            ModelError: The network failed, or its output does not have the declared shape.
        """
        return np.stack([self._predict_one(one) for one in np.asarray(pictures)])

    def _predict_one(self, picture: NDArray[np.uint8]) -> FloatArray:
        samples = picture if self._feeding.order == "rgb" else picture[..., ::-1]
        mean, std = (np.asarray(one, np.float32) for one in (self._feeding.mean, self._feeding.std))
        scaled = (samples.astype(np.float32) / 255 - mean) / std
        x = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])
        try:
            maps = np.asarray(self._session.run(None, {self._input: x})[0], np.float32)
        except Exception as error:
            raise ModelError(
                f"{setting('model', self._path)} failed on a {x.shape} input: {shown_line(str(error))}"
            ) from error
        is_fit = maps.ndim == 4 and maps.shape[0] == 1 and 0 < maps.size <= _MOST_CELLS
        if not is_fit or self._weights.size not in {1, maps.shape[1]}:
            raise ModelError(
                f"{setting('model', self._path)} gave {maps.shape}; semvid needs 1xCxhxw of at most "
                f"{_MOST_CELLS} numbers, C as in its .toml if that names channels"
            )
        low, high = float(maps.min()), float(maps.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ModelError(
                f"{setting('model', self._path)} gave values that are not numbers; check mean and std"
            )
        if (low < -_STRAYING or high > 1 + _STRAYING) and not self.notices:
            self.notices.append(
                f"{setting('model', self._path)} gave values from {low:.3g} to {high:.3g}, cut off at 0 and "
                "1; let the network end in a sigmoid"
            )
        strongest = (maps[0] * self._weights[:, None, None]).max(0)
        return np.asarray(np.clip(strongest / max(float(self._weights.max()), 1e-6), 0, 1), np.float32)


def _can_be(shape: Sequence[Any], *wanted: int | None) -> bool:
    """Tell whether a shape, of which sides may be open (a name, or None), can be the wanted one.

    Args:
        shape: As a network declares it.
        wanted: Its sides; None = any above 0.
    """
    return len(shape) == len(wanted) and all(
        not isinstance(side, int) or (side > 0 if want is None else side == want)
        for side, want in zip(shape, wanted, strict=True)
    )


def _fixed_size(path: Path, shape: list[Any]) -> tuple[int, int]:
    height, width = shape[2:]
    if not (isinstance(height, int) and isinstance(width, int)):
        raise ModelError(
            f"{setting('model', path)} takes any size; write size = [width, height] into "
            f"{path.with_suffix('.toml')}"
        )
    if not all(_SMALLEST_SIDE <= side <= _LARGEST_SIDE for side in (width, height)):
        raise ModelError(
            f"{setting('model', path)} takes {width}x{height} pixels; semvid feeds sides of {_SMALLEST_SIDE} "
            f"to {_LARGEST_SIDE}"
        )
    return width, height
