"""Watch whether the quantizers of a running encode follow the map.

FFmpeg's H.264 decoder tells the quantizer of every macroblock, so for x264 the first pictures are decoded
again and compared with what was asked for. For x265 and VP8 no decoder tells; there, as for VP9, the trial
before the run (``option_trial.py``) stays the answer.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import FFmpegError
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from semvid.io.luma import luma_plane
from semvid.io.side_data import side_data
from semvid.types import FloatArray, LumaArray, QuantizerOffsets

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_MACROBLOCK = 16
_HIGHEST_QP = 51
"""At 8 bits; 6 more for each further bit."""
_MOST_PACKETS = 32
"""Decoded at most; most runs are judged after four to twelve."""
_LEAST_SPREAD = 0.8
"""Standard deviation of the asked offsets over the blocks, in QP, without what follows from activity."""
_LEAST_EVIDENCE = 15.0
"""Root of the sum of their squares. With less of either a share says nothing."""
LEAST_SHARE = 0.35
"""Measured (examples/benchmark/obedience.py, 290 runs): 0.84 to 1.24 in the 66 of 124 obeyed runs that get a
verdict, -0.21 to 0.11 in 64 of 124 with the map not attached. A mirrored map can look like the right one,
where both halves of the picture matter alike: -0.17 to 1.09, 10 of 27 told."""
_DENSE_BYTES = 12
"""For each macroblock; from there on nearly all have residual. One that is skipped takes less than a bit."""
_START, _SLICES, _KEPT = b"\0\0\1", {1, 5}, 0x60


class MapWatch:
    """Compares the quantizers of the first pictures with the map.

    Which share of the offsets is in the quantizers is a regression on offsets and activity, since x264's own
    adaptive quantization follows activity. Its ``mbtree`` follows what moves, and goes as far as a map does
    (shares in key frames: -0.9 to 0.2 not obeyed, 0 to 0.8 obeyed); but it leaves B pictures alone that no
    other refers to. Only those count, and of them only blocks whose quantizer differs from that of the block
    coded before, unless the picture has bits for all: a block without residual has no quantizer of its own.
    Videos without such pictures get no verdict.

    Args:
        stream: Of the encoder, opened.
        remedy: What to do if the encoder does not follow.
    """

    def __init__(self, stream: VideoStream, remedy: str) -> None:
        self._stream, self._remedy = stream, remedy
        self._asked: dict[int | None, QuantizerOffsets] = {}
        self._decoder: VideoCodecContext | None = None
        self._sizes: dict[int | None, int] = {}
        self._num_packets = 0
        self._blocks: list[FloatArray] = []
        self.is_over = False

    def ask(self, pts: int | None, offsets: QuantizerOffsets) -> None:
        """Note what a picture was asked for, before it is encoded."""
        if not self.is_over:
            self._asked[pts] = offsets

    def look(self, packets: list[Packet[Any]], *, is_last: bool = False) -> str | None:
        """Look at packets as they come from the encoder.

        Args:
            packets: In their order, not yet written: the writer takes their data.
            is_last: No more will come.

        Returns:
            A sentence, once, if the quantizers do not follow the map.
        """
        if self.is_over:
            return None
        share = None
        try:
            for packet in packets:
                share = self._add(self._decode(packet))
                if share is not None or self._num_packets >= _MOST_PACKETS:
                    break
            if share is None and is_last and self._decoder is not None:
                share = self._add(self._decoder.decode(None))
        except FFmpegError:
            # What this decoder cannot read the check of the finished file will tell; here it says nothing.
            self._end()
            return None
        if share is not None or is_last or self._num_packets >= _MOST_PACKETS:
            self._end()
        if share is None or share >= LEAST_SHARE:
            return None
        return (
            f"the encoder did not follow the map: its quantizers moved by {max(share, 0):.0%} of what was "
            f"asked in the first pictures, so the result is about a plain encode; {self._remedy}"
        )

    def _end(self) -> None:
        self.is_over, self._decoder = True, None
        self._asked.clear()
        self._blocks.clear()

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame]:
        if self._decoder is None:
            self._decoder = _open_decoder(self._stream.codec_context.extradata)
        self._num_packets += 1
        if _is_unreferenced(bytes(packet)):
            self._sizes[packet.pts] = packet.size
        else:
            self._asked.pop(packet.pts, None)
        return self._decoder.decode(packet)

    def _add(self, pictures: list[VideoFrame]) -> float | None:
        """Take decoded pictures in; return the share of the offsets found, if there is evidence enough."""
        share = None
        for picture in pictures:
            offsets, size = self._asked.pop(picture.pts, None), self._sizes.pop(picture.pts, None)
            if offsets is None or size is None or (qps := macroblock_qps(picture)) is None:
                continue
            self._blocks.append(_coded_blocks(qps, offsets, size, *luma_plane(picture)))
            share = followed_share(np.concatenate(self._blocks))
        return share


def _open_decoder(extradata: bytes | None) -> VideoCodecContext:
    decoder = av.VideoCodecContext.create("h264", "r")
    if extradata:
        decoder.extradata = extradata
    # Quantizers are what they are without the loop filter, which takes a third of the time.
    decoder.options = {"export_side_data": "venc_params", "skip_loop_filter": "all"}
    decoder.thread_count = 1
    return decoder


def _is_unreferenced(coded: bytes) -> bool:
    """Tell whether no other picture refers to this one (H.264, 7.4.1: ``nal_ref_idc`` of its slices is 0)."""
    start = coded.find(_START)
    while 0 <= start < len(coded) - len(_START):
        header = coded[start + len(_START)]
        if header & 0x1F in _SLICES:
            return not header & _KEPT
        start = coded.find(_START, start + len(_START))
    return False


def macroblock_qps(picture: VideoFrame) -> FloatArray | None:
    """Return ``(rows, cols)`` quantizers of a picture decoded with ``venc_params``; None = it has none."""
    found = side_data(picture).get(Type.VIDEO_ENC_PARAMS)
    if found is None:
        return None
    data = bytes(found)
    # struct AVVideoEncParams, then its blocks: x, y, w, h, and what is added to the picture's quantizer.
    count, start, size, _, base = struct.unpack_from("@IQQii", data)
    if not count:
        return None
    blocks = np.frombuffer(data, np.int32, count * size // 4, start).reshape(count, -1)
    left, top, _, _, delta = blocks[:, :5].T
    qps = np.zeros((int(top.max()) // _MACROBLOCK + 1, int(left.max()) // _MACROBLOCK + 1), np.float32)
    qps[top // _MACROBLOCK, left // _MACROBLOCK] = base + delta
    return qps


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
    height, width = (side * _MACROBLOCK for side in shape)
    margins = ((0, height - luma.shape[0]), (0, width - luma.shape[1]))
    blocks = np.pad(luma, margins, "edge").reshape(shape[0], _MACROBLOCK, shape[1], _MACROBLOCK)
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
