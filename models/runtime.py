"""Run a network: torch on a GPU, ONNX Runtime on a CPU, where it is three times as fast."""

from __future__ import annotations

import re
import secrets
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import platformdirs

from semvid.core.checked import shown_line
from semvid.core.errors import ModelError
from semvid.core.interrupts import shielded
from semvid.core.text import setting
from semvid.core.types import FloatArray, Pixels
from semvid.media.writing.claim import Claim
from semvid.models.architecture import ARCHITECTURES, Architecture, Head
from semvid.models.weights_file import WeightsFile

if TYPE_CHECKING:
    from torch import Tensor

    from semvid.models.msroi import MsRoi

_EXPORT_VERSION = 1
"""Part of the cache key: increase it when the exported graph changes."""
_OPSET = 17
_GRAPHS = Path(__file__).resolve().parent / "graphs"
_ROOT = "network."
"""Before the names of weights in a graph."""
_WEIGHT_NAMES = rb"network\.([\w.]+?\.(?:weight|bias))"
_CUDA_BATCH = 16
_WITHOUT_CUDNN = threading.Lock()
"""cuDNN's switch is the process's."""


class Runtime(Protocol):
    """Something that turns pictures into maps or features."""

    batch_size: int
    """Number of pictures per run that is fastest."""
    notices: list[str]
    """What the user should know, as it comes up."""

    def run(self, pictures: Pixels) -> FloatArray:
        """Return what the head gives for ``(n, H, W, 3)`` RGB pictures with sides ``32 m + 1``.

        That is ``(n, 8, h, w)`` in 0..1 (``MsRoi.forward``) or ``(n, c, h, w)`` (``MsRoi.features``).
        Tensors are taken where they are: what is on the device stays there.
        """


class OnnxRuntime:
    """ONNX Runtime on the CPU.

    Args:
        weights: Put into the graph that was shipped for their architecture. For other architectures they are
            exported once into the user's cache folder, under a name that holds their SHA-256.
        threads: CPU threads; 0 = ONNX Runtime chooses.
        head: What to return.
    """

    batch_size = 1

    def __init__(self, weights: WeightsFile, threads: int = 0, head: Head = "maps") -> None:
        self.notices: list[str] = []
        if ARCHITECTURES.get(weights.architecture.name) == weights.architecture:
            self._session = _with_weights(weights, head, threads)
        else:
            self._session = open_session(exported(weights, head), threads)

    def run(self, pictures: Pixels) -> FloatArray:
        """See ``Runtime``."""
        return np.asarray(self._session.run(None, {"pictures": np.asarray(pictures)})[0], np.float32)


class TorchRuntime:
    """Torch on ``cpu``, ``cuda`` or ``mps``; in half precision and channels-last on a GPU.

    Never by cuDNN: it compiles kernels for each number and size of pictures, in each thread, which takes as
    long as 600 maps (2 s on an H200), and what comes of a picture depends on how many are beside it. Torch's
    own kernels take 3 ms for one or two pictures, as cuDNN's do.
    """

    def __init__(self, weights: WeightsFile, device: str, head: Head = "maps") -> None:
        import torch

        self._head = head
        self.notices: list[str] = []
        self.batch_size = 1 if device == "cpu" else _CUDA_BATCH
        self._device = torch.device(device)
        self._dtype = torch.float32 if device == "cpu" else torch.float16
        network = weights.load().to(self._device, self._dtype)
        self._network: MsRoi = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, pictures: Pixels) -> FloatArray:
        """See ``Runtime``. When the GPU's memory runs out, batches are halved from then on."""
        import torch

        maps: list[FloatArray] = []
        done = 0
        while done < len(pictures):
            batch = pictures[done : done + self.batch_size]
            try:
                maps.append(np.asarray(self._forward(torch.as_tensor(batch)).cpu(), np.float32))
            except torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise ModelError(
                        f"{self._device} has too little free memory for one picture; free some, or use "
                        "`device=cpu`"
                    ) from error
                self.batch_size = len(batch) // 2
                self.notices.append(
                    f"{self._device} is short of memory: maps are made {self.batch_size} at a time"
                )
                continue
            done += len(batch)
        return np.concatenate(maps)

    def _forward(self, pictures: Tensor) -> Tensor:
        import torch

        # Nobody but us may turn it on meanwhile; programs that use it elsewhere find it as it was.
        with torch.inference_mode(), _WITHOUT_CUDNN, torch.backends.cudnn.flags(enabled=False):
            # Bytes cross the bus, not floats. NHWC bytes are channels-last already: permuting copies nothing.
            x = pictures.to(self._device, non_blocking=True).permute(0, 3, 1, 2)
            run = self._network if self._head == "maps" else self._network.features
            result: Tensor = run(x.to(self._dtype).div(127.5).sub(1)).float()
            return result


def open_runtime(weights: WeightsFile, device: str, threads: int = 0, head: Head = "maps") -> Runtime:
    """Choose how to run.

    Args:
        weights: The network.
        device: ``auto`` (the CPU: a GPU takes as long to start as it saves in minutes of video), ``cpu``,
            ``cuda`` or ``mps``.
        threads: CPU threads; 0 = as many as help.
        head: What to return.

    Raises:
        ModelError: There is no such device.
    """
    if device in {"auto", "cpu"}:
        return OnnxRuntime(weights, threads, head)
    import torch

    is_there: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
    }
    if not is_there[device]():
        raise ModelError(
            f"{setting('device', device)}: torch {torch.__version__} sees none here; use `device=cpu`"
        )
    return TorchRuntime(weights, device, head)


def open_session(path: Path, threads: int) -> Any:
    """Open an ONNX file for the CPU.

    Raises:
        ModelError: ONNX Runtime cannot load it.
    """
    import onnxruntime

    try:
        # Its fallback to the CPU, which this is, would print.
        return onnxruntime.InferenceSession(
            str(path), _options(threads), providers=["CPUExecutionProvider"], disable_fallback=1
        )
    except Exception as error:
        # ONNX Runtime's errors share no base class.
        said = shown_line(str(error).strip().partition("\n")[0]) or type(error).__name__
        raise ModelError(f"{path} is not a network that ONNX Runtime can load ({said})") from error


def graph_path(architecture: Architecture, head: Head) -> Path:
    """Return where the graph of a shipped architecture is; ``models/training/graphs.py`` makes it."""
    return _GRAPHS / f"{architecture.name}-{head}.onnx"


def _with_weights(weights: WeightsFile, head: Head, threads: int) -> Any:
    """Open the graph of an architecture with weights for it. Needs no torch."""
    import onnxruntime

    graph = graph_path(weights.architecture, head).read_bytes()
    tensors = weights.arrays()
    # A head does without the weights of the other one.
    names = sorted({one.decode() for one in re.findall(_WEIGHT_NAMES, graph)})
    try:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(tensors[name]) for name in names]
        options = _options(threads)
        options.add_external_initializers([_ROOT + name for name in names], values)
        return onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disable_fallback=1
        )
    except Exception as error:
        # ONNX Runtime's errors share no base class.
        raise weights.misfit() from error


def _options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Spinning workers would occupy the encoder's cores while they wait.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def exported(weights: WeightsFile, head: Head = "maps") -> Path:
    """Return the ONNX file of a network, made on first use.

    Processes that start at the same time each make their own, and the last to finish wins: there is never a
    half-written file under the final name, and the next run removes what a killed one left behind.
    """
    folder = Path(platformdirs.user_cache_dir("semvid"))
    # The file of the maps, which nearly all want, has the name it always had.
    kind = "" if head == "maps" else f"-{head}"
    path = folder / f"{weights.architecture.name}-{weights.sha256[:16]}-{_EXPORT_VERSION}{kind}.onnx"
    if path.exists():
        return path
    # Torch aborts the process where a signal's exception meets it while it exports.
    with shielded():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            own = path.with_stem(f"{path.stem}-{secrets.token_hex(4)}")
            claim = Claim(own, overwrite=True, is_scratch=True)
        except OSError as error:
            raise ModelError(
                f"{folder} cannot be written: {error.strerror or error}; the network is prepared there "
                "once, so set XDG_CACHE_HOME to a folder that is writable"
            ) from error
        with claim:
            partial = claim.temporary()
            export_onnx(weights.load(), partial, head)
            partial.replace(path)
    return path


def export_onnx(network: MsRoi, path: Path, head: Head = "maps") -> None:
    """Write a network as ONNX: ``(n, H, W, 3)`` uint8 RGB in, any size; out as from ``Runtime.run``."""
    import torch

    class FromBytes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pictures: Tensor) -> Tensor:
            run = self.network if head == "maps" else self.network.features
            result: Tensor = run(pictures.permute(0, 3, 1, 2).float() / 127.5 - 1)
            return result

    architecture = network.architecture
    example = torch.zeros(1, architecture.input_height, architecture.input_width, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The tracing exporter is called deprecated, but takes 1 s where the new one takes 7.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            FromBytes().eval(), (example,), str(path), input_names=["pictures"], output_names=[head],
            dynamic_axes={"pictures": {0: "n", 1: "height", 2: "width"}}, opset_version=_OPSET, dynamo=False,
        )  # fmt: skip
