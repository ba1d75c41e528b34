"""The clock of a file: it starts at 0, bridges jumps, and keeps sound and picture together."""

import itertools
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from semvid.media.reading.clock import WRAPS, FileClock, Stamp

TICKS = Fraction(1, 90_000)
VIDEO, SOUND, WORDS = 0, 1, 2
FRAME, CHUNK = 3600, 1920


def video(start, count, *, reorder=0):
    """Pictures at 25 a second; with ``reorder`` they are decoded that many frames earlier."""
    return [
        Stamp(VIDEO, TICKS, start + (i - reorder) * FRAME, start + i * FRAME, start + (i + 1) * FRAME)
        for i in range(count)
    ]


def sound(start, count):
    return [
        Stamp(SOUND, TICKS, start + i * CHUNK, start + i * CHUNK, start + (i + 1) * CHUNK)
        for i in range(count)
    ]


def merged(*streams):
    return sorted((one for stream in streams for one in stream), key=lambda one: one.dts)


def placed(stamps, *, may_jump=True, leading=(VIDEO, SOUND)):
    """When every packet is shown, by stream, in ticks."""
    clock = FileClock[Stamp](leading, may_jump=may_jump)
    shown = {}
    for stamp, ticks in clock.run((one, one) for one in stamps):
        shown.setdefault(stamp.stream, []).append(None if stamp.shown is None else stamp.shown + ticks)
    return shown, clock


@settings(deadline=None, max_examples=60)
@given(st.integers(-(10**9), 2**33), st.integers(-200_000, 200_000), st.integers(0, 4))
def test_what_is_shown_first_is_at_zero_and_the_offset_of_the_sound_stays(start, later, reorder):
    shown, clock = placed(merged(video(start, 50, reorder=reorder), sound(start + later, 100)))
    assert min(shown[VIDEO][0], shown[SOUND][0]) == 0
    assert shown[SOUND][0] - shown[VIDEO][0] == later
    assert shown[VIDEO] == list(range(shown[VIDEO][0], shown[VIDEO][0] + 50 * FRAME, FRAME))
    assert clock.num_jumps == 0
    assert clock.start_shift == -min(start, start + later) * TICKS


@settings(deadline=None, max_examples=60)
@given(
    st.integers(-(10**9), 10**9),
    st.integers(-(10**6), 10**6),
    st.fractions(0, 1, max_denominator=7),
    st.sampled_from([Fraction(1, 12_800), Fraction(1001, 30_000), Fraction(1, 90_000)]),
)
def test_streams_that_count_in_different_units_move_by_the_same_seconds(start, sound_start, shift, base):
    rate = Fraction(1, 44_100)
    stamps = [
        Stamp(stream, ticks, begin, begin, begin + 1)
        for stream, ticks, begin in ((VIDEO, base, start), (SOUND, rate, sound_start))
    ]
    first = min(start * base, sound_start * rate)
    for given_shift, expected in ((None, -first), (shift, shift)):
        clock = FileClock[Stamp]((VIDEO, SOUND), may_jump=False, shift=given_shift)
        moved = {stamp.stream: ticks for stamp, ticks in clock.run((one, one) for one in stamps)}
        assert clock.start_shift == expected
        assert moved == {VIDEO: round(expected / base), SOUND: round(expected / rate)}


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 49), st.integers(0, 20_000), st.sampled_from(WRAPS))
def test_a_counter_that_begins_again_leaves_no_trace(frames_before, later, wrap):
    start = wrap - frames_before * FRAME - 50
    stamps = [
        Stamp(one.stream, TICKS, one.dts % wrap, one.dts % wrap + one.shown - one.dts, one.dts % wrap + one.end - one.dts)
        for one in merged(video(start, 100, reorder=2), sound(start + later, 180))
    ]  # fmt: skip
    shown, clock = placed(stamps)
    assert shown[VIDEO] == [i * FRAME for i in range(100)]
    assert shown[SOUND] == [later + i * CHUNK for i in range(180)]
    assert clock.num_jumps == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2**33 - 10**7), st.integers(-4000, 4000)), min_size=2, max_size=4))
def test_joined_parts_follow_each_other_in_time(parts):
    stamps, expected_frames = [], 0
    for (before, _), (start, _) in itertools.pairwise(parts):
        # What overlaps by less than a tenth of a second looks like a broken timestamp.
        assume(not before + 50 * FRAME - 25_000 < start < before + 50 * FRAME + 905_000)
    for start, later in parts:
        stamps += merged(video(start, 50, reorder=1), sound(start + later, 90))
        expected_frames += 50
    shown, _ = placed(stamps)
    assert len(shown[VIDEO]) == expected_frames
    for times, length in ((shown[VIDEO], FRAME), (shown[SOUND], CHUNK)):
        assert all(b - a >= length - 1 for a, b in itertools.pairwise(times))
    previous = 0
    for index, (_, later) in enumerate(parts):
        picture, first = shown[VIDEO][index * 50], shown[SOUND][index * 90]
        if picture - previous < 10 * 90_000:
            assert abs(first - picture - later) <= 1
        previous = picture


def test_a_joint_costs_no_more_than_the_streams_lengths_differ():
    part = merged(video(133_200, 25, reorder=2), sound(131_280, 48))
    shown, clock = placed(part + part)
    assert clock.num_jumps == 1
    assert shown[SOUND] == [i * CHUNK for i in range(96)]
    assert shown[VIDEO][25] == 1920 + 48 * CHUNK


def test_a_stream_that_is_late_at_the_joint_still_belongs_to_its_part():
    first, second = merged(video(1000, 50), sound(1000, 90)), merged(video(1000, 50), sound(1000, 90))
    late = [one for one in first if one.stream == SOUND][-3:]
    stamps = [one for one in first if one not in late] + second[:1] + late + second[1:]
    shown, _ = placed(stamps)
    assert sorted(shown[SOUND]) == shown[SOUND]
    assert shown[SOUND][90] - shown[VIDEO][50] == 0


def test_an_outlier_does_not_take_picture_and_sound_apart():
    stamps = merged(video(0, 100), sound(0, 180))
    index = next(i for i, one in enumerate(stamps) if one.stream == VIDEO and one.dts == 40 * FRAME)
    stamps[index] = Stamp(VIDEO, TICKS, 10**9, 10**9, 10**9 + FRAME)
    shown, _ = placed(stamps)
    assert shown[VIDEO][41:] == [i * FRAME for i in range(41, 100)]
    assert shown[SOUND] == [i * CHUNK for i in range(180)]


def test_a_long_pause_is_a_jump_only_where_clocks_jump():
    stamps = video(0, 10) + video(10**8, 10)
    assert placed(stamps, leading=(VIDEO,))[0][VIDEO][10] == 10 * FRAME
    assert placed(stamps, leading=(VIDEO,), may_jump=False)[0][VIDEO][10] == 10**8


def test_a_picture_that_stands_still_while_the_sound_goes_on_is_no_jump():
    stamps = merged(video(0, 10) + video(30 * 90_000, 10), sound(0, 2000))
    shown, clock = placed(stamps)
    assert clock.num_jumps == 0
    assert shown[VIDEO][10] == 30 * 90_000


def test_what_only_the_decoder_needs_does_not_count_as_shown():
    priming = Stamp(SOUND, TICKS, -1920, None, 0)
    shown, _ = placed([priming, *merged(video(0, 10, reorder=2), sound(0, 10))])
    assert shown[VIDEO][0] == 0
    assert shown[SOUND] == [None, *(i * CHUNK for i in range(10))]


def test_words_follow_and_do_not_lead():
    words = Stamp(WORDS, TICKS, 4_000_000, 4_000_000, 4_100_000)
    shown, _ = placed([words, *merged(video(4_500_000, 60), sound(4_500_000, 120))])
    assert shown[VIDEO][0] == 0
    assert shown[WORDS] == [-500_000]


def test_sound_that_never_comes_does_not_hold_the_picture_back_for_ever():
    shown, _ = placed(video(1000, 400))
    assert shown[VIDEO][0] == 0
    clock = FileClock[int]((VIDEO, SOUND), may_jump=False)
    run = clock.run((one, i) for i, one in enumerate(video(0, 400)))
    assert next(run) == (0, 0)
