"""Reads and writes weights: safetensors, with how they were made in the metadata. No pickle."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from semvid.core.checked import Field, Malformed, parse_json, shown, shown_line
from semvid.core.errors import ModelError
from semvid.core.records import dataclass
from semvid.core.text import setting
from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS, Architecture

if TYPE_CHECKING:
    from semvid.models.msroi import MsRoi

_LARGEST_INPUT = 4097
"""Pixels a side."""
_MOST_CHANNELS = 1024
"""Channels of a layer; the shipped networks have at most 160."""

WEIGHTS_FOLDER = Path(__file__).resolve().parent / "weights"

SHIPPED: dict[str, tuple[str, str]] = {
    "msroi": (
        "msroi-3.safetensors",
        "59e8384e415a5aefc307787ae5bb91b9bdb23238b1c41d5a25c2b04d98ae52ab",
    ),
    "msroi-fast": (
        "msroi-fast-2.safetensors",
        "9ad336137e9da9de2c3a862f4e8080c5c6bf726f8050812c487b8619d3463ce6",
    ),
}
"""Name -> file in ``weights/`` and its SHA-256."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file that was checked."""

    path: Path
    sha256: str
    architecture: Architecture
    metadata: Mapping[str, str]

    def load(self) -> MsRoi:
        """Build the network. Imports torch.

        Raises:
            ModelError: The tensors do not fit the architecture.
        """
        import torch

        from semvid.models.msroi import MsRoi

        network = MsRoi(self.architecture)
        tensors = {name: torch.from_numpy(value) for name, value in self.arrays().items()}
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise self.misfit() from error
        return network.eval()

    def arrays(self) -> dict[str, FloatArray]:
        """Return the tensors by name.

        Raises:
            ModelError: They cannot be read, or are not all numbers.
        """
        try:
            tensors = {name: value.astype(np.float32) for name, value in load_file(self.path).items()}
        except (SafetensorError, OSError, TypeError, ValueError) as error:
            raise self.misfit() from error
        broken = [name for name, value in tensors.items() if not np.isfinite(value).all()]
        if broken:
            raise ModelError(
                f"{self.path}: {broken[0]} holds values that are not numbers; get the file again, or train "
                "the network again"
            )
        return tensors

    def misfit(self) -> ModelError:
        """Return the error that tells that these are not the tensors of the architecture."""
        return ModelError(
            f"{self.path}: the tensors do not fit architecture {self.architecture.name}; "
            "get the file again, or train the network again"
        )


def _architecture(values: Field) -> Architecture:
    sides = {key: values.get(key).whole(33, _LARGEST_INPUT) for key in ("input_width", "input_height")}
    widths = {key: values.get(key).whole(1, _MOST_CHANNELS) for key in ("width16", "width8", "width4")}
    name = values.known("name", *sides, *widths).get("name")
    # It becomes part of a file name.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name.text()):
        name.fail("a name of letters, digits, - and _")
    return Architecture(name.text(), **sides, **widths)


def open_weights(name: str) -> WeightsFile:
    """Find a shipped network by name, or one trained by the recipe by the path of its ``.safetensors``.

    Raises:
        ModelError: The file is missing or corrupt, or is not the one of that name.
    """
    path, expected = Path(name), None
    if name in SHIPPED:
        file, expected = SHIPPED[name]
        path = WEIGHTS_FOLDER / file
    try:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{setting('model', name)}: {path} cannot be read: {error.strerror}; check the path"
        ) from error
    if expected not in {None, digest}:
        raise ModelError(
            f"{setting('model', name)}: {path} has SHA-256 {digest[:12]}... instead of "
            f"{str(expected)[:12]}...; install semvid again"
        )
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
        architecture = _architecture(parse_json(metadata.get("architecture", "")))
        found = parse_json(metadata.get("channels", "")).items(most=_MOST_CHANNELS)
        channels = tuple(one.text() for one in found)
    except (SafetensorError, Malformed, OSError) as error:
        raise ModelError(
            f"{setting('model', name)}: {path} is damaged or was not written by semvid's training "
            f"({shown_line(str(error))}); get the file again"
        ) from error
    if channels != CHANNELS:
        raise ModelError(
            f"{setting('model', name)}: {path} has channels {shown(', '.join(channels))}; this semvid needs "
            f"{', '.join(CHANNELS)}; train it again"
        )
    return WeightsFile(path, digest, architecture, metadata)


def save_weights(
    path: Path, network: MsRoi, *, data_sha256: str, training: Mapping[str, Any], scores: Mapping[str, Any]
) -> None:
    """Write a folded network as half-precision safetensors, atomically.

    Args:
        path: ``.safetensors`` file; replaced if it exists.
        network: From ``fold``.
        data_sha256: Digest of the pack it was trained on.
        training: Options of the run.
        scores: On the validation split.
    """
    from safetensors.torch import save_file

    tensors = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    metadata = {
        "architecture": json.dumps(asdict(network.architecture)),
        "channels": json.dumps(CHANNELS),
        "data_sha256": data_sha256,
        "training": json.dumps(dict(training)),
        "scores": json.dumps(dict(scores)),
        "commit": _commit(),
    }
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata)
    # safetensors creates files that only their owner may read.
    partial.chmod(0o644)
    partial.replace(path)


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip() or "unknown"
