"""Fit the model that keeps the size of a mapped encode at that of the plain one.

    python examples/benchmark/rate_model.py [--codecs x264,x265]

Every ordinary clip is encoded plain and with three maps (spectral, a blob in the middle, a blob in a
corner) at two CRFs; the model's exponents, floors and slopes are then fitted so that the predicted ratio of
sizes matches the measured one. DAVIS is not used here: it stays free to test the result on. Only the start
of each clip is read. Prints the fit; constants are copied by hand into ``semvid.activity`` and the registry.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import clips, save
from scipy.optimize import minimize

import semvid
from semvid.activity import block_differences
from semvid.analysis import Analyser
from semvid.encode.registry import find_encoder
from semvid.io.reader import VideoReader
from semvid.saliency.predictor import SpectralSource
from semvid.saliency.source import ImportanceSource

EVERY = 4
"""Frames of which one is kept for the fit."""


class BlobSource:
    """A soft blob that stays where it is."""

    smoothing = 0.0

    def __init__(self, x: float, y: float) -> None:
        rows, cols = np.mgrid[0:36, 0:64]
        blob = np.exp(-(((cols / 64 - x) / 0.2) ** 2) - ((rows / 36 - y) / 0.25) ** 2)
        self._map = semvid.ImportanceMap(blob.astype(np.float32))

    def update(self, frame: semvid.Frame) -> semvid.ImportanceMap:  # noqa: ARG002
        """Return the same map."""
        return self._map

    def finish(self, num_frames: int) -> None:  # noqa: ARG002
        """Nothing can be left over."""

    def close(self) -> None:
        """Nothing is held."""


SOURCES = {
    "spectral": SpectralSource,
    "middle": lambda: BlobSource(0.5, 0.5),
    "corner": lambda: BlobSource(0.8, 0.75),
}


@dataclass
class Sample:
    """One pair of encodes and what the model needs to predict it."""

    codec: str
    clip: str
    source: str
    crf: float
    measured: float
    spatial: np.ndarray
    temporal: np.ndarray
    offsets: np.ndarray


def features(path: Path, source: ImportanceSource, codec: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients, temporal differences and offsets of every few frames, each ``(frames, rows, cols)``."""
    spec = find_encoder(codec)
    analyser = Analyser(
        source, source.smoothing, semvid.AllocationConfig(), block_size=spec.block_size, rate=spec.rate
    )
    rows, previous = [], None
    with VideoReader(path) as reader:
        for frame in reader.read():
            if not isinstance(frame, semvid.Frame):
                continue
            geometry = (frame.picture.width, frame.picture.height, spec.block_size)
            spatial, temporal = block_differences(frame.half_luma, previous, *geometry)
            previous = frame.half_luma
            offsets = analyser.update(frame).offsets
            if frame.index % EVERY == 1 and offsets is not None:
                rows.append((spatial, temporal, np.rint(offsets.values)))
    return tuple(np.stack(one) for one in zip(*rows, strict=True))  # type: ignore[return-value]


def collect(codecs: list[str]) -> list[Sample]:
    """Encode everything."""
    samples = []
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "out.mkv"
        for codec in codecs:
            for clip in clips():
                for crf in (find_encoder(codec).crf.default - 4, find_encoder(codec).crf.default + 3):
                    def encode(strength: float, source: ImportanceSource | None = None) -> int:
                        config = semvid.CompressConfig(
                            codec=codec, crf=crf, overwrite=True, drop=frozenset({"audio"}),  # noqa: B023
                            allocation=semvid.AllocationConfig(strength=strength),
                        )
                        return semvid.compress(clip, output, config, importance=source).video_bytes  # noqa: B023

                    plain = encode(0)
                    for name, make in SOURCES.items():
                        samples.append(Sample(codec, clip.stem, name, crf, encode(1, make()) / plain,
                                              *features(clip, make(), codec)))  # fmt: skip
                print(codec, clip.stem, flush=True)
    return samples


def predict(sample: Sample, parameters: np.ndarray, slopes: tuple[float, float]) -> float:
    """Base-2 logarithm of the predicted ratio of sizes."""
    spatial_floor, spatial_exponent, temporal_floor, temporal_exponent = parameters[:4]
    activity = (sample.spatial + abs(spatial_floor)) ** spatial_exponent
    activity = activity * (sample.temporal + abs(temporal_floor)) ** temporal_exponent
    slope = np.where(sample.offsets < 0, *slopes)
    with_map = (activity * np.exp2(-slope * sample.offsets / 6)).sum(axis=(1, 2))
    return float(np.log2((with_map / activity.sum(axis=(1, 2))).mean()))


def main() -> None:
    """Collect, fit, print, save ``results/rate_model.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codecs", default="x264,x265")
    codecs = parser.parse_args().codecs.split(",")
    samples = collect(codecs)
    measured = np.log2([one.measured for one in samples])

    def predictions(parameters: np.ndarray) -> np.ndarray:
        slopes = {codec: tuple(parameters[4 + 2 * i : 6 + 2 * i]) for i, codec in enumerate(codecs)}
        return np.array([predict(one, parameters, slopes[one.codec]) for one in samples])

    start = [0.4, 0.28, 0.01, 0.32] + [1.5, 1.5] * len(codecs)
    fit = minimize(lambda p: float(((predictions(p) - measured) ** 2).mean()), start, method="Nelder-Mead",
                   options={"maxiter": 600})  # fmt: skip
    errors = 100 * (np.exp2(measured - predictions(fit.x)) - 1)
    for sample, error in zip(samples, errors, strict=True):
        print(f"{sample.codec} {sample.clip:24s} {sample.source:9s} {sample.crf:4g} "
              f"measured {100 * (sample.measured - 1):+6.1f} %  off by {error:+5.1f} %")  # fmt: skip
    print("spatial floor, exponent, temporal floor, exponent:", np.round(fit.x[:4], 3))
    for i, codec in enumerate(codecs):
        print(f"{codec} slopes (finer, coarser):", np.round(fit.x[4 + 2 * i : 6 + 2 * i], 3))
    print(f"mean error {np.abs(errors).mean():.2f} %, worst {np.abs(errors).max():.2f} %")
    save("rate_model", {"parameters": fit.x.tolist(), "codecs": codecs, "errors_percent": errors.tolist()})


if __name__ == "__main__":
    main()
