"""Find lines of text in a picture, and believe only those that can be read.

The detector alone takes anything fine for text: of 71 lines that it found in 80 photographs 15 were. A line
counts if the recogniser reads it surely.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import scaled, stretched
from semvid.core.types import FloatArray
from semvid.models.runtime import open_session
from semvid.models.training.pack import Picture

DETECTOR, RECOGNISER = "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"
_LONGEST = 640
"""Pixels of the longer side that is looked at: twice the pack's pictures. At 960 as many lines can be read,
among twice as many that are none."""
_STRIDE = 32
_INSIDE, _SUREST = 0.3, 0.5
"""Probability of the core of a line, and its mean there from which on it is read."""
_GROWTH = 1.6
"""A line is larger than its core by this share of area by circumference."""
_THINNEST = 4
_READABLE, _PERHAPS = 0.8, 0.3
"""How surely its letters are read on average in a line, and in what may be one."""
_FEWEST_LETTERS = 2
_HEIGHT, _NARROWEST, _WIDEST = 48, 320, 960
"""Pixels of a line as it is read."""


class TextReader:
    """Two networks: one that finds lines, and one that reads them.

    Args:
        folder: Of PP-OCRv4's ONNX files: a detector (Liao et al., "Real-time Scene Text Detection with
            Differentiable Binarization", AAAI 2020), and a recogniser with its characters in its metadata.

    Raises:
        ModelError: One cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        self._detector = open_session(folder / DETECTOR, 1)
        self._recogniser = open_session(folder / RECOGNISER, 1)
        listed = self._recogniser.get_modelmeta().custom_metadata_map["character"]
        # The first class is "nothing", the last a space.
        self._characters = ["", *listed.splitlines(), " "]

    def words(self, picture: Picture, rows: int, cols: int) -> NDArray[np.uint8]:
        """Return ``(2, rows, cols)``, 255 = certain: what lines of text cover, and what else may be text."""
        height, width = picture.shape[:2]
        share = _LONGEST / max(height, width)
        sides = [max(1, round(side * share / _STRIDE)) * _STRIDE for side in (height, width)]
        enlarged = np.ascontiguousarray(scaled(picture, *sides)[..., ::-1])
        drawn = np.zeros((2, *sides), np.uint8)
        for corners in lines(_run(self._detector, enlarged)[0, 0]):
            text, sure = self._read(straightened(enlarged, corners))
            num_letters = sum(one.isalnum() for one in text)
            if num_letters and sure > _PERHAPS:
                is_text = num_letters >= _FEWEST_LETTERS and sure > _READABLE
                cv2.fillPoly(drawn[0 if is_text else 1], [np.rint(corners).astype(np.int32)], 255)
        drawn[1] &= ~drawn[0]
        return np.stack([stretched(cv2.blur(one, (5, 5)), rows, cols) for one in drawn])

    def _read(self, line: Picture) -> tuple[str, float]:
        """The text of a straight line, and the mean probability of its letters."""
        width = int(np.clip(np.ceil(_HEIGHT * line.shape[1] / line.shape[0]), _HEIGHT, _WIDEST))
        small = stretched(line, _HEIGHT, width)
        # What follows a short line is grey.
        padding = max(0, _NARROWEST - width)
        padded = np.pad(small, ((0, 0), (0, padding), (0, 0)), constant_values=127)
        steps = _run(self._recogniser, padded)[0]
        best, sure = steps.argmax(1), steps.max(1)
        is_new = (best > 0) & np.append(True, best[1:] != best[:-1])
        if not is_new.any():
            return "", 0.0
        return "".join(self._characters[one] for one in best[is_new]), float(sure[is_new].mean())


def lines(probability: FloatArray) -> Iterator[NDArray[np.float32]]:
    """Yield the corners of whole lines, clockwise from the upper left one, where their cores were found."""
    cores = (probability > _INSIDE).astype(np.uint8)
    for outline in cv2.findContours(cores, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        middle, (across, down), turn = cv2.minAreaRect(outline)
        if min(across, down) <= 0:
            continue
        core = cv2.fillPoly(np.zeros_like(cores), [outline], 1) > 0
        growth = _GROWTH * across * down / (across + down)
        if min(across, down) + growth > _THINNEST and probability[core].mean() > _SUREST:
            corners = cv2.boxPoints((middle, (across + growth, down + growth), turn))
            left, right = np.split(corners[np.argsort(corners[:, 0])], 2)
            (top_left, low_left), (top_right, low_right) = (
                one[np.argsort(one[:, 1])] for one in (left, right)
            )
            yield np.array([top_left, top_right, low_right, low_left], np.float32)


def straightened(picture: Picture, corners: NDArray[np.float32]) -> Picture:
    """Cut a line out; one that is clearly higher than wide is turned to the left."""
    width, height = (max(1, round(float(np.linalg.norm(corners[0] - corners[one])))) for one in (1, 3))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(np.rot90(flat) if height > 1.5 * width else flat, np.uint8)


def _run(session: Any, bgr: Picture) -> FloatArray:
    x = (bgr.astype(np.float32) / np.float32(127.5) - 1).transpose(2, 0, 1)[None]
    feed = {session.get_inputs()[0].name: np.ascontiguousarray(x)}
    return np.asarray(session.run(None, feed)[0], np.float32)
