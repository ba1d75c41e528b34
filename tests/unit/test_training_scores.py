"""Scores that choose weights."""

import numpy as np
import pytest

from semvid.models.training.scores import THRESHOLDS, boundary_f, gaze_scores, iou_curve


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
