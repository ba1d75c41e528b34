"""A film in parts reaches what was asked for in few rounds, and is never larger than was asked for."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.batch.films.result import sum_up
from semvid.batch.films.rounds import MOST_APART, MOST_ROUNDS, Next, Round, decide, shifted
from semvid.codecs.base.codec import QualityScale
from semvid.engine.ruler import Measured
from semvid.engine.wishes import Finished, OutputSize, VideoRate
from semvid.media.writing.parameter_sets import without_words

FREE = QualityScale(1, 51, 26, takes_fractions=True, steps_per_octave=6.0)
BRACKETS = replace(FREE, joined_within=1.0)
WHOLE = QualityScale(0, 63, 31, takes_fractions=False, steps_per_octave=10.0)


def encoded(films, wish, scale, first, others=10_000):
    """Go through all rounds; parts are pairs of their bytes at quality 26 and the steps that halve them."""
    qualities, base, rounds = (scale.round(first),) * len(films), scale.round(first), []
    num_encodes = 0
    before = {}
    while True:
        num_encodes += sum((place, one) not in before for place, one in enumerate(qualities))
        sizes = [size * 2 ** ((26 - q) / steps) for (size, steps), q in zip(films, qualities, strict=True)]
        before |= dict.fromkeys(enumerate(qualities))
        video = round(sum(sizes))
        miss = wish.check(Finished(None, base, video + others, video, None))
        rounds.append(Round(base, qualities, miss.distance, miss.missed_by))
        decided = decide(rounds, sizes, scale, scale.steps_per_octave, wish.tolerance)
        if not isinstance(decided, Next):
            return decided, rounds, num_encodes
        base, qualities = decided.base, decided.qualities


films = st.lists(
    st.tuples(st.floats(5e4, 5e6), st.floats(4.0, 9.0)), min_size=3, max_size=40
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(films, st.floats(-2.0, 2.0), st.sampled_from([FREE, BRACKETS]))
def test_a_size_is_reached_in_few_rounds_and_never_exceeded(films, off, scale):
    wanted = sum(size * 2 ** ((26 - 30) / steps) for size, steps in films) + 10_000
    is_kept, rounds, _ = encoded(films, OutputSize(round(wanted), 0), scale, 30 + off)
    assert is_kept
    assert -0.02 < rounds[-1].missed_by <= 0
    assert len(rounds) <= MOST_ROUNDS


@settings(max_examples=300, deadline=None)
@given(films, st.floats(-4.0, 4.0))
def test_whole_qualities_are_mixed_and_never_exceed_a_size(films, off):
    wanted = sum(size * 2 ** ((26 - 30.5) / steps) for size, steps in films) + 10_000
    is_kept, rounds, _ = encoded(films, OutputSize(round(wanted), 0), WHOLE, 30 + off)
    if is_kept:
        assert rounds[-1].missed_by <= 0
        # At worst by a step of all parts, as a video in one piece.
        assert rounds[-1].missed_by > 2 ** (-1.6 / 4) - 1
    assert len(rounds) <= MOST_ROUNDS + 2
    assert is_kept or len(films) < 8, "where there are many parts there is a mean"


@settings(max_examples=200, deadline=None)
@given(films, st.floats(-0.3, 0.3))
def test_what_is_near_takes_few_encodes(films, off):
    wish = VideoRate(800_000, sum(size * 2 ** ((26 - 30) / steps) for size, steps in films) / 100_000, 0)
    is_kept, rounds, num_encodes = encoded(films, wish, FREE, 30 + off)
    assert is_kept
    assert abs(rounds[-1].missed_by) <= 0.02
    assert num_encodes <= len(films) * (1 + abs(off) + 0.1) + len(rounds)


@given(films, st.floats(-0.9, 0.9), st.sampled_from([FREE, BRACKETS, WHOLE]))
def test_parts_are_never_far_apart(films, shift, scale):
    weights = [size for size, _ in films]
    base = scale.round(30.4)
    last = Round(base, (base,) * len(films), 0.0, 0.0)
    found = shifted(last, weights, shift, scale)
    assert max(found.qualities) - min(found.qualities) <= MOST_APART + 1e-9
    if scale.joined_within:
        assert len({math.floor(one) for one in found.qualities}) == 1
    if scale is FREE:
        mean = sum(a * b for a, b in zip(found.qualities, weights, strict=True)) / sum(weights)
        assert mean - base == pytest.approx(shift, abs=0.011)


def test_an_earlier_encode_is_kept_if_no_other_is_nearer():
    wish = OutputSize(1000, 0)
    rounds = [
        Round(30.0, (30.0, 30.0), -0.1, -0.08), Round(29.5, (29.5, 29.5), 0.02, 0.01),
        Round(29.6, (29.6, 29.6), 0.015, 0.005), Round(29.7, (29.7, 29.7), 0.012, 0.003),
    ]  # fmt: skip
    found = decide(rounds, [500.0, 500.0], FREE, 6.0, wish.tolerance)
    assert found == Next(30.0, (30.0, 30.0))
    assert decide([*rounds, rounds[0]], [500.0, 500.0], FREE, 6.0, wish.tolerance) is True


def test_without_any_that_may_be_kept_it_goes_farther_once_and_gives_up():
    wish = OutputSize(1000, 0)
    rounds = [Round(q, (q, q), 0.01, 0.005) for q in (29.0, 29.2, 29.4, 29.6)]
    found = decide(rounds, [500.0, 500.0], FREE, 6.0, wish.tolerance)
    assert isinstance(found, Next)
    assert max(found.qualities) > 29.6
    last = Round(found.base, found.qualities, 0.01, 0.005)
    assert decide([*rounds, last], [500.0, 500.0], FREE, 6.0, wish.tolerance) is False


def piece(**changed):
    return {
        "source_bytes": 1000, "output_bytes": 550, "video_bytes": 500, "num_frames": 10,
        "duration_seconds": 1.0, "quality": 26.0, "is_input_damaged": False, "num_missing_frames": 1, "losses": ["a loss"], "map_left_out": False,
        "plain_bytes": None, "plain_bytes_estimate": 650, "saving": 0.15, "saving_error": 2.0, **changed,
    }  # fmt: skip


def test_a_film_has_saved_what_its_parts_have():
    found = sum_up([piece(), piece(plain_bytes_estimate=1050, saving_error=5.0, num_frames=30)], 1200)
    # 600 and 1000 of the picture without a map, and 200 that are not of the picture.
    assert found["plain_bytes_estimate"] == 1800
    assert found["saving"] == pytest.approx(1 / 3)
    assert found["saving_error"] == pytest.approx((2 * 600 + 5 * 1000) / 1600)
    assert found["num_frames"] == 40
    assert found["num_missing_frames"] == 2
    assert found["losses"] == ["a loss"]
    assert found["plain_bytes"] is None


def test_measured_parts_make_a_measured_film_and_one_that_is_unknown_none():
    measured = piece(plain_bytes=650, plain_bytes_estimate=700, saving_error=0.0)
    assert sum_up([measured, measured], 1100)["plain_bytes"] == 1300
    found = sum_up([measured, piece(saving=None, saving_error=None)], 1100)
    assert (found["saving"], found["plain_bytes"], found["plain_bytes_estimate"]) == (None, None, None)


def test_scores_of_parts_count_by_the_frames_that_have_them():
    parts = [Measured(30.0, 20.0, 100, 50), Measured(40.0, None, 300, 0), Measured(math.nan, 10.0, 0, 50)]
    assert Measured.of_parts(parts) == Measured(37.5, 15.0, 400, 100)
    assert math.isnan(Measured.of_parts(parts[2:]).score)


def test_words_in_a_header_do_not_count():
    def record(*arrays):
        body = b"".join(
            bytes([kind, 0, 1]) + len(unit).to_bytes(2, "big") + unit for kind, unit in arrays
        )  # fmt: skip
        return b"\x01" + bytes(21) + bytes([len(arrays)]) + body

    sets = [(32 | 128, b"vps"), (33, b"sps"), (34, b"pps")]
    said, other = record(*sets, (39, b"crf=26")), record(*sets, (39, b"crf=27"))
    assert without_words("hevc", said) == without_words("hevc", other)
    assert without_words("hevc", said) != without_words("hevc", record(*sets[:2], (34, b"other")))
    assert without_words("h264", said) == said
    assert without_words("hevc", None) is None
