"""Sharper labels must replace only what they fit, and things cut out must be whole."""

import cv2
import numpy as np
import pytest

from semvid.models.training.cutting import cut_out
from semvid.models.training.gating import GATED, GATED_FIXATION, gated
from semvid.models.training.pack import FIXATION_LABELS, PACK_CHANNELS, Example

ROWS, COLS = 40, 60
PERSON, ANIMAL, SALIENT = (PACK_CHANNELS.index(name) for name in ("person", "animal", "salient"))


def disc(x, y, radius, value=255):
    return cv2.circle(np.zeros((ROWS, COLS), np.uint8), (x, y), radius, value, -1)


def example(labels, salient_from="teacher", valid=(1, 1, 1, 1, 1, 1)):
    stacked = np.zeros((6, ROWS, COLS), np.uint8)
    for index, label in labels.items():
        stacked[index] = label
    picture = np.full((ROWS * 4, COLS * 4, 3), 90, np.uint8)
    picture[np.kron(stacked[SALIENT], np.ones((4, 4))) > 127] = (0, 0, 250)
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    return Example(
        "x.jpg", jpeg, stacked, np.array(valid, bool), salient_from, "x", "open", "train", COLS / ROWS
    )


def test_a_foreground_that_agrees_replaces_object_and_class():
    blurred, sharp = disc(20, 20, 12), disc(21, 20, 10)
    one = gated(example({SALIENT: blurred, ANIMAL: blurred, PERSON: disc(50, 30, 4)}), sharp)
    assert one.salient_from == GATED
    assert np.array_equal(one.labels[SALIENT], sharp)
    assert np.array_equal(one.labels[ANIMAL], sharp)
    assert np.array_equal(one.labels[PERSON], disc(50, 30, 4))


@pytest.mark.parametrize("salient_from", ["teacher", "gt-mask"])
def test_a_foreground_elsewhere_and_exact_masks_change_nothing(salient_from):
    one = example({SALIENT: disc(20, 20, 10)}, salient_from)
    elsewhere = disc(48, 20, 10) if salient_from == "teacher" else disc(20, 20, 11)
    assert gated(one, elsewhere) is one


def test_two_classes_share_a_foreground_by_what_lies_where():
    rider, horse = disc(20, 12, 9), disc(20, 26, 9)
    both = np.maximum(rider, horse)
    one = gated(example({SALIENT: both, PERSON: rider, ANIMAL: horse}), both)
    assert one.labels[PERSON][8, 20] == 255
    assert one.labels[ANIMAL][8, 20] < 30
    assert one.labels[ANIMAL][32, 20] == 255
    assert one.labels[PERSON][32, 20] < 30


def test_an_unknown_class_stays_unknown():
    label = disc(20, 20, 10)
    one = gated(example({SALIENT: label, ANIMAL: label}, valid=(1, 1, 0, 1, 1, 1)), disc(20, 20, 9))
    assert np.array_equal(one.labels[ANIMAL], label)


def test_things_count_as_much_as_people_looked_at_them():
    much, little = disc(15, 20, 8), disc(45, 20, 8)
    looked = np.maximum(disc(15, 20, 5, 250), disc(45, 20, 5, 100))
    looked[35:, 25:35] = 200
    one = gated(example({SALIENT: looked}, FIXATION_LABELS), np.maximum(much, little))
    assert one.salient_from == GATED_FIXATION
    salient = one.labels[SALIENT]
    assert salient[20, 8] == salient[20, 15] >= 240
    assert 80 <= salient[20, 38] <= 120
    assert salient[38, 30] == 0
    # Looked at, but in no thing: nobody knows.
    assert one.doubt[38, 30] == 200
    assert one.doubt[20, 15] == one.doubt[5, 30] == 0


def test_where_nobody_looked_at_a_thing_labels_stay():
    one = example({SALIENT: disc(50, 8, 5)}, FIXATION_LABELS)
    assert gated(one, disc(15, 25, 8)) is one


def test_what_stands_free_is_cut_out_to_its_outline():
    label = disc(25, 20, 10)
    (found,) = cut_out(example({SALIENT: label, ANIMAL: disc(25, 20, 11)}), label)
    rgba = found.picture()
    assert found.group == "animal"
    solid = rgba[..., 3] > 127
    assert 0.85 < solid.sum() / (16 * (label > 0).sum()) < 1.02
    assert rgba[solid][:, :3].mean(0) == pytest.approx((250, 0, 0), abs=25)


@pytest.mark.parametrize(
    ("labels", "foreground"),
    [
        ({ANIMAL: disc(5, 20, 10)}, disc(5, 20, 10)),
        ({ANIMAL: disc(45, 30, 5)}, disc(20, 15, 10)),
        ({ANIMAL: disc(20, 15, 2)}, disc(20, 15, 2)),
        ({}, disc(20, 15, 10)),
    ],
    ids=["at the border", "another class place", "too small", "no class"],
)
def test_nothing_else_is_cut_out(labels, foreground):
    assert cut_out(example(labels), foreground) == []
