"""Open a network by name or path."""

from __future__ import annotations

from pathlib import Path

from semvid.core.config import Device, FocusConfig, MapsConfig
from semvid.models.custom import OnnxPredictor
from semvid.models.predictor import MsRoiFeatures, MsRoiPredictor
from semvid.models.runtime import open_runtime
from semvid.models.weights_file import open_weights

_USUAL = MapsConfig()


def open_predictor(
    model: str, focus: FocusConfig, device: Device = _USUAL.device, threads: int = _USUAL.threads
) -> MsRoiPredictor | OnnxPredictor:
    """Open a network.

    Args:
        model: ``msroi``, a ``.safetensors`` from ``semvid.models.training``, or any ``.onnx``.
        focus: What matters.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; a ``.onnx`` always runs on the CPU.
        threads: CPU threads; 0 = as many as help.

    Raises:
        ModelError: It cannot be loaded or run.
    """
    if model.lower().endswith(".onnx"):
        return OnnxPredictor(Path(model), focus, threads)
    weights = open_weights(model)
    return MsRoiPredictor(open_runtime(weights, device, threads), weights.architecture, focus)


def open_features(model: str, device: Device = _USUAL.device, threads: int = _USUAL.threads) -> MsRoiFeatures:
    """Open a network of the MS-ROI family for its features; arguments as for ``open_predictor``.

    Raises:
        ModelError: It cannot be loaded or run.
    """
    weights = open_weights(model)
    return MsRoiFeatures(open_runtime(weights, device, threads, "features"), weights.architecture)
