"""Edits of maps: shapes, their order, JSON, and how they are applied and followed."""

import json

import numpy as np
import pytest
from edit_frames import Shown, no_network
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.core.checked import Malformed, parse_json
from semvid.core.errors import ConfigError
from semvid.importance.edits.edits import MOST_EDITS, Edit, Edits, checked, edits_from
from semvid.importance.edits.shapes import Polygon, Stroke, rasterised
from semvid.importance.tracking.edit_follower import EditFollower

BOX = Polygon(((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)))

points = st.tuples(st.integers(-100, 200), st.integers(-100, 200)).map(
    lambda one: (one[0] / 100, one[1] / 100)
)
shapes = st.one_of(
    st.lists(points, min_size=3, max_size=8).map(lambda one: Polygon(tuple(one))),
    st.tuples(st.lists(points, min_size=1, max_size=8), st.integers(1, 100)).map(
        lambda one: Stroke(tuple(one[0]), one[1] / 100)
    ),
)
edits = st.builds(Edit, st.integers(0, 10**9), shapes, st.booleans(), st.booleans())


@settings(deadline=None, max_examples=60)
@given(st.lists(edits, max_size=5), st.integers(0, 7), st.integers(0, 7))
def test_edits_are_undone_done_again_and_written(made, num_undone, num_redone):
    found = Edits()
    for one in made:
        found = found.added(one)
    for _ in range(num_undone):
        found = found.undo()
    for _ in range(num_redone):
        found = found.redo()
    num_left = min(max(len(made) - num_undone, 0) + num_redone, len(made))
    assert found.done == tuple(made[:num_left])
    assert edits_from(parse_json(json.dumps(found.to_plain()))) == found
    assert found.added(Edit(0, BOX, matters=True)).undone == ()


@settings(deadline=None, max_examples=60)
@given(shapes, st.integers(1, 40), st.integers(1, 40))
def test_any_shape_makes_a_mask(shape, rows, cols):
    mask = rasterised(shape, rows, cols)
    assert mask.shape == (rows, cols)
    assert 0 <= mask.min() <= mask.max() <= 1


def test_masks_cover_what_was_painted():
    mask = rasterised(BOX, 40, 80)
    assert mask.mean() == pytest.approx(0.25, abs=0.01)
    assert (mask[12:28, 22:58] == 1).all()
    # A round brush: as high as wide in a picture of two to one.
    dot = rasterised(Stroke(((0.5, 0.5),), 0.1), 40, 80)
    assert dot.sum() == pytest.approx(np.pi * 8**2, rel=0.1)
    assert rasterised(Stroke(((0.1, 0.5), (0.9, 0.5)), 0.05), 40, 80)[20, 10:70].min() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"version":2,"done":[],"undone":[]}', "version is 2"),
        ('{"version":1,"done":[{"pts":0,"matters":true,"shape":{"points":[[0,0]]}}],"undone":[]}', "1 item"),
        ('{"version":1,"done":[{"pts":0,"matters":1,"shape":{"points":[[0,0]],"radius":0.1}}],"undone":[]}', "true or"),
        ('{"version":1,"done":[{"pts":0,"matters":true,"shape":{"points":[[9,0]],"radius":0.1}}],"undone":[]}', "9"),
        ('{"version":1,"done":[{"pts":0,"matters":true,"shape":{"points":[[0,0]],"radius":0}}],"undone":[]}', "radius"),
    ],
)  # fmt: skip
def test_other_json_is_refused(text, words):
    with pytest.raises(Malformed, match=words):
        edits_from(parse_json(text))


@pytest.mark.parametrize(
    "edit",
    [
        Edit(-1, BOX, matters=True), Edit(0, Polygon(BOX.points[:2]), matters=True),
        Edit(0, Stroke(BOX.points, 2.0), matters=True), Edit(0, Stroke(BOX.points, 4e-6), matters=True),
        Edit(0, Stroke(((3.0, 0.0),), 0.1), matters=True), Edit(0, Stroke(((float("nan"), 0.0),), 0.1), matters=True),
    ],
)  # fmt: skip
def test_what_could_not_be_read_back_is_not_written(edit):
    with pytest.raises(ConfigError, match="out of range"):
        checked(Edits((edit,)))
    assert checked(Edits((Edit(0, BOX, matters=True),))).done[0].shape == BOX


def test_there_are_not_too_many():
    full = Edits((Edit(0, BOX, matters=True),) * MOST_EDITS)
    with pytest.raises(Malformed, match=str(MOST_EDITS)):
        full.added(Edit(0, BOX, matters=True))


def followed(made, frames, level=100):
    follower = EditFollower(made, no_network)
    return [follower.apply(one, np.full((17, 30), level, np.uint8)) for one in frames]


def test_what_stays_is_in_force_until_a_cut():
    frames = [Shown(index, scene=index >= 3) for index in range(6)]
    made = [Edit(1, BOX, matters=True, follows=False)]
    centre = [int(one[8, 15]) for one in followed(made, frames)]
    assert centre == [100, 255, 255, 100, 100, 100]
    assert all(int(one[0, 0]) == 100 for one in followed(made, frames))
    assert [int(one[8, 15]) for one in followed([Edit(4, BOX, False, False)], frames)] == [100] * 4 + [0, 0]


def test_later_edits_correct_those_before():
    frames = [Shown(index, scene=0) for index in range(5)]
    left = Polygon(((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
    made = [Edit(0, BOX, matters=True, follows=False), Edit(2, left, matters=False, follows=False)]
    maps = followed(made, frames)
    assert [int(one[8, 10]) for one in maps] == [255, 255, 0, 0, 0]
    assert [int(one[8, 20]) for one in maps] == [255] * 5
    # Of one frame the last counts.
    again = followed([Edit(0, BOX, False, False), Edit(0, BOX, True, False)], frames)
    assert int(again[0][8, 15]) == 255
