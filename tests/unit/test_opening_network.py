"""A network that is still being opened keeps nobody waiting who does not need it."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from semvid.core.errors import ModelError
from semvid.importance.predictor import NetworkSource, OpeningNetwork


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
