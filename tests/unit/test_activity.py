import numpy as np

from semvid.allocate.activity import ActivityEstimator
from semvid.allocate.rate_model import RateModel

RATE = RateModel(spatial=0.3, temporal=0.3, finer=1.5, coarser=1.5)


def test_texture_and_motion_are_busier_than_flat_and_still():
    rng = np.random.default_rng(0)
    first = np.full((64, 128), 100, np.uint8)
    first[:, 64:] = rng.integers(0, 255, (64, 64))
    second = first.copy()
    second[:32, 64:] = rng.integers(0, 255, (32, 64))
    estimator = ActivityEstimator(256, 128, 16, RATE)
    estimator.update(first)
    activity = estimator.update(second)
    assert activity.shape == (8, 16)
    assert activity.min() > 0
    flat, still, moving = activity[:, :7].mean(), activity[5:, 9:].mean(), activity[:3, 9:].mean()
    assert flat < still < moving


def test_reset_forgets():
    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 255, (2, 32, 32), dtype=np.uint8)
    fresh = ActivityEstimator(64, 64, 16, RATE).update(two)
    estimator = ActivityEstimator(64, 64, 16, RATE)
    estimator.update(one)
    estimator.reset()
    assert np.array_equal(estimator.update(two), fresh)
