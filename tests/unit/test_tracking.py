"""What is marked is found again by its features near where motion leads, and nothing else is."""

from pathlib import Path

import clips
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semvid.cli.marks import parse_mark
from semvid.core.config import CompressConfig, MapsConfig, Mark, TemporalConfig
from semvid.core.errors import ConfigError
from semvid.core.plain import from_plain, to_plain, without_folders
from semvid.importance.tracking.matching import Memory, to_cells, to_map
from semvid.importance.tracking.tracker import Tracker

ROWS, COLS = 48, 80
GRID = (24, 40)
SIDE = 16
THING, PLACE, OTHER = np.eye(8, dtype=np.float32)[:3]
LUMA = clips.texture(2 * COLS, 2 * ROWS)
PATCH = clips.texture(2 * SIDE, 2 * SIDE, seed=1)


def scene(left, *, is_there=True, scenery=LUMA):
    """Thumbnail, features and mask of a square at ``left`` cells, with its twin in the lower right corner."""
    mask = np.zeros((ROWS, COLS), np.float32)
    thumbnail = scenery.copy()
    twin = np.zeros_like(mask)
    twin[-SIDE:, -SIDE:] = 1
    if is_there:
        mask[10 : 10 + SIDE, left : left + SIDE] = 1
    for places in (mask, twin):
        if places.any():
            rows, cols = np.nonzero(places)
            thumbnail[2 * rows[0] : 2 * rows[0] + 2 * SIDE, 2 * cols[0] : 2 * cols[0] + 2 * SIDE] = PATCH
    is_thing = to_cells(mask + twin, GRID)[..., None] > 0.5
    return thumbnail, np.where(is_thing, THING, PLACE).astype(np.float32), mask


def iou(values, mask):
    found = values > 0.5
    return (found & (mask > 0.5)).sum() / (found | (mask > 0.5)).sum()


def test_a_thing_is_followed_and_its_twin_is_not():
    tracker = Tracker()
    thumbnail, features, mask = scene(4)
    assert iou(tracker.mark(thumbnail, features, mask), mask) == 1
    for left in range(5, 40):
        thumbnail, features, mask = scene(left)
        values = tracker.follow(thumbnail, features)
        assert values.shape == (ROWS, COLS)
        assert iou(values, mask) > 0.65
        assert values[-SIDE // 2 :, -SIDE // 2 :].max() < 0.5


def test_after_a_cut_it_is_looked_for_everywhere_and_nothing_is_marked_where_it_is_not():
    tracker = Tracker()
    tracker.mark(*scene(4))
    elsewhere = 255 - LUMA
    nowhere = np.broadcast_to(OTHER, (*GRID, 8))
    assert tracker.follow(elsewhere, nowhere).max() == 0
    assert not tracker.is_seen
    thumbnail, features, mask = scene(50)
    values = tracker.follow(thumbnail, features)
    assert tracker.is_seen
    assert iou(values[: ROWS // 2], mask[: ROWS // 2]) > 0.6


def test_a_later_mark_replaces_the_earlier():
    tracker = Tracker()
    thumbnail, features, mask = scene(4)
    tracker.mark(thumbnail, features, mask)
    other = np.zeros_like(mask)
    other[-SIDE:, -SIDE:] = 1
    assert iou(tracker.mark(thumbnail, features, other), other) == 1
    assert iou(tracker.follow(thumbnail, features), other) > 0.7


def test_a_mask_of_another_size_is_stretched():
    thumbnail, features, mask = scene(4)
    large = cv2.resize(mask, (16 * COLS, 9 * ROWS))
    assert iou(Tracker().mark(thumbnail, features, large), mask) > 0.95


def test_what_is_smaller_than_a_cell_is_marked_as_strongly():
    thumbnail, features, _ = scene(4)
    dot = np.zeros((10 * ROWS, 10 * COLS), np.float32)
    dot[204:207, 304:307] = 0.8
    values = Tracker().mark(thumbnail, features, dot)
    assert np.unravel_index(values.argmax(), values.shape) == (20, 30)
    assert values.max() == pytest.approx(0.8)


VECTORS = arrays.arrays(np.float32, (30, 4), elements=st.floats(-1, 1, width=32)).map(
    lambda one: (
        (one + np.float32([2, 0, 0, 0])) / np.linalg.norm(one + np.float32([2, 0, 0, 0]), axis=1)[:, None]
    )
)
MASKS = arrays.arrays(np.float32, (5, 6), elements=st.floats(0, 1, width=32))


@given(VECTORS, VECTORS, MASKS)
def test_scores_are_shares_and_likeness_is_a_cosine(known, seen, mask):
    memory = Memory(known.reshape(5, 6, 4), mask)
    assert memory.num_marked > 0
    for _ in range(6):
        scores, likeness = memory.compare(seen)
        assert scores.shape == likeness.shape == (30,)
        assert 0 <= scores.min() <= scores.max() <= 1
        assert -1.01 <= likeness.min() <= likeness.max() <= 1.01
        memory.learn(seen.reshape(5, 6, 4), scores.reshape(5, 6), mask)


def test_what_is_surely_seen_is_learnt():
    features = np.stack([np.stack([THING, PLACE])])
    memory = Memory(features, np.float32([[1, 0]]))
    turned = (THING + 0.6 * PLACE + OTHER) / np.linalg.norm(THING + 0.6 * PLACE + OTHER)
    before = memory.compare(turned[None])[0]
    memory.learn(np.stack([np.stack([turned, PLACE])]), np.float32([[0.95, 0]]), np.float32([[0.95, 0]]))
    assert memory.compare(turned[None])[0] > before


@given(MASKS, st.integers(1, 40), st.integers(1, 40))
def test_maps_keep_their_range(mask, rows, cols):
    stretched = to_map(mask, (rows, cols))
    assert stretched.shape == (rows, cols)
    assert mask.min() - 1e-5 <= stretched.min() <= stretched.max() <= mask.max() + 1e-5
    sampled = to_cells(stretched, (5, 6))
    assert sampled.shape == (5, 6)
    assert stretched.min() - 1e-5 <= sampled.min() <= sampled.max() <= stretched.max() + 1e-5


def test_cells_and_maps_lie_in_the_same_place():
    ramp = np.tile(np.linspace(0, 1, 120, dtype=np.float32), (68, 1))
    there_and_back = to_map(to_cells(ramp, (25, 41)), (68, 120))
    assert np.abs(there_and_back - ramp)[:, 5:-5].max() < 0.005


@pytest.mark.parametrize(
    ("text", "path", "seconds"),
    [
        ("mask.png", "mask.png", None),
        ("mask.png@12.5", "mask.png", 12.5),
        ("mask.png@12s", "mask.png", 12),
        ("a@b/mask.png@1:02", "a@b/mask.png", 62),
        ("mask.png@1:02:03.5", "mask.png", 3723.5),
        ("a@b.png", "a@b.png", None),
    ],
)
def test_the_time_of_a_mark_is_read(text, path, seconds):
    assert parse_mark(text) == Mark(path=Path(path), seconds=seconds)


def test_a_time_that_is_none_is_named(tmp_path):
    mask = tmp_path / "mask.png"
    mask.touch()
    with pytest.raises(ConfigError, match="noon is no time; write it as in"):
        parse_mark(f"{mask}@noon")
    odd = tmp_path / "mask.png@5"
    odd.touch()
    assert parse_mark(str(odd)) == Mark(path=odd)


def test_marks_survive_json_and_lose_their_folders():
    config = MapsConfig(track=(Mark(path=Path("a/b.png")), Mark(path=Path("c/d.png"), seconds=2.5)))
    assert from_plain(MapsConfig, to_plain(config), "maps") == config
    assert [str(one) for one in without_folders(config).track] == ["b.png", "d.png@2.5"]


@pytest.mark.parametrize("other", [{"path": "maps"}, {"boxes": "boxes.txt"}])
def test_marks_exclude_maps_and_boxes(other):
    with pytest.raises(ConfigError, match="exclude each other"):
        MapsConfig(track=(Mark(path=Path("mask.png")),), **other)


@pytest.mark.parametrize("model", ["spectral", "net.onnx"])
def test_marks_need_a_network_with_features(model):
    with pytest.raises(ConfigError, match=f"which `model={model}` has not; give msroi"):
        MapsConfig(track=(Mark(path=Path("mask.png")),), model=model)


def test_every_frame_is_looked_at():
    mark = Mark(path=Path("mask.png"))
    with pytest.raises(ConfigError, match="`map_every` has no effect"):
        CompressConfig(maps=MapsConfig(track=(mark,)), temporal=TemporalConfig(map_every=5))
