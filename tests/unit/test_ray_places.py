"""What workers ask Ray for, and what is said of those that are lost."""

import pytest

import semvid
from semvid.batch.cluster.faults import why_lost
from semvid.batch.cluster.places import GPU_SHARE, MEMORY, places_in, threads_for, uses_gpu, why_none

BIG = {"CPU": 8.0, "memory": 100.0 * MEMORY}
WITH_GPU = {**BIG, "GPU": 1.0}


def kinds(places):
    return sum(one.num_gpus > 0 for one in places), sum(not one.num_gpus for one in places)


def test_each_node_has_as_many_as_fit():
    assert kinds(places_in([BIG, WITH_GPU], 4, has_gpu=False)) == (0, 4)
    assert kinds(places_in([BIG, WITH_GPU], 4, has_gpu=True)) == (2, 0)
    assert kinds(places_in([WITH_GPU], 1, has_gpu=True)) == (int(1 / GPU_SHARE), 0), "the GPU is full"
    assert kinds(places_in([{**BIG, "memory": 1.5 * MEMORY}], 1, has_gpu=False)) == (0, 1), "memory is"
    assert places_in([{"CPU": 2.0, "memory": 9.0 * MEMORY}], 4, has_gpu=False) == []
    assert places_in([{"CPU": 8.0}], 4, has_gpu=False) == []


def test_what_a_worker_asks_for():
    with_gpu, without = (places_in([WITH_GPU], 4, has_gpu=one)[0] for one in (True, False))
    assert with_gpu.options() == {"num_cpus": 4, "memory": MEMORY, "num_gpus": GPU_SHARE}
    assert without.options() == {"num_cpus": 4, "memory": MEMORY}


def test_workers_are_as_small_as_the_smallest_node():
    assert threads_for([BIG]) == 4
    assert threads_for([BIG, {"CPU": 2.0}, {}]) == 2


def test_what_lacks_is_named():
    assert "has the 16 cores that a file needs (the largest has 8)" in why_none([BIG], 16, has_gpu=False)
    assert "has a GPU" in why_none([BIG], 4, has_gpu=True)
    assert "1024 MiB of memory" in why_none([{"CPU": 8.0, "memory": 5.0}], 4, has_gpu=False)


@pytest.mark.parametrize(
    ("model", "device", "expected"),
    [
        ("msroi", "auto", False),
        ("msroi", "cuda", True),
        ("msroi", "cpu", False),
        ("spectral", "cuda", False),
    ],
)
def test_only_networks_use_a_gpu(model, device, expected):
    assert uses_gpu(semvid.CompressConfig(maps=semvid.MapsConfig(model=model, device=device))) == expected


class ActorDiedError(Exception):
    pass


class ActorUnavailableError(Exception):
    pass


def test_a_node_that_does_not_answer():
    error = ActorUnavailableError("The actor is temporarily unavailable: RpcError: Socket closed")
    assert why_lost(error) == "its node does not answer any more"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "1 worker(s) were killed due to the node running low on memory. ...",
            "took too much memory, and Ray",
        ),
        ("The process is killed by SIGKILL by OOM killer", "it crashed, or was killed"),
        ("The actor died because its node has died. Node Id: 12", "its node was lost"),
        ("first\n  what happened  \n", "its worker was lost: what happened"),
    ],
)
def test_why_a_worker_was_lost(text, expected):
    assert expected in why_lost(ActorDiedError(text))
