"""Reads the quantizers of coded pictures from decoders that give them: FFmpeg's for H.264 and VP9."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket
from semvid.core.geometry import extended
from semvid.core.luma import LumaArray, luma_of
from semvid.core.types import FloatArray, QuantizerOffsets
from semvid.media.side_data import side_data
from semvid.media.writing.video_track import bare_packet

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext

_CELLS = {"h264": 16, "vp9": 8}
"""Side in pixels of the smallest block with its own quantizer, by format."""
_MACROBLOCK = 16
_VP9 = 0
"""``AV_VIDEO_ENC_PARAMS_VP9``."""
_INDICES = 4.0
"""Steps of VP9's quantizer, 0 to 255, in one of FFmpeg's 0 to 63."""
_HIGHEST_QP = 51
"""Of H.264 at 8 bits; 6 more for each further bit."""
_DENSE_BYTES = 12
"""For each macroblock; from there on nearly all have residual. One that is skipped takes less than a bit."""
_LEAST_SPREAD = 0.8
"""Standard deviation of the asked offsets over the blocks, in QP, without what follows from activity."""
_LEAST_EVIDENCE = 15.0
"""Root of the sum of their squares. With less of either a share says nothing."""


def share_in_quantizers(
    spec: EncoderSpec,
    crf: float,
    extradata: bytes | None,
    packets: Sequence[CodedPacket],
    asked: Mapping[int | None, QuantizerOffsets],
) -> float | None:
    """Return which share of the asked offsets is in the quantizers; None = the pictures do not say.

    Args:
        spec: The encoder.
        crf: That offsets were scaled for.
        extradata: The encoder's parameters, where they are not in the packets.
        packets: From a key frame on.
        asked: By ``pts``; pictures that are not in it do not count.
    """
    sizes: dict[int | None, int] = {one.pts: len(one.data) for one in packets}
    blocks = []
    for picture in _decode(spec, extradata, packets):
        if picture.pts not in asked or (qps := block_qps(picture, _CELLS[spec.coding_format])) is None:
            continue
        offsets = asked[picture.pts]
        luma, bits = luma_of(picture)
        if spec.coding_format == "h264":
            blocks.append(_coded_blocks(qps, offsets, sizes[picture.pts], luma, bits))
        else:
            blocks.append(_segments(qps, spec.to_native(offsets.values, crf)))
    return followed_share(np.concatenate(blocks)) if blocks else None


def _decode(
    spec: EncoderSpec, extradata: bytes | None, packets: Sequence[CodedPacket]
) -> Iterator[VideoFrame]:
    decoder = cast("VideoCodecContext", av.VideoCodecContext.create(spec.coding_format, "r"))
    if extradata:
        decoder.extradata = extradata
    # Quantizers are what they are without the loop filter, which takes a third of the time.
    decoder.options = {"export_side_data": "venc_params", "skip_loop_filter": "all"}
    decoder.thread_count = 1
    for packet in (*map(bare_packet, packets), None):
        yield from decoder.decode(packet)


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
    shape = -(-picture.height // cell), -(-picture.width // cell)
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


def _segments(qps: FloatArray, native: FloatArray) -> FloatArray:
    """Return rows for ``followed_share`` of all blocks of a picture of VP9, whose quantizers are indices."""
    asked = np.round(native) * _INDICES
    rows = np.zeros((qps.size, 4), np.float32)
    rows[:, 0], rows[:, 1] = qps.ravel(), asked[: qps.shape[0], : qps.shape[1]].ravel()
    return np.asarray(rows - rows.mean(0), np.float32)


def _coded_blocks(
    qps: FloatArray, offsets: QuantizerOffsets, num_bytes: int, luma: LumaArray, bits: int
) -> FloatArray:
    """Return rows for ``followed_share`` of the blocks of one picture that have residual."""
    per_block = offsets.block_size // _MACROBLOCK
    asked = offsets.values.repeat(per_block, 0).repeat(per_block, 1)[: qps.shape[0], : qps.shape[1]]
    activity = _activity(luma, qps.shape)
    # Interlaced video is coded by pairs of rows, and there a block of the map is a pair.
    num_rows, num_columns = qps.shape[0] // per_block, qps.shape[1]

    def in_coding_order(blocks: FloatArray) -> FloatArray:
        pairs = blocks.reshape(num_rows, per_block, num_columns)
        return np.asarray(pairs.transpose(0, 2, 1).ravel(), np.float32)

    qp = in_coding_order(qps)
    has_own = np.diff(qp, prepend=qp[:1]) != 0
    if num_bytes >= _DENSE_BYTES * qp.size:
        has_own[:] = True
    has_own &= (qp > 0) & (qp < _HIGHEST_QP + 6 * (bits - 8))
    busy = in_coding_order(activity)
    rows = np.stack([qp, in_coding_order(asked), busy, busy**2], 1)[has_own]
    return np.asarray(rows - rows.mean(0) if len(rows) else rows, np.float32)


def _activity(luma: LumaArray, shape: tuple[int, ...]) -> FloatArray:
    """Return the binary logarithm of the variance within each macroblock, as x264's quantization has it."""
    rows, cols = shape
    covered = extended(luma, rows * _MACROBLOCK, cols * _MACROBLOCK)
    blocks = covered.reshape(rows, _MACROBLOCK, cols, _MACROBLOCK)
    return np.asarray(np.log2(blocks.var(axis=(1, 3), dtype=np.float32) + 1), np.float32)


def followed_share(blocks: NDArray[np.floating[Any]]) -> float | None:
    """Return which share of the asked offsets is in the quantizers; None = the blocks do not say.

    Args:
        blocks: ``(n, 4)`` quantizer, offset, activity and its square, less the means of their pictures.
    """
    targets, known = blocks[:, :2], blocks[:, 2:]
    rest = targets - known @ np.linalg.lstsq(known, targets, rcond=None)[0]
    evidence = float(np.sqrt(np.sum(rest[:, 1] ** 2)))
    if evidence < _LEAST_EVIDENCE or evidence < _LEAST_SPREAD * np.sqrt(len(blocks)):
        return None
    return float(rest[:, 0] @ rest[:, 1]) / evidence**2
