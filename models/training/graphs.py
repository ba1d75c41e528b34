"""Writes the graphs of the shipped networks for ONNX Runtime, without weights: ``make graphs``.

With them a network runs without torch, which would take seconds to load and to export it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import onnx

from semvid.models.architecture import ARCHITECTURES, Architecture, Head
from semvid.models.msroi import MsRoi
from semvid.models.runtime import export_onnx, graph_path


def graph_of(architecture: Architecture, head: Head) -> bytes:
    """Return a network as ONNX. Its weights are taken to be in another file, which is never there."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export_onnx(MsRoi(architecture).eval(), path, head)
        model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights")
    graph: bytes = model.SerializeToString(deterministic=True)
    return graph


def main() -> None:
    """Write them all."""
    for architecture in ARCHITECTURES.values():
        for head in get_args(Head):
            graph_path(architecture, head).write_bytes(graph_of(architecture, head))


if __name__ == "__main__":
    main()
