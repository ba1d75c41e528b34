import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semvid.batch.films.borders import LEAST_SECONDS, choose_borders


def test_borders_are_at_cuts_where_there_are_some():
    keys = [float(one) for one in range(0, 200, 5)]
    plain = [keys[one] for one in choose_borders(keys, set(), 200.0, 30.0)]
    assert set(np.diff([0.0, *plain, 200.0])) == {30, 35}
    cuts = {keys.index(one) for one in (35, 70, 195)}
    cut = [keys[one] for one in choose_borders(keys, cuts, 200.0, 30.0)]
    assert cut[:2] == [35, 70]
    assert max(np.diff([*cut, 200.0])) <= 35


def test_borders_are_at_cuts_even_if_parts_are_less_alike():
    # Of a film whose third border was between cuts, where it cost as much as a fortieth of the whole.
    keys = [
        0.0, 5.0, 10.0, 13.68, 15.28, 20.28, 24.92, 29.92, 34.92, 38.56, 39.76, 41.6, 44.04, 46.04, 48.24, 53.24,
        53.84, 58.64,
    ]  # fmt: skip
    cuts = {
        keys.index(one)
        for one in (13.68, 15.28, 24.92, 38.56, 39.76, 41.6, 44.04, 46.04, 48.24, 53.84, 58.64)
    }
    assert [keys[one] for one in choose_borders(keys, cuts, 60.0, 15.0)] == [13.68, 24.92, 41.6]


def test_where_key_frames_are_missing_a_part_is_as_long_as_it_has_to_be():
    keys = [*range(0, 100, 5), *range(300, 500, 5)]
    borders = [keys[one] for one in choose_borders(keys, set(), 500.0, 30.0)]
    assert (max(one for one in borders if one < 200), min(one for one in borders if one > 200)) == (95, 300)


def test_many_hours_of_key_frames_only_are_divided_at_once():
    keys = (np.arange(25 * 3600 * 3) / 25).tolist()
    borders = [0.0, *(keys[one] for one in choose_borders(keys, set(), 3 * 3600.0, 30.0)), 3 * 3600.0]
    assert 30 <= min(np.diff(borders)) <= max(np.diff(borders)) <= 35


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
