"""Rate differences: values of other programs, and what must be true of every pair of curves."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.errors import ConfigError
from semvid.products.compare.rates import RatePoint, differences
from semvid.scores.bd_rate import bd_rate, slopes

ANCHOR = [(100.0, 30.0), (200.0, 33.0), (400.0, 36.0), (900.0, 38.5)]
TEST = [(80.0, 30.5), (170.0, 33.2), (390.0, 36.4), (700.0, 38.0)]


@st.composite
def curves(draw):
    steps = st.floats(0.05, 5)
    count = draw(st.integers(2, 6))
    scores = 30 + np.cumsum([draw(steps) for _ in range(count)])
    rates = 1000 * np.exp(np.cumsum([draw(st.floats(0.05, 1.5)) for _ in range(count)]))
    return list(zip(rates.tolist(), scores.tolist(), strict=True))


def test_values_are_those_of_other_programs():
    # By the package bjontegaard 1.3.0, method "pchip".
    assert bd_rate(ANCHOR, TEST).change == pytest.approx(-0.1737301513, abs=1e-9)
    assert bd_rate(ANCHOR[:3], TEST[1:]).change == pytest.approx(-0.1848041342, abs=1e-9)
    # By scipy 1.17's PchipInterpolator.
    x, y = np.array([0, 1, 3, 4, 7.0]), np.array([0, 2, 3, 2.5, 2.0])
    assert slopes(x, y) == pytest.approx([2.5, 0.8571429, 0.0, -0.2727273, 0.0])


def test_the_overlap_is_the_share_of_scores_that_both_reach():
    found = bd_rate(ANCHOR, TEST)
    assert (found.low, found.high) == (30.5, 38.0)
    assert found.overlap == pytest.approx(7.5 / 8.5)
    assert found.remarks == ()


@given(curves(), st.floats(0.1, 10))
def test_a_factor_of_the_rate_is_what_comes_out(curve, factor):
    found = bd_rate(curve, [(factor * rate, score) for rate, score in curve])
    assert found.change == pytest.approx(factor - 1)
    assert found.overlap == 1
    assert found.is_monotone


@given(curves(), curves())
def test_swapping_the_curves_inverts_it(anchor, test):
    there, back = bd_rate(anchor, test), bd_rate(test, anchor)
    assert there.overlap == back.overlap
    if math.isnan(there.change):
        assert math.isnan(back.change)
        assert there.overlap == 0
        assert there.remarks == ("the curves reach no common quality",)
    else:
        assert (1 + there.change) * (1 + back.change) == pytest.approx(1)


@given(curves(), st.randoms(use_true_random=False))
def test_the_order_of_encodes_does_not_matter(curve, random):
    shuffled = random.sample(curve, len(curve))
    assert bd_rate(ANCHOR, shuffled) == bd_rate(ANCHOR, curve)


@given(curves())
def test_the_curve_between_two_encodes_stays_between_their_rates(curve):
    for (rate, score), (next_rate, next_score) in itertools.pairwise(curve):
        flat = [(1.0, score), (1.0 + 1e-12, next_score)]
        mean = 1 + bd_rate(flat, curve).change
        assert rate * (1 - 1e-6) <= mean <= next_rate * (1 + 1e-6)


def test_what_makes_it_doubtful_is_said():
    apart = bd_rate(ANCHOR, [(100.0, 40.0), (200.0, 41.0)])
    assert math.isnan(apart.change)
    assert "no common quality" in apart.remarks[0]
    ends = bd_rate(ANCHOR, [(100.0, 37.5), (200.0, 39), (300.0, 40), (400.0, 41)])
    assert ends.remarks == ("the curves share only 9% of their range",)
    fallen = bd_rate(ANCHOR, [*TEST, (800.0, 37.9)])
    assert fallen.remarks == ("a larger encode scores no better",)
    assert math.isfinite(fallen.change)
    level = bd_rate(ANCHOR, [(100.0, 33.0), (200.0, 33.0)])
    assert math.isnan(level.change)
    assert "2 encodes" in bd_rate(ANCHOR[:2], TEST).remarks[-1]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (TEST[:1], "the test has 1 encode: a curve needs 2 at least"),
        ([], "the test has 0 encodes"),
        ([*TEST, (0.0, 29.0)], "a rate of 0"),
        ([*TEST, (1000.0, math.nan)], "not finite"),
        ([*TEST, (math.inf, 40.0)], "not finite"),
    ],
)
def test_what_is_no_curve_is_refused(points, words):
    with pytest.raises(ConfigError, match=words):
        bd_rate(ANCHOR, points)


def points(curve, **more):
    return [
        RatePoint(
            str(rate), round(rate), {"psnr": score, **{name: values[score] for name, values in more.items()}}
        )
        for rate, score in curve
    ]


def test_measures_that_an_encode_lacks_are_left_out_and_named():
    scores = {score: score for _, score in ANCHOR}
    known, unknown = points(ANCHOR, vmaf=scores), points(ANCHOR, vmaf={**scores, 33.0: math.nan})
    assert differences(known, known, []).rates.keys() == {"psnr", "vmaf"}
    found = differences(known, unknown, ["first"])
    assert found.rates.keys() == {"psnr"}
    assert found.notices == ("first", "vmaf is left out: not every encode has it")


def test_what_is_doubtful_of_all_measures_is_said_once():
    few = points(ANCHOR[:3], vmaf={score: score for _, score in ANCHOR})
    assert differences(few, few, []).notices == ("a curve has only 3 encodes, 4 are usual",)
