"""Measure what maps buy on DAVIS: BD-rate inside the object and over the whole frame.

    python examples/benchmark/davis.py [--codecs x264,x265] [--sources truth,spectral,msroi] [--sequences 10]
        [--lines 1080]

Anchor and test differ in the map alone: same encoder, preset (the default, or ``av1:6`` for ``--codecs``),
CRF, the encoder's own AQ on. Four
CRFs each. PSNR is of luma, from the squared error pooled over all frames; "object" pools the pixels of the
ground-truth mask. Rates are bytes of the video stream. BD-rate as by ``semvid compare --bd``;
object curves of anchor and test overlap by about half, since the offsets move them by 3 to 4 QP.
Finished encodes are kept in the result file, so an interrupted run goes on where it stopped. ``--lines``
enlarges the pictures first, for encoders whose blocks are large beside 480 lines, and has a result file of
its own; enlarged pictures have little detail for their size.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import data_folder, load, save, table

import semvid
from semvid.allocate import levels
from semvid.codecs import registry
from semvid.codecs.ffmpeg import allocator
from semvid.engine import analysis
from semvid.models import predictor
from semvid.products.bench.frames import pack_pictures
from semvid.scores import bd_rate as bjontegaard
from semvid.temporal import pace

RELUCTANCE, APART, ALIKE = levels._RELUCTANCE, analysis._MOST_APART, allocator._LIKE_BEFORE
SHRINKING, FARTHEST = predictor._LEAST_SHRINKING, pace._FARTHEST
ENCODERS = dict(registry.CODECS)
CRFS = {"x264": (23, 28, 33, 38), "x265": (23, 28, 33, 38), "vp8": (24, 34, 44, 54),
        "vp9": (24, 34, 44, 54), "av1": (30, 38, 46, 54)}  # fmt: skip
FRAME_RATE = Fraction(24)


def pack_sequence(folder: Path, output: Path, lines: int | None = None) -> None:
    """Put JPEG frames into one Matroska file: as they are, without coding them again, or enlarged."""
    pictures = list(folder.glob("*.jpg"))
    if lines is None:
        pack_pictures(pictures, output, FRAME_RATE)
        return
    with tempfile.TemporaryDirectory() as work:
        for path in pictures:
            picture = cv2.imread(str(path))
            height, width = picture.shape[:2]
            size = round(width * lines / height / 2) * 2, lines
            larger = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(Path(work) / path.name), larger, [cv2.IMWRITE_JPEG_QUALITY, 98])
        pack_pictures(list(Path(work).glob("*.jpg")), output, FRAME_RATE)


def luma_frames(path: Path) -> list[np.ndarray]:
    """Decode all luma planes."""
    frames = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            frames.append(rows[: frame.height, : frame.width].copy())
    return frames


def psnr(squared_error: float, num_pixels: int) -> float:
    """PSNR in dB of 8-bit samples."""
    return float(10 * np.log10(255**2 * num_pixels / squared_error))


def score(source: list[np.ndarray], decoded: list[np.ndarray], masks: list[np.ndarray]) -> dict[str, float]:
    """PSNR of the whole frames and inside the masks."""
    if len(source) != len(decoded):
        raise SystemExit(f"{len(decoded)} of {len(source)} frames came back")
    whole = inside = 0.0
    for before, after, mask in zip(source, decoded, masks, strict=True):
        error = (before.astype(np.float64) - after) ** 2
        whole += error.sum()
        inside += error[mask].sum()
    return {
        "psnr": psnr(whole, sum(one.size for one in source)),
        "object_psnr": psnr(inside, sum(int(one.sum()) for one in masks)),
    }


def config_for(codec: str, crf: float, source: str, masks: Path) -> semvid.CompressConfig:
    """``plain`` is the anchor, ``truth`` takes the masks as maps, anything else is a model.

    ``MODEL@SETTING:SETTING`` changes settings: ``background``, which moves along the trade between object
    and whole; ``strength``; ``prefilter``; those of ``TemporalConfig``, as in ``msroi@map_every=1``;
    ``reluctance``, how far from its level an offset must be before its block changes level;
    ``map_frames``, how long VP8 holds a map; ``apart``, how many frames lie at most between two whose motion
    is followed; and ``alike``, how alike maps must be for a frame to take the offsets of the one before.
    ``farthest`` is how many cells things may move until motion is followed again. ``shrinking`` is for small
    pictures: pixels for each one that the network sees. ``settled=1`` keeps a sidecar, for which maps are
    made coarser.
    """
    codec, _, preset = codec.partition(":")
    name, _, settings = source.partition("@")
    values = {key: value for key, _, value in (one.partition("=") for one in settings.split(":") if one)}
    default = semvid.AllocationConfig()
    levels._RELUCTANCE = float(values.pop("reluctance", RELUCTANCE))
    spec = ENCODERS[codec]
    analysis._MOST_APART = int(values.pop("apart", APART))
    pace._FARTHEST = float(values.pop("farthest", FARTHEST))
    allocator._LIKE_BEFORE = float(values.pop("alike", ALIKE))
    predictor._LEAST_SHRINKING = float(values.pop("shrinking", SHRINKING))
    held = values.pop("map_frames", None)
    registry.CODECS[codec] = spec if held is None else replace(spec, map_frames=int(held))
    is_settled = values.pop("settled", "0") == "1"
    return semvid.CompressConfig(
        codec=codec,
        preset=preset or None,
        rate=semvid.Crf(crf),
        save_maps=Path(tempfile.gettempdir()) / "davis.svmap" if is_settled else None,
        maps=semvid.MapsConfig(
            path=masks if name == "truth" else None,
            model=name if name not in {"plain", "truth"} else "spectral",
        ),
        allocation=semvid.AllocationConfig(
            match="size",
            strength=float(values.pop("strength", 0 if name == "plain" else default.strength)),
            background_weight=float(values.pop("background", default.background_weight)),
            prefilter=float(values.pop("prefilter", 0)),
        ),
        temporal=temporal_config(values),
        probe=None if name == "plain" else "none",
        overwrite=True,
    )


def temporal_config(values: dict[str, str]) -> semvid.TemporalConfig:
    """Make the settings of maps over time from words."""
    kinds: dict[str, Callable[[str], Any]] = {
        "map_every": int, "smoothing": float, "movement": float, "motion": str, "look_ahead": int,
        "effort": str,
    }  # fmt: skip
    return semvid.TemporalConfig(**{key: kinds[key](value) for key, value in values.items()})


def rate_curve(
    clip: Path,
    coded: Path,
    codec: str,
    source: str,
    source_frames: list[np.ndarray],
    masks: list[np.ndarray],
    mask_folder: Path,
) -> list[dict[str, float]]:
    """Encode a clip to ``coded`` at every CRF, and score what comes out."""
    curve = []
    for crf in CRFS[codec.partition(":")[0]]:
        result = semvid.compress(clip, coded, config_for(codec, crf, source, mask_folder))
        scores = score(source_frames, luma_frames(coded), masks)
        curve.append({"crf": crf, "bytes": result.video_bytes, **scores})
    return curve


def bd_rate(anchor: list[dict[str, float]], test: list[dict[str, float]], metric: str) -> float:
    """Bytes the test needs more than the anchor at equal quality, in percent."""
    curves = ([(one["bytes"], one[metric]) for one in points] for points in (anchor, test))
    return 100 * bjontegaard.bd_rate(*curves).change


def read_mask(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a mask as ``(h, w)`` booleans of the size of the frames."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    return cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST) > 127


def measure(
    codecs: list[str], sources: list[str], num_sequences: int, lines: int | None = None
) -> dict[str, Any]:
    """Encode and score everything that is not yet in the result file."""
    results = "davis" if lines is None else f"davis-{lines}"
    davis = data_folder() / "davis"
    sequences = sorted(one.name for one in (davis / "JPEGImages").iterdir())[:num_sequences]
    points: dict[str, list[dict[str, float]]] = load(results).get("points", {})
    with tempfile.TemporaryDirectory() as work:
        clip, coded = Path(work) / "clip.mkv", Path(work) / "coded.mkv"
        for sequence in sequences:
            wanted = [
                (codec, source)
                for codec in codecs
                for source in ["plain", *sources]
                if f"{codec}/{source}/{sequence}" not in points
            ]
            if not wanted:
                continue
            pack_sequence(davis / "JPEGImages" / sequence, clip, lines)
            source_frames = luma_frames(clip)
            mask_folder = davis / "Annotations" / sequence
            masks = [read_mask(one, source_frames[0].shape) for one in sorted(mask_folder.glob("*.png"))]
            for codec, source in wanted:
                curve = rate_curve(clip, coded, codec, source, source_frames, masks, mask_folder)
                points[f"{codec}/{source}/{sequence}"] = curve
                save(results, {"points": points})
            print(sequence, flush=True)
    return points


def summarise(points: dict[str, Any], codecs: list[str], sources: list[str]) -> str:
    """Make the table: a row a sequence and the mean."""
    parts = []
    for codec in codecs:
        sequences = sorted(key.split("/")[2] for key in points if key.startswith(f"{codec}/plain/"))
        columns: list[list[float]] = []
        for source in sources:
            for metric in ("object_psnr", "psnr"):
                columns.append(
                    [
                        bd_rate(points[f"{codec}/plain/{one}"], points[f"{codec}/{source}/{one}"], metric)
                        for one in sequences
                    ]
                )
            columns.append(
                [
                    100
                    * (
                        np.mean(
                            [
                                test["bytes"] / anchor["bytes"]
                                for anchor, test in zip(
                                    points[f"{codec}/plain/{one}"],
                                    points[f"{codec}/{source}/{one}"],
                                    strict=True,
                                )
                            ]
                        )
                        - 1
                    )
                    for one in sequences
                ]
            )
        rows = [[one, *(f"{column[i]:+.1f} %" for column in columns)] for i, one in enumerate(sequences)]
        rows.append(["**mean**", *(f"**{np.mean(column):+.1f} %**" for column in columns)])
        header = [codec]
        for source in sources:
            header += [f"{source}: object", "whole frame", "size at equal CRF"]
        parts.append(table(header, rows))
    return "\n\n".join(parts)


def main() -> None:
    """Run what is missing, write it to ``results/``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265")
    parser.add_argument("--sources", default="truth,spectral,msroi")
    parser.add_argument("--sequences", type=int, default=10)
    parser.add_argument("--lines", type=int)
    arguments = parser.parse_args()
    codecs, sources = arguments.codecs.split(","), arguments.sources.split(",")
    points = measure(codecs, sources, arguments.sequences, arguments.lines)
    print(summarise(points, codecs, sources))


if __name__ == "__main__":
    main()
