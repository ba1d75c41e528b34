"""Fit the model that keeps the size of a mapped encode at that of the plain one.

    python examples/benchmark/rate_model.py [--codecs x264,x265]

Every ordinary clip is encoded plain and with maps (msroi, its inverse, spectral, a blob in the middle, a blob
in a corner) at two CRFs, and with offsets that are the same everywhere: neutral maps say little about the
slopes, those say it all, and count a tenth. Each encoder's exponents and slopes are then fitted so that the
predicted ratio of sizes matches the measured one; offsets are those the encoder was given, rounded to its
levels and held as long as it holds them. DAVIS is not used here: it stays free to test the result on. Prints
the fit; its constants are copied by hand into its module. Those of x264 and x265 are older: fitted to
the spectral and the blob maps alone.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import clips, load, save
from scipy.optimize import minimize

import semvid
from semvid.allocate.blocks import block_differences
from semvid.allocate.levels import LevelQuantizer
from semvid.allocate.rate_model import RateModel
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.regions import CAPACITIES
from semvid.codecs.registry import find_codec
from semvid.codecs.vpx import vp8, vp9
from semvid.core.map_source import ImportanceSource
from semvid.importance.registry import open_source
from semvid.importance.spectral import SpectralSource

EVERY = 4
"""Frames of which one is kept for the fit."""


class BlobSource(ImportanceSource):
    """A soft blob that stays where it is."""

    def __init__(self, x: float, y: float) -> None:
        rows, cols = np.mgrid[0:36, 0:64]
        blob = np.exp(-(((cols / 64 - x) / 0.2) ** 2) - ((rows / 36 - y) / 0.25) ** 2)
        self._map = semvid.ImportanceMap(blob.astype(np.float32))

    def update(self, frame: semvid.Frame) -> semvid.ImportanceMap:
        """Return the same map."""
        return self._map


class InverseSource(ImportanceSource):
    """What the network says does not matter."""

    def __init__(self) -> None:
        self._network = open_source(semvid.MapsConfig(), None)
        self.map_every, self.smoothing, self.movement = self._network.map_every, self._network.smoothing, 0.0

    def update(self, frame: semvid.Frame) -> semvid.ImportanceMap:
        """Return the map turned around."""
        return semvid.ImportanceMap(1 - self._network.update(frame).values)


SOURCES: dict[str, Callable[[], ImportanceSource]] = {
    "msroi": lambda: open_source(semvid.MapsConfig(), None),
    "inverse": InverseSource,
    "spectral": SpectralSource,
    "middle": lambda: BlobSource(0.5, 0.5),
    "corner": lambda: BlobSource(0.8, 0.75),
}
UNIFORM = {"finer": -3.0, "coarser": 3.0}
"""Offsets in QP steps that all blocks get."""
UNIFORM_WEIGHT = 0.1


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


@dataclass
class Recording:
    """What an encoder was given."""

    spatial: list[np.ndarray]
    temporal: list[np.ndarray]
    offsets: list[semvid.QuantizerOffsets]


@contextlib.contextmanager
def recorded(codec: str, uniform: float | None) -> Iterator[Recording]:
    """Keep gradients, temporal differences and offsets of every frame; put a constant for the offsets."""
    found, allocate, block_size = (
        Recording([], [], []),
        OffsetAllocator.allocate,
        find_codec(codec).block_size,
    )
    previous = None

    def record(
        self: OffsetAllocator, importance: Any, half_luma: Any, size: tuple[int, int], *, is_cut: bool
    ) -> tuple[semvid.QuantizerOffsets, float]:
        nonlocal previous
        offsets, ratio = allocate(self, importance, half_luma, size, is_cut=is_cut)
        if uniform is not None:
            offsets = semvid.QuantizerOffsets(np.full_like(offsets.values, uniform), block_size, is_cut)
        spatial, temporal = block_differences(half_luma, previous, *size, block_size)
        previous = half_luma
        found.spatial.append(spatial)
        found.temporal.append(temporal)
        found.offsets.append(offsets)
        return offsets, ratio

    OffsetAllocator.allocate = record  # type: ignore[method-assign]
    try:
        yield found
    finally:
        OffsetAllocator.allocate = allocate  # type: ignore[method-assign]


def coded_offsets(codec: str, crf: float, offsets: list[semvid.QuantizerOffsets]) -> np.ndarray:
    """QP steps ``(frames, rows, cols)`` as ``FramePreparer`` rounds and holds them."""
    spec = find_codec(codec)
    quantizer, rows, age = LevelQuantizer(spec.max_levels, CAPACITIES[-1]), [], 0
    levels = np.zeros_like(offsets[0].values)
    for one in offsets:
        if spec.map_frames is None or one.is_cut or age % spec.map_frames == 0:
            age, levels = 0, np.zeros_like(one.values)
            cover = quantizer.update(spec.to_native(one.values, crf), is_cut=one.is_cut)
            for top, bottom, left, right, level in cover[::-1]:
                levels[top:bottom, left:right] = level
        age += 1
        rows.append(levels)
    native = np.stack(rows)
    if codec not in {"vp8", "vp9"}:
        return native
    scale = (vp8 if codec == "vp8" else vp9).quantizer_scale()
    return scale.steps_of_index_offsets(np.sign(native) * scale.index(np.abs(native)), crf)


def video_bytes(
    clip: Path, output: Path, codec: str, crf: float, strength: float, source: ImportanceSource | None = None
) -> int:
    """Encode and return the size of the video stream."""
    config = semvid.CompressConfig(
        codec=codec,
        rate=semvid.Crf(crf),
        overwrite=True,
        drop=frozenset({"audio"}),
        allocation=semvid.AllocationConfig(match="size", strength=strength),
        probe=not strength,
    )
    return semvid.compress(clip, output, config, importance=source).video_bytes


def collect(codecs: list[str]) -> list[Sample]:
    """Encode everything."""
    samples = []
    cases = [(name, make, None) for name, make in SOURCES.items()]
    cases += [(name, SOURCES["middle"], steps) for name, steps in UNIFORM.items()]
    with tempfile.TemporaryDirectory() as work:
        output = Path(work) / "out.mkv"
        for codec in codecs:
            for clip in clips():
                for crf in (find_codec(codec).crf.default - 4, find_codec(codec).crf.default + 3):
                    plain = video_bytes(clip, output, codec, crf, 0)
                    for name, make, uniform in cases:
                        with recorded(codec, uniform) as found:
                            mapped = video_bytes(clip, output, codec, crf, 1, make())
                        kept = slice(1, None, EVERY)
                        offsets = coded_offsets(codec, crf, found.offsets)[kept]
                        spatial, temporal = np.stack(found.spatial[kept]), np.stack(found.temporal[kept])
                        ratio = mapped / plain
                        samples.append(Sample(codec, clip.stem, name, crf, ratio, spatial, temporal, offsets))
                print(codec, clip.stem, flush=True)
    return samples


def predict(sample: Sample, rate: RateModel) -> float:
    """Base-2 logarithm of the predicted ratio of sizes."""
    activity = rate.activity(sample.spatial, sample.temporal)
    slopes = np.where(sample.offsets < 0, rate.finer, rate.coarser)
    with_map = (activity * np.exp2(-slopes * sample.offsets / 6)).sum(axis=(1, 2))
    return float(np.log2((with_map / activity.sum(axis=(1, 2))).mean()))


def fit(samples: list[Sample], codec: str) -> RateModel:
    """Fit one encoder's model, starting from the registry's."""
    before = find_codec(codec).rate
    start = np.array([before.spatial, before.temporal, before.finer, before.coarser])
    measured = np.log2([one.measured for one in samples])
    weights = np.array([UNIFORM_WEIGHT if one.source in UNIFORM else 1.0 for one in samples])

    def loss(parameters: np.ndarray) -> float:
        errors = np.array([predict(one, RateModel(*parameters)) for one in samples]) - measured
        return float((weights * errors**2).sum() / weights.sum())

    best = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 300}).x
    return RateModel(*(round(float(one), 3) for one in best))


def main() -> None:
    """Collect, fit, print, save ``results/rate_model.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265,vp8,vp9")
    codecs = parser.parse_args().codecs.split(",")
    samples = collect(codecs)
    # What is not asked for keeps its earlier results.
    results = [one for one in load("rate_model").get("results", []) if one["codec"] not in codecs]
    for codec in codecs:
        own = [one for one in samples if one.codec == codec]
        rate = fit(own, codec)
        for sample in own:
            error = 100 * (sample.measured / 2 ** predict(sample, rate) - 1)
            results.append(
                {
                    "codec": codec,
                    "clip": sample.clip,
                    "maps": sample.source,
                    "crf": sample.crf,
                    "measured_percent": 100 * (sample.measured - 1),
                    "error_percent": error,
                }
            )
        errors = np.abs(
            [one["error_percent"] for one in results if one["codec"] == codec and one["maps"] not in UNIFORM]
        )
        print(rate)
        print(f"{codec}: mean error {errors.mean():.2f} %, worst {errors.max():.2f} %", flush=True)
    save("rate_model", {"results": results})


if __name__ == "__main__":
    main()
