"""PSNR of what matters and of the rest."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from semvid.analysis import Analyser
from semvid.io.colour import matrix_of, range_of
from semvid.io.reader import VideoReader
from semvid.types import AnalysedFrame, FloatArray, Frame, LumaArray

NAMES = ("weighted", "salient", "background")
_IMPORTANT = 0.5
_MOST = 100.0
"""dB for frames without any error."""


def weighted_scores(
    reference: VideoReader, test: VideoReader, analyser: Analyser
) -> dict[str, NDArray[np.float64]]:
    """Score the luma of every frame, in dB.

    Args:
        reference: What it should look like; the maps are made from it.
        test: What became of it; brought to the size and format of the reference.
        analyser: Makes the maps.

    Returns:
        ``weighted``: squared error weighted by importance; ``salient``: where importance exceeds a half;
        ``background``: elsewhere. NaN where a frame has no such place.
    """
    scores: dict[str, list[float]] = {name: [] for name in NAMES}
    reformatter = VideoReformatter()
    for analysed, other in zip(analyser.run(_frames(reference)), _frames(test), strict=True):
        if not isinstance(analysed, AnalysedFrame) or analysed.importance is None:
            continue
        mine = analysed.frame
        error = np.square(_luma(mine) - _luma(_like(mine, other, reformatter)))
        importance = _over(analysed.importance, mine)
        is_salient = importance > _IMPORTANT
        scores["weighted"].append(_psnr(error, importance))
        scores["salient"].append(_psnr(error, is_salient.astype(np.float32)))
        scores["background"].append(_psnr(error, (~is_salient).astype(np.float32)))
    return {name: np.array(values) for name, values in scores.items()}


def _frames(reader: VideoReader) -> Iterator[Frame]:
    return (item for item in reader.read() if isinstance(item, Frame))


def _luma(frame: Frame) -> FloatArray:
    return frame.luma.astype(np.float32) / np.float32(1 << (frame.luma_bits - 8))


def _like(reference: Frame, test: Frame, reformatter: VideoReformatter) -> Frame:
    mine, other = reference.picture, test.picture
    same_colour = matrix_of(mine) == matrix_of(other) and range_of(mine) == range_of(other)
    if same_colour and (mine.width, mine.height, mine.format.name) == (
        other.width, other.height, other.format.name,
    ):  # fmt: skip
        return test
    converted = reformatter.reformat(
        other, width=mine.width, height=mine.height, format=mine.format.name, interpolation="BICUBIC",
        src_colorspace=matrix_of(other), dst_colorspace=matrix_of(mine),
        src_color_range=range_of(other), dst_color_range=range_of(mine),
    )  # fmt: skip
    plane = converted.planes[0]
    samples = np.frombuffer(bytes(plane), np.uint8)
    rows: LumaArray = samples if reference.luma_bits == 8 else samples.view(np.uint16)
    luma = rows.reshape(-1, plane.line_size // rows.itemsize)[: mine.height, : mine.width]
    return Frame(converted, test.index, luma, reference.luma_bits)


def _over(importance: FloatArray, frame: Frame) -> FloatArray:
    size = (frame.picture.width, frame.picture.height)
    return np.asarray(cv2.resize(np.ascontiguousarray(importance), size, interpolation=cv2.INTER_LINEAR))


def _psnr(error: FloatArray, weight: FloatArray) -> float:
    total = float(weight.sum(dtype=np.float64))
    if total == 0:
        return float("nan")
    mean = float((error * weight).sum(dtype=np.float64)) / total
    return min(float(10 * np.log10(255**2 / mean)), _MOST) if mean > 0 else _MOST
