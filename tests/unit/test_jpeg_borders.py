"""Blocks of smooth areas are chosen so that their borders do not show, and benchmarks measure that."""

import importlib
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import texture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from semvid.codecs.jpeg.borders import mend_borders, smooth_blocks
from semvid.codecs.jpeg.choice import Prices, choose_levels, symbol_bits, typical_counts
from semvid.codecs.jpeg.dct import block_shape, scan_order, to_blocks
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.tables import ZIGZAG
from semvid.codecs.jpeg.tuning import TUNINGS

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"
DONT_MEND = Choice(mends_borders=False)


def sky(width, height):
    """Slow changes of brightness and colour, and grain."""
    y, x = np.mgrid[:height, :width]
    shades = [90 + 0.1 * x + 0.3 * y, 130 + 0.25 * x + 0.2 * y, 180 + 20 * np.cos(y / 40)]
    grain = np.random.default_rng(2).normal(0, 1, (height, width, 1))
    return (np.stack(shades, -1) + grain).clip(0, 255).round().astype(np.uint8)


def rough(width, height):
    return np.stack([texture(width, height, seed) for seed in range(3)], -1)


def extrapolated(lines):
    """Where both sides of each border are, continued to it: of the means of columns, ``(rows, cols, 8)``."""
    return 1.5 * lines[:, :-1, 7] - 0.5 * lines[:, :-1, 6], 1.5 * lines[:, 1:, 0] - 0.5 * lines[:, 1:, 1]


def steps_of(plane):
    """The step at each border, left to right and then top to bottom."""
    found = []
    for one in (plane, plane.T):
        rows, cols = one.shape[0] // 8, one.shape[1] // 8
        before, after = extrapolated(one.reshape(rows, 8, cols, 8).mean(axis=1))
        found.append((after - before).ravel())
    return np.concatenate(found)


def luma(picture):
    """Of a JPEG or of RGB."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else Image.fromarray(picture)
    return np.asarray(image.convert("L"), np.float64)


@pytest.mark.parametrize("quality", [60, 75])
def test_steps_in_smooth_parts_become_smaller_for_a_few_bytes(quality):
    rgb = np.hstack([sky(128, 96), rough(64, 96)])
    coder = PictureCoder(planes_from_rgb(rgb, "4:2:0"), np.ones((12, 24), np.float32))
    plain = coder.encode(replace(DONT_MEND, quality=quality))
    mended = coder.encode(Choice(quality))
    assert len(mended) < 1.03 * len(plain)
    source, *coded = (luma(one)[:, :128] for one in (rgb, plain, mended))
    before, after = (np.abs(steps_of(one) - steps_of(source)) for one in coded)
    assert np.square(after).mean() < 0.9 * np.square(before).mean()
    assert (after > 2).mean() < 0.9 * (before > 2).mean()


def test_texture_and_other_tunings_are_left_alone():
    for rgb, tune in ((rough(96, 64), "perceptual"), (sky(96, 64), "psnr")):
        coder = PictureCoder(planes_from_rgb(rgb, "4:2:0"), None, TUNINGS[tune])
        assert coder.encode(Choice(40)) == coder.encode(replace(DONT_MEND, quality=40))


def test_stills_of_any_kind_are_mended():
    rgb = sky(96, 64)
    rgb[8:24, 8:64] = np.where(texture(56, 16, 3)[..., None] > 128, 250, 20)
    for one in (sky(96, 64), rgb):
        coder = still_coder(planes_from_rgb(one, "4:2:0"), None, "perceptual")
        assert coder.encode(Choice(40)) != coder.encode(replace(DONT_MEND, quality=40))


def test_smooth_is_what_has_slopes_but_no_texture():
    y, x = np.mgrid[:24, :40].astype(np.float32)
    plane = 60 + 2 * x + y
    plane[8:16, 8:16] += 20 * ((x + y)[8:16, 8:16] % 2)
    chroma = np.full((16, 24), 128, np.float32)
    shapes = [block_shape(40, 24), block_shape(24, 16)]
    blocks, energies = zip(*map(to_blocks, (plane, chroma), shapes), strict=True)
    of_luma, of_chroma = smooth_blocks(blocks, energies, shapes)
    assert np.flatnonzero(~of_luma).tolist() == [6]
    # One of four blocks may be rough: the three others show.
    assert of_chroma.all()
    plane[:8, :16] += 20 * ((x + y)[:8, :16] % 2)
    blocks, energies = zip(*map(to_blocks, (plane, chroma), shapes), strict=True)
    assert np.flatnonzero(~smooth_blocks(blocks, energies, shapes)[1]).tolist() == [0]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.floats(4, 60), st.floats(1, 300), st.floats(0, 100), st.floats(0, 1))
def test_what_is_counted_never_becomes_dearer(seed, step, price, border_weight, emptiness):
    """That is errors, bits, and steps that can be seen, by their definitions."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :32]
    plane = 128 + rng.normal(0, 20) * np.sin(x / 30 + y / 20) + rng.normal(0, 1, (24, 32))
    plane[8:16, 8:16] += 30 * rng.random((8, 8))
    scan = scan_order((3, 4), 1, 1)
    blocks, energy = to_blocks(plane.astype(np.float32), (3, 4))
    smooth = smooth_blocks([blocks], [energy], [(3, 4)])[0]
    steps, weights = np.full(64, step, np.float32), np.linspace(1.5, 0.5, 64, dtype=np.float32)
    prices, counts = Prices(*np.outer([price, 2 * price], np.ones(12, np.float32))), typical_counts()
    levels, _ = choose_levels(blocks, steps, weights, prices, scan, counts, 1)
    ac_bits, dc_bits = symbol_bits(counts.ac), symbol_bits(counts.dc)
    places = np.argsort(ZIGZAG)

    def cost(chosen):
        error = chosen * steps - blocks
        total = (weights * np.square(error))[:, 1:].sum() + weights[0] * np.square(error[:, 0]).sum() / 2
        differences = np.diff(chosen[scan, 0].astype(int), prepend=0)
        bits = sum(dc_bits[int(abs(one)).bit_length()] for one in differences)
        for row, coefficients in zip(chosen, blocks, strict=True):
            last = 0
            if not row[1:].any():
                lost = np.abs(coefficients) >= 0.5 * steps
                total += emptiness * (lost * weights * np.square(coefficients))[1:].sum()
            for place in map(int, np.flatnonzero(row[1:]) + 1):
                run, size = place - last - 1, int(abs(row[place])).bit_length()
                bits += ac_bits[run % 16 * 16 + size] + run // 16 * ac_bits[0xF0]
                last = place
            bits += ac_bits[0] if last < 63 else 0
        errors = np.stack([cv2.idct(np.ascontiguousarray(one)) for one in error[:, places].reshape(12, 8, 8)])
        grid = smooth.reshape(3, 4)
        for means, one in (
            (errors.mean(axis=1).reshape(3, 4, 8), grid),
            (errors.mean(axis=2).reshape(3, 4, 8).transpose(1, 0, 2), grid.T),
        ):
            before, after = extrapolated(means)
            beyond = np.maximum(np.abs(after - before) - 1, 0) * (one[:, 1:] & one[:, :-1])
            total += border_weight * np.square(beyond).sum()
        return total + price * bits

    mended = levels.copy()
    mend_borders(mended, blocks, steps, weights, prices, scan, counts, smooth, 4, border_weight, emptiness)
    assert (np.abs(mended - levels)[:, :3] <= 1).all()
    assert (mended[:, 3:] == levels[:, 3:]).all()
    assert (mended[~smooth] == levels[~smooth]).all()
    if (mended == levels).all():
        return
    assert cost(mended) < cost(levels)


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("still_borders")


def test_a_benchmark_sees_steps_at_smooth_borders_only(benchmark):
    y, x = np.mgrid[:32, :48].astype(float)
    source = 100 + 1.5 * x - y
    coded = source.copy()
    coded[:8, 8:] += 4
    excess = benchmark.border_excess(source, coded)
    # One border across, and five below the strip.
    assert excess.size == 4 * 5 + 3 * 6
    assert np.allclose(np.sort(excess)[-6:], 4)
    assert np.allclose(np.sort(excess)[:-6], 0)
    # Inside of blocks nothing counts, nor does what the source has, nor any texture.
    inside = source + 4 * (x % 8 == 3)
    assert np.allclose(benchmark.border_excess(source, inside), 0)
    assert np.allclose(benchmark.border_excess(coded, coded), 0)
    rough = source + 20 * ((x + y) % 2)
    assert benchmark.border_excess(rough, rough + coded - source).size == 0


def test_a_benchmark_tells_luma_from_colours(benchmark):
    source = np.full((64, 64, 3), 120, np.uint8)
    grey, blue = source.copy(), source.copy()
    grey[:, 32:] += 5
    blue[:, 32:, 2] += 12
    told = benchmark.border_scores(source, grey)
    assert told["borders"] == pytest.approx(-100 * 8 / (2 * 7 * 8))
    assert told["steps"] == pytest.approx(-5 * 8 / (2 * 7 * 8))
    assert told["colour_borders"] == 0
    told = benchmark.border_scores(source, blue)
    assert told["borders"] == 0
    # Of Cb, and not of Cr, in blocks of the halved picture.
    assert told["colour_borders"] == pytest.approx(-100 * 4 / (2 * 2 * 3 * 4))
    assert benchmark.border_scores(source, source)["colour_steps"] == 0
