"""Reads the quantizers of coded pictures from decoders that give them, and compares them with a map."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from semvid.codecs.base.decoding import decoded
from semvid.codecs.ffmpeg.spec import EncoderSpec, ToldQuantizers
from semvid.core.coded import CodedPacket
from semvid.core.geometry import grid_shape
from semvid.core.types import FloatArray, QuantizerOffsets
from semvid.media.side_data import side_data

if TYPE_CHECKING:
    from av import VideoFrame

_VP9 = 0
"""``AV_VIDEO_ENC_PARAMS_VP9``."""
_LEAST_SPREAD = 0.8
"""Standard deviation of the asked offsets over the blocks, in QP, without what follows from activity."""
_LEAST_EVIDENCE = 15.0
"""Root of the sum of their squares. With less of either a share says nothing."""


def share_in_quantizers(
    spec: EncoderSpec,
    told: ToldQuantizers,
    crf: float,
    extradata: bytes | None,
    packets: Sequence[CodedPacket],
    asked: Mapping[int | None, QuantizerOffsets],
) -> float | None:
    """Return which share of the asked offsets is in the quantizers; None = the pictures do not say.

    Args:
        spec: The encoder.
        told: How its quantizers are compared with offsets.
        crf: That offsets were scaled for.
        extradata: The encoder's parameters, where they are not in the packets.
        packets: From a key frame on.
        asked: By ``pts``; pictures that are not in it do not count.
    """
    sizes: dict[int | None, int] = {one.pts: len(one.data) for one in packets}
    # Quantizers are what they are without the loop filter, which takes a third of the time.
    options = {"export_side_data": "venc_params", "skip_loop_filter": "all"}
    blocks = []
    for picture in decoded(spec.coding_format, packets, extradata, options):
        if picture.pts not in asked or (qps := block_qps(picture, spec.block_size)) is None:
            continue
        offsets = asked[picture.pts].values[: qps.shape[0], : qps.shape[1]]
        rows = told.compare(picture, qps, spec.to_native(offsets, crf), sizes[picture.pts])
        if len(rows):
            blocks.append(rows - rows.mean(0))
    return followed_share(np.concatenate(blocks)) if blocks else None


def block_qps(picture: VideoFrame, cell: int) -> FloatArray | None:
    """Return ``(rows, cols)`` quantizers of a picture decoded with ``venc_params``; None = it tells none.

    Args:
        picture: As decoded.
        cell: Side in pixels of what the result has a quantizer for.
    """
    found = side_data(picture).get(Type.VIDEO_ENC_PARAMS)
    if found is None:
        return None
    data = bytes(found)
    # struct AVVideoEncParams, then its blocks: x, y, w, h, and what is added to the picture's quantizer.
    count, start, size, kind, base = struct.unpack_from("@IQQii", data)
    shape = grid_shape(picture.width, picture.height, cell)
    if not count:
        # VP9 has blocks here only if they have their own quantizers.
        return np.full(shape, base, np.float32) if kind == _VP9 else None
    blocks = np.frombuffer(data, np.int32, count * size // 4, start).reshape(count, -1)[:, :5]
    left, top, width, height = blocks[:, :4].T // cell
    # Those at the right and lower edge may go beyond it.
    qps = np.zeros((int((top + height).max()), int((left + width).max())), np.float32)
    for cols, rows in np.unique(np.stack([width, height], 1), axis=0):
        alike = (width == cols) & (height == rows)
        for down, across in product(range(rows), range(cols)):
            qps[top[alike] + down, left[alike] + across] = base + blocks[alike, 4]
    return qps[: shape[0], : shape[1]]


def followed_share(blocks: NDArray[np.floating[Any]]) -> float | None:
    """Return which share of the asked offsets is in the quantizers; None = the blocks do not say.

    Args:
        blocks: ``(n, 4)`` quantizer, offset, and two numbers that the encoder goes by too, less the means of
            their pictures.
    """
    targets, known = blocks[:, :2], blocks[:, 2:]
    rest = targets - known @ np.linalg.lstsq(known, targets, rcond=None)[0]
    evidence = float(np.sqrt(np.sum(rest[:, 1] ** 2)))
    if evidence < _LEAST_EVIDENCE or evidence < _LEAST_SPREAD * np.sqrt(len(blocks)):
        return None
    return float(rest[:, 0] @ rest[:, 1]) / evidence**2
