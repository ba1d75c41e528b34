"""Which parts the quick way encodes twice, and what it concludes from them."""

from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.codecs.base.codec import QuickPair
from semvid.core.types import Span
from semvid.engine.quick import QuickPart, error_of, expected_frames, likeliest, plain_bytes, quick_parts
from semvid.engine.samples import CodedFrames
from semvid.media.probe import probe

PAIR = QuickPair("superfast", {}, share=0.2, slope=1.0, shift=0.0, error=1.5, sampling_error=2.5)


@given(st.integers(1, 200_000), st.sampled_from([0.08, 0.1, 0.2]))
def test_parts_are_spread_and_keep_to_their_share(num_frames, share):
    parts = list(quick_parts(num_frames, share))
    assert 1 <= len(parts) <= 24
    assert parts[0].start >= 0
    assert parts[-1].stop <= num_frames
    assert all(one.stop <= other.start for one, other in pairwise(parts))
    assert sum(map(len, parts)) <= max(share * num_frames + len(parts), 16)
    if share * num_frames >= 48:
        assert min(map(len, parts)) >= 48


def test_parts_of_a_video_of_unknown_length_go_on():
    parts = list(islice(quick_parts(None, 0.2), 100))
    assert {len(one) for one in parts} == {48}
    assert {other.start - one.start for one, other in pairwise(parts)} == {240}


def test_frames_are_expected_by_the_header_or_by_the_clock(clip):
    info = replace(
        probe(clip), num_frames_from_header=24, duration_seconds=Fraction(4), frame_rate=Fraction(25),
        time_base=Fraction(1, 50),
    )  # fmt: skip
    assert expected_frames(info, Span()) == 24
    assert expected_frames(replace(info, num_frames_from_header=None), Span()) == 100
    assert expected_frames(info, Span(100)) == 50
    assert expected_frames(info, Span(100, 150)) == 25
    assert expected_frames(replace(info, frame_rate=None), Span(100)) is None


def test_key_frames_and_others_are_compared_with_their_own_kind():
    is_key = np.zeros(100, bool)
    is_key[[0, 50]] = True
    coded = CodedFrames(np.arange(100) * 512, np.where(is_key, 1000.0, 100.0), is_key)
    part = QuickPart(
        np.arange(20, 40) * 512, np.array([600.0] + [30.0] * 19), np.array([200.0] + [20.0] * 19),
        np.array([True] + [False] * 19),
    )  # fmt: skip
    alike = np.ones(100)
    assert plain_bytes(coded, alike, [part], PAIR) == pytest.approx(2 * 3000 + 98 * 150)
    # The model says that the rest has half as much to save as the part.
    ratios = np.where((np.arange(100) >= 20) & (np.arange(100) < 40), 1.6, 1.3)
    expected = 20 * 150 + 78 * 150 * 1.3 / 1.6
    assert plain_bytes(coded, ratios, [part], PAIR) == pytest.approx(6000 + expected, abs=1)
    changed = replace(PAIR, slope=0.5, shift=0.1)
    ratio = (2 * 3000 + 98 * 150) / coded.sizes.sum()
    assert plain_bytes(coded, alike, [part], changed) == pytest.approx(
        coded.sizes.sum() * ratio**0.5 * np.exp(0.1), abs=1
    )


def test_of_two_estimates_the_surer_counts_more():
    assert likeliest((0.3, 3.0), (0.2, 3.0)) == pytest.approx((0.25, 3 / 2**0.5))
    value, error = likeliest((0.3, 2.0), (0.2, 4.0))
    assert (value, error) == pytest.approx((0.28, 1.789), abs=1e-3)


def test_more_frames_leave_less_to_chance():
    assert error_of(PAIR, 48) == pytest.approx((1.5**2 + 2.5**2) ** 0.5)
    assert 1.5 < error_of(PAIR, 5000) < error_of(PAIR, 48) < error_of(PAIR, 16) < 8
