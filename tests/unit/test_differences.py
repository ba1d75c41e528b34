"""Spots where two encodes look different: what is found, what nobody sees, and what is shown around them."""

import cv2
import numpy as np
import pytest
from clips import texture
from hypothesis import given
from hypothesis import strategies as st

from semvid.products.report.differences import Difference, find_differences, strength
from semvid.products.report.make import choose_stills
from semvid.scores.similarity import pixel_similarity, tile_similarities

SOURCE = texture(320, 192).astype(np.float32)
EVEN = np.zeros((12, 20), np.float32)


def softened(x, y, side=48, source=SOURCE):
    """A version that is soft in one square."""
    spoiled, square = source.copy(), np.s_[y : y + side, x : x + side]
    spoiled[square] = cv2.GaussianBlur(source, (0, 0), 4)[square]
    return spoiled


def test_both_kinds_are_found_where_they_are():
    importance = EVEN.copy()
    importance[:, 10:] = 1
    better, worse = find_differences(SOURCE, softened(40, 80), softened(240, 32), importance)
    assert (better.kind, worse.kind) == ("better", "worse")
    for one, (x, y), matters in ((better, (240, 32), 1), (worse, (40, 80), 0)):
        assert abs(one.x - x) <= 8
        assert abs(one.y - y) <= 8
        assert one.importance == pytest.approx(matters, abs=0.05)
        assert one.seen > 0.1
    assert better.gain_db > 10
    assert worse.gain_db < -10
    assert better.rank > 1.9 * better.seen
    assert worse.rank == worse.seen
    assert strength([worse, better]) == better.rank


def test_what_nobody_sees_is_not_told():
    noise = np.random.default_rng(0).normal(0, 1.5, SOURCE.shape).astype(np.float32)
    even = np.full_like(SOURCE, 120) + noise
    black = SOURCE / 20 + 6
    for source, version in (
        (SOURCE, SOURCE),
        (even, np.full_like(even, 120)),
        (black, softened(80, 80, source=black)),
    ):
        assert find_differences(source, source, version, EVEN) == []
    assert strength([]) == 0


@pytest.mark.parametrize("size", [(7, 90), (8, 8), (33, 21), (90, 8)])
def test_small_pictures(size):
    source = texture(*size).astype(np.float32)
    found = find_differences(source, source, np.full_like(source, source.mean()), EVEN)
    assert len(found) <= 2
    assert bool(found) == (min(size) >= 8)
    for one in found:
        assert one.kind == "better"
        assert one.x + one.side <= size[0]
        assert one.y + one.side <= size[1]


@given(st.integers(40, 9000), st.integers(40, 9000), st.floats(0, 1), st.floats(0, 1))
def test_what_is_shown_holds_the_spot_and_has_the_shape_of_the_picture(width, height, across, down):
    spot = Difference("worse", round(across * (width - 40)), round(down * (height - 40)), 40, 0.1, -1.0, 0.0)
    x, y, wide, high = spot.view((width, height))
    assert 0 <= x <= spot.x <= spot.x + spot.side <= x + wide <= width
    assert 0 <= y <= spot.y <= spot.y + spot.side <= y + high <= height
    assert abs(wide * height / width - high) <= 1 + height / width


def test_of_each_part_of_a_video_the_frame_is_shown_that_differs_most():
    gains = (0.0,) * 100
    chosen = choose_stills(gains, {3: 0.1, 9: 0.3, 39: 0.0, 42: 0.05, 99: 0.2})
    assert [index for index, note in chosen.items() if not note] == [9, 30, 42, 70, 99]
    assert choose_stills((1.0, -1.0), {}) == {0: "largest gain", 1: "largest loss"}


def test_similarity_of_tiles_and_of_pixels_agree():
    spoiled = softened(0, 0, 320)
    (tiles,) = tile_similarities(SOURCE, [spoiled])
    assert tiles.shape == (24, 40)
    pixels = pixel_similarity(SOURCE, spoiled)
    of_tiles = cv2.resize(pixels, (40, 24), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(tiles.ravel(), of_tiles.ravel())[0, 1] > 0.8
    (same,) = tile_similarities(SOURCE, [SOURCE])
    assert same == pytest.approx(1, abs=1e-3)
