"""Sound on its grid: no gaps, nothing twice, at the right time whatever the source does."""

import av
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.streaming.base.sound import CHUNK_SAMPLES, CHUNK_TICKS, SILENCE, SOUND_RATE, SoundTrack

TICKS = 90_000


def block(rate: int, samples: np.ndarray, layout: str = "mono") -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout=layout)
    frame.sample_rate = rate
    return frame


def heard(chunks) -> np.ndarray:
    """``(samples,)``: the left channel."""
    return np.concatenate([np.frombuffer(one.samples, np.int16)[::2] for one in chunks])


def click_at(seconds: float, *, rate: int, num_seconds: float) -> np.ndarray:
    samples = np.zeros(round(num_seconds * rate))
    samples[round(seconds * rate) : round((seconds + 0.01) * rate)] = 20_000
    return samples


def feed(
    track: SoundTrack, samples: np.ndarray, *, rate: int, start: float, clock: float = 1.0, size: int = 1024
):
    """Add samples in blocks whose timestamps run ``clock`` as fast as their samples."""
    for at in range(0, len(samples), size):
        track.add(block(rate, samples[at : at + size]), round((start + at / rate * clock) * TICKS))


def onset(chunks) -> float:
    return chunks[0].pts / TICKS + int(np.argmax(np.abs(heard(chunks)) > 5000)) / SOUND_RATE


def is_without_gaps(chunks) -> bool:
    return [one.pts for one in chunks] == [
        chunks[0].pts + k * CHUNK_TICKS for k in range(len(chunks))
    ] and all(len(one.samples) == len(SILENCE) for one in chunks)


@given(rate=st.sampled_from([8000, 22_050, 44_100, 48_000, 96_000]), start=st.floats(0, 0.5))
@settings(max_examples=25, deadline=None)
def test_a_click_is_heard_when_it_is_due(rate, start):
    track = SoundTrack()
    feed(track, click_at(0.7, rate=rate, num_seconds=1.5), rate=rate, start=start)
    chunks = track.take()
    assert chunks[0].pts == 0
    assert is_without_gaps(chunks)
    # The filter of the resampler rings a little before the click.
    assert abs(onset(chunks) - 0.7 - start) < 0.003


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "gap", "back", "fill", "rate", "take"]), st.floats(0.01, 1.5)),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_there_is_one_chunk_after_the_other(steps):
    track, chunks, now, rate = SoundTrack(), [], 0.0, 44_100
    for what, seconds in steps:
        if what == "add":
            feed(track, np.full(round(seconds * rate), 1000), rate=rate, start=now)
            now += seconds
        elif what == "fill":
            track.fill(round((now + seconds) * TICKS))
        elif what == "rate":
            rate = 48_000 if rate == 44_100 else 44_100
        elif what == "take":
            chunks += track.take()
        else:
            now = max(0.0, now + (seconds if what == "gap" else -seconds))
    chunks += track.take()
    assert not chunks or (chunks[0].pts == 0 and is_without_gaps(chunks))


def test_sound_stays_with_its_timestamps_when_clocks_drift():
    """300 parts in a million over two minutes are 36 ms; what is heard stays within 5."""
    track, rate, clock = SoundTrack(), 48_000, 1.0003
    samples = np.zeros(120 * rate)
    samples[110 * rate : 110 * rate + 480] = 20_000
    feed(track, samples, rate=rate, start=0, clock=clock)
    assert abs(onset(track.take()) - 110 * clock) < 0.005


def test_a_gap_is_silent_and_what_comes_after_it_is_in_time():
    track, rate = SoundTrack(), 44_100
    feed(track, np.full(rate, 8000), rate=rate, start=0)
    feed(track, np.full(rate, 8000), rate=rate, start=3)
    samples = np.abs(heard(track.take()))
    assert samples[int(1.1 * SOUND_RATE) : int(2.9 * SOUND_RATE)].max() == 0
    assert samples[int(3.05 * SOUND_RATE) : int(3.9 * SOUND_RATE)].min() > 4000


@given(
    rate=st.sampled_from([8000, 11_025, 44_100, 48_000, 96_000]),
    filled=st.floats(0, 4000),
    later=st.floats(-0.3, 2),
)
@settings(max_examples=25, deadline=None)
def test_sound_that_comes_back_is_heard_when_it_is_due(rate, filled, later):
    track = SoundTrack()
    track.fill(round(filled * TICKS))
    track.take()
    feed(track, click_at(0.7, rate=rate, num_seconds=1.5), rate=rate, start=max(0.0, filled + later))
    assert abs(onset(track.take()) - 0.7 - max(0.0, filled + later)) < 0.003


def test_silence_stands_in_and_late_sound_is_left_out():
    track, rate = SoundTrack(), 48_000
    track.fill(2 * TICKS)
    assert [one.samples for one in track.take()] == [SILENCE] * 100
    feed(track, np.full(3 * rate, 8000), rate=rate, start=0)
    chunks = track.take()
    assert chunks[0].pts == 2 * TICKS
    assert is_without_gaps(chunks)
    assert 45 <= len(chunks) <= 50


def test_filling_again_or_back_does_nothing():
    track = SoundTrack()
    track.fill(CHUNK_TICKS)
    track.fill(0)
    track.fill(CHUNK_TICKS + CHUNK_TICKS - 1)
    assert len(track.take()) == 1
    assert track.take() == []


def test_nobody_who_takes_costs_a_minute_of_memory_at_most():
    track = SoundTrack()
    track.fill(100 * TICKS)
    chunks = track.take()
    assert len(chunks) == 3000
    assert chunks[-1].pts == 100 * TICKS - CHUNK_TICKS


def test_both_channels_stay_apart():
    track = SoundTrack()
    interleaved = np.zeros((1, 2 * SOUND_RATE), np.int16)
    interleaved[0, 1::2] = 9000
    frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout="stereo")
    frame.sample_rate = SOUND_RATE
    track.add(frame, 0)
    samples = np.concatenate([np.frombuffer(one.samples, np.int16) for one in track.take()]).reshape(-1, 2)
    assert samples[CHUNK_SAMPLES:, 0].max() == 0
    assert samples[CHUNK_SAMPLES:, 1].min() == 9000
