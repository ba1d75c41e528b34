"""Compare JPEG coders at equal bytes on photographs: the 24 of Kodak, or 40 of OSIE held out of fitting.

    python examples/benchmark/kodak.py [--osie FOLDER] [--pictures N] [--kinds sequential,progressive]

Anchor: libjpeg-turbo with optimised Huffman tables, 4:2:0, at the quality whose size is nearest to 0.25,
0.5, 1.0 and 1.5 bit per pixel, and at quality 95; for progressive files, the same made progressive. Every
other coder gets those bytes: semvid by its own search, to 0.1 %; coders of whole qualities are read between
the two files around that size, linearly in the logarithm of bytes, and a picture is left out where their
coarsest is larger.

semvid, psnr: with the map of ``msroi``, tuned for how it looks and for PSNR. uniform, uniform psnr: without
a map. mozjpeg, jpegli: see ``jpeg_coders.py``. mosaic: the method of Prakash et al., DCC 2017: the picture
coded at k = 5 qualities ``Q_n = Q_low + n (Q_high - Q_low) / k``, each 8x8 block taken from the level its
importance asks for, and the mosaic coded once more, plainly, at Q_high.

Measures are those of ``still_scores.py``, as gains over the anchor, averaged over the pictures. Region: the
20 % of the picture where importance is highest. ``--osie``: the photographs of OSIE, 800x600
(github.com/NUS-VIP/predicting-human-gaze-beyond-pixels), of which those held out of all fitting are taken;
they are shrunk to four fifths, so that the grid of their own JPEG is gone. What was measured is kept in
``build/``, by picture, so that the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import REPOSITORY, data_folder, save, table
from jpeg_coders import anchor_at, at_size, jpegli, mosaic, mozjpeg, plain, progressive, shrunk
from still_scores import COLUMNS, Judge, Scores, average, cells_of

from semvid.codecs.jpeg.encoder import Choice, fill_size
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.tuning import TUNINGS
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

RATES = (0.25, 0.5, 1.0, 1.5)
HIGH_QUALITY = 95
CLOSE = 0.999
OWN = {
    "semvid": ("perceptual", 1.0), "uniform": ("perceptual", 0.0),
    "psnr": ("psnr", 1.0), "uniform psnr": ("psnr", 0.0),
}  # fmt: skip
KINDS: dict[str, tuple[str, ...]] = {
    "sequential": (*OWN, "mozjpeg", "jpegli", "mosaic"),
    "progressive": ("semvid", "uniform", "mozjpeg", "jpegli"),
}
Gains = dict[str, dict[str, Scores]]
"""By coder and rate."""


def measure(path: Path, kind: str, names: Sequence[str]) -> Gains:
    """Return the gains of some coders for one picture."""
    cv2.setNumThreads(1)
    picture = read_picture(path)
    rgb, values = np.ascontiguousarray(picture.pixels), picture_importance(picture, MapsConfig())
    if path.suffix == ".jpg":
        rgb = shrunk(rgb)
    importance = np.clip(cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    judge, planes = Judge(rgb, importance), planes_from_rgb(rgb, "4:2:0")
    own = {tune: still_coder(planes, values, tune) for tune in TUNINGS}
    others = {"mozjpeg": mozjpeg, "jpegli": jpegli, "mosaic": partial(mosaic, importance)}
    found: Gains = {}
    written: Callable[[bytes], bytes] = progressive if kind == "progressive" else bytes
    for rate in [*RATES, 0]:
        anchor = written(anchor_at(rgb, rate) if rate else plain(rgb, HIGH_QUALITY))
        base, label = judge.score(anchor), str(rate) if rate else f"quality {HIGH_QUALITY}"
        for name in names:
            scores: Scores | None
            if name in OWN:
                tune, strength = OWN[name]
                coded, _ = fill_size(
                    lambda choice, coder=own[tune]: written(coder.encode(choice)),
                    Choice(strength=strength), len(anchor), close=CLOSE,
                )  # fmt: skip
                scores = judge.score(coded)
            else:
                other = partial(others[name], rgb)
                scores = at_size(judge, lambda quality, other=other: written(other(quality)), len(anchor))
            if scores is not None:
                found.setdefault(name, {})[label] = {key: scores[key] - base[key] for key in base}
    return found


def summary(rows: Sequence[Gains]) -> dict[str, dict[str, Any]]:
    """Average the gains over the pictures, and over the four rates."""
    means: dict[str, dict[str, Any]] = {}
    for name in (one for one in KINDS["sequential"] if all(one in row for row in rows)):
        by_rate = means[name] = {}
        for label in [*map(str, RATES), f"quality {HIGH_QUALITY}"]:
            gains = [one[name][label] for one in rows if label in one.get(name, {})]
            if gains:
                by_rate[label] = {**average(gains), "pictures": len(gains)}
        usual = [by_rate[label] for label in map(str, RATES) if label in by_rate]
        by_rate["mean of four rates"] = average(usual)
    return means


def lines_of(means: dict[str, dict[str, Any]]) -> list[list[object]]:
    """Lay the gains out."""
    lines: list[list[object]] = []
    for name, by_rate in means.items():
        for label, one in by_rate.items():
            lines.append([name, label, *cells_of(one), f"{100 * math.expm1(one['bytes']):+.2f} %"])
    return lines


def load_gains(place: Path) -> Gains:
    """Read what was measured of a picture."""
    return json.loads(place.read_text()) if place.exists() else {}


def held_out(folder: Path) -> list[Path]:
    """Return the photographs of OSIE that nothing is fitted to."""
    names = np.load(data_folder() / "training" / "osie-heldout-fixations.npz")["names"]
    return [folder / str(name) for name in sorted(names)]


def main() -> None:
    """Measure, write ``results/kodak.json`` or ``results/osie.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--osie", type=Path)
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--kinds", default="sequential,progressive")
    parser.add_argument("--coders", help="some of those that are compared; default: all")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    name = "osie" if arguments.osie else "kodak"
    paths = held_out(arguments.osie)[: arguments.pictures or 40] if arguments.osie else sorted(
        (data_folder() / "kodak").glob("*.png"))[: arguments.pictures]  # fmt: skip
    kinds, kept = arguments.kinds.split(","), REPOSITORY / "build" / name
    wanted = arguments.coders.split(",") if arguments.coders else sum(KINDS.values(), ())
    kept.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.workers) as pool:
        jobs = {}
        for path in paths:
            for kind in kinds:
                place = kept / f"{path.stem}-{kind}.json"
                known = load_gains(place)
                missing = [one for one in KINDS[kind] if one not in known and one in wanted]
                if missing:
                    jobs[pool.submit(measure, path, kind, missing)] = place
        for job in as_completed(jobs):
            place = jobs[job]
            place.write_text(json.dumps({**load_gains(place), **job.result()}))
            print(place.stem, flush=True)
    gains: dict[str, Any] = {}
    for kind in kinds:
        rows = [load_gains(kept / f"{path.stem}-{kind}.json") for path in paths]
        gains[kind] = summary(rows)
        print(kind, table(["coder", "bit/pixel", *COLUMNS, "bytes"], lines_of(gains[kind])), sep="\n")
    save(name, {"pictures": len(paths), "gains": gains})


if __name__ == "__main__":
    main()
