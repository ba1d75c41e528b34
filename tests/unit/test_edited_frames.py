"""Edits that are followed again, after others were made, come to what following all of them comes to."""

import numpy as np
import pytest
from edit_frames import Shown, no_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semvid.core.config import EditConfig
from semvid.core.errors import MapError
from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.shapes import Polygon
from semvid.importance.files.sidecar import TimedMap
from semvid.importance.tracking.edit_follower import EditFollower
from semvid.products import edited_frames
from semvid.products.edited_frames import EditedFrames, Followed

SCENES = (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3)
FRAMES = [Shown(2 * index, scene) for index, scene in enumerate(SCENES)]
SQUARES = [Polygon(((x, 0.2), (x + 0.4, 0.2), (x + 0.4, 0.8), (x, 0.8))) for x in (0.0, 0.2, 0.5)]


class Video:
    """Gives the frames of a span, and counts them."""

    num_read = 0

    def __init__(self, source, span, edit, warm_up):
        self._frames = [one for one in FRAMES if one.pts >= span.start - 4 * bool(warm_up)]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def keep(self, others):
        pass

    def read(self):
        for one in self._frames:
            Video.num_read += 1
            yield one


@pytest.fixture(autouse=True)
def _video(monkeypatch):
    monkeypatch.setattr(edited_frames, "VideoReader", Video)
    monkeypatch.setattr(edited_frames, "Frame", Shown)
    monkeypatch.setattr(edited_frames, "_FRAMES_PER_CHECKPOINT", 2)
    monkeypatch.setattr(edited_frames, "_MOST_STATES", 2)
    Video.num_read = 0


def recorded():
    return (TimedMap(one.pts, np.full((17, 30), 90 + one.pts, np.uint8)) for one in FRAMES)


def run(edits, earlier=None, most=None):
    """Follow edits as far as somebody lets us; return the maps, and what was found."""
    maps = {}
    found = Followed(edits.by_frames(), maps.get)
    frames = EditedFrames(
        "film", "film.svmap", EditFollower(edits.done, no_network), EditConfig(), found=found, earlier=earlier
    )
    for one in frames.run(recorded()):
        maps[one.pts] = one.grey
        if len(maps) == most:
            return maps, found
    found.is_whole = True
    return maps, found


def all_of(edits):
    follower = EditFollower(edits.done, no_network)
    return {one.pts: follower.apply(frame, one.grey) for frame, one in zip(FRAMES, recorded(), strict=True)}


EDITS = st.lists(
    st.builds(
        Edit,
        st.integers(0, 2 * len(FRAMES)),
        st.sampled_from(SQUARES),
        matters=st.booleans(),
        follows=st.just(value=False),
    ),
    max_size=4,
).map(lambda made: Edits(tuple(made)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EDITS, EDITS, EDITS, st.none() | st.integers(1, len(FRAMES)), st.data())
def test_going_on_comes_to_the_same(first, second, third, most, data):
    # Mostly what one does: one more, or one less.
    second = data.draw(st.sampled_from([second, Edits((*first.done, *second.done[:1])), first.undo()]))
    _, found = run(first, most=most)
    maps, found = run(second, found)
    assert {pts: one.tolist() for pts, one in maps.items()} == {
        pts: one.tolist() for pts, one in all_of(second).items()
    }
    maps, _ = run(Edits((*second.done, *third.done[:1])), found)
    assert [one.tolist() for one in maps.values()] == [
        one.tolist() for one in all_of(Edits((*second.done, *third.done[:1]))).values()
    ]


def test_only_scenes_with_edits_are_read_and_only_once():
    edits = Edits((Edit(6, SQUARES[0], matters=True, follows=False),))
    _, found = run(edits)
    # Two before, the five of its scene, and the cut.
    assert Video.num_read == 2 + 5 + 1
    Video.num_read = 0
    assert [one.tolist() for one in run(edits, found)[0].values()] == [
        one.tolist() for one in all_of(edits).values()
    ]
    assert Video.num_read == 0
    run(edits.added(Edit(22, SQUARES[1], matters=False, follows=False)), found)
    assert Video.num_read == 2 + 3
    Video.num_read = 0
    run(edits.added(Edit(14, SQUARES[1], matters=False, follows=False)), found)
    assert Video.num_read == 2 + 1, "from the last place before it that was kept, to the cut"


def test_states_are_kept_at_fewer_places_of_a_long_scene(monkeypatch):
    monkeypatch.setattr(edited_frames, "_FRAMES_PER_CHECKPOINT", 1)
    monkeypatch.setattr(edited_frames, "_MOST_STATES", 3)
    edits = Edits((Edit(6, SQUARES[0], matters=True, follows=False),))
    _, found = run(edits)
    assert 2 <= sum(one.state is not None for one in found.checkpoints) <= 3


def test_maps_of_another_video_are_refused():
    edits = Edits((Edit(6, SQUARES[0], matters=True, follows=False),))
    follower = EditFollower(edits.done, no_network)
    others = (TimedMap(one.pts + 1, one.grey) for one in recorded())
    with pytest.raises(MapError, match="has no map for frame 3"):
        list(EditedFrames("a", "a.svmap", follower, EditConfig(), found=Followed((), {}.get)).run(others))


@pytest.mark.parametrize(("first", "end"), [(3, None), (0, -1), (0, 0), (20, None)])
def test_maps_that_do_not_reach_all_frames_are_refused(first, end):
    follower = EditFollower((), no_network)
    some = iter([*recorded()][first:end])
    with pytest.raises(MapError, match="make the maps of this very video"):
        list(EditedFrames("a", "a.svmap", follower, EditConfig()).run(some))
