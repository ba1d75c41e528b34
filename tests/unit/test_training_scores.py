"""Scores that choose weights."""

import numpy as np
import pytest

from semvid.models.training.scores import THRESHOLDS, boundary_f, gaze_scores, iou_curve, text_scores


def square(left, top, side, shape=(24, 32)):
    mask = np.zeros(shape, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_iou_at_each_threshold():
    mask = square(4, 4, 8)
    values = np.where(mask, 0.8, np.where(square(16, 4, 8), 0.4, 0)).astype(np.float32)
    curve = iou_curve(values, mask)
    assert curve[THRESHOLDS < 0.4] == pytest.approx(0.5)
    assert curve[(THRESHOLDS > 0.41) & (THRESHOLDS < 0.79)] == pytest.approx(1)
    assert curve[THRESHOLDS > 0.81] == pytest.approx(0)


def test_outlines_a_cell_away_still_count():
    assert boundary_f(square(5, 4, 8), square(4, 4, 8)) == 1
    assert boundary_f(square(16, 4, 8), square(4, 4, 8)) == 0
    assert boundary_f(square(0, 0, 0), square(0, 0, 0)) == 1
    assert boundary_f(square(0, 0, 0), square(4, 4, 8)) == 0


def test_gaze_is_scored_as_if_the_density_were_fixations():
    values = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    density = np.zeros((20, 30), np.float32)
    density[3, 4] = 2
    nss, _ = gaze_scores(values, density)
    assert nss == pytest.approx((values[3, 4] - values.mean()) / values.std(), rel=1e-4)
    assert gaze_scores(values, values)[1] == pytest.approx(1)
    assert gaze_scores(np.ones((20, 30), np.float32), density) == (0, 0)


def test_text_is_found_where_words_were_read_and_nowhere_else():
    words = [np.zeros((2, 24, 32), np.uint8) for _ in range(4)]
    words[0][0] = words[1][0] = 255 * square(4, 4, 8)
    # What may be text counts neither way, found or not.
    words[0][1] = words[3][1] = 255 * square(16, 4, 8)
    maps = [np.zeros((24, 32), np.float32) for _ in range(4)]
    maps[0][4:12, 4:12] = maps[0][4:12, 16:24] = maps[3][4:12, 16:24] = 0.8
    maps[2][20:, 28:] = 0.6
    scores = text_scores(maps, words)
    assert (scores["text_found"], scores["text_false"]) == (0.5, 0.5)
    # Half of both squares; below 0.6 the corner is held against it.
    assert scores["text_iou"] == pytest.approx(0.5)
    assert 0.6 <= scores["text_threshold"] < 0.8
    only = text_scores(maps[:2], words[:2])
    assert "text_false" not in only
    assert (
        text_scores([np.ones((24, 32), np.float32)], [np.full((2, 24, 32), 255, np.uint8)])["text_iou"] == 0
    )
