"""Where people look: from networks that are kept in a cache, and from people."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from semvid.models.training.gaze import GRID, fill_cache, gaze_file, gaze_label, product
from semvid.models.training.pack import FIXATION_LABELS, Example


class Teller:
    def __init__(self, row, col):
        self.asked, self.peak = 0, (row, col)

    def logits(self, picture):
        self.asked += 1
        rows, cols = np.mgrid[: GRID[0], : GRID[1]]
        return -((rows - self.peak[0]) ** 2 + (cols - self.peak[1]) ** 2) / np.float32(50)


def example(salient=None):
    labels = np.zeros((6, 30, 40), np.uint8)
    if salient is not None:
        labels[-1] = salient
    jpeg = cv2.imencode(".jpg", np.zeros((120, 160, 3), np.uint8))[1].tobytes()
    return Example("a__b.jpg", jpeg, labels, np.ones(6, bool), "teacher", "x", "open", "train", 4 / 3)


def test_a_cache_is_filled_once(tmp_path):
    center, seen = Teller(20, 30), Teller(20, 50)
    pictures = [("one.jpg", None), ("two.png", None)]
    for _ in range(2):
        fill_cache(pictures, tmp_path, center, seen)
    assert center.asked == seen.asked == 2
    assert np.load(gaze_file(tmp_path, "two.png")).shape == (2, *GRID)
    assert not list(tmp_path.rglob("*.partial"))


def test_powers_say_who_is_believed():
    both = np.stack([Teller(20, 30).logits(None), Teller(20, 50).logits(None)])
    assert product(both, center=1, seen=0)[20, 30] == 1
    assert product(both, center=0, seen=1)[20, 50] == 1
    assert np.unravel_index(product(both, center=1, seen=1).argmax(), GRID) == (20, 40)


def test_people_and_networks_count_half_each(tmp_path):
    fill_cache([("a__b.jpg", None)], tmp_path, Teller(30, 20), Teller(30, 20))
    people = np.zeros((30, 40), np.uint8)
    people[13:18, 28:33] = 255
    mixed = gaze_label(replace(example(people), salient_from=FIXATION_LABELS), tmp_path).astype(float)
    assert mixed.max() == 255
    left, right = mixed[:, :22].sum(), mixed[:, 22:].sum()
    assert left == pytest.approx(right, rel=0.1)


def test_without_a_cache_people_decide_and_else_nobody_knows(tmp_path):
    people = np.zeros((30, 40), np.uint8)
    people[10, 10], people[20, 20] = 255, 127
    found = gaze_label(replace(example(people), salient_from=FIXATION_LABELS), None)
    assert (found[10, 10], found[20, 20], found[0, 0]) == (255, 63, 0)
    assert gaze_label(example(people), tmp_path) is None
