"""Fit the constants of the perceptual tuning of stills (``semvid/codecs/jpeg/tuning.py``).

    python examples/benchmark/still_fit.py FOLDER [--aim luma|colour] [--pictures 20] [--minutes 60] [--check]

FOLDER has photographs; none may be of Kodak or of the held-out ones of OSIE, by which stills are reported
(``kodak.py``). Used were those of OSIE (github.com/NUS-VIP/predicting-human-gaze-beyond-pixels, MIT),
800x600. Each is shrunk to four fifths, so that the grid of its own JPEG is gone, and the middle is cut out.
Anchor: libjpeg-turbo with optimised tables, 4:2:0, at the quality nearest to each rate; semvid fills its
bytes with the map of ``msroi``, and once without.

What is raised is a weighted sum of gains, of the whole picture and of what matters alike: SSIMULACRA 2,
PSNR-HVS-M, SSIM and MS-SSIM, with a penalty where PSNR of what matters gains less than half a dB. One
constant after the other is moved, and stays where the sum is higher; then steps shrink. Every second
picture is left out, and is rated with ``--check``, before and after. The state is kept in
``results/still_fit.json``, so that the same command goes on.

There are two aims. ``luma`` counts PSNR-HVS-M, which sees no colours, for more, and ends below mozjpeg's
SSIMULACRA 2; ``colour`` begins at its constants, counts SSIMULACRA 2 for more, and ends below its SSIM. The
tuning lies between the two, with a little more contrast: so it was on eight held-out pictures of OSIE.

``--scale`` tells at which scale what matters looks, by SSIMULACRA 2, as in a plain JPEG of the same quality.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import data_folder, load, save, table
from jpeg_coders import anchor_at, plain, shrunk
from still_scores import COLUMNS, Judge, Scores, average, cells_of

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.tables import ANNEX_K_CHROMA, ANNEX_K_LUMA, ROBIDOUX, step_scale
from semvid.codecs.jpeg.tuning import PERCEPTUAL, Tuning, blend
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

SIZE = (448, 320)
QUALITIES = (35, 50, 70, 85, 92)
LEAST_REGION_PSNR, PENALTY = 0.5, 10.0


@dataclass(frozen=True)
class Aim:
    """What is raised."""

    rates: tuple[float, ...]
    """Bits per pixel."""
    weights: dict[str, float]
    """Points that a unit of each measure is worth, in the whole picture and in what matters."""
    without_map: float
    """Share of the whole picture's gains without a map."""


AIMS = {
    "luma": Aim(
        (0.4, 1.2), {"ssimulacra2": 1.0, "psnr_hvs_m": 5.0, "ssim": 200.0, "ms_ssim": 500.0}, without_map=0.5
    ),
    "colour": Aim(
        (0.5, 1.3), {"ssimulacra2": 2.0, "psnr_hvs_m": 2.0, "ssim": 200.0, "ms_ssim": 500.0}, without_map=0
    ),
}
START: dict[str, float] = {
    "luma_k": -0.2, "luma_r": 1.2, "luma.flatness": 0.85, "luma.visibility": 1.4, "luma.dc_weight": 1.1,
    "luma.masking_floor": 95, "luma.masking": 0.62, "luma.dc_masking": 0.3, "luma.emptiness": 0.2,
    "chroma_k": 0.4, "chroma_r": 0.6, "chroma.scale": 0.7, "chroma.flatness": 0.38, "chroma.weight": 0.4,
    "chroma.dc_weight": 0.4, "chroma.visibility": 0.6, "chroma.masking_floor": 110, "chroma.masking": 0.5,
    "chroma.dc_masking": 0.3, "chroma.emptiness": 0.3,
    "price": 0.06, "contrast": 0.7, "dc_contrast": 0.3, "background_weight": 0.28,
}  # fmt: skip
STEPS = {"luma_k": 0.2, "luma_r": 0.2, "chroma_k": 0.2, "chroma_r": 0.2}
"""Of the constants that may be negative; all others are multiplied."""
FACTOR, LEAST_FACTOR = 1.25, 1.06


def tuning_of(constants: dict[str, float]) -> Tuning:
    """Return the tuning with these constants."""
    tuned = PERCEPTUAL.knots[0]
    for name, references in (("luma", ANNEX_K_LUMA), ("chroma", ANNEX_K_CHROMA)):
        own_keys = [key for key in constants if key.startswith(f"{name}.")]
        given = {key.partition(".")[2]: constants[key] for key in own_keys}
        own = blend(references, constants[f"{name}_k"], ROBIDOUX, constants[f"{name}_r"])
        tuned = replace(tuned, **{name: replace(getattr(tuned, name), references=own, **given)})
    tuned = replace(tuned, **{key: constants[key] for key in ("price", "contrast", "dc_contrast")})
    return replace(PERCEPTUAL, knots=(tuned,))


@dataclass(frozen=True)
class Prepared:
    """One photograph with its map, and the plain encodes to compare with."""

    name: str
    rgb: np.ndarray
    values: np.ndarray
    judge: Judge
    anchors: tuple[tuple[int, Scores], ...]
    """Bytes and scores of each."""


@cache
def prepare(path: Path, rates: tuple[float, ...]) -> Prepared:
    """Read, shrink, cut, map, and encode plainly."""
    picture = read_picture(path)
    values = picture_importance(picture, MapsConfig())
    rgb = shrunk(picture.pixels)
    size = rgb.shape[1::-1]
    importance = np.clip(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), 0, 1)
    left, top = (size[0] - SIZE[0]) // 2, (size[1] - SIZE[1]) // 2
    cut = slice(top, top + SIZE[1]), slice(left, left + SIZE[0])
    rgb, importance = np.ascontiguousarray(rgb[cut]), np.ascontiguousarray(importance[cut])
    judge = Judge(rgb, importance, has_slow=False)
    anchors = [anchor_at(rgb, rate) for rate in rates]
    return Prepared(path.name, rgb, importance, judge, tuple((len(one), judge.score(one)) for one in anchors))


def gains_of(path: Path, tuning: Tuning, background_weight: float, aim: Aim) -> list[tuple[Scores, Scores]]:
    """Return gains over the plain encode at each rate, with the map and without."""
    cv2.setNumThreads(1)
    one, gains = prepare(path, aim.rates), []
    coder = PictureCoder(planes_from_rgb(one.rgb, "4:2:0"), one.values, tuning)
    for num_bytes, base in one.anchors:
        pair = []
        for strength in (1.0, 0.0) if aim.without_map else (1.0,):
            choice = Choice(background_weight=background_weight, strength=strength)
            found = one.judge.score(fill_size(coder.encode, choice, num_bytes)[0])
            pair.append({key: found[key] - base[key] for key in base})
        gains.append((pair[0], pair[-1]))
    return gains


def worth(gains: Sequence[tuple[Scores, Scores]], aim: Aim) -> float:
    """Return the weighted sum."""
    mapped, plain = (average([pair[index] for pair in gains]) for index in (0, 1))
    total = 0.0
    for key, weight in aim.weights.items():
        total += weight * (mapped[key] + mapped[f"region_{key}"] + aim.without_map * plain[key])
    return total - PENALTY * max(LEAST_REGION_PSNR - mapped["region_psnr"], 0)


def rate(
    pool: ProcessPoolExecutor, paths: Sequence[Path], constants: dict[str, float], aim: Aim
) -> list[tuple[Scores, Scores]]:
    """Return the gains of all pictures."""
    background = constants["background_weight"]
    job = partial(gains_of, tuning=tuning_of(constants), background_weight=background, aim=aim)
    return [one for gains in pool.map(job, paths) for one in gains]


def moves(name: str, value: float, size: float) -> Iterator[float]:
    """Yield what to try for a constant at a size of steps, 1 = the first."""
    if name in STEPS:
        yield from (value + STEPS[name] * size, value - STEPS[name] * size)
        return
    factor = FACTOR**size
    yield from (value * factor, value / factor)


def scale_factor(path: Path, tuning: Tuning) -> list[float]:
    """Return by how much coarser steps may be than at libjpeg's quality, to look as good where it matters."""
    cv2.setNumThreads(1)
    one, factors = prepare(path, ()), []
    coder = PictureCoder(planes_from_rgb(one.rgb, "4:2:0"), one.values, tuning)
    for quality in QUALITIES:
        wanted = one.judge.score(plain(one.rgb, quality))["region_ssimulacra2"]
        low, high = quality - 25.0, min(quality + 25.0, 99.0)
        for _ in range(7):
            middle = (low + high) / 2
            found = one.judge.score(coder.encode(Choice(middle)))["region_ssimulacra2"]
            low, high = (middle, high) if found < wanted else (low, middle)
        factors.append(step_scale((low + high) / 2) / step_scale(quality))
    return factors


def photographs(folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Return pictures to fit to, and as many to check with."""
    held_out = np.load(data_folder() / "training" / "osie-heldout-fixations.npz")["names"]
    taken = {Path(str(one)).stem for one in held_out}
    allowed = [one for one in sorted(folder.iterdir()) if one.stem not in taken]
    chosen = allowed[:: max(len(allowed) // (2 * count), 1)][: 2 * count]
    return chosen[::2], chosen[1::2]


def main() -> None:
    """Search, and write the state after every constant; or check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--aim", choices=sorted(AIMS), default="luma")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--scale", action="store_true")
    arguments = parser.parse_args()
    fitted, checked = photographs(arguments.folder, arguments.pictures)
    record, aim = load("still_fit"), AIMS[arguments.aim]
    if arguments.aim not in record:
        first = record["luma"]["constants"] if arguments.aim == "colour" else START
        record[arguments.aim] = {"start": first, "constants": first, "size": 0.5, "next": 0, "history": []}
    state = record[arguments.aim]
    with ProcessPoolExecutor(arguments.workers) as pool:
        if arguments.check:
            check(pool, checked, state, aim)
            save("still_fit", record)
            return
        if arguments.scale:
            factors = np.array(list(pool.map(partial(scale_factor, tuning=PERCEPTUAL), fitted)))
            print(PERCEPTUAL.scale * np.exp(np.log(factors).mean(axis=0)), "at", QUALITIES)
            return
        end = time.monotonic() + 60 * arguments.minutes
        for _ in search(pool, fitted, state, aim):
            save("still_fit", record)
            if time.monotonic() > end:
                break


def search(
    pool: ProcessPoolExecutor, paths: Sequence[Path], state: dict[str, Any], aim: Aim
) -> Iterator[None]:
    """Move one constant after the other; yield after each."""
    names, best = list(START), worth(rate(pool, paths, state["constants"], aim), aim)
    print(f"start {best:.3f}", flush=True)
    while FACTOR ** state["size"] >= LEAST_FACTOR:
        if state["next"] == 0 or "round_start" not in state:
            state["round_start"] = best
        name = names[state["next"]]
        for value in moves(name, state["constants"][name], state["size"]):
            moved = {**state["constants"], name: value}
            found = worth(rate(pool, paths, moved, aim), aim)
            print(f"{name} {state['constants'][name]:.4g} -> {value:.4g}: {found - best:+.3f}", flush=True)
            if found > best:
                state["constants"], best = moved, found
                break
        state["next"] = (state["next"] + 1) % len(names)
        if state["next"] == 0:
            state["history"].append({"size": state["size"], "worth": best})
            if best - state["round_start"] < 0.1 * state["size"]:
                state["size"] /= 2
        yield


def check(pool: ProcessPoolExecutor, paths: Sequence[Path], state: dict[str, Any], aim: Aim) -> None:
    """Rate the pictures that were left out, by the first constants and the last."""
    lines = []
    for name, constants in (("start", state["start"]), ("fitted", state["constants"])):
        gains = rate(pool, paths, constants, aim)
        means = {
            label: average([pair[index] for pair in gains]) for index, label in enumerate(("map", "no map"))
        }
        state[f"checked_{name}"] = {"worth": worth(gains, aim), **means}
        for label, one in means.items():
            lines.append([name, label, f"{worth(gains, aim):.2f}", *cells_of(one)])
    print(table(["constants", "coder", "worth", *COLUMNS], lines))


if __name__ == "__main__":
    main()
