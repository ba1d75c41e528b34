"""Finds out from the error of a coded picture whether the encoder followed the map.

None of FFmpeg's decoders gives the quantizers of HEVC and VP8, and in key frames of x264 and x265 these
follow motion as much as a map (``mbtree``, ``cutree``). So a part of the picture is encoded twice more with
the options of the run but without the map, a little finer and a little coarser. Block by block, the error
without the map is between the two, and their difference shows how strongly it depends on the quantizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.codecs.ffmpeg.option_text import number
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.ffmpeg.twins import encode_beside, luma_at, options_at
from semvid.core.coded import CodedPacket
from semvid.core.luma import LumaArray, luma_of
from semvid.core.records import dataclass
from semvid.core.types import FloatArray, Frame, QuantizerOffsets
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
_FAR_OFF = 2.0
"""QP steps from which on the run was coded so much finer or coarser that the two are coded again, nearer. So
is a run that ignores a map of nothing but coarser blocks."""
_ROUNDS = 3
_TEXTURED = 8.0
"""Variance of a block, in squared grey levels, whose error answers to the quantizer."""
_LEAST_SPREAD = 150.0
"""Sum over the textured blocks of squared QP steps from their mean; with less no share could be certain."""
_LEAST_ERROR = 0.05
"""Squared grey levels added to all errors, so that none is 0."""
LEAST_SHARE = 0.25
"""Of the asked offsets, in an encoder that follows the map (measured: examples/benchmark/obedience.py)."""
_LEAST_FREEDOM = 1e-3
"""Of a block whose error the fit follows altogether: it tells nothing, and its share has no end."""
_MOST_DOUBT = 0.15
"""Standard error of a share that says something; and it is twice that from ``LEAST_SHARE``."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a picture that may become a key frame, and of those that come in after it."""

    left: int
    """In pixels, as are the next three."""
    top: int
    width: int
    height: int
    offsets: QuantizerOffsets
    """Of the whole picture."""
    cutter: Graph
    pictures: list[VideoFrame] = field(default_factory=list)
    """What was cut out, without its map."""

    @classmethod
    def begin(cls, picture: VideoFrame, offsets: QuantizerOffsets) -> Excerpt | None:
        """Choose where the offsets of textured blocks differ most; None = they hardly do anywhere."""
        luma, bits = luma_of(picture)
        rows, cols = luma.shape[0] // _BLOCK, luma.shape[1] // _BLOCK
        if not rows or not cols:
            return None
        textured = (_blocks(luma, bits).var((1, 3)) > _TEXTURED).astype(np.float32)
        asked = _offsets_of_blocks(offsets, rows, cols)
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
        height, width = min(luma.shape[0], _HEIGHT), min(luma.shape[1], _WIDTH)
        left, top = int(col) * _GRID, int(row) * _GRID
        cutter = chain(
            picture,
            ("sidedata", "mode=delete:type=REGIONS_OF_INTEREST"),
            ("crop", f"w={width}:h={height}:x={left}:y={top}:exact=1"),
            ("copy", None),
        )
        excerpt = cls(left, top, width, height, offsets, cutter)
        excerpt.add(picture)
        return excerpt

    def add(self, picture: VideoFrame) -> None:
        """Cut the same part out of the next picture."""
        self.cutter.push(picture)
        self.pictures.append(cast("VideoFrame", self.cutter.pull()))

    def of(self, luma: LumaArray) -> LumaArray:
        """Cut it out of a whole picture."""
        return luma[self.top : self.top + self.height, self.left : self.left + self.width]

    def asked(self) -> FloatArray:
        """Return ``(rows, cols)`` offsets of its whole blocks."""
        row, col = self.top // _BLOCK, self.left // _BLOCK
        rows, cols = self.height // _BLOCK, self.width // _BLOCK
        return _offsets_of_blocks(self.offsets, row + rows, col + cols)[row:, col:]


def _offsets_of_blocks(offsets: QuantizerOffsets, rows: int, cols: int) -> FloatArray:
    """Return the offsets of the first blocks of ``_BLOCK`` pixels; those of the encoder are no smaller."""
    per_block = offsets.block_size // _BLOCK
    return offsets.values.repeat(per_block, 0).repeat(per_block, 1)[:rows, :cols]


def _blocks(samples: LumaArray | FloatArray, bits: int) -> FloatArray:
    """Return the whole blocks, ``(rows, _BLOCK, cols, _BLOCK)`` in 8-bit grey levels."""
    rows, cols = samples.shape[0] // _BLOCK, samples.shape[1] // _BLOCK
    whole = samples[: rows * _BLOCK, : cols * _BLOCK].astype(np.float32) / np.float32(1 << (bits - 8))
    return whole.reshape(rows, _BLOCK, cols, _BLOCK)


def share_in_error(
    spec: EncoderSpec,
    options: Mapping[str, str],
    extradata: bytes | None,
    excerpt: Excerpt,
    packet: CodedPacket,
    *,
    codes_fields: bool,
) -> float | None:
    """Return which share of the asked offsets is in the error of a key frame; None = it does not say.

    Args:
        spec: The encoder.
        options: Of the run.
        extradata: The encoder's parameters, where they are not in the packets.
        excerpt: Of the key frame, and of what came in after it before the encoder gave it out.
        packet: The key frame.
        codes_fields: Interlaced video is coded as such.
    """
    source, bits = luma_of(excerpt.pictures[0])
    frames = [Frame(one, index) for index, one in enumerate(excerpt.pictures)]
    whole = luma_at(packet.pts, spec.coding_format, [packet], extradata)
    if whole is None:
        return None

    def log_error(luma: LumaArray) -> NDArray[np.float64]:
        errors = np.square(_blocks(source.astype(np.float32) - luma, bits)).mean((1, 3))
        return np.asarray(np.log2(errors.ravel().astype(np.float64) + _LEAST_ERROR))

    def log_error_at(crf: float) -> NDArray[np.float64] | None:
        # Encoders of several threads would code pictures that nobody takes.
        twin = {**options_at(spec, options, crf), "threads": "1"}
        parameters, packets = encode_beside(spec, twin, frames, codes_fields=codes_fields)
        luma = luma_at(packet.pts, spec.coding_format, packets, parameters.extradata)
        return None if luma is None else log_error(luma)

    found = log_error(excerpt.of(whole))
    asked = excerpt.asked().ravel().astype(np.float64)
    # An error grows no more where nothing is coded: the two must lie around what is asked for.
    steps = spec.crf_steps(_crf(spec, options)) + float(asked.mean())
    for _ in range(_ROUNDS):
        crfs = [_crf_near(spec, steps + apart) for apart in (-_APART, _APART)]
        finer, coarser = map(spec.crf_steps, crfs)
        fine, coarse = map(log_error_at, crfs)
        if finer >= coarser or fine is None or coarse is None:
            return None
        share, doubt, off = share_of(found - (fine + coarse) / 2, (coarse - fine) / (coarser - finer), asked)
        steps = (finer + coarser) / 2 + off
        if abs(off) <= _FAR_OFF:
            break
    # At the ends of its range no encoder can follow.
    lowest, highest = spec.crf_steps(spec.crf.lowest), spec.crf_steps(spec.crf.highest)
    if steps + asked.min() < lowest or steps + asked.max() > highest:
        return None
    is_sure = doubt <= min(_MOST_DOUBT, abs(share - LEAST_SHARE) / 2)
    return share if is_sure else None


def _crf(spec: EncoderSpec, options: Mapping[str, str]) -> float:
    """Return what the run is coded at; where that is a bit rate, anything to begin with."""
    crf = number(spec.effective(options).get("crf"))
    return crf if crf is not None and spec.crf.lowest <= crf <= spec.crf.highest else spec.crf.default


def _crf_near(spec: EncoderSpec, steps: float) -> int:
    crfs = range(int(spec.crf.lowest), int(spec.crf.highest) + 1)
    return min(crfs, key=lambda one: abs(spec.crf_steps(one) - steps))


def share_of(
    change: NDArray[np.float64], response: NDArray[np.float64], asked: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Return the share of the asked offsets in the errors, its standard error, and what all have in common.

    Blocks that answer more to the quantizer also stray more, and of a drawing few answer at all: the standard
    error is the one that holds then too (HC3 of MacKinnon and White, 1985).

    Args:
        change: ``(n,)`` binary logarithm of the error of each block, less that without a map.
        response: ``(n,)`` by how much it would change for one QP step.
        asked: ``(n,)`` offsets in QP steps.
    """
    terms = np.stack([response * (asked - asked.mean()), response, np.ones_like(response)], 1)
    inverse = np.linalg.pinv(terms.T @ terms)
    pull = terms @ inverse
    share, off, _ = found = pull.T @ change
    # How far each block pulls the fit to itself: its error is larger than what it strays.
    own = np.einsum("ij,ij->i", pull, terms)
    errors = (change - terms @ found) / np.maximum(1 - own, _LEAST_FREEDOM)
    doubt = np.linalg.norm(pull[:, 0] * errors)
    return float(share), float(doubt) if inverse[0, 0] > 0 else float("inf"), float(off)
