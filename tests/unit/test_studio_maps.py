"""Maps of the studio: kept in little memory, spread over a video, and as they were asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.checked import Field, Malformed
from semvid.core.errors import ConfigError
from semvid.studio.making import spread
from semvid.studio.map_store import MapStore
from semvid.studio.wishes import Wishes


def test_maps_come_back_as_they_were():
    random, store = np.random.default_rng(1), MapStore()
    maps = [random.integers(0, 256, (5, 9), np.uint8) for _ in range(77)]
    for number, one in enumerate(maps):
        store.add(10 * number, one)
    assert len(store) == 77
    for number in (76, 0, 31, 32, 64, 1):
        assert np.array_equal(store.get(10 * number), maps[number])
    assert store.get(5) is store.get(-1) is store.get(770) is None


def test_alike_maps_take_little():
    store = MapStore()
    for number in range(320):
        store.add(number, np.full((68, 120), number // 40, np.uint8))
    assert sum(map(len, store._packed)) < 320 * 68 * 120 / 20


@given(st.integers(1, 500), st.integers(1, 40))
def test_looks_are_spread_over_all(num_frames, most):
    found = [*spread(num_frames, most)]
    assert len(found) == len(set(found)) == min(num_frames, most)
    assert set(found) <= set(range(num_frames))
    assert found[0] == 0
    assert most == 1 or num_frames - 1 in found


def test_settings_change_alone_and_together():
    wishes = Wishes().changed(Field({"focus": {"face": 2}, "strength": 0.5}))
    wishes = wishes.changed(Field({"focus": {"vehicle": 0}, "model": "msroi-fast"}))
    assert wishes.maps.focus.weights == {"face": 2, "vehicle": 0}
    assert (wishes.allocation.strength, wishes.maps.chosen_model) == (0.5, "msroi-fast")
    plain = wishes.plain()
    assert Wishes().changed(Field(plain)).plain() == plain


@pytest.mark.parametrize(
    "wanted", [{"strength": 9}, {"focus": {"face": -1}}, {"focus": {"cat": 1}}, {"model": "/etc/passwd.onnx"}, {"strength": "1"}, {"x": 1}, []]
)  # fmt: skip
def test_settings_out_of_range_are_refused(wanted):
    with pytest.raises((ConfigError, Malformed)):
        Wishes().changed(Field(wanted))
