"""Load is cut when there is trouble, given back when there is ease, and does not swing."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.streaming.base.sound import CHUNK_SAMPLES, SILENCE, SoundChunk
from semvid.streaming.governor import Governor, Load, ladder
from semvid.streaming.meters import SILENCE_DB, Meters, SoundMeter


def run(governor, seconds, *, busy=0.3, is_late=False, start=0.0):
    steps = []
    for k in range(int(seconds * 4)):
        steps.append(governor.update(start + k / 4, busy=busy, is_late=is_late))
    return steps


def test_the_ladder_cuts_maps_first_then_their_size_then_the_preset():
    steps = ladder(["veryfast", "superfast"])
    assert steps[0] == Load()
    assert [one.preset for one in steps] == [None] * 5 + ["veryfast", "superfast"]
    rates = [one.map_rate for one in steps]
    assert rates == sorted(rates, reverse=True)
    assert Load().describe() == ""
    assert "preset superfast" in steps[-1].describe()
    assert "maps at 25% of their rate" in steps[-1].describe()


def test_a_hiccup_is_no_trouble():
    governor = Governor(5)
    run(governor, 0.75, busy=1.2)
    assert run(governor, 5, start=0.75)[-1] == 0


def test_lasting_trouble_cuts_step_by_step_to_the_end_and_no_further():
    governor = Governor(5)
    steps = run(governor, 20, is_late=True)
    assert steps[-1] == 4
    assert all(b - a in {0, 1} for a, b in itertools.pairwise(steps))


def test_ease_gives_the_load_back():
    governor = Governor(5)
    run(governor, 20, is_late=True)
    steps = run(governor, 60, start=20.0)
    assert steps[-1] == 0
    assert steps.index(3) >= 36


def test_a_step_that_was_one_too_many_is_tried_more_and_more_rarely():
    """A machine that can bear step 1 and not step 0."""
    governor, falls = Governor(5), []
    before = 0
    for k in range(4 * 600):
        late = governor.step == 0
        step = governor.update(k / 4, busy=0.3, is_late=late)
        if step > before:
            falls.append(k / 4)
        before = step
    gaps = [b - a for a, b in itertools.pairwise(falls)]
    assert gaps == sorted(gaps)
    assert len(falls) <= 8


@given(st.lists(st.tuples(st.floats(0, 2), st.booleans()), max_size=400), st.integers(1, 9))
def test_the_step_is_always_on_the_ladder(loads, num_steps):
    governor = Governor(num_steps)
    for k, (busy, is_late) in enumerate(loads):
        assert 0 <= governor.update(k / 4, busy=busy, is_late=is_late) < num_steps


def test_meters_look_back_ten_seconds():
    meters = Meters()
    assert meters.latencies() == (0.0, 0.0)
    assert meters.rates(0.0) == (0.0, 0.0, 0.0)
    for k in range(900):
        meters.came(k / 30)
        meters.coded(k / 30, 0.01 if k % 100 else 0.2, 1000)
        meters.worked(k / 30, 0.02)
    fps_in, fps_out, kbps = meters.rates(30.0)
    assert abs(fps_in - 30) < 0.2
    assert abs(fps_out - 30) < 0.2
    assert abs(kbps - 240) < 2
    median, high = meters.latencies()
    assert abs(median - 10) < 0.1
    assert high > 10
    assert abs(meters.busy() - 0.6) < 0.03


def test_the_share_of_frames_dropped_is_that_of_the_last_seconds():
    meters = Meters()
    assert meters.dropped_share(0.0) == 0.0
    for k in range(300):
        meters.came(k / 10)
        # In the second ten seconds three frames are lost for each that comes.
        meters.lost(k / 10, 3 * min(max(k - 99, 0), 90))
    assert meters.dropped_share(29.9) == 0.0
    assert meters.rates(29.9)[0] == pytest.approx(10, rel=0.02)
    lossy = Meters()
    for k in range(200):
        lossy.came(k / 10)
        lossy.lost(k / 10, 3 * (k + 1))
        # An encoder that opens loses some frames: no reason to worry.
        assert (lossy.dropped_share(k / 10) > 0) == (k >= 20)
    assert lossy.dropped_share(20.0) == 0.75
    assert lossy.rates(20.0)[0] == pytest.approx(40, rel=0.02)


def test_the_sound_meter_tells_the_last_second_in_tenths():
    meter = SoundMeter()
    assert meter.peaks() == ()
    for k in range(100):
        # Half of full scale, then the lowest number there is, then silence.
        level = 16_384 if k < 80 else -32_768
        samples = np.full(2 * CHUNK_SAMPLES, level, np.int16).tobytes() if k < 90 else SILENCE
        meter.heard(SoundChunk(samples, k))
    assert meter.peaks() == (-6.0,) * 6 + (0.0,) * 2 + (SILENCE_DB,) * 2
