import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.allocate.offsets import neutral_offsets, saving_offsets, spared
from semvid.allocate.rate_model import BitCurve, BlockBits, RateModel
from semvid.core.config import AllocationConfig

shapes = st.shared(hnp.array_shapes(min_dims=2, max_dims=2, max_side=20), key="shape")
importances = hnp.arrays(np.float32, shapes, elements=st.floats(0, 1, width=32))
details = hnp.arrays(np.float32, shapes, elements=st.floats(-12, 12, width=32))
configs = st.builds(
    AllocationConfig,
    match=st.just("size"),
    strength=st.floats(0.1, 3),
    background_weight=st.floats(0.01, 10),
    finest=st.floats(-25, -1),
    coarsest=st.floats(1, 25),
)
curves = st.builds(
    BitCurve,
    gradient=st.floats(0, 2),
    difference=st.floats(0, 2),
    level=st.floats(-8, 0),
    steepness=st.floats(0.1, 6),
    least=st.floats(-9, 0),
)
models = st.builds(RateModel, first=curves, later=curves, coarser=st.floats(0.1, 1.2))
EVEN = BitCurve(gradient=0.3, difference=0.3, level=0.0, steepness=1.5, least=-8.0)


def even(detail):
    """Blocks whose detail is so many octaves above the quantizer step."""
    return BlockBits(np.asarray(detail, np.float32), EVEN, coarser=1.0)


@given(importances, details, configs)
def test_offsets_are_in_range_and_cover_every_block(importance, detail, config):
    offsets = neutral_offsets(importance, even(detail), config)
    assert offsets.shape == importance.shape
    assert offsets.dtype == np.float32
    assert offsets.min() >= config.finest - 1e-5
    assert offsets.max() <= config.coarsest + 1e-5


@given(importances, details, configs)
def test_what_matters_more_is_never_coarser(importance, detail, config):
    offsets = neutral_offsets(importance, even(detail), config).ravel()
    order = np.argsort(importance.ravel(), kind="stable")
    assert (np.diff(offsets[order]) <= 1e-5).all()


@given(importances, details, configs, curves, st.floats(0.1, 1.2))
def test_predicted_bits_are_those_of_the_plain_encode(importance, detail, config, curve, coarser):
    blocks = BlockBits(detail, curve, coarser)
    offsets = neutral_offsets(importance, blocks, config)
    assert blocks.ratio(offsets) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize(("steepness", "coarser"), [(0.1, 0.2), (6.0, 0.2), (1.5, 1.0)])
def test_bits_stay_where_most_blocks_are_clipped_and_slopes_differ(steepness, coarser):
    # A Newton step that takes every block for free and all slopes for equal came nowhere near in 30 steps.
    curve = BitCurve(gradient=0.3, difference=0.3, level=0.0, steepness=steepness, least=-8.0)
    config = AllocationConfig(strength=2.8, background_weight=0.02, finest=-10, coarsest=3.7)
    importance = np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20) ** 3
    detail = np.linspace(-6, 6, 240, dtype=np.float32).reshape(12, 20)
    for one in (detail, detail[::-1], np.roll(detail, 7, 1)):
        blocks = BlockBits(one, curve, coarser)
        assert blocks.ratio(neutral_offsets(importance, blocks, config)) == pytest.approx(1, abs=2e-4)


@given(models, details, st.floats(-3, 3))
def test_more_texture_and_a_finer_quantizer_take_more_bits(model, detail, octaves):
    gradient = np.exp2(np.clip(detail, -6, 6))
    difference = np.roll(gradient, 1)
    for moved in (None, difference):
        blocks = model.blocks(gradient, moved, octaves)
        assert blocks.plain > 0
        assert model.blocks(2 * gradient, moved, octaves).plain >= blocks.plain * (1 - 1e-5)
        assert model.blocks(gradient, moved, octaves + 1).plain <= blocks.plain * (1 + 1e-5)
    assert model.blocks(gradient, 2 * difference, octaves).plain >= blocks.plain * (1 - 1e-5)


@given(curves, details, st.floats(-20, 20))
def test_the_change_of_bits_is_told(curve, detail, offset):
    blocks = BlockBits(detail, curve, coarser=0.7)
    bits, change = blocks.total(np.full((1, 1), offset, np.float32))
    if abs(offset) > 0.1:
        beside = [blocks.total(np.full((1, 1), offset + one, np.float32))[0] for one in (-0.05, 0.05)]
        assert change == pytest.approx((beside[1] - beside[0]) / 0.1, rel=0.1, abs=1e-3 * bits)
    assert change <= 0


def test_where_little_is_left_to_save_coarser_blocks_save_little():
    offsets = np.full((1, 1), 6, np.float32)
    curve = BitCurve(gradient=1.0, difference=1.0, level=0.0, steepness=1.5, least=-4.0)
    saved = [
        1 - BlockBits(np.full((1, 1), one, np.float32), curve, 1.0).ratio(offsets) for one in (-6, -1, 8)
    ]
    assert saved[0] < 0.05, "only what a block always takes"
    assert saved[1] > 0.5
    assert saved[2] == pytest.approx(1 / 8, abs=0.02), "each octave has as many bits"


@given(importances, details)
def test_strength_zero_is_the_plain_encode(importance, detail):
    assert not neutral_offsets(importance, even(detail), AllocationConfig(strength=0)).any()


@given(st.floats(0, 1, width=32), details, configs)
def test_a_constant_map_moves_nothing(value, detail, config):
    constant = np.full(detail.shape, value, np.float32)
    assert not neutral_offsets(constant, even(detail), config).any()


def test_difference_follows_the_law():
    # dQP = -3 log2(w / w0): full importance weighs 5 times the background at weight 0.25.
    config = AllocationConfig(background_weight=0.25)
    importance = np.array([[0, 1]], np.float32)
    offsets = neutral_offsets(importance, even([[0, 0]]), config)
    assert offsets[0, 0] - offsets[0, 1] == pytest.approx(3 * np.log2(5), abs=1e-3)


def test_busy_important_blocks_push_the_bias_up():
    importance = np.array([[0, 1]], np.float32)
    quiet = neutral_offsets(importance, even([[2, -2]]), AllocationConfig())
    busy = neutral_offsets(importance, even([[-2, 2]]), AllocationConfig())
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


@given(importances, st.integers(1, 3), st.floats(0, 1))
def test_what_matters_is_spared_what_it_would_lose_to_coarser_blocks(importance, side, finer):
    kept = saving_offsets(importance, 1.0, AllocationConfig(match="region"))
    offsets, lowest = spared(kept, side, finer)
    assert offsets.dtype == np.float32
    assert (offsets <= kept + 1e-5).all()
    assert offsets.min() >= np.float32(lowest)
    assert -finer <= lowest <= 0
    # In order, and what matters all the same.
    assert (offsets[kept == 0] == np.float32(lowest)).all()
    assert (offsets[kept > 0] > 0).all()


def test_coarse_blocks_come_half_way_to_the_finest_that_may_be_coded_with_them():
    kept = np.array([[0, 6, 6, 6, 6], [6, 6, 6, 6, 6], [6, 6, 6, 6, 0]], np.float32)
    offsets, lowest = spared(kept, 2, 0.25)
    assert lowest == -0.25
    assert offsets.tolist() == [[-0.25, 3, 6, 6, 6], [3, 3, 6, 6, 6], [6, 6, 6, 6, -0.25]]
    # The smaller the difference, the less there is to make up for; a plain encode stays one.
    assert spared(kept / 4, 1, 0.25)[1] == -0.125
    assert not spared(kept * 0, 2, 0.25)[0].any()
