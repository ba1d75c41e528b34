"""Cut things out of labelled pictures, to be pasted into others."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.models.training.gating import CLASS_GROUPS, overlap
from semvid.models.training.pack import LABEL_STRIDE, PACK_CHANNELS, Cutout, Example

_AGREEMENT = 0.65
"""Least intersection over union of a thing with the label of its class around it."""
_SMALLEST, _LARGEST = 0.012, 0.5
"""Share of the picture."""
_MARGIN = 3
"""Cells around a thing in which its class is looked for."""
_MOST = 3
"""From one picture."""


def cut_out(example: Example, foreground: NDArray[np.uint8]) -> list[Cutout]:
    """Return what stands free in the picture, whole, and has a class.

    Args:
        example: Any picture.
        foreground: ``(label height, label width)``, 255 = certain.
    """
    count, parts, boxes, _ = cv2.connectedComponentsWithStats((foreground > 127).astype(np.uint8))
    found = []
    for part in range(1, count):
        left, top, width, height, area = boxes[part]
        is_whole = left > 0 and top > 0 and left + width < parts.shape[1] and top + height < parts.shape[0]
        if not (is_whole and _SMALLEST * parts.size < area < _LARGEST * parts.size):
            continue
        around = np.s_[
            max(top - _MARGIN, 0) : top + height + _MARGIN, max(left - _MARGIN, 0) : left + width + _MARGIN
        ]
        alone = np.where(parts == part, foreground, 0)
        group = _group(example, around, alone)
        if group:
            near = np.asarray(cv2.dilate(alone, np.ones((3, 3))), np.uint8)
            found.append(_cutout(example, around, np.where(near > 0, foreground, 0), group))
    return found[:_MOST]


def _group(example: Example, around: tuple[slice, slice], alone: NDArray[np.uint8]) -> str | None:
    fits = {
        name: overlap(example.labels[index][around] > 127, alone[around] > 127)
        for name, index in ((name, PACK_CHANNELS.index(name)) for name in CLASS_GROUPS)
        if example.valid[index]
    }
    best = max(fits, key=lambda name: fits[name], default=None)
    return best if best and fits[best] > _AGREEMENT else None


def _cutout(
    example: Example,
    around: tuple[slice, slice],
    foreground: NDArray[np.uint8],
    group: str,
) -> Cutout:
    picture = example.picture()
    height, width = picture.shape[:2]
    cells = foreground.astype(np.float32) / 255
    rows, cols = cells.shape
    enlarged = cv2.resize(cells, (cols * LABEL_STRIDE, rows * LABEL_STRIDE), interpolation=cv2.INTER_CUBIC)
    # A little inside of the outline, so that nothing of what was behind it comes along.
    alpha = np.clip((enlarged[:height, :width] - 0.6) * 3 + 0.5, 0, 1) * 255
    rgba = np.dstack([picture[..., ::-1], np.rint(alpha).astype(np.uint8)])
    area = tuple(slice(one.start * LABEL_STRIDE, one.stop * LABEL_STRIDE) for one in around)
    _, png = cv2.imencode(".png", rgba[area], [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return Cutout(png.tobytes(), group)
