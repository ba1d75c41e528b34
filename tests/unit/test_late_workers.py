"""Workers of a cluster that come late, and cannot be used: the batch goes on without them."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from semvid.batch.cluster import ray_pool
from semvid.batch.cluster.ray_pool import RayPool
from semvid.core.errors import ConfigError

VERSIONS = {"semvid": "1.0", "weights": "a"}


class LostError(Exception):
    pass


class Ray:
    """As much of Ray as the pool needs: actors whose answers are there at once."""

    exceptions = SimpleNamespace(RayError=LostError, RayTaskError=LostError)

    def __init__(self):
        self.looks = []
        """What the next actors will answer."""
        self.killed = []
        self.num_cpus = 1

    def is_initialized(self):
        return True

    def nodes(self):
        return [{"Resources": {"CPU": float(self.num_cpus), "memory": 2.0**35}, "Alive": True}]

    def remote(self, **options):
        return lambda kind: SimpleNamespace(remote=self._make)

    def _make(self, **given):
        answer = self.looks.pop(0)
        return SimpleNamespace(
            look=SimpleNamespace(remote=lambda: Answer(answer)), told=SimpleNamespace(remote=object)
        )

    def wait(self, asked, num_returns, timeout):
        there = [one for one in asked if isinstance(one, Answer)][:num_returns]
        return there, [one for one in asked if one not in there]

    def get(self, answer):
        if isinstance(answer.value, Exception):
            raise answer.value
        return answer.value

    def kill(self, actor):
        self.killed.append(actor)


class Answer:
    def __init__(self, value):
        self.value = value


def node(name, **changes):
    return {**VERSIONS, "node": name, "id": name, **changes}


@pytest.fixture
def ray(monkeypatch):
    made = Ray()
    monkeypatch.setattr(ray_pool, "find_spec", lambda name: True)
    monkeypatch.setattr(ray_pool, "import_module", lambda name: made)
    monkeypatch.setattr(ray_pool, "versions", lambda: VERSIONS)
    monkeypatch.setattr(ray_pool, "_GROW_SECONDS", 0.0)
    return made


def working(pool):
    """Have the pool's first worker on a job that does not end."""
    pool._asked[object()] = SimpleNamespace(
        job=4, worker=pool._free.pop(), steps=SimpleNamespace(close=lambda: None)
    )


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (
            node("other", semvid="2.0"),
            "node other has semvid 2.0, and this machine has 1.0; install the same",
        ),
        ({"node": "old", "id": "old"}, "node old has semvid None"),
        (LostError("The actor died"), "a node of the cluster cannot start semvid (The actor died)"),
    ],
)
def test_the_batch_goes_on_and_tells_of_it_once(ray, late, words):
    ray.looks = [node("first"), late, late, node("good")]
    with RayPool(None, 1, None) as pool:
        assert [one.node for one in pool._free] == ["first"]
        working(pool)
        ray.num_cpus = 2
        time.sleep(0.001)
        told = [pool.next(0.0) for _ in range(6)]
        assert [one.node for one in pool._free] == ["good"]
        assert len(ray.killed) == 2
        assert [one.node for one in pool._hired] == ["first", "good"]
        (notice,) = filter(None, told)
        assert notice.job == 4
        assert notice.record["event"] == "notice"
        assert notice.record["message"].startswith(words)


def test_without_a_job_in_hand_it_is_told_with_the_next(ray):
    ray.looks = [node("first"), node("other", semvid="2.0"), node("good")]
    with RayPool(None, 1, None) as pool:
        ray.num_cpus = 2
        time.sleep(0.001)
        assert [pool.next(0.0) for _ in range(4)] == [None] * 4
        working(pool)
        assert "node other has semvid 2.0" in pool.next(0.0).record["message"]


def test_at_the_start_all_have_to_be_welcome(ray):
    ray.looks = [node("first"), node("other", semvid="2.0")]
    ray.num_cpus = 2
    with pytest.raises(ConfigError, match="node other has semvid 2.0"):
        RayPool(None, 1, None)
    assert len(ray.killed) == 2
