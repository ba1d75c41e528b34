"""Compare two ways from chosen coefficients to a file: exactly, and through pixels.

    python examples/benchmark/jpeg_writing.py [--pictures 8]

exact: the levels are written as they are. pixels: levels are decoded to 8-bit pixels, which
Pillow codes again with the same tables, 4:2:0, optimised; chroma passes through twice the resolution, and
samples are rounded and clipped. Kodak photographs, qualities 30, 60 and 85, means: bytes of the second way
against the first, PSNR of luma lost on the way, share of levels that came out otherwise, milliseconds.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

import jpeglib
import numpy as np
from common import data_folder, save, table
from PIL import Image
from still_scores import LUMA, decode, psnr

from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

QUALITIES = (30, 60, 85)


def through_pixels(exact: bytes) -> bytes:
    """Code the picture an exact file shows once more."""
    with Image.open(io.BytesIO(exact)) as shown:
        file = io.BytesIO()
        shown.save(file, "JPEG", qtables=shown.quantization, subsampling="4:2:0", optimize=True)
    return file.getvalue()


def levels_of(jpeg: bytes) -> np.ndarray:
    """All levels of a file in one row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coded.jpg"
        path.write_bytes(jpeg)
        read = jpeglib.read_dct(str(path))
    return np.concatenate([one.ravel() for one in (read.Y, read.Cb, read.Cr)])


def main() -> None:
    """Measure, write ``results/jpeg_writing.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=8)
    arguments = parser.parse_args()
    rows: dict[int, list[list[float]]] = {quality: [] for quality in QUALITIES}
    for path in sorted((data_folder() / "kodak").glob("*.png"))[: arguments.pictures]:
        picture = read_picture(path)
        coder = PictureCoder(
            planes_from_rgb(picture.pixels, "4:2:0"), picture_importance(picture, MapsConfig())
        )
        luma = picture.pixels @ LUMA
        for quality, found in rows.items():
            levels, tables = coder.choose(Choice(quality))
            started = time.perf_counter()
            exact = coder.write(levels, tables)
            between = time.perf_counter()
            second = through_pixels(exact)
            ended = time.perf_counter()
            gained = [psnr(np.square(luma - decode(one) @ LUMA).mean()) for one in (exact, second)]
            changed = np.mean(levels_of(exact) != levels_of(second))
            found.append([len(second) / len(exact), gained[1] - gained[0], float(changed),
                          1000 * (between - started), 1000 * (ended - between)])  # fmt: skip
    means = {str(quality): np.mean(found, axis=0).tolist() for quality, found in rows.items()}
    save("jpeg_writing", {"pictures": arguments.pictures, "means": means})
    print(table(
        ["quality", "bytes", "PSNR", "levels changed", "ms exact", "ms pixels"],
        [[quality, f"{100 * (one[0] - 1):+.2f} %", f"{one[1]:+.2f} dB", f"{100 * one[2]:.2f} %",
          f"{one[3]:.1f}", f"{one[4]:.1f}"] for quality, one in means.items()],
    ))  # fmt: skip


if __name__ == "__main__":
    main()
