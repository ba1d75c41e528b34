"""Attaches quantizer offsets to frames as FFmpeg regions of interest, through public PyAV calls only.

PyAV reads frame side data but cannot write it. FFmpeg's ``addroi`` filter can, so a static graph of K
``addroi`` filters is built once and the K regions it leaves on each frame are overwritten in place.
A frame passes through the smallest graph that holds its regions: K filters cost O(K^2) bytes of copying
(0.02 ms at 16, 0.5 ms at 256).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, cast

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type

from semvid.core.errors import EncoderError
from semvid.media.filter_chain import chain
from semvid.media.side_data import side_data

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

CAPACITIES = (16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512)
"""Sizes of the graphs, in regions. The time one takes grows with the square: 0.2 ms for 150, 0.7 for 400."""

# struct AVRegionOfInterest: uint32 self_size; int top, bottom, left, right; AVRational qoffset.
_REGION_FIELDS = 7
_REGION_BYTES = 4 * _REGION_FIELDS
# qoffset is a rational; this denominator keeps offsets exact to 1e-6 of the quantizer range.
_DENOMINATOR = 1_000_000


class RegionAttacher:
    """Puts regions with quantizer offsets on frames of one geometry and pixel format.

    Args:
        leaves_none_empty: Slots that are left over repeat the last region, for drivers that would make an
            area of a region that has none.
    """

    def __init__(self, *, leaves_none_empty: bool = False) -> None:
        self._leaves_none_empty = leaves_none_empty
        self._graphs: dict[tuple[int, int, int, str], Graph] = {}

    def attach(
        self, frame: VideoFrame, regions: NDArray[np.int32], qoffsets: NDArray[np.float64]
    ) -> VideoFrame:
        """Return the frame with its regions of interest set; pixels are shared, not copied.

        Args:
            frame: The frame to encode. Attach after any scaling or rotation.
            regions: ``(n, 4)`` pixels ``top, bottom, left, right``, the first that covers a block wins;
                ``n`` at most ``CAPACITIES[-1]``.
            qoffsets: ``(n,)`` in -1..1, fractions of the encoder's quantizer range, negative = finer.

        Raises:
            EncoderError: This FFmpeg has another memory layout of regions than expected.
        """
        capacity = next(size for size in CAPACITIES if size >= len(regions))
        table = np.zeros((capacity, _REGION_FIELDS), np.int32)
        table[:, 0] = _REGION_BYTES
        table[:, 6] = _DENOMINATOR
        table[: len(regions), 1:5] = regions
        table[: len(regions), 5] = np.rint(qoffsets * _DENOMINATOR)
        if self._leaves_none_empty and len(regions):
            table[len(regions) :] = table[len(regions) - 1]
        graph = self._graph(frame, capacity)
        graph.push(frame)
        marked = cast("VideoFrame", graph.pull())
        placed = side_data(marked)[Type.REGIONS_OF_INTEREST]
        if placed.buffer_size != table.nbytes:
            raise EncoderError(
                f"this FFmpeg stores {capacity} regions in {placed.buffer_size} bytes instead of "
                f"{table.nbytes}; install a PyAV release that 'semvid doctor' accepts"
            )
        ctypes.memmove(placed.buffer_ptr, table.ctypes.data, table.nbytes)
        return marked

    def _graph(self, frame: VideoFrame, capacity: int) -> Graph:
        key = (capacity, frame.width, frame.height, frame.format.name)
        if key not in self._graphs:
            # The placeholder has no area, so a slot that stays unused marks nothing.
            self._graphs[key] = chain(frame, *[("addroi", "x=0:y=0:w=0:h=0:qoffset=0")] * capacity)
        return self._graphs[key]


def read_regions(picture: VideoFrame) -> tuple[NDArray[np.int32], NDArray[np.float64]] | None:
    """Return what ``RegionAttacher`` put on a picture: its regions and their ``qoffset``; None = nothing."""
    placed = side_data(picture).get(Type.REGIONS_OF_INTEREST)
    if placed is None:
        return None
    table = np.frombuffer(bytes(placed), np.int32).reshape(-1, _REGION_FIELDS)
    table = table[table[:, 2] > table[:, 1]]
    return table[:, 1:5], table[:, 5] / table[:, 6]
