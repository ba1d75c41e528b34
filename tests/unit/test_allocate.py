import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.allocate.offsets import neutral_offsets, saving_offsets
from semvid.allocate.rate_model import RateModel
from semvid.core.config import AllocationConfig

shapes = st.shared(hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), key="shape")
importances = hnp.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32))
activities = hnp.arrays(np.float32, shapes, elements=st.floats(0.015625, 64, width=32))
configs = st.builds(
    AllocationConfig,
    match=st.just("size"),
    strength=st.floats(0.1, 3),
    background_weight=st.floats(0.01, 10),
    finest=st.floats(-25, -1),
    coarsest=st.floats(1, 25),
)
rates = st.builds(
    RateModel, spatial=st.just(0.3), temporal=st.just(0.3), finer=st.floats(0.3, 3), coarser=st.floats(0.3, 3)
)
EVEN = RateModel(spatial=0.3, temporal=0.3, finer=1.5, coarser=1.5)


@given(importances, activities, configs)
def test_offsets_are_in_range_and_cover_every_block(importance, activity, config):
    offsets = neutral_offsets(importance, activity, config, EVEN)
    assert offsets.shape == importance.shape
    assert offsets.dtype == np.float32
    assert offsets.min() >= config.finest - 1e-5
    assert offsets.max() <= config.coarsest + 1e-5


@given(importances, activities, configs)
def test_what_matters_more_is_never_coarser(importance, activity, config):
    offsets = neutral_offsets(importance, activity, config, EVEN).ravel()
    order = np.argsort(importance.ravel(), kind="stable")
    assert (np.diff(offsets[order]) <= 1e-5).all()


@given(importances, activities, configs, rates)
def test_predicted_bits_are_those_of_the_plain_encode(importance, activity, config, rate):
    offsets = neutral_offsets(importance, activity, config, rate)
    assert rate.rate_ratio(offsets, activity) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize(("finer", "coarser"), [(0.5, 2.0), (0.3, 3.0), (2.5, 2.5)])
def test_bits_stay_where_most_blocks_are_clipped_and_slopes_differ(finer, coarser):
    # A Newton step that takes every block for free and all slopes for equal came nowhere near in 30 steps.
    rate = RateModel(spatial=0.3, temporal=0.3, finer=finer, coarser=coarser)
    config = AllocationConfig(strength=2.8, background_weight=0.02, finest=-10, coarsest=3.7)
    importance = np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20) ** 3
    activity = np.geomspace(0.015625, 64, 240, dtype=np.float32).reshape(12, 20)
    for one in (activity, activity[::-1], np.roll(activity, 7, 1)):
        offsets = neutral_offsets(importance, one, config, rate)
        assert rate.rate_ratio(offsets, one) == pytest.approx(1, abs=2e-4)


@given(importances, activities)
def test_strength_zero_is_the_plain_encode(importance, activity):
    assert not neutral_offsets(importance, activity, AllocationConfig(strength=0), EVEN).any()


@given(st.floats(0, 1, width=32), activities, configs)
def test_a_constant_map_moves_nothing(value, activity, config):
    constant = np.full(activity.shape, value, np.float32)
    assert not neutral_offsets(constant, activity, config, EVEN).any()


def test_difference_follows_the_law():
    # dQP = -3 log2(w / w0): full importance weighs 5 times the background at weight 0.25.
    config = AllocationConfig(background_weight=0.25)
    importance = np.array([[0, 1]], np.float32)
    offsets = neutral_offsets(importance, np.ones((1, 2), np.float32), config, EVEN)
    assert offsets[0, 0] - offsets[0, 1] == pytest.approx(3 * np.log2(5), abs=1e-3)


def test_busy_important_blocks_push_the_bias_up():
    importance = np.array([[0, 1]], np.float32)
    quiet = neutral_offsets(importance, np.array([[1, 0.1]], np.float32), AllocationConfig(), EVEN)
    busy = neutral_offsets(importance, np.array([[0.1, 1]], np.float32), AllocationConfig(), EVEN)
    assert (busy > quiet).all()


@given(importances, st.floats(0, 1), configs)
def test_what_matters_most_keeps_the_quantizer_and_the_rest_is_coarser(importance, top, config):
    offsets = saving_offsets(importance, top, config)
    assert offsets.dtype == np.float32
    assert offsets.min() >= 0
    assert offsets.max() <= config.coarsest + 1e-5
    assert not offsets[importance >= 0.5001 * top].any()
    order = np.argsort(importance.ravel(), kind="stable")
    assert (np.diff(offsets.ravel()[order]) <= 1e-5).all()


def test_where_nothing_matters_much_little_is_saved():
    importance = np.array([[0, 1]], np.float32)
    config = AllocationConfig(match="region", background_weight=0.25, coarsest=25)
    assert saving_offsets(importance, 1, config) == pytest.approx(np.array([[3 * np.log2(5), 0]]), abs=1e-4)
    unsure = saving_offsets(importance / 10, 0.1, config)
    assert unsure == pytest.approx(np.array([[3 * np.log2(1.4), 0]]), abs=1e-4)


def test_what_matters_as_likely_as_not_keeps_its_quantizer():
    importance = np.array([[0, 0.2, 0.4, 0.7]], np.float32)
    offsets = saving_offsets(importance, 0.8, AllocationConfig(background_weight=0.2, coarsest=25))
    assert offsets == pytest.approx(3 * np.log2([[1 / 0.2, 1 / 0.6, 1, 1]]), abs=1e-4)
