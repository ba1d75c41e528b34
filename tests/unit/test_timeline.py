"""Timestamps of live sources: strictly rising, close to real time, through everything sources do."""

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.streaming.capture.timeline import Timeline

TICKS = 90_000
TS = Fraction(1, 90_000)


def test_a_steady_source_keeps_its_timestamps():
    line = Timeline()
    out = [line.place(500_000 + 3600 * index, TS, 10 + index / 25) for index in range(500)]
    assert out[0] == 0
    assert all(abs(one - 3600 * index) <= 1 for index, one in enumerate(out))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(2**40), 2**40)),
            st.floats(0, 100),
            st.sampled_from([None, TS, Fraction(1, 1000), Fraction(1, 30), Fraction(1001, 30000)]),
            st.booleans(),
        ),
        min_size=2,
        max_size=60,
    ),
    st.booleans(),
)
def test_whatever_comes_timestamps_rise(events, follows_clock):
    line, now, last = Timeline(follows_clock=follows_clock), 1000.0, -1
    for pts, passed, base, restarts in events:
        now += passed
        if restarts:
            line.restart()
        out = line.place(pts, base, now)
        assert out > last
        last = out


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 120), st.integers(-200, 200), st.integers(0, 2**33 - 1), st.randoms(use_true_random=False)
)
def test_jitter_and_drift_leave_the_rate_smooth(rate, ppm, first, random):
    line, last = Timeline(), None
    step = TICKS / rate
    for index in range(10 * rate):
        pts = round(first + index * step * (1 + ppm * 1e-6)) % 2**33
        out = line.place(pts, TS, 5 + index / rate + random.uniform(0, 0.08))
        if last is not None:
            assert abs(out - last - step) <= 2 + step * 0.003
        last = out
    assert abs(last - (10 * rate - 1) * step) < 0.2 * TICKS


def _day(ppm):
    """A frame every 2 s for 24 h (wraps lie 26.5 h apart, the first one 1 h away)."""
    line, pts = Timeline(), []
    for index in range(43_200):
        seconds = 2 * index
        stamp = round(2**33 - 3600 * TICKS + seconds * TICKS * (1 + ppm * 1e-6)) % 2**33
        pts.append(line.place(stamp, TS, 77 + seconds + 0.01 * (index % 3)) - seconds * TICKS)
    return pts


def test_a_day_with_wrap_and_drift_stays_close_to_real_time():
    for ppm in (-100, 100):
        errors = _day(ppm)
        assert max(map(abs, errors)) < 0.03 * TICKS, ppm
        assert max(abs(b - a) for a, b in itertools.pairwise(errors)) <= 0.002 * TICKS


def test_short_counters_wrap_many_times_a_day():
    line, milliseconds = Timeline(), Fraction(1, 1000)
    for index in range(2000):
        out = line.place((2**32 - 5000 + 40 * index) % 2**32, milliseconds, index / 25)
        assert abs(out - 3600 * index) <= 2


def test_a_gap_of_the_connection_lasts_as_long_as_it_did():
    line = Timeline()
    for index in range(50):
        line.place(3600 * index, TS, index / 25)
    line.restart()
    assert line.place(9, TS, 60.0) == 60 * TICKS
    assert line.place(3609, TS, 60.04) == 60 * TICKS + 3600


def test_jumps_of_the_source_are_no_jumps_of_the_stream():
    line = Timeline()
    stamps = [0, 3600, 10**9, 10**9 + 3600, 50, 3650]
    out = [line.place(pts, TS, index / 25) for index, pts in enumerate(stamps)]
    assert all(abs(one - 3600 * index) <= 1 for index, one in enumerate(out))


def test_a_stall_and_its_burst_leave_little_trace():
    line = Timeline()
    for index in range(300):
        arrived = index / 25 if not 100 <= index < 150 else 6.0
        out = line.place(3600 * index, TS, arrived)
        assert abs(out - 3600 * index) < 0.05 * TICKS


def test_a_source_that_was_paused_is_caught_up_with():
    line = Timeline()
    for index in range(100):
        line.place(3600 * index, TS, index / 25)
    for index in range(100, 250):
        out = line.place(3600 * index, TS, 30 + index / 25)
    assert abs(out - line.at(30 + 249 / 25)) < 0.1 * TICKS


def test_a_backlog_at_the_start_is_worked_off():
    line = Timeline()
    for index in range(50):
        line.place(3600 * index, TS, 0.001 * index)
    for index in range(50, 3000):
        out = line.place(3600 * index, TS, (index - 50) / 25)
    assert abs(out - line.at((2999 - 50) / 25)) < 0.2 * TICKS


def test_missing_and_repeated_timestamps_follow_the_clock():
    for stamps in ([None] * 200, [7] * 200):
        line = Timeline()
        for index, pts in enumerate(stamps):
            out = line.place(pts, TS, index / 25)
        assert abs(out - 199 * 3600) < 0.2 * TICKS


def test_what_is_not_live_keeps_its_own_time():
    line = Timeline(follows_clock=False)
    out = [line.place(index, Fraction(1, 25), 3.0) for index in range(50)]
    line.restart()
    out += [line.place(index, Fraction(1, 25), 3.1) for index in range(50)]
    assert all(b - a == 3600 for a, b in itertools.pairwise(out))


def test_sound_is_due_where_its_picture_is():
    timeline = Timeline()
    for index in range(50):
        timeline.place(100_000 + 3600 * index, TS, 7.0 + index / 25)
    # The last picture is at 49/25 s; sound counts in samples.
    newest = 100_000 + 3600 * 49
    samples = Fraction(1, 44_100)
    same_time = round(newest * TS / samples)
    assert abs(timeline.beside(same_time, samples) - 49 * 3600) <= 3
    assert abs(timeline.beside(same_time - 4410, samples) - (49 * 3600 - 9000)) <= 3
    assert abs(timeline.beside(same_time + 4410, samples) - (49 * 3600 + 9000)) <= 3


def test_sound_and_picture_wrap_one_after_the_other():
    base, wrap = TS, 1 << 33
    timeline = Timeline()
    timeline.place(wrap - 900, base, 5.0)
    assert timeline.beside(900, base) == 1800
    timeline.place(2700, base, 5.04)
    assert timeline.beside(wrap - 900, base) == 0


def test_sound_without_a_picture_is_due_nowhere():
    base = TS
    timeline = Timeline()
    assert timeline.beside(0, base) is None
    timeline.place(0, base, 1.0)
    assert timeline.beside(None, base) is None
    assert timeline.beside(90_000 * 11, base) is None
    timeline.restart()
    assert timeline.beside(0, base) is None
