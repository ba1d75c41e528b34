"""Finds out from the error of a coded picture whether the encoder followed the map.

None of FFmpeg's decoders gives the quantizers of HEVC and VP8, and in key frames of x264 and x265 these
follow motion as much as a map (``mbtree``, ``cutree``). So a part of the picture is encoded twice more with
the options of the run but without the map, a little finer and a little coarser. Block by block, the error
without the map is between the two, and their difference shows how strongly it depends on the quantizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.ffmpeg.twins import code_plain, decode_luma
from semvid.core.coded import CodedPacket
from semvid.core.luma import LumaArray, luma_of
from semvid.core.types import FloatArray, QuantizerOffsets
from semvid.media.filter_chain import chain

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph

_BLOCK = 16
_GRID = 64
"""The part begins at multiples of it, as the largest blocks of any of these encoders do."""
_WIDTH, _HEIGHT = 384, 256
_APART = 3.0
"""QP steps by which the two are finer and coarser."""
_FAR_OFF = 3.0
"""QP steps from which on the run was coded so much finer or coarser that the two are coded again, nearer."""
_ROUNDS = 3
_TEXTURED = 8.0
"""Variance of a block, in squared grey levels, whose error answers to the quantizer."""
_LEAST_SPREAD = 150.0
"""Sum over the textured blocks of squared QP steps from their mean; with less no share could be certain."""
_LEAST_ERROR = 0.05
"""Squared grey levels added to all errors, so that none is 0."""
LEAST_SHARE = 0.25
"""Of the asked offsets, in an encoder that follows the map (measured: examples/benchmark/obedience.py)."""
_MOST_DOUBT = 0.15
"""Standard error of a share that says something; and it is twice that from ``LEAST_SHARE``."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of all pictures of a run, cut out along with what they were asked for."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def telling(cls, picture: VideoFrame, offsets: QuantizerOffsets) -> Part | None:
        """Choose that in which the offsets of textured blocks differ most; None = they hardly do anywhere."""
        luma, bits = luma_of(picture)
        rows, cols = luma.shape[0] // _BLOCK, luma.shape[1] // _BLOCK
        if not rows or not cols:
            return None
        textured = (_block_means(_deviation(luma, bits), rows, cols) > _TEXTURED).astype(np.float32)
        asked = asked_of_blocks(offsets, rows, cols)
        size = (min(_WIDTH // _BLOCK, cols), min(_HEIGHT // _BLOCK, rows))

        def sums(values: FloatArray) -> FloatArray:
            # Each is that of the part that begins there.
            found = cv2.boxFilter(
                values, cv2.CV_32F, size, anchor=(0, 0), normalize=False, borderType=cv2.BORDER_CONSTANT
            )
            step = _GRID // _BLOCK
            return np.asarray(found[: rows - size[1] + 1 : step, : cols - size[0] + 1 : step], np.float32)

        mean = sums(asked * textured) / np.maximum(sums(textured), 1)
        spread = sums(asked**2 * textured) - mean**2 * sums(textured)
        row, col = np.unravel_index(int(spread.argmax()), spread.shape)
        if spread[row, col] < _LEAST_SPREAD:
            return None
        # What is no larger than the part is taken whole, with what is left of its last blocks.
        width, height = (
            side if side <= most else most
            for side, most in ((luma.shape[1], _WIDTH), (luma.shape[0], _HEIGHT))
        )
        return cls(int(col) * _GRID, int(row) * _GRID, width, height)

    def cutter(self, picture: VideoFrame) -> Graph:
        """Return a graph that copies the part out of pictures, without their map."""
        return chain(
            picture,
            ("sidedata", "mode=delete:type=REGIONS_OF_INTEREST"),
            ("crop", f"w={self.width}:h={self.height}:x={self.left}:y={self.top}:exact=1"),
            ("copy", None),
        )

    def of(self, luma: LumaArray) -> LumaArray:
        """Cut it out of a whole picture."""
        return luma[self.top : self.top + self.height, self.left : self.left + self.width]

    def asked(self, offsets: QuantizerOffsets) -> FloatArray:
        """Return what its blocks were asked for."""
        row, col = self.top // _BLOCK, self.left // _BLOCK
        rows, cols = self.height // _BLOCK, self.width // _BLOCK
        return asked_of_blocks(offsets, row + rows, col + cols)[row:, col:]


def asked_of_blocks(offsets: QuantizerOffsets, rows: int, cols: int) -> FloatArray:
    """Return the offsets of the first blocks of ``_BLOCK`` pixels; those of the encoder are no smaller."""
    per_block = offsets.block_size // _BLOCK
    return offsets.values.repeat(per_block, 0).repeat(per_block, 1)[:rows, :cols]


def _deviation(luma: LumaArray, bits: int) -> FloatArray:
    rows, cols = luma.shape[0] // _BLOCK, luma.shape[1] // _BLOCK
    levels = luma[: rows * _BLOCK, : cols * _BLOCK].astype(np.float32) / np.float32(1 << (bits - 8))
    means = _block_means(levels, rows, cols)
    return np.asarray((levels - means.repeat(_BLOCK, 0).repeat(_BLOCK, 1)) ** 2, np.float32)


def _block_means(values: FloatArray, rows: int, cols: int) -> FloatArray:
    whole = values[: rows * _BLOCK, : cols * _BLOCK]
    return np.asarray(whole.reshape(rows, _BLOCK, cols, _BLOCK).mean((1, 3)), np.float32)


def share_in_error(
    spec: EncoderSpec,
    options: Mapping[str, str],
    extradata: bytes | None,
    packet: CodedPacket,
    part: Part,
    pictures: Sequence[VideoFrame],
    offsets: QuantizerOffsets,
    *,
    codes_fields: bool,
) -> float | None:
    """Return which share of the asked offsets is in the error of a key frame; None = it does not say.

    Args:
        spec: The encoder.
        options: Of the run.
        extradata: The encoder's parameters, where they are not in the packets.
        packet: The key frame.
        part: What ``pictures`` shows.
        pictures: Of the key frame, and of what came in after it before the encoder gave it out.
        offsets: What was asked for in the key frame.
        codes_fields: Interlaced video is coded as such.
    """
    source, bits = luma_of(pictures[0])
    wanted = pictures[0].pts
    if wanted is None or not (decoded := decode_luma(spec, extradata, [packet], {wanted})):
        return None

    def log_error(luma: LumaArray) -> NDArray[np.float64]:
        rows, cols = part.height // _BLOCK, part.width // _BLOCK
        levels = (source.astype(np.float32) - luma) / np.float32(1 << (bits - 8))
        squares = np.asarray(levels**2, np.float32)
        return np.log2(_block_means(squares, rows, cols).ravel().astype(np.float64) + _LEAST_ERROR)

    found = log_error(part.of(decoded[wanted]))
    asked = part.asked(offsets).ravel().astype(np.float64)
    steps = spec.crf_steps(_crf(spec, options))
    for _ in range(_ROUNDS):
        crfs = [_crf_near(spec, steps + apart) for apart in (-_APART, _APART)]
        apart = spec.crf_steps(crfs[1]) - spec.crf_steps(crfs[0])
        twins = [
            code_plain(spec, options, one, pictures, {wanted}, codes_fields=codes_fields) for one in crfs
        ]
        if apart <= 0 or not all(twins):
            return None
        fine, coarse = (log_error(one[wanted]) for one in twins)
        middle = (spec.crf_steps(crfs[0]) + spec.crf_steps(crfs[1])) / 2
        share, doubt, off = share_of(found - (fine + coarse) / 2, (coarse - fine) / apart, asked)
        if abs(off) <= _FAR_OFF:
            break
        steps = middle + off
    # At the ends of its range no encoder can follow.
    lowest, highest = spec.crf_steps(spec.crf.lowest), spec.crf_steps(spec.crf.highest)
    if middle + off + asked.min() < lowest or middle + off + asked.max() > highest:
        return None
    is_sure = doubt <= min(_MOST_DOUBT, abs(share - LEAST_SHARE) / 2)
    return share if is_sure else None


def _crf(spec: EncoderSpec, options: Mapping[str, str]) -> float:
    """Return what the run is coded at; where that is a bit rate, anything to begin with."""
    try:
        crf = float(spec.effective(options)["crf"])
    except (KeyError, ValueError):
        return spec.crf.default
    return crf if spec.crf.lowest <= crf <= spec.crf.highest else spec.crf.default


def _crf_near(spec: EncoderSpec, steps: float) -> int:
    crfs = range(int(spec.crf.lowest), int(spec.crf.highest) + 1)
    return min(crfs, key=lambda one: abs(spec.crf_steps(one) - steps))


def share_of(
    change: NDArray[np.float64], response: NDArray[np.float64], asked: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the share of the asked offsets in the errors, its standard error, and what all have in common.

    Args:
        change: ``(n,)`` binary logarithm of the error of each block, less that without a map.
        response: ``(n,)`` by how much it would change for one QP step.
        asked: ``(n,)`` offsets in QP steps.
    """
    terms = np.stack([response * (asked - asked.mean()), response, np.ones_like(response)], 1)
    inverse = np.linalg.pinv(terms.T @ terms)
    share, off, level = inverse @ terms.T @ change
    rest = change - terms @ [share, off, level]
    doubt = np.sqrt(rest @ rest / max(len(asked) - terms.shape[1], 1) * inverse[0, 0])
    return float(share), float(doubt) if inverse[0, 0] > 0 else float("inf"), float(off)
