import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semvid.batch.films.borders import LEAST_SECONDS, choose_borders


def test_borders_are_at_cuts_where_there_are_some():
    keys = [float(one) for one in range(0, 200, 5)]
    plain = choose_borders(keys, set(), 200.0, 30.0)
    assert [keys[one] for one in plain] == [30, 60, 90, 115, 145, 170]
    cut = choose_borders(keys, {keys.index(35), keys.index(70), keys.index(85), keys.index(195)}, 200.0, 30.0)
    assert [keys[one] for one in cut] == [35, 70, 95, 120, 145, 170]


@given(st.floats(21, 500), st.floats(2 * LEAST_SECONDS, 60))
def test_parts_are_about_as_long_where_there_are_key_frames(length, part_seconds):
    keys = np.arange(0, length, 0.5).tolist()
    parts = np.diff([0.0, *(keys[one] for one in choose_borders(keys, set(), length, part_seconds)), length])
    assert len(parts) == (round(length / part_seconds) if length > 2 * part_seconds else 1)
    assert max(parts) <= min(parts) + 1


def test_what_is_short_or_has_no_key_frames_stays_whole():
    assert choose_borders([0.0, 10.0, 20.0, 30.0], set(), 59.0, 30.0) == []
    assert choose_borders([0.0], {0}, 500.0, 30.0) == []


@given(
    st.lists(st.floats(0.1, 40), max_size=60),
    st.sets(st.integers(0, 60)),
    st.floats(LEAST_SECONDS, 60),
)
def test_parts_follow_each_other_and_none_is_short(steps, cuts, part_seconds):
    keys = [0.0, *np.cumsum(steps).tolist()]
    length = keys[-1] + 1
    borders = choose_borders(keys, cuts, length, part_seconds)
    ends = [0.0, *(keys[one] for one in borders), length]
    assert ends == sorted(set(ends))
    if borders:
        assert min(np.diff(ends)) >= LEAST_SECONDS - 1e-6
