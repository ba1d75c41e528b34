"""Training labels must lie exactly on what they label."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from semvid.models.training.augment import OBJECTS, label_sample, mosaic, spoil
from semvid.models.training.losses import fixation_loss, object_loss
from semvid.models.training.pack import FIXATION_LABELS, Cutout, Example
from semvid.models.training.recipe import RECIPES


def example(width=240, height=160):
    """A white ellipse on black, labelled ``animal`` and ``salient`` where it is."""
    picture = np.zeros((height, width), np.uint8)
    cv2.ellipse(picture, (width // 3, height // 2), (50, 40), 0, 0, 360, 255, -1)
    # A label covers 4x4 pixels, the last ones what is left.
    padded = np.pad(picture, ((0, -height % 4), (0, -width % 4)), "edge")
    label = padded.reshape(padded.shape[0] // 4, 4, -1, 4).mean((1, 3)).astype(np.uint8)
    labels = np.zeros((6, *label.shape), np.uint8)
    labels[2] = labels[5] = label
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])
    return Example(
        "x", jpeg.tobytes(), labels, np.ones(6, bool), "gt-mask", "x", "open", "train", width / height
    )


class NoWords:
    def paint(self, picture, rng):
        return picture, np.zeros(picture.shape[:2], np.float32)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [(257, 193), (193, 257)])
def test_labels_follow_the_picture(seed, size, monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    sample = label_sample(example(), size, np.random.default_rng(seed), [], NoWords())
    bright = sample.picture[::4, ::4].mean(2) / 255
    for name in ("animal", "salient"):
        target = sample.target[OBJECTS.index(name)]
        assert target.shape == bright.shape
        assert np.abs(target - bright).mean() < 0.03
        either = (target > 0.5) | (bright > 0.5)
        assert ((target > 0.5) & (bright > 0.5)).sum() >= 0.93 * either.sum()


@pytest.mark.parametrize("seed", range(6))
def test_pasted_things_are_labelled_to_the_pixel(seed, monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    red = np.zeros((60, 80, 4), np.uint8)
    cv2.circle(red, (40, 30), 28, (0, 0, 255, 255), -1)
    cutout = Cutout(cv2.imencode(".png", red)[1].tobytes(), "vehicle")
    always = replace(RECIPES["pack"], paste_share=1.0)
    sample = label_sample(example(), (257, 193), np.random.default_rng(seed), [cutout], NoWords(), always)
    pixels = sample.picture[::4, ::4].astype(int)
    is_red = pixels[..., 0] - pixels[..., 1] > 90
    target = sample.target[OBJECTS.index("vehicle")]
    assert ((target > 0.5) != is_red).mean() < 0.03
    face = OBJECTS.index("face")
    assert sample.weight[face][target > 0.95].max(initial=0) < 0.4


def test_a_crowd_is_many_small_things_of_one_kind(monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    crowd = replace(RECIPES["gated"], paste_share=1.0, crowd_share=1.0)
    white = cv2.imencode(".png", np.full((60, 30, 4), 255, np.uint8))[1].tobytes()
    cutouts = [Cutout(white, "person"), Cutout(white, "vehicle")]
    rng = np.random.default_rng(1)
    sample = label_sample(example(), (257, 193), rng, cutouts, NoWords(), crowd)
    people, vehicles = ((sample.target[OBJECTS.index(name)] > 0.5) for name in ("person", "vehicle"))
    assert people.any() != vehicles.any()
    count, _, boxes, _ = cv2.connectedComponentsWithStats((people | vehicles).astype(np.uint8))
    assert count - 1 >= 3
    assert boxes[1:, cv2.CC_STAT_AREA].max() < 0.1 * people.size


def test_what_is_in_doubt_does_not_count_and_gaze_follows_the_picture(monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    one = example()
    label = one.labels[-1]
    one = replace(one, doubt=255 - label, gaze=label, salient_from=FIXATION_LABELS)
    sample = label_sample(one, (257, 193), np.random.default_rng(3), [], NoWords())
    bright = sample.picture[::4, ::4].mean(2) / 255
    weight = sample.weight[OBJECTS.index("salient")]
    assert weight[bright < 0.1].mean() < 0.01
    assert weight[bright > 0.9].mean() > 0.5
    assert sample.density.sum() == pytest.approx(1, abs=1e-4)
    assert sample.density[bright > 0.5].sum() > 0.9


def test_mosaics_keep_labels_on_pictures(monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    rng = np.random.default_rng(5)
    sample = mosaic([label_sample(example(), (257, 193), rng, [], NoWords()) for _ in range(4)])
    assert sample.picture.shape == (193, 257, 3)
    bright, target = sample.picture[::4, ::4].mean(2) / 255, sample.target[OBJECTS.index("animal")]
    assert target.shape == bright.shape
    assert ((bright > 0.5) != (target > 0.5)).mean() < 0.03


def test_spoiling_keeps_the_shape():
    picture = np.random.default_rng(0).integers(0, 256, (97, 129, 3), np.uint8)
    for seed in range(60):
        spoiled = spoil(picture, np.random.default_rng(seed))
        assert spoiled.shape == picture.shape
        assert spoiled.dtype == np.uint8


def test_losses_fall_to_zero_at_the_truth():
    target = (torch.rand(2, 7, 12, 16) > 0.5).float()
    weights = torch.ones(7)
    good, bad = ((2 * target - 1) * sign for sign in (20, -20))
    assert float(object_loss(good, target, torch.ones_like(target), weights)) < 1e-3
    assert float(object_loss(bad, target, torch.ones_like(target), weights)) > 1
    density = torch.rand(2, 12, 16)
    density = density / density.sum((1, 2), keepdim=True)
    assert float(fixation_loss(density.log()[:, None], density)) < 1e-5


def test_unknown_labels_cost_nothing():
    target, weight = torch.zeros(1, 7, 4, 4), torch.zeros(1, 7, 4, 4)
    assert float(object_loss(torch.full((1, 7, 4, 4), 9.0), target, weight, torch.ones(7))) == 0
    assert float(fixation_loss(torch.rand(1, 1, 4, 4), torch.zeros(1, 4, 4))) == 0
