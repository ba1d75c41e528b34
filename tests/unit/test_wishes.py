"""How far encodes are from what was asked for."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.coded import StreamParameters
from semvid.core.config import CompressConfig
from semvid.core.rate import Vmaf
from semvid.core.results import Trial
from semvid.engine.plain_size import PlainSize
from semvid.engine.samples import CodedFrames, Sample, trial_budget_of
from semvid.engine.scored import ScoreOf
from semvid.engine.trials import PartsTrial, TriedPart
from semvid.engine.wishes import Finished, OutputSize, VideoRate

NO_FRAMES = CodedFrames(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))


def tried(video_bytes, quality=26.0, parts=(), *, is_whole=False):
    return PartsTrial(quality, tuple(parts), video_bytes, 1.0, is_whole)


def finished(video_bytes, others, quality=26.0, coded=NO_FRAMES):
    return Finished(Path("a.mp4"), quality, video_bytes + others, video_bytes, coded)


@given(st.integers(20_000, 10**9), st.floats(0, 0.9), st.floats(0.9, 1.1))
def test_a_size_that_is_near_is_never_over_and_hardly_under(most, share, ratio):
    others = round(share * most)
    wish = OutputSize(most, others)
    output = round(ratio * most)
    if output <= others:
        return
    miss = wish.check(finished(output - others, others))
    assert miss.missed_by == pytest.approx(ratio - 1, abs=1e-4)
    if wish.tolerance.is_near(miss.missed_by):
        assert 0.985 * most - 1 <= output <= most
    if wish.tolerance.is_kept(miss.missed_by):
        assert output <= most


def test_what_the_first_encode_has_beside_the_picture_counts_from_then_on():
    wish = OutputSize(100_000, 0)
    guessed = wish.judge(tried(80_000))
    assert guessed.output_bytes == 80_000
    wish.check(finished(80_000, 19_000))
    assert wish.judge(tried(80_000)).output_bytes == 99_000
    assert abs(wish.judge(tried(80_250)).distance) < 1e-9


def test_what_an_encoder_puts_into_the_header_counts_before_the_first_encode():
    first = SimpleNamespace(parameters=StreamParameters("hevc", extradata=b"x" * 2400))
    assert OutputSize(100_000, 1000).judge(tried(80_000, parts=[first])).output_bytes == 83_400


def test_after_the_last_correction_value_nearest_and_remedy_are_named():
    nearest = Trial(41.25, 60_000, 61_200, 0.3, 1.0, is_whole=True, score=88.5)
    assert OutputSize(60_000, 0).give_up(nearest, 5) == (
        "`Size(60000)` was not reached in 5 encodes: the nearest, at CRF 41.25, has 61200 bytes; ask for as "
        "many, or for less than 60000"
    )
    assert VideoRate(100_000, 10.0, 0).give_up(nearest, 3) == (
        "`Bitrate(100000)` was not reached in 3 encodes: the nearest, at CRF 41.25, has 130000 bits per "
        "second; ask for as many"
    )
    assert ScoreOf(Vmaf(90), Path(), 0).give_up(nearest, 3) == (
        "`Vmaf(90)` was not met within 1 in 3 encodes: the closest, at CRF 41.25, has VMAF 88.50; ask for "
        "that"
    )


def test_a_bit_rate_is_of_the_picture_alone():
    wish = VideoRate(800_000, 10.0, 500_000)
    assert wish.judge(tried(1_000_000)).distance == 0
    assert wish.judge(tried(1_000_000)).output_bytes == 1_500_000
    assert wish.check(finished(1_100_000, 10_000)).missed_by == pytest.approx(0.1)


def part(start, length, num_bytes):
    pts = np.arange(start, start + length, dtype=np.int64)
    coded = CodedFrames(pts, np.full(length, num_bytes / length), np.zeros(length, bool))
    return TriedPart(Sample(start, start, start + length), None, coded, start, start + length, 0)


def of_plain(plain, mapped, *, is_whole=False):
    wish = PlainSize(CompressConfig(), 1000)
    wish.take(tried(sum(one.num_bytes for one in plain), parts=plain, is_whole=is_whole))
    wish.judge(tried(sum(one.num_bytes for one in mapped), parts=mapped, is_whole=is_whole))
    return wish


def test_each_part_of_a_plain_encode_tells_of_the_frames_near_it():
    # In the first half the map costs a tenth, in the second it saves a fifth; the second is larger.
    plain, mapped = [part(10, 10, 1000), part(70, 10, 1000)], [part(10, 10, 1100), part(70, 10, 800)]
    wish = of_plain(plain, mapped)
    sizes = np.where(np.arange(90) < 45, 110.0, 800.0)
    coded = CodedFrames(np.arange(90, dtype=np.int64), sizes, np.zeros(90, bool))
    miss = wish.check(finished(round(sizes.sum()), 500, coded=coded))
    assert wish.plain_bytes == 45 * 100 + 45 * 1000
    assert miss.missed_by == pytest.approx((45 * 110 + 45 * 800) / (45 * 1100) - 1)


def test_another_quality_than_the_trials_is_reckoned_with():
    plain, mapped = [part(0, 10, 1000)], [part(0, 10, 1100)]
    wish = of_plain(plain, mapped)
    wish.steps_per_distance(type("Scale", (), {"steps_per_octave": 6.0})())
    coded = CodedFrames(np.arange(30, dtype=np.int64), np.full(30, 100.0), np.zeros(30, bool))
    wish.check(finished(3000, 0, quality=26.0 + 6 * np.log2(1.1), coded=coded))
    assert wish.plain_bytes == pytest.approx(3000, abs=1)


def test_a_plain_encode_of_everything_is_known_exactly():
    wish = of_plain([part(0, 10, 1000)], [part(0, 10, 1100)], is_whole=True)
    assert wish.check(finished(1012, 0)).missed_by == pytest.approx(0.012)
    assert wish.plain_bytes == 1000


@given(st.integers(1, 10**6))
def test_six_trials_of_a_long_video_take_little(num_frames):
    budget = trial_budget_of(num_frames)
    assert budget == num_frames if num_frames <= 400 else budget >= 250
    assert num_frames < 25_000 or 6 * budget <= 0.08 * num_frames
