"""Measure, and show, how far borders of blocks are seen where photographs are smooth.

    python examples/benchmark/still_flat.py FOLDER [--pictures 16] [--sheets DIR]

FOLDER has photographs, as for ``still_fit.py``; of those, the ones are taken that have most smooth blocks.
Compared at the bytes of libjpeg-turbo at 0.25, 0.5 and 1 bit per pixel, all 4:2:0 and sequential: mozjpeg at
its finest quality that is not larger, and semvid with the map, with borders mended and not. Written are means
of the measures of borders (``still_borders.py``), and gains in the others over libjpeg-turbo.

``--sheets`` also writes ``NAME.png`` for each picture, a row for each rate: the source and all coders, at 150
%, where libjpeg-turbo's borders at 0.5 bit per pixel are the worst.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from common import save, table
from jpeg_coders import anchor_at, shrunk
from PIL import Image
from still_borders import SIDE, TO_YCBCR, Array, border_steps, smooth_blocks
from still_fit import photographs
from still_scores import Judge, Scores, average, decode
from still_sheet import largest_within

from semvid.codecs.jpeg.encoder import Choice, fill_size
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

RATES = (0.25, 0.5, 1.0)
CODERS = ("libjpeg", "mozjpeg", "not mended", "semvid")
BORDERS = ("borders", "steps", "colour_borders", "colour_steps")
OTHERS = ("ssimulacra2", "psnr_hvs_m", "ssim", "ms_ssim", "psnr")
CLOSE = 0.999
PART = (232, 152)
"""Pixels of the part that is shown."""
ENLARGED = 1.5


def luma_of(rgb: np.ndarray) -> Array:
    """Return the luma of a picture."""
    return np.asarray(rgb @ TO_YCBCR[0])


def smooth_share(path: Path) -> float:
    """Return how much of a photograph is smooth."""
    return float(smooth_blocks(luma_of(shrunk(read_picture(path).pixels))).mean())


def place_of(source: np.ndarray, coded: np.ndarray) -> tuple[slice, slice]:
    """Return the part where the borders of smooth blocks are the worst."""
    a, b = luma_of(source), luma_of(coded)
    smooth = smooth_blocks(a)
    worst = np.zeros(smooth.shape)
    for target, is_smooth, before, after in ((worst, smooth, a, b), (worst.T, smooth.T, a.T, b.T)):
        excess = np.abs(border_steps(after)) - np.abs(border_steps(before))
        target[:, 1:] += np.maximum(excess, 0) * (is_smooth[:, 1:] & is_smooth[:, :-1])
    cols, rows = PART[0] // SIDE, PART[1] // SIDE
    sums = np.lib.stride_tricks.sliding_window_view(worst, (rows, cols)).sum(axis=(2, 3))
    top, left = (SIDE * int(one) for one in np.unravel_index(int(sums.argmax()), sums.shape))
    return slice(top, top + PART[1]), slice(left, left + PART[0])


def measure(path: Path, sheets: Path | None) -> dict[str, dict[str, Scores]]:
    """Return the scores of a picture by coder and rate; draw its sheet."""
    cv2.setNumThreads(1)
    picture = read_picture(path)
    values, rgb = picture_importance(picture, MapsConfig()), shrunk(picture.pixels)
    importance = np.clip(cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    judge = Judge(rgb, importance, has_slow=False)
    coder = still_coder(planes_from_rgb(rgb, "4:2:0"), values, "perceptual")
    found: dict[str, dict[str, Scores]] = {name: {} for name in CODERS}
    files: dict[float, dict[str, bytes]] = {}
    for rate in RATES:
        plain = anchor_at(rgb, rate)
        files[rate] = {"libjpeg": plain, "mozjpeg": largest_within(rgb, len(plain))}
        for name in ("not mended", "semvid"):
            choice = Choice(mends_borders=name == "semvid")
            files[rate][name] = fill_size(coder.encode, choice, len(plain), close=CLOSE)[0]
        for name in CODERS:
            found[name][str(rate)] = judge.score(files[rate][name])
    if sheets is not None:
        place = place_of(rgb, decode(files[0.5]["libjpeg"]))
        rows = [
            np.hstack([enlarged(rgb[place], "source")]
                      + [enlarged(decode(files[rate][name])[place], f"{name} {rate}") for name in CODERS])
            for rate in RATES
        ]  # fmt: skip
        Image.fromarray(np.vstack(rows)).save(sheets / f"{path.stem}.png")
    return found


def enlarged(part: np.ndarray, label: str) -> np.ndarray:
    """Enlarge a part, and write what it is on it."""
    size = round(ENLARGED * part.shape[1]), round(ENLARGED * part.shape[0])
    shown = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.putText(shown, label, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1))


def cells(scores: Scores, base: Scores) -> list[str]:
    """Lay one row out: borders as they are, the others as gains, of SSIM and MS-SSIM in hundredths."""
    gains = []
    for key in (*OTHERS, *(f"region_{one}" for one in OTHERS)):
        factor = 100 if key.endswith("ssim") else 1
        gains.append(f"{factor * (scores[key] - base[key]):+.2f}")
    return [*(f"{-scores[key]:.2f}" for key in BORDERS), *gains]


def main() -> None:
    """Measure, write ``results/still_flat.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sheets", type=Path)
    arguments = parser.parse_args()
    if arguments.sheets:
        arguments.sheets.mkdir(parents=True, exist_ok=True)
    candidates = photographs(arguments.folder, 5 * arguments.pictures)[0]
    with ProcessPoolExecutor(arguments.workers) as pool:
        shares = list(pool.map(smooth_share, candidates))
        chosen = [candidates[index] for index in np.argsort(shares)[-arguments.pictures :]]
        rows = list(pool.map(partial(measure, sheets=arguments.sheets), chosen))
    means = {
        name: {str(rate): average([row[name][str(rate)] for row in rows]) for rate in RATES}
        for name in CODERS
    }
    save("still_flat", {"pictures": [path.name for path in chosen], "means": means})
    print(table(
        ["coder", "bit/pixel", *BORDERS, *OTHERS, *(f"region {one}" for one in OTHERS)],
        [[name, rate, *cells(one, means["libjpeg"][rate])]
         for name, by_rate in means.items() for rate, one in by_rate.items()],
    ))  # fmt: skip


if __name__ == "__main__":
    main()
