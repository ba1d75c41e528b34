"""Weigh what the whole picture and what matters have of the perceptual tuning, with all that stills get.

    python examples/benchmark/still_balance.py FOLDER [--pictures 11]

FOLDER: photographs of OSIE, as for ``still_fit.py``, of which those are taken that it leaves out of its fit;
they are neither held out nor of Kodak. Gains over mozjpeg, PSNR of what matters over libjpeg-turbo, at equal
bytes, mean of the four rates of ``kodak.py``, sequential: for some strengths of the check of block borders
(``Tuning.border_weight``), and for the contrast of the map times a factor; and without a map, for some
weights that all blocks have then (``Tuning.even_share``). The search of ``still_fit.py`` knows nothing of
the check, which was built later, nor of pictures without a map.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from common import save, table
from jpeg_coders import anchor_at, at_size, mozjpeg, shrunk
from kodak import CLOSE, RATES
from still_fit import photographs
from still_scores import COLUMNS, Judge, Scores, average, cells_of

from semvid.codecs.jpeg.encoder import Choice, fill_size
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.tuning import PERCEPTUAL, Tuning
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

TRIED = ((0, 1.0), (4, 0.83), (4, 1.0), (4, 1.17), (12, 0.83), (12, 1.0))
"""Weights of borders, and factors on the contrast there is."""
SHARES = (1.0, 0.6, 0.42, 0.35, 0.3)
"""Weights of all blocks without a map."""


def tuned(border_weight: float, factor: float) -> Tuning:
    """Return the tuning with another balance."""
    knots = (
        replace(one, contrast=one.contrast * factor, dc_contrast=one.dc_contrast * factor)
        for one in PERCEPTUAL.knots
    )
    return replace(PERCEPTUAL, border_weight=border_weight, knots=tuple(knots))


def gains_of(path: Path) -> dict[str, list[Scores]]:
    """Return the gains at each rate, by balance."""
    cv2.setNumThreads(1)
    picture, gains = read_picture(path), {}
    values = picture_importance(picture, MapsConfig())
    rgb = shrunk(picture.pixels)
    importance = np.clip(cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    judge, planes = Judge(rgb, importance, has_slow=False), planes_from_rgb(rgb, "4:2:0")
    for rate in RATES:
        anchor = anchor_at(rgb, rate)
        base, other = judge.score(anchor), at_size(judge, partial(mozjpeg, rgb), len(anchor))
        if other is None:
            continue
        other["region_psnr"] = base["region_psnr"]
        tunings = [
            (f"borders {weight}, contrast x{factor}", values, tuned(weight, factor))
            for weight, factor in TRIED
        ]
        tunings += [
            (f"no map, share {share}", None, replace(PERCEPTUAL, even_share=share)) for share in SHARES
        ]
        for name, map_values, tuning in tunings:
            coder = still_coder(planes, map_values, "perceptual", tuning=tuning)
            coded, _ = fill_size(coder.encode, Choice(), len(anchor), close=CLOSE)
            found = judge.score(coded)
            row = {key: found[key] - other[key] for key in COLUMNS if key in found and key in other}
            gains.setdefault(name, []).append(row)
    return gains


def main() -> None:
    """Measure, write ``results/still_balance.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=11)
    arguments = parser.parse_args()
    _, left_out = photographs(arguments.folder, 32)
    chosen = left_out[:: max(len(left_out) // arguments.pictures, 1)][: arguments.pictures]
    together: dict[str, list[Scores]] = {}
    with ProcessPoolExecutor(2) as pool:
        for gains in pool.map(gains_of, chosen):
            for name, rows in gains.items():
                together.setdefault(name, []).extend(rows)
    means = {name: average(rows) for name, rows in together.items()}
    save("still_balance", {"pictures": len(chosen), "gains": means})
    print(table(["balance", *COLUMNS], [[name, *cells_of(one)] for name, one in means.items()]))


if __name__ == "__main__":
    main()
