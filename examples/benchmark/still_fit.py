"""Fit the constants of the perceptual tuning of stills (``semvid/codecs/jpeg/tuning.py``).

    python examples/benchmark/still_fit.py FOLDER [--pictures 32] [--minutes 60] [--check] [--scale]

FOLDER has photographs; none may be of Kodak or of the held-out ones of OSIE, by which stills are reported
(``kodak.py``). Used were those of OSIE (github.com/NUS-VIP/predicting-human-gaze-beyond-pixels, MIT),
800x600. Each is shrunk to four fifths, so that the grid of its own JPEG is gone. Every second one is left
out of the fit, and is rated with ``--check``, by the first constants and the last.

What is raised is the least of the margins over the bars of ``still_bars.py``. Constants have a value at each
of ``SCALES``. Each is moved a little at all scales of steps, and every picture tells the slopes of all
margins where its own scale lies. By these slopes the step is chosen that promises the highest least margin,
less a price for its length; it is tried at its full length and at shorter ones, and the best stays. The state
is kept in ``results/still_fit.json``, so that the same command goes on. The tuning has what was found in
rounded numbers, alike at all scales where that cost nothing, and with the last small moves made by hand.

``--scale`` tells at which scale what matters looks, by SSIMULACRA 2, as in a plain JPEG of the same quality.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import data_folder, load, save, table
from jpeg_coders import plain
from scipy.optimize import minimize
from still_bars import BARS, Array, labels, margins, margins_of, mean_of, prepare

from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.tables import ANNEX_K_CHROMA, ANNEX_K_LUMA, ROBIDOUX, step_scale
from semvid.codecs.jpeg.tuning import PERCEPTUAL, Tuning, blend

QUALITIES = (35, 50, 70, 85, 92, 95)
SCALES = (0.06, 0.2, 0.6, 1.8)
"""Of steps, where constants have values of their own."""
START: dict[str, float] = {
    "luma_k": -0.2, "luma_r": 1.2, "luma.flatness": 1.06, "luma.visibility": 1.5, "luma.dc_weight": 1.38,
    "luma.masking_floor": 93, "luma.masking": 0.58, "luma.dc_masking": 0.29, "luma.emptiness": 0.2,
    "chroma_k": 0.5, "chroma_r": 0.7, "chroma.scale": 0.77, "chroma.flatness": 0.57, "chroma.weight": 0.3,
    "chroma.dc_weight": 0.52, "chroma.visibility": 0.78, "chroma.masking_floor": 128, "chroma.masking": 0.44,
    "chroma.dc_masking": 0.32, "chroma.emptiness": 0.3, "price": 0.07, "contrast": 0.93, "dc_contrast": 0.36,
}  # fmt: skip
NAMES = tuple(START)
POWERS = ("luma_k", "luma_r", "chroma_k", "chroma_r")
"""Constants that may be negative; all others are moved by factors."""
PROBE = 0.2
"""Move, or logarithm of the factor, by which slopes are measured."""
REACH = {"luma_k": 0.1, "luma_r": 0.1, "chroma_k": 0.06, "chroma_r": 0.02, "contrast": 0.3}
USUAL_REACH, CHROMA_REACH = 0.2, 0.1
"""Moves that cost alike: slopes change soon where they are short."""
LENGTH_PRICE, BEND_PRICE = 0.1, 0.1
"""Of moves, and of differences of moves from scale to scale, in squared reaches."""
SOFTNESS = 0.3
"""Units of margin within which the least and the next to least count alike."""
TRIED = (1.0, 0.5, 0.25)


def tuning_of(constants: Array) -> Tuning:
    """Return the tuning with these constants, one row for each of ``SCALES``."""
    knots = []
    for scale, row in zip(SCALES, constants.tolist(), strict=True):
        of = dict(zip(NAMES, row, strict=True))
        knot = replace(PERCEPTUAL.knots[0], scale=scale)
        for name, references in (("luma", ANNEX_K_LUMA), ("chroma", ANNEX_K_CHROMA)):
            given = {key.partition(".")[2]: of[key] for key in NAMES if key.startswith(f"{name}.")}
            own = blend(references, of[f"{name}_k"], ROBIDOUX, of[f"{name}_r"])
            knot = replace(knot, **{name: replace(getattr(knot, name), references=own, **given)})
        knots.append(replace(knot, **{key: of[key] for key in ("price", "contrast", "dc_contrast")}))
    return replace(PERCEPTUAL, knots=tuple(knots))


def moved(constants: Array, moves: Array) -> Array:
    """Return constants after moves, of the same shape or one for all scales."""
    is_power = np.array([name in POWERS for name in NAMES])
    return np.where(is_power, constants + moves, constants * np.exp(np.where(is_power, 0, moves)))


def slopes(gains: Array, scales: Array) -> Array:
    """Return how margins change with the constants at each scale, ``(scale, constant, bar)``.

    Args:
        gains: ``(picture, tuning, size, bar)``, of the constants as they are, then with one moved at a time.
        scales: ``(picture, size)`` where they were.
    """
    found = np.empty((len(SCALES), len(NAMES), len(BARS)))
    units = np.array([bar.unit for bar in BARS])
    for index, unit in enumerate(np.eye(len(SCALES))):
        near = np.interp(np.log(scales), np.log(SCALES), unit)[..., None]
        for number in range(len(NAMES)):
            change = (gains[:, number + 1] - gains[:, 0]) / PROBE * near
            found[index, number] = mean_of(change) / units
    return found


def step(current: Array, found: Array) -> Array:
    """Return the moves that promise the highest least margin, ``(scale, constant)``."""
    reach = np.array([
        REACH.get(name, CHROMA_REACH if name.startswith("chroma") else USUAL_REACH) for name in NAMES
    ])  # fmt: skip
    shape, scaled = found.shape[:2], found * reach[:, None]

    def loss(flat: Array) -> tuple[float, Array]:
        moves = flat.reshape(shape)
        promised = current + np.einsum("sc,scb->b", moves, scaled)
        shares = np.exp((promised.min() - promised) / SOFTNESS)
        value = promised.min() - SOFTNESS * np.log(shares.sum())
        bends = np.diff(moves, axis=0)
        slope = -np.einsum("b,scb->sc", shares / shares.sum(), scaled) + 2 * LENGTH_PRICE * moves
        slope[1:] += 2 * BEND_PRICE * bends
        slope[:-1] -= 2 * BEND_PRICE * bends
        price = LENGTH_PRICE * np.square(moves).sum() + BEND_PRICE * np.square(bends).sum()
        return float(price - value), slope.ravel()

    best = minimize(loss, np.zeros(found[..., 0].size), jac=True, method="L-BFGS-B")
    return np.asarray(best.x.reshape(shape) * reach)


def rate(pool: ProcessPoolExecutor, paths: Sequence[Path], tunings: Sequence[Tuning]) -> tuple[Array, Array]:
    """Return the gains and scales of all pictures, as ``slopes`` takes them."""
    results = list(pool.map(partial(margins_of, tunings=tunings), paths))
    return np.stack([gains for gains, _ in results]), np.stack([scales[0] for _, scales in results])


def search(pool: ProcessPoolExecutor, paths: Sequence[Path], state: dict[str, Any], end: float) -> None:
    """Take steps until none is better, or time is up; write the state after each."""
    while time.monotonic() < end:
        constants = np.array(state["constants"])
        probes = [moved(constants, PROBE * unit) for unit in np.eye(len(NAMES))]
        gains, scales = rate(pool, paths, list(map(tuning_of, [constants, *probes])))
        current = margins(gains[:, 0])
        moves = step(current, slopes(gains, scales))
        tried = [moved(constants, share * moves) for share in TRIED]
        gains, _ = rate(pool, paths, list(map(tuning_of, tried)))
        found = [margins(gains[:, number]) for number in range(len(tried))]
        best = max(range(len(tried)), key=lambda number: found[number].min())
        print(f"least margin {current.min():+.2f} -> {found[best].min():+.2f}", flush=True)
        if found[best].min() <= current.min():
            return
        state["constants"] = tried[best].tolist()
        state["history"].append(dict(zip(labels(), found[best].tolist(), strict=True)))
        save("still_fit", state)


def check(pool: ProcessPoolExecutor, paths: Sequence[Path], state: dict[str, Any]) -> None:
    """Rate the pictures that were left out, by the first constants and the last."""
    start = np.tile(list(START.values()), (len(SCALES), 1))
    gains, _ = rate(pool, paths, list(map(tuning_of, (start, np.array(state["constants"])))))
    first, last = mean_of(gains[:, 0]), mean_of(gains[:, 1])
    state["checked"] = {
        "pictures": [path.name for path in paths],
        "start": dict(zip(labels(), first.tolist(), strict=True)),
        "fitted": dict(zip(labels(), last.tolist(), strict=True)),
    }
    save("still_fit", state)
    lines = [
        [label, f"{bar.least:g}", f"{before:+.4f}", f"{after:+.4f}"]
        for label, bar, before, after in zip(labels(), BARS, first, last, strict=True)
    ]
    print(table(["gain", "asked for", "start", "fitted"], lines))


def scale_factor(path: Path) -> list[float]:
    """Return by how much coarser steps may be than at libjpeg's quality, to look as good where it matters."""
    cv2.setNumThreads(1)
    one, factors = prepare(path), []
    coder = PictureCoder(planes_from_rgb(one.rgb, "4:2:0"), one.values, PERCEPTUAL)
    for quality in QUALITIES:
        wanted = one.judge.score(plain(one.rgb, quality))["region_ssimulacra2"]
        low, high = quality - 25.0, min(quality + 25.0, 99.5)
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
    """Search; or check; or tell the scale."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--scale", action="store_true")
    arguments = parser.parse_args()
    fitted, checked = photographs(arguments.folder, arguments.pictures)
    state = load("still_fit")
    if "constants" not in state:
        state = {"constants": [list(START.values())] * len(SCALES), "history": []}
    state |= {"names": NAMES, "scales": SCALES}
    with ProcessPoolExecutor(arguments.workers) as pool:
        if arguments.check:
            check(pool, checked, state)
        elif arguments.scale:
            factors = np.array(list(pool.map(scale_factor, fitted)))
            print(PERCEPTUAL.scale * np.exp(np.log(factors).mean(axis=0)), "at", QUALITIES)
        else:
            search(pool, fitted, state, time.monotonic() + 60 * arguments.minutes)


if __name__ == "__main__":
    main()
