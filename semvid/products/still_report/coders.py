"""Other coders of JPEG, to compare with at the same size and of the same kind."""

from __future__ import annotations

import io
import math
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


def lowest(encode: Encode, is_enough: Callable[[bytes], bool], above: int = 0) -> tuple[int, bytes]:
    """Return the lowest quality whose file is good enough, and the file; 100 if none is.

    Args:
        encode: Makes a file.
        is_enough: Whether it is good enough.
        above: A quality that is not, below 100; 0 = none is known.
    """
    low, high = min(max(above, _COARSEST - 1), _FINEST - 1), _FINEST
    found = encode(high)
    while high - low > 1:
        middle = (low + high) // 2
        tried = encode(middle)
        if is_enough(tried):
            high, found = middle, tried
        else:
            low = middle
    return high, found


def plain_at_size(
    pixels: NDArray[np.uint8], num_bytes: int, sampling: Sampling, *, is_progressive: bool
) -> Rival:
    """Return what libjpeg-turbo makes: the first of ``rivals``, in a third of the time for large pictures.

    Scans of progressive files are searched for two or three qualities only.
    """
    encode = cache(_finished(lambda quality: libjpeg_turbo(pixels, quality, sampling), is_progressive=False))
    quality, data = at_size(encode, num_bytes)
    if is_progressive:
        too_low, wanted, data = _COARSEST - 1, float(num_bytes), b""
        while True:
            quality = max(at_size(encode, math.ceil(wanted))[0], too_low + 1)
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
