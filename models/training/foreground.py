"""Labels for frames of clips, from two networks: ``python -m semvid.models.training.foreground``.

At 1024 pixels ISNet, which removes backgrounds, draws outlines nearly as people do, but knows no classes;
msroi knows what matters, and draws softly. Running both takes some seconds a frame, so what they say is kept
in the cache, one file a frame: the command goes on where it was stopped. ``taught.py`` makes labels of it.

ISNet is not part of the project: ``npm pack @imgly/background-removal-data@1.4.5`` fetches it (88 MB;
the package is under AGPL-3.0, ISNet's training set for research). Unpack it, and give ``package/dist`` as
``--isnet``: the chunks in it are joined to ``CACHE/isnet.onnx``. Clips must be under terms that let you
publish what is learned from them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.config import FocusConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.resampling import averaged, fitted, stretched
from semvid.core.types import FloatArray, Frame
from semvid.media.reading.reader import VideoReader
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.runtime import open_session
from semvid.models.training.kept import keep
from semvid.models.training.pack import LABEL_STRIDE, Pack, Picture, as_label, load_pack
from semvid.models.training.second_pack import load_synthetic

_PACKAGE_PART = "/models/medium"
_SIDE = 1024
_LONGEST = 512
"""Pixels of the longer side of a kept frame: nearly twice the pack's, since whoever crops sees more."""
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]
_SHARES = (1.0, 2.0)
"""Sizes at which msroi looks, as shares of its usual number of pixels."""
_LOOKS = (24, 16)
_ALIKE = 0.97
"""Correlation of two small grey pictures from which on they show the same."""


@dataclass(frozen=True, slots=True)
class Still:
    """One frame to be labelled."""

    name: str
    """``SOURCE__CLIP__FRAME``."""
    picture: Picture
    """As large as it is."""
    exact: NDArray[np.uint8] | None = None
    """At the size of the labels: the outline of what was pasted, 255 = inside; ``None`` = nothing was."""


class Isnet:
    """A network that tells the foreground of a picture, at 1024 pixels.

    Args:
        path: An ONNX file, 1x3x1024x1024 in.

    Raises:
        ModelError: It cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._session = open_session(path, 1)

    def foreground(self, picture: Picture, rows: int, cols: int) -> NDArray[np.uint8]:
        """Return ``(rows, cols)``, 255 = certain."""
        x = (stretched(picture, _SIDE, _SIDE).astype(np.float32) - 128) / np.float32(256)
        feed = {self._session.get_inputs()[0].name: np.ascontiguousarray(x.transpose(2, 0, 1)[None])}
        first = self._session.get_outputs()[0].name
        found = np.asarray(self._session.run([first], feed)[0][0, 0], np.float32)
        return as_label(averaged(found, rows, cols))


class Evidence:
    """The maps of a network of ours, averaged over sizes and over the picture and its mirror image."""

    def __init__(self, model: str) -> None:
        predictor = open_predictor(model, FocusConfig(), "cpu", threads=1)
        assert isinstance(predictor, MsRoiPredictor)  # noqa: S101 - a name or a file of our own training
        self._predictor = predictor

    def maps(self, picture: Picture, rows: int, cols: int) -> NDArray[np.uint8]:
        """Return ``(8, rows, cols)`` in the order of ``CHANNELS``, 255 = certain."""
        found = []
        for share in _SHARES:
            width, height = self._predictor.input_size(picture.shape[1], picture.shape[0], share)
            small = fitted(picture, height, width)
            plain, mirrored = self._predictor.class_maps(np.stack([small, small[:, ::-1]]))
            mean = (plain + mirrored[..., ::-1]) / np.float32(2)
            found.append(np.stack([stretched(one, rows, cols) for one in mean]))
        return as_label(np.asarray(np.mean(found, 0), np.float32))


def joined(package: Path, cache: Path) -> Path:
    """Return ISNet's ONNX file: ``package`` itself, or made of the chunks in that folder.

    Raises:
        ConfigError: A chunk is missing or damaged.
    """
    if package.is_file():
        return package
    path = cache / "isnet.onnx"
    if not path.exists():
        index = package / "resources.json"
        if not index.is_file():
            raise ConfigError(f"{package} holds no resources.json; give the package's dist folder")
        hashes = [one["hash"] for one in json.loads(index.read_text())[_PACKAGE_PART]["chunks"]]
        chunks = [(package / one).read_bytes() if (package / one).is_file() else b"" for one in hashes]
        for chunk, wanted in zip(chunks, hashes, strict=True):
            if hashlib.sha256(chunk).hexdigest() != wanted:
                raise ConfigError(f"{package / wanted} is missing or damaged; fetch the package again")
        keep(path, lambda file: file.writelines(chunks))
    return path


def frame_file(cache: Path, name: str) -> Path:
    """Where the cache keeps a frame: its JPEG, foreground, maps, and exact outlines if they are known."""
    return cache / "frames" / f"{name}.npz"


def label_frames(stills: Iterable[Still], cache: Path, isnet: Isnet, evidence: Evidence) -> None:
    """Write the file of every frame that has none."""
    for still in stills:
        path = frame_file(cache, still.name)
        if path.exists():
            continue
        small = _small(still.picture)
        rows, cols = label_shape(small)
        parts = {
            "jpeg": np.frombuffer(_jpeg(small), np.uint8),
            "foreground": isnet.foreground(still.picture, rows, cols),
            "maps": evidence.maps(still.picture, rows, cols),
        }
        if still.exact is not None:
            parts["exact"] = still.exact
        keep(path, partial(_write, parts))


def label_shape(picture: Picture) -> tuple[int, int]:
    """Rows and columns of the labels of a picture."""
    return -(-picture.shape[0] // LABEL_STRIDE), -(-picture.shape[1] // LABEL_STRIDE)


def clip_stills(clip: Path, count: int, pack: Pack) -> Iterator[Still]:
    """Read about ``count`` frames spread evenly over a clip, but none like what is validated with."""
    seen = np.array([_look(one.picture()) for one in pack.examples if one.split == "val"])
    with VideoReader(clip) as reader:
        total = sum(isinstance(one, Frame) for one in reader.read())
    step = max(1, total // count)
    with VideoReader(clip) as reader:
        frames = (one for one in reader.read() if isinstance(one, Frame))
        for frame in frames:
            if frame.index % step == step // 2:
                picture = np.asarray(frame.rgb(frame.upright_size), np.uint8)
                if not len(seen) or float((seen @ _look(picture)).max()) < _ALIKE:
                    yield Still(f"clip__{clip.stem}__{frame.index:05d}", picture)


def synthetic_stills(more: Path) -> Iterator[Still]:
    """Read a frame of each synthetic clip that is not validated with."""
    for frame in load_synthetic(more):
        yield Still("__".join(frame.clip.split("/")) + f"__{frame.index}", frame.picture(), frame.exact)


def _small(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    share = min(1.0, _LONGEST / max(width, height))
    return averaged(picture, round(height * share), round(width * share))


def _write(parts: dict[str, NDArray[np.uint8]], file: IO[bytes]) -> None:
    np.savez_compressed(file, allow_pickle=False, **parts)


def _look(picture: Picture) -> FloatArray:
    """A small grey picture as a vector of length 1 and mean 0."""
    grey = cv2.cvtColor(averaged(picture, *_LOOKS[::-1]), cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    centred = grey - grey.mean()
    return np.asarray(centred / max(float(np.linalg.norm(centred)), 1e-6), np.float32)


def _jpeg(picture: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", picture[..., ::-1], _JPEG)[1])


def main() -> None:
    """Fill the cache for clips and for synthetic ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--more", type=Path, required=True, help="folder of the second pack")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="videos under open licences")
    parser.add_argument("--count", type=int, default=28, help="frames of each video")
    parser.add_argument("--isnet", type=Path, required=True, help="dist folder of the package, or ONNX file")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what takes long to make")
    parser.add_argument("--model", default="msroi", help="network of ours that tells what matters")
    arguments = parser.parse_args()
    pack = load_pack(arguments.pack, open_terms_only=True)
    try:
        isnet, evidence = Isnet(joined(arguments.isnet, arguments.cache)), Evidence(arguments.model)
        for clip in arguments.clips:
            label_frames(clip_stills(clip, arguments.count, pack), arguments.cache, isnet, evidence)
    except SemvidError as error:
        parser.error(str(error))
    label_frames(synthetic_stills(arguments.more), arguments.cache, isnet, evidence)


if __name__ == "__main__":
    main()
