"""Which parts of a video are encoded again, and what is concluded from them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.engine.samples import CodedFrames, budget_of, checked_samples, choose_samples

lengths = st.integers(1, 200_000)
looks = st.integers(0, 60)


@given(lengths, looks, st.data())
def test_parts_are_inside_do_not_overlap_and_keep_to_the_budget(num_frames, num_ahead, data):
    keys = sorted({0, *data.draw(st.lists(st.integers(0, num_frames - 1), max_size=300))})
    samples = choose_samples(num_frames, keys, num_ahead)
    assert samples[0].start == samples[0].compared_from == 0
    assert 1 <= len(samples) <= 12
    for one in samples:
        assert 0 <= one.start <= one.compared_from < one.compared_to <= num_frames
        assert one.start == one.compared_from or one.compared_from - one.start == 4
        if one.start and one.start == one.compared_from:
            assert one.start in keys
    for one, other in pairwise(samples):
        assert one.compared_to <= other.compared_from
    taken = sum(one.compared_to - one.start + 0.2 * num_ahead for one in samples[1:])
    assert samples[0].compared_to + taken <= budget_of(num_frames) + len(samples)


@given(lengths, st.integers(600, 3000))
def test_encodes_are_measured_on_more_parts_that_can_be_read_one_after_another(num_frames, budget):
    samples = checked_samples(num_frames, budget)
    assert sum(one.num_compared for one in samples) <= min(budget, num_frames)
    if num_frames <= budget:
        assert [(one.start, one.compared_to) for one in samples] == [(0, num_frames)]
    else:
        assert len(samples) == min(budget // 24, 48)
    for one, other in pairwise(samples):
        assert one.compared_to <= other.start


@given(lengths)
def test_the_budget_is_a_third_of_short_videos_and_little_of_long_ones(num_frames):
    budget = budget_of(num_frames)
    assert budget == num_frames or num_frames > 250
    assert budget <= max(0.36 * num_frames, 160) or num_frames <= 250
    assert num_frames < 6000 or budget <= 0.071 * num_frames
    assert budget <= 1500


def test_parts_lie_at_key_frames_where_there_are_some():
    keys = list(range(0, 15_000, 250))
    samples = choose_samples(15_000, keys, 41)
    assert len(samples) == 12
    assert all(one.start in keys for one in samples)
    alone = choose_samples(15_000, [0], 41)
    assert [one.start for one in alone[1:]] == [one.compared_from - 4 for one in alone[1:]]


def test_bytes_are_spread_over_the_frames_that_are_coded_together():
    # Decoded as I P B B P B: shown as I B B P B P.
    coded = CodedFrames.of_packets([0, 3, 1, 2, 5, 4], [100, 40, 4, 7, 30, 10], [1, 0, 0, 0, 0, 0])
    assert coded.pts.tolist() == [0, 1, 2, 3, 4, 5]
    assert coded.sizes.tolist() == [100, 17, 17, 17, 20, 20]
    assert coded.is_key.tolist() == [True, False, False, False, False, False]


def test_what_is_hidden_in_a_packet_is_for_the_frames_behind_it():
    coded = CodedFrames.of_packets(range(7), [90, 40, 4, 8, 60, 30, 6], [1, 0, 0, 0, 1, 0, 0], reach=2)
    # The last before a key frame keeps its own.
    assert coded.sizes.tolist() == [90, 20, 22, 10, 60, 15, 21]
    assert coded.sizes.sum() == 238
    samples = choose_samples(2000, [0], 74, reach=32)
    assert all(one.compared_from - one.start == 31 for one in samples[1:])
    assert all(one.num_compared >= 32 for one in samples)


@given(st.integers(1, 60), st.floats(0.3, 3), st.floats(0.3, 3), st.data())
def test_a_constant_factor_is_found_from_any_frames(num_frames, keys, others, data):
    sizes = data.draw(st.lists(st.integers(1, 5000), min_size=num_frames, max_size=num_frames))
    is_key = [index % 10 == 0 for index in range(num_frames)]
    coded = CodedFrames.of_packets(range(num_frames), sizes, is_key)
    plain = coded.sizes * np.where(coded.is_key, keys, others)
    known = data.draw(st.sets(st.integers(0, num_frames - 1))) | {0, *range(1, min(num_frames, 2))}
    found = np.where(np.isin(np.arange(num_frames), list(known)), plain, np.nan)
    assert coded.bytes_of_all(found) == pytest.approx(plain.sum(), abs=0.51)
