"""Tests by encoding whether an encoder is available and obeys a map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import av
import numpy as np

from semvid.codecs.base.decoding import decoded
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.conversion import converted
from semvid.core.errors import SemvidError
from semvid.core.luma import LumaArray, luma_of
from semvid.core.records import dataclass
from semvid.core.types import Frame

RATE = Fraction(25)
Coded = tuple[StreamParameters, list[CodedPacket]]
_WIDTH, _HEIGHT, _NUM_FRAMES = 320, 192, 6
_NEEDED_GAIN_DB = 1.0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Outcome for one encoder."""

    name: str
    library: str
    is_available: bool
    obeys_map: bool
    gain_db: float
    """How much better, in dB of luma PSNR, the half marked finer came out against the other half, compared
    with the plain encode. 0 if nothing could be encoded."""
    detail: str
    """What is wrong; empty if it works."""


def compare_halves(name: str, library: str, encode: Callable[[list[Frame], bool], Coded]) -> SelfTest:
    """Encode a small moving texture with and without a map and compare the pixels of both halves.

    Args:
        name: Of the codec.
        library: What encodes.
        encode: Returns the coded frames, the left half marked as what matters if the second argument says
            so. What it raises as ``SemvidError`` or ``ImportError`` becomes the outcome.
    """
    source = [frame.luma for frame in _frames()]
    try:
        plain, marked = (decode_luma(*encode(_frames(), mark)) for mark in (False, True))
    except (SemvidError, ImportError) as error:
        return SelfTest(name, library, False, False, 0.0, str(error))
    gain = gain_db(source, plain, marked)
    obeys = gain >= _NEEDED_GAIN_DB
    detail = "" if obeys else f"the marked half gained {gain:.1f} dB, expected {_NEEDED_GAIN_DB:g} or more"
    return SelfTest(name, library, True, obeys, gain, detail)


def _frames() -> list[Frame]:
    return texture_frames(_WIDTH, _HEIGHT, _NUM_FRAMES)


def decode_luma(parameters: StreamParameters, packets: Iterable[CodedPacket]) -> list[LumaArray]:
    """Decode a whole video."""
    pictures = decoded(parameters.coding_format, packets, parameters.extradata)
    return [luma_of(picture)[0] for picture in pictures]


def texture_frames(width: int, height: int, num_frames: int, pixel_format: str = "yuv420p") -> list[Frame]:
    """Make a slowly moving texture of which some detail survives every quantizer.

    Args:
        width: In pixels.
        height: Likewise.
        num_frames: At ``RATE``.
        pixel_format: FFmpeg's name of a planar YUV format.
    """
    noise = np.random.default_rng(7).normal(0, 1, (height + 16, width + 16))
    spectrum = np.fft.rfft2(noise)
    # Amplitude falls with frequency as in photographs.
    frequency = np.hypot(np.fft.fftfreq(noise.shape[0])[:, None], np.fft.rfftfreq(noise.shape[1])[None])
    texture = np.fft.irfft2(spectrum / (frequency + 0.02), s=noise.shape)
    texture = np.clip(128 + 45 * texture / texture.std(), 16, 235).astype(np.uint8)
    frames = []
    for index in range(num_frames):
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = texture[index : index + height, 2 * index : 2 * index + width]
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture = converted(picture, pixel_format)
        picture.pts, picture.time_base = index, 1 / RATE
        frames.append(Frame(picture, index))
    return frames


def gain_db(source: Sequence[LumaArray], plain: Sequence[LumaArray], marked: Sequence[LumaArray]) -> float:
    """Return how much better, in dB of PSNR, the left half is against the right one where it was marked."""
    return _left_lead_db(source, marked) - _left_lead_db(source, plain)


def _left_lead_db(source: Sequence[LumaArray], decoded: Sequence[LumaArray]) -> float:
    """PSNR of the left half minus PSNR of the right half."""
    error = (np.stack(source).astype(np.float64) - np.stack(decoded)) ** 2
    half = error.shape[-1] // 2
    return float(10 * np.log10((error[..., half:].mean() + 1e-3) / (error[..., :half].mean() + 1e-3)))
