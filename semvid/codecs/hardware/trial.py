"""Tries hardware encoders, in a process of its own: a driver may crash, or never answer.

Run as ``python -m semvid.codecs.hardware.trial NAME ...`` it writes a line of JSON for each, as it goes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from av import logging
from av.error import FFmpegError

from semvid.codecs.base.coding import Target
from semvid.codecs.base.self_test import RATE, Coded, decode_luma, gain_db, texture_frames
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.regions import RegionAttacher
from semvid.codecs.hardware.catalogue import HARDWARE
from semvid.codecs.hardware.spec import HardwareSpec
from semvid.core.errors import EncoderError, SemvidError
from semvid.core.luma import LumaArray
from semvid.core.records import dataclass
from semvid.core.types import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Chips refuse pictures that are much smaller; multiples of 64.
_WIDTH, _HEIGHT, _NUM_FRAMES = 640, 384, 4
_LEAST_PSNR_DB = 24.0
"""Of a picture at the default CRF; one that was coded in wrong colours or sizes has 15 at most."""
_SMALLER = 0.85
"""Share of the bytes that is left when the CRF is raised by what should halve them."""
_OFFSET = 6.0
"""QP steps by which one half of the picture is coarser, the other finer."""
_NEEDED_GAIN_DB = 1.0
_NUMBERS_OF_REGIONS = (256, 128, 64, 32, 16, 8, 4, 2)
"""Tried until one counts: a driver may take fewer than FFmpeg passes on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial found."""

    fault: str = ""
    """Why the encoder cannot be used; empty = it can."""
    regions: int = 0
    """Rectangles in a frame that count; 0 = it takes no map."""
    gain_db: float = 0.0
    """How much better the half marked finer came out, in dB of luma PSNR."""


class _UnfitError(EncoderError):
    """It encodes, but not as it should."""


def examine(spec: HardwareSpec) -> Verdict:
    """Try an encoder with a small texture: does it encode, does the CRF count, do regions count?"""
    with logging.Capture(local=False) as logs:
        try:
            return _examine(spec)
        except _UnfitError as error:
            return Verdict(str(error))
        except (SemvidError, FFmpegError, NotImplementedError, ValueError) as error:
            return Verdict(explained(spec, str(error), [text.strip() for _, _, text in logs]))


def explained(spec: HardwareSpec, told: str, logged: Sequence[str]) -> str:
    """Put what FFmpeg said into plain words.

    Args:
        spec: The encoder.
        told: The error.
        logged: Errors in FFmpeg's log before it.
    """
    for line in (*logged, told):
        for sign, words in spec.family.signs.items():
            if sign in line:
                return f"{words} (FFmpeg: {line.rstrip('. ')})"
    return f"{spec.family.title} does not work (FFmpeg: {logged[0].rstrip('. ')})" if logged else told


def _examine(spec: HardwareSpec) -> Verdict:
    frames = texture_frames(_WIDTH, _HEIGHT, _NUM_FRAMES)
    source = [frame.luma for frame in frames]
    usual, octave = spec.crf.default, spec.crf.steps_per_octave
    plain = _encode(spec, usual, frames)
    _refuse_unusable(plain, source)
    finer, coarser = (_num_bytes(_encode(spec, usual + apart, frames)) for apart in (-octave / 2, octave / 2))
    if coarser > _SMALLER * finer:
        raise _UnfitError("the CRF has no effect on its files")
    if not spec.reads_map:
        return Verdict()
    before = decode_luma(*plain)
    for number in _NUMBERS_OF_REGIONS:
        marked = decode_luma(*_encode(spec, usual, frames, _halves(spec, number)))
        gain = gain_db(source, before, marked) if len(marked) == len(source) else 0.0
        if gain >= _NEEDED_GAIN_DB:
            return Verdict(regions=number, gain_db=gain)
    return Verdict()


def _refuse_unusable(coded: Coded, source: Sequence[LumaArray]) -> None:
    parameters, packets = coded
    if not parameters.extradata:
        raise _UnfitError("it gives no header for files")
    shown = sorted(packet.pts for packet in packets)
    if shown != list(range(len(source))) or any(a.dts >= b.dts for a, b in pairwise(packets)):
        raise _UnfitError(f"of {len(source)} pictures it gave out those of the times {shown}")
    pictures = decode_luma(parameters, packets)
    if len(pictures) != len(source) or pictures[0].shape != source[0].shape:
        raise _UnfitError("its pictures cannot be decoded")
    error = np.square(np.stack(source).astype(np.float64) - np.stack(pictures)).mean()
    psnr = 10 * np.log10(255**2 / max(error, 1e-3))
    if psnr < _LEAST_PSNR_DB:
        raise _UnfitError(f"its pictures are wrong: {psnr:.1f} dB of PSNR, {_LEAST_PSNR_DB:g} is the minimum")


def _num_bytes(coded: Coded) -> int:
    return sum(len(packet.data) for packet in coded[1])


def _halves(spec: HardwareSpec, number: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return regions of which only the last two say something: the halves of the picture."""
    side, half = spec.block_size, _WIDTH // 2
    regions = np.tile(np.array([0, side, 0, side], np.int32), (number, 1))
    regions[-2:] = [[0, _HEIGHT, 0, half], [0, _HEIGHT, half, _WIDTH]]
    qoffsets = np.zeros(number)
    qoffsets[-2:] = np.array([-_OFFSET, _OFFSET]) / spec.offset_range(8)
    return regions, qoffsets


def _encode(
    spec: HardwareSpec,
    crf: float,
    frames: Sequence[Frame],
    marks: tuple[NDArray[np.int32], NDArray[np.float64]] | None = None,
) -> Coded:
    """Code the frames as for a file."""
    crf = spec.crf.round(crf)
    preparer = FramePreparer(spec, crf, frames[0])
    options: Mapping[str, str] = spec.options(crf, None, {})
    encoder = spec.open(options, preparer, first=frames[0].picture, target=Target(RATE, suffix=".mkv"))
    attacher, packets = RegionAttacher(leaves_none_empty=True), []
    for frame in frames:
        picture = preparer.prepare(frame, None)
        packets += encoder.encode(picture if marks is None else attacher.attach(picture, *marks))
    packets += encoder.flush()
    encoder.close()
    return encoder.parameters, packets


if __name__ == "__main__":
    logging.set_level(logging.ERROR)
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps({"name": name, **asdict(examine(HARDWARE[name]))}) + "\n")
        sys.stdout.flush()
