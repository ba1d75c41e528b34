"""A cluster of three nodes on this machine: the same bytes as without it, also if a node is lost."""

import dataclasses
import importlib.util
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from clips import make_clip

import semvid
from semvid.batch.cluster import carry, ray_pool
from semvid.batch.cluster.places import GPU_SHARE
from semvid.batch.cluster.ray_pool import RayPool
from semvid.batch.jobs.store import WORK_FOLDER
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError

if importlib.util.find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

VIDEO = semvid.CompressConfig(
    preset="superfast", probe="none", threads=1, maps=semvid.MapsConfig(model="spectral")
)
LOCAL, ON_RAY = (BatchConfig(video=VIDEO, engine=one) for one in ("local", "ray"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ray") / "in"
    path.mkdir()
    for number in range(6):
        make_clip(path / f"{number}.mp4", width=256, height=128, num_frames=20, cut_at=5 + number)
    (path / "broken.mp4").write_bytes(b"nothing" * 100)
    return path


@pytest.fixture(scope="module")
def local(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("local")
    semvid.compress_many([folder], output, LOCAL)
    return files(output)


NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    import ray
    from ray.cluster_utils import Cluster

    before = Path.cwd()
    temporary = tmp_path_factory.mktemp("temporary")
    # Ray's own would be there too, with names that are too long for it.
    os.environ["RAY_TMPDIR"], os.environ["TMPDIR"] = "/tmp", str(temporary)  # noqa: S108
    # Workers look for modules where the driver is, and the repository's folder has but a part of the package.
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    made = Cluster(
        initialize_head=True,
        head_node_args={**NODE, "include_dashboard": False, "include_log_monitor": False},
    )
    made.add_node(**NODE)
    ray.init(address=made.address, log_to_driver=False)
    yield SimpleNamespace(nodes=made, temporary=temporary)
    ray.shutdown()
    made.shutdown()
    os.chdir(before)
    del os.environ["RAY_TMPDIR"], os.environ["TMPDIR"]


def files(folder):
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {one.name: one.read_bytes() for one in found}


# First, while Ray runs nowhere.
def test_without_ray_it_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_pool, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match="`engine=ray` needs the extra ray; run 'pip install semvid\\[ray\\]'"
    ):
        semvid.compress_many([folder], tmp_path, ON_RAY)


def test_an_address_where_nothing_answers_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_GRPC_SERVER_CONNECT_TIMEOUT", "1")
    config = BatchConfig(video=VIDEO, engine="ray", ray_address="127.0.0.1:1")
    with pytest.raises(ConfigError, match="no Ray cluster answers at"):
        semvid.compress_many([folder], tmp_path, config)
    assert os.listdir(tmp_path) == [WORK_FOLDER]


@pytest.mark.filterwarnings("ignore")
def test_a_lost_node_costs_its_jobs_a_second_attempt_and_nothing_else(folder, local, cluster, tmp_path):
    nodes = [cluster.nodes.add_node(**NODE)]
    attempts = []

    def lose(event):
        kind = type(event).__name__
        if kind == "JobBegan":
            attempts.append(event.attempt)
        if kind == "JobEnded" and event.state == "done" and nodes:
            cluster.nodes.remove_node(nodes.pop(), allow_graceful=False)

    ended = semvid.compress_many([folder], tmp_path, ON_RAY, on_event=lose)
    assert ended.counts == {"done": 6, "failed": 1}
    assert files(tmp_path) == local
    assert len(attempts) <= 6 + 1, "at most what the lost node did is done again"
    assert not list((tmp_path / WORK_FOLDER).glob(".semvid-*"))


@pytest.fixture
def unseen():
    """Make names of folders by which no other process finds them, as if it were on another machine."""
    handles = []

    def make(folder):
        handle = os.open(folder, os.O_RDONLY)
        # Too high for the files that a worker opens.
        handles.append(os.dup2(handle, 700 + len(handles)))
        os.close(handle)
        return Path(f"/proc/self/fd/{handles[-1]}")

    yield make
    for one in handles:
        os.close(one)


def placed(events):
    return {(one.source_way, one.output_way) for one in events if type(one).__name__ == "JobPlaced"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="folders only one process sees are Linux's")
@pytest.mark.filterwarnings("ignore")
def test_nodes_that_see_no_files_are_sent_them(folder, local, cluster, tmp_path, unseen, monkeypatch):
    monkeypatch.setattr(carry, "PIECE_BYTES", 30_000)
    events = []
    both, source, output = (tmp_path / name for name in ("both", "source", "output"))
    for one in (both, source, output):
        one.mkdir()
    ended = semvid.compress_many([unseen(folder)], unseen(both), ON_RAY, on_event=events.append)
    assert ended.counts == {"done": 6, "failed": 1}
    assert files(both) == local
    assert placed(events) == {("streamed", "streamed")}
    assert not list((both / WORK_FOLDER).glob(".semvid-*"))
    failures = [one.reason for one in events if type(one).__name__ == "JobEnded" and one.state == "failed"]
    assert "/proc/self/fd/700/broken.mp4" in failures[0], "it has the name that the user knows"

    # One file is enough where the steps are the same.
    config, one = dataclasses.replace(ON_RAY, jobs=1), {"0.mp4": local["0.mp4"]}
    events.clear()
    semvid.compress_many([unseen(folder) / "0.mp4"], source, config, on_event=events.append)
    assert placed(events) == {("streamed", "shared")}
    assert files(source) == one
    events.clear()
    semvid.compress_many([folder / "0.mp4"], unseen(output), config, on_event=events.append)
    assert placed(events) == {("shared", "streamed")}
    assert files(output) == one
    assert not list(cluster.temporary.rglob("*.mp4")), "nothing is left on nodes"


@pytest.mark.filterwarnings("ignore")
def test_what_kills_its_workers_stops_after_its_attempts_and_is_named(
    folder, local, cluster, tmp_path, monkeypatch
):
    class Poisoned(ray_pool.Worker):
        def run(self, what):
            if what.order["source"].endswith("3.mp4"):
                os.kill(os.getpid(), signal.SIGKILL)
            return super().run(what)

    monkeypatch.setattr(ray_pool, "Worker", Poisoned)
    events = []
    config = dataclasses.replace(ON_RAY, retry=1)
    ended = semvid.compress_many([folder], tmp_path, config, on_event=events.append)
    assert ended.counts == {"done": 5, "failed": 2}
    assert files(tmp_path) == {name: data for name, data in local.items() if name != "3.mp4"}
    of_it = [one for one in events if getattr(one, "source", None) == folder / "3.mp4"]
    attempts = [one.attempt for one in of_it if type(one).__name__ == "JobBegan"]
    assert attempts == [1, 2]
    last = of_it[-1]
    assert last.state == "failed"
    assert last.reason.startswith("its worker was lost: it crashed, or was killed")
    assert last.reason.endswith("; it was tried 2 times")


@pytest.mark.filterwarnings("ignore")
def test_nodes_that_come_later_get_jobs_and_workers_come_where_what_they_need_is(cluster, monkeypatch):
    import ray

    monkeypatch.setattr(ray_pool, "_GROW_SECONDS", 0.0)
    added = []
    try:
        with RayPool(None, 1, None) as pool:
            assert pool.num_free == 2
            added.append(cluster.nodes.add_node(**NODE, num_gpus=1))
            deadline = time.monotonic() + 120
            while pool.num_free < 3 and time.monotonic() < deadline:
                pool.next(0.5)
            assert len(pool._free) == pool.num_free == 3
            assert not [one for one in pool._free if one.place.num_gpus]
        with RayPool(None, 1, None, has_gpu=True) as pool:
            assert [one.node for one in pool._free] == [added[0].node_id], "only there is a GPU"
            seen = ray.available_resources()
            assert seen["GPU"] == 1 - GPU_SHARE
    finally:
        for node in added:
            cluster.nodes.remove_node(node)


@pytest.mark.filterwarnings("ignore")
def test_a_node_with_another_semvid_is_refused(folder, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_pool, "versions", lambda: {"semvid": "9.9", "weights": "other"})
    with pytest.raises(
        ConfigError, match=r"node .* has semvid .*, and this machine has 9.9; install the same"
    ):
        semvid.compress_many([folder], tmp_path, ON_RAY)
