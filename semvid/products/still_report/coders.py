"""Other coders of JPEG, to compare with at the same size and of the same kind."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from functools import cache

import jpeglib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from semvid.codecs.jpeg.lossless import bare_jpeg
from semvid.codecs.jpeg.writer import progressive
from semvid.core.config import Sampling
from semvid.core.records import dataclass
from semvid.media.writing.output import scratch_folder

Encode = Callable[[int], bytes]
"""From a quality to a file without metadata."""
_COARSEST, _FINEST = 1, 100
_FIRST_STEP = 3
_SAMPLINGS: tuple[Sampling, ...] = ("4:4:4", "4:2:2", "4:2:0")
"""As Pillow numbers them."""
_library = threading.Lock()


@dataclass(frozen=True, slots=True)
class Rival:
    """What another coder made of the picture."""

    key: str
    name: str
    quality: int
    """On its own scale."""
    data: bytes
    """A JPEG without metadata."""


def rivals(
    pixels: NDArray[np.uint8], num_bytes: int, sampling: Sampling, *, is_progressive: bool
) -> Iterator[Rival]:
    """Yield the files of all coders that are there: of the lowest quality with at least so many bytes.

    So what is compared with is never the smaller one. All have optimised Huffman codes; progressive ones get
    their scans from mozjpeg's search, as ours do.

    Args:
        pixels: ``(h, w)`` grey or ``(h, w, 3)`` RGB.
        num_bytes: Of our file without metadata.
        sampling: Of our file. jpegli has its own, 4:2:0.
        is_progressive: Whether ours may be, if that is smaller.
    """
    coders: list[tuple[str, str, Encode]] = [
        ("turbo", "libjpeg-turbo", lambda quality: libjpeg_turbo(pixels, quality, sampling)),
        ("mozjpeg", "mozjpeg", lambda quality: mozjpeg(pixels, quality, sampling)),
    ]
    if pixels.ndim == 3 and sampling == "4:2:0" and (encode_jpegli := jpegli(pixels)) is not None:
        coders.append(("jpegli", "jpegli", encode_jpegli))
    for key, name, encode in coders:
        quality, data = at_size(_finished(encode, is_progressive=is_progressive), num_bytes)
        yield Rival(key, name, quality, data)


def at_size(encode: Encode, num_bytes: int) -> tuple[int, bytes]:
    """Return the lowest quality that has at least so many bytes, and its file; 100 if none has."""
    return lowest(encode, lambda tried: len(tried) >= num_bytes)


def lowest(encode: Encode, is_enough: Callable[[bytes], bool], near: int | None = None) -> tuple[int, bytes]:
    """Return the lowest quality whose file is good enough, and the file; 100 if none is.

    Args:
        encode: Makes a file.
        is_enough: Whether it is good enough.
        near: About which quality that is, 1..100: fewer files are made then. None = not known.
    """
    low, high, found = _COARSEST - 1, _FINEST, b""
    if near is not None:
        # Farther and farther from there, until it lies between two that were tried.
        step, tried = _FIRST_STEP, near
        while low < tried < high:
            if is_enough(data := encode(tried)):
                high, found = tried, data
                tried = near - step if high <= near else low
            else:
                low = tried
                tried = near + step if low >= near else high
            step *= 2
    if not found:
        found = encode(high)
    while high - low > 1:
        middle = (low + high) // 2
        tried_file = encode(middle)
        if is_enough(tried_file):
            high, found = middle, tried_file
        else:
            low = middle
    return high, found


def plain_at_size(
    pixels: NDArray[np.uint8], num_bytes: int, sampling: Sampling, *, is_progressive: bool, near: int = 50
) -> Rival:
    """Return what libjpeg-turbo makes: the first of ``rivals``, in a fraction of the time for large pictures.

    Scans of progressive files are searched for two or three qualities only.

    Args:
        pixels: As for ``rivals``, like what follows.
        num_bytes: Of our file without metadata.
        sampling: Of our file.
        is_progressive: Whether ours may be.
        near: About which quality it has.
    """
    encode = cache(_finished(lambda quality: libjpeg_turbo(pixels, quality, sampling), is_progressive=False))

    def at_least(wanted: float) -> int:
        return lowest(encode, lambda data: len(data) >= wanted, near)[0]

    quality = at_least(num_bytes)
    data = encode(quality)
    if is_progressive:
        too_low, wanted = _COARSEST - 1, float(num_bytes)
        while True:
            quality = max(at_least(wanted), too_low + 1)
            data = progressive(encode(quality))
            if len(data) >= num_bytes or quality == _FINEST:
                break
            too_low, wanted = quality, num_bytes * len(encode(quality)) / len(data)
        while quality - 1 > too_low and len(finer := progressive(encode(quality - 1))) >= num_bytes:
            quality, data = quality - 1, finer
    return Rival("turbo", "libjpeg-turbo", quality, data)


def sampling_of(data: bytes) -> Sampling:
    """Return how the chroma of a JPEG is sampled."""
    with Image.open(io.BytesIO(data)) as image:
        if image.mode == "L":
            return "grey"
        number = JpegImagePlugin.get_sampling(image)
        return _SAMPLINGS[number] if 0 <= number < len(_SAMPLINGS) else "4:2:0"


def _finished(encode: Encode, *, is_progressive: bool) -> Encode:
    def finished(quality: int) -> bytes:
        coded = bare_jpeg(encode(quality))
        assert coded is not None  # noqa: S101 - these coders write what every viewer shows
        return progressive(coded) if is_progressive else coded

    return finished


def libjpeg_turbo(pixels: NDArray[np.uint8], quality: int, sampling: Sampling = "4:2:0") -> bytes:
    """Code with libjpeg-turbo, sequential.

    Args:
        pixels: ``(h, w)`` grey or ``(h, w, 3)`` RGB.
        quality: 1..100.
        sampling: Of chroma, if there is any.
    """
    file = io.BytesIO()
    chroma = {} if pixels.ndim == 2 else {"subsampling": sampling}
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=True, **chroma)
    return file.getvalue()


def mozjpeg(pixels: NDArray[np.uint8], quality: int, sampling: Sampling = "4:2:0") -> bytes:
    """Code with mozjpeg and its trellis, sequential; arguments as for ``libjpeg_turbo``."""
    with scratch_folder() as folder:
        path = str(folder / "coded.jpg")
        # The version is one setting for the whole process.
        with _library:
            with jpeglib.version("mozjpeg403"):
                picture = jpeglib.from_spatial(pixels if pixels.ndim == 3 else pixels[..., None])
                if pixels.ndim == 3:
                    picture.samp_factor = sampling
                picture.write_spatial(path, qt=quality, flags=["+OPTIMIZE_CODING", "+FORCE_BASELINE"])
            # It writes progressive files, whatever it is told: the same coefficients once more.
            with jpeglib.version("turbo210"):
                jpeglib.read_dct(path).write_dct(path, flags=["+OPTIMIZE_CODING", "-PROGRESSIVE_MODE"])
        with open(path, "rb") as file:
            return file.read()


def jpegli(pixels: NDArray[np.uint8]) -> Encode | None:
    """Return jpegli's coder of a picture, sequential and 4:2:0; None = pyjpegli is not installed."""
    try:
        import pyjpegli
    except ModuleNotFoundError:
        return None
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()

    def encode(quality: int) -> bytes:
        return bytes(pyjpegli.encode(data, width, height, quality))

    return encode
