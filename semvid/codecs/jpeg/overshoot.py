"""Raises white beyond white, and lowers black below black, so that edges beside them do not ring.

Decoders clip: whatever is stored for white need only be white or more. A plain white that ends at a letter is
like a wave that was clipped, and takes many high frequencies; a hill in its place takes fewer, and what is
left of the ringing is clipped with it. After Kornel Lesinski's deringing in mozjpeg, which runs through a
block along the scan as through a line, and lays a curve over each run of white as steep as its ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.compiled import compiled
from semvid.codecs.jpeg.tables import ZIGZAG

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

_SIDE = 8
_SIZE = _SIDE * _SIDE
_WHITE = 254.5
"""What is rounded to white is white."""
_HIGHEST = 31.0
"""Of hills. More costs bits again."""
_ORDER: NDArray[np.int64] = np.ascontiguousarray(ZIGZAG, np.int64)


def without_ringing(luma: NDArray[np.uint8] | FloatArray) -> NDArray[np.uint8] | FloatArray:
    """Return luma that decodes to the same, and rings less beside white and black.

    Args:
        luma: ``(h, w)`` samples in 0..255.

    Returns:
        The same array if there is neither; else float32, with samples beyond 0..255.
    """
    if luma.max() < _WHITE and luma.min() > 255 - _WHITE:
        return luma
    height, width = luma.shape
    raised, line = np.array(luma, np.float32, order="C"), np.empty(_SIZE, np.float32)
    for _ in range(2):
        _raise_white(raised, width, height, line)
        # Black is white upside down.
        np.subtract(np.float32(255), raised, out=raised)
    return raised


@compiled("f4* i8 i8 f4*")
def _raise_white(plane: FloatArray, width: int, height: int, line: FloatArray) -> None:
    for top in range(0, height, _SIDE):
        for left in range(0, width, _SIDE):
            count, total = 0, 0.0
            for i in range(_SIZE):
                # Beyond the edge of the picture the last row and column are repeated.
                y = min(top + _ORDER[i] // _SIDE, height - 1)
                x = min(left + _ORDER[i] % _SIDE, width - 1)
                line[i] = min(max(plane[y * width + x], np.float32(0)), np.float32(255))
                total += line[i]
                count += 1 if line[i] >= _WHITE else 0
            if count == 0 or count == _SIZE:  # noqa: PLR1714 - machine code has no sets
                continue
            # The mean of the block must not leave the range.
            _raise_runs(line, min(_HIGHEST, (255.0 * _SIZE - total) / count))
            for i in range(_SIZE):
                y, x = top + _ORDER[i] // _SIDE, left + _ORDER[i] % _SIDE
                if y < height and x < width and line[i] >= _WHITE:
                    plane[y * width + x] = line[i]


def _raise_runs(line: FloatArray, most: float) -> None:
    """Lay a hill over each run of white, as steep at its ends as what leads to them."""
    end = 0
    while end < _SIZE:
        start = end
        if line[start] < _WHITE:
            end += 1
            continue
        while end < _SIZE and line[end] >= _WHITE:
            end += 1
        before, after = line[max(start - 1, 0)], line[min(end, _SIZE - 1)]
        # The last step towards white may have been cut short by it.
        up = max(before - line[max(start - 2, 0)], 255.0 - before)
        down = max(after - line[min(end + 1, _SIZE - 1)], 255.0 - after)
        if start == 0:
            up = down
        if end == _SIZE:
            down = up
        length = end - start
        for i in range(length):
            place = (i + 1) / (length + 1)
            hill = length * place * (1 - place) * (up * (1 - place) + down * place)
            line[start + i] = 255.0 + min(hill, most)
