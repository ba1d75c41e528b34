"""How many bits a player must have read before it starts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semvid
from semvid.codecs.ffmpeg.option_text import quoted, split_list
from semvid.engine.peak import needed_buffer


def test_steady_frames_need_one_frame():
    assert needed_buffer([400] * 25, [index / 25 for index in range(25)], 10_000) == pytest.approx(400)


def test_a_large_frame_waits_for_what_comes_in_its_time():
    # 1000 bits come between two frames; the frames from the second on are 3000 and 2000 bits.
    assert needed_buffer([100, 3000, 2000, 100], [0, 1, 2, 3], 1000) == 3000 + 2000 - 1000
    assert needed_buffer([], [], 1000) == 0


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 50)), min_size=1, max_size=20),
    st.integers(1, 900),
)
def test_it_is_the_most_that_any_part_has_too_much(frames, rate):
    sizes, times = [size for size, _ in frames], np.cumsum([step for _, step in frames]).tolist()
    parts = [
        sum(sizes[first : last + 1]) - rate * (times[last] - times[first])
        for first in range(len(sizes))
        for last in range(first, len(sizes))
    ]
    assert needed_buffer(sizes, times, rate) == pytest.approx(max(parts))


def test_the_buffer_is_that_of_two_seconds():
    assert semvid.Peak(3_000_000).chosen_buffer_bits == 6_000_000
    assert semvid.Peak(3_000_000, 1_000_000).chosen_buffer_bits == 1_000_000


def test_a_job_with_a_peak_survives_json():
    config = semvid.CompressConfig(rate=semvid.Bitrate(200_000), peak=semvid.Peak(300_000, 100_000))
    job = semvid.Job("in.mp4", config=config)
    assert semvid.Job.from_json(job.to_json()) == job


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_name_can_be_in_a_list_of_options(name):
    name = f"/{name}/statistics"
    assert split_list(f"pass=1:stats={quoted(name)}:me=hex") == [
        ("pass", "1"), ("stats", name), ("me", "hex"),
    ]  # fmt: skip
