"""The weights that are shipped do what the README says, on photographs that scikit-image carries."""

import json
from typing import get_args

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from semvid.core.config import FocusConfig
from semvid.models.architecture import ARCHITECTURES, CHANNELS, Head
from semvid.models.registry import open_predictor
from semvid.models.rule import class_scores, importance
from semvid.models.runtime import OnnxRuntime, exported, open_session
from semvid.models.weights_file import SHIPPED, open_weights

NETWORKS = pytest.mark.parametrize("name", sorted(SHIPPED))


def class_maps(name, picture):
    predictor = open_predictor(name, FocusConfig(), "cpu")
    size = predictor.input_size(picture.shape[1], picture.shape[0])
    return predictor.class_maps(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[None])[0]


def test_every_network_is_shipped():
    assert set(SHIPPED) == set(ARCHITECTURES)


@NETWORKS
def test_metadata_tells_where_weights_come_from(name):
    opened = open_weights(name)
    assert opened.architecture == ARCHITECTURES[name]
    assert len(opened.metadata["data_sha256"]) == 64
    assert opened.metadata["commit"] != "unknown"
    assert json.loads(opened.metadata["training"])["seed"]
    scores = json.loads(opened.metadata["scores"])
    assert scores.get("iou", scores.get("salient")) > 0.5


@NETWORKS
def test_onnx_agrees_with_torch(name):
    opened = open_weights(name)
    size = (opened.architecture.input_width, opened.architecture.input_height)
    picture = cv2.resize(skimage.data.astronaut(), size, interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        expected = opened.load()(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1)
    assert np.abs(OnnxRuntime(opened).run(picture[None]) - expected.numpy()).max() < 1e-3


@NETWORKS
@pytest.mark.parametrize("head", get_args(Head))
def test_shipped_graphs_are_what_torch_exports(name, head):
    """If not, ``make graphs`` makes them."""
    opened = open_weights(name)
    pictures = np.random.default_rng(1).integers(0, 256, (2, 97, 129, 3), np.uint8)
    expected = open_session(exported(opened, head), 1).run(None, {"pictures": pictures})[0]
    assert np.array_equal(OnnxRuntime(opened, 1, head).run(pictures), expected)


@NETWORKS
@pytest.mark.parametrize("turned", [False, True])
def test_a_face_is_found_where_it_is(name, turned):
    picture = skimage.data.astronaut()
    if turned:
        # A wide picture with the astronaut at its right.
        picture = np.hstack([np.full((512, 400, 3), 90, np.uint8), picture])
    face = class_maps(name, picture)[CHANNELS.index("face")]
    rows, cols = np.indices(face.shape)
    x = ((cols + 0.5) * face).sum() / face.sum() / face.shape[1] * picture.shape[1] - 400 * turned
    y = ((rows + 0.5) * face).sum() / face.sum() / face.shape[0] * picture.shape[0]
    assert face.max() > 0.6
    assert abs(x - 225) < 40
    assert abs(y - 115) < 40


@NETWORKS
def test_classes_are_told_apart(name):
    assert CHANNELS[int(np.argmax(class_scores(class_maps(name, skimage.data.chelsea()))[:6]))] == "animal"
    found = CHANNELS[int(np.argmax(class_scores(class_maps(name, skimage.data.astronaut()))[:6]))]
    assert found in {"person", "face"}


@NETWORKS
def test_focus_moves_importance_from_body_to_face(name):
    maps = class_maps(name, skimage.data.astronaut())
    face = maps[CHANNELS.index("face")] > 0.5
    body = (maps[CHANNELS.index("person")] > 0.5) & (maps[CHANNELS.index("face")] < 0.2)
    shares = [
        importance(maps, FocusConfig(weights))[face].mean()
        / importance(maps, FocusConfig(weights))[body].mean()
        for weights in ({}, {"face": 3}, {"person": 0.2, "face": 1})
    ]
    assert shares[1] > 1.2 * shares[0]
    assert shares[2] > 1.3 * shares[0]


@NETWORKS
def test_a_class_of_weight_0_leaves_no_tint_and_others_leave_it_alone(name):
    maps = class_maps(name, skimage.data.astronaut())
    person = maps[CHANNELS.index("person")] > 0.5
    face = maps[CHANNELS.index("face")] > 0.5
    usual = importance(maps, FocusConfig())
    without = importance(maps, FocusConfig({"person": 0}))
    assert usual[person].mean() > 0.3
    assert without[person].mean() < 0.01
    assert without[person].max() < 0.1
    faces_only = importance(maps, FocusConfig({"person": 0, "face": 1}))
    assert faces_only[face].mean() > 0.9 * usual[face].mean()
    assert faces_only[person & (maps[CHANNELS.index("face")] < 0.05)].mean() < 0.01
    for other in ("animal", "vehicle", "object"):
        assert np.abs(importance(maps, FocusConfig({other: 0})) - usual)[person].mean() < 0.01


@NETWORKS
def test_a_raised_class_keeps_its_importance_and_all_else_has_its_share(name):
    maps = class_maps(name, skimage.data.chelsea())
    animal = maps[CHANNELS.index("animal")] > 0.5
    usual, raised = (importance(maps, FocusConfig(weights)) for weights in ({}, {"animal": 2}))
    elsewhere = maps[CHANNELS.index("animal")] < 0.05
    assert raised[animal].mean() > 0.9 * usual[animal].mean()
    assert raised[elsewhere].mean() < 0.6 * usual[elsewhere].mean()
    # There is no vehicle that the cat could count half of.
    assert np.abs(importance(maps, FocusConfig({"vehicle": 2})) - usual).mean() < 0.01
