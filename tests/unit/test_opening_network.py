"""A network that is still being opened keeps nobody waiting who does not need it."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from clips import make_clip

from semvid.cli.compress import command
from semvid.core.config import MapsConfig
from semvid.core.errors import ModelError
from semvid.importance import registry
from semvid.importance.predictor import NetworkSource, OpeningNetwork
from semvid.importance.registry import begin_opening, open_source, sharing_cores


def test_it_is_waited_for_where_it_is_needed():
    may_open = threading.Event()
    network = SimpleNamespace(
        batch_size=4, notices=["slow"], input_size=lambda *size: size, predict=lambda pictures: pictures + 1,
        refocus=lambda focus: None,
    )  # fmt: skip

    def open_network():
        assert may_open.wait(60)
        return network

    opening = OpeningNetwork(open_network)
    assert list(opening.notices) == []
    source = NetworkSource(opening)
    assert source.map_every == 10
    assert source.finish(0) is None
    may_open.set()
    assert source.batch_size == 4
    assert opening.input_size(320, 180) == (320, 180, 1.0)
    assert opening.predict(np.zeros(3)).tolist() == [1, 1, 1]
    assert source.finish(1) == "slow"


def test_what_goes_wrong_is_raised_to_whoever_needs_it():
    def open_network():
        raise ModelError("no such network; get it again")

    opening = OpeningNetwork(open_network)
    for _ in range(2):
        with pytest.raises(ModelError, match="get it again"):
            opening.predict(np.zeros(3))


def test_one_that_was_begun_is_taken_once(monkeypatch):
    opened = []
    network = SimpleNamespace(batch_size=1, notices=[])
    monkeypatch.setattr(registry, "_open_network", lambda config: opened.append(config) or network)
    config = sharing_cores(MapsConfig())
    begin_opening(config)
    for _ in range(2):
        assert open_source(sharing_cores(MapsConfig()), None).batch_size == 1
    assert len(opened) == 2
    assert not registry._begun


@pytest.mark.parametrize(
    "config",
    [MapsConfig(model="spectral"), MapsConfig(boxes="boxes.jsonl"), MapsConfig(device="cuda")],
    ids=str,
)
def test_none_is_begun_where_none_is_needed_or_something_may_be_wrong(config):
    begin_opening(config)
    assert not registry._begun


def test_a_command_opens_one_network(monkeypatch, tmp_path):
    opened = []
    usual = registry._open_network
    monkeypatch.setattr(registry, "_open_network", lambda config: opened.append(config) or usual(config))
    clip = make_clip(tmp_path / "clip.mp4", width=192, height=96, num_frames=4)
    command([str(clip)], tmp_path / "out.mp4", as_json=True)
    assert len(opened) == 1
    assert not registry._begun
