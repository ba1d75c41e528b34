"""A cluster of three nodes on this machine: the same bytes as without it, also if a node is lost."""

import importlib.util
import os

import pytest
from clips import make_clip

import semvid
from semvid.batch import on_ray
from semvid.batch.store import WORK_FOLDER
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
        make_clip(path / f"{number}.mp4", num_frames=20, cut_at=5 + number)
    (path / "broken.mp4").write_bytes(b"nothing" * 100)
    return path


@pytest.fixture(scope="module")
def local(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("local")
    semvid.compress_many([folder], output, LOCAL)
    return files(output)


@pytest.fixture
def cluster(tmp_path_factory, monkeypatch):
    import ray

    # Workers look for modules where the driver is, and the repository's folder has but a part of the package.
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=made.address, log_to_driver=False)
    yield made, nodes
    ray.shutdown()
    made.shutdown()


def files(folder):
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {one.name: one.read_bytes() for one in found}


@pytest.mark.filterwarnings("ignore")
def test_a_lost_node_costs_its_jobs_a_second_attempt_and_nothing_else(folder, local, cluster, tmp_path):
    made, nodes = cluster
    attempts = []

    def lose(event):
        kind = type(event).__name__
        if kind == "JobBegan":
            attempts.append(event.attempt)
        if kind == "JobEnded" and event.state == "done" and nodes:
            made.remove_node(nodes.pop(), allow_graceful=False)
            nodes.clear()

    ended = semvid.compress_many([folder], tmp_path, ON_RAY, on_event=lose)
    assert ended.counts == {"done": 6, "failed": 1}
    assert files(tmp_path) == local
    assert len(attempts) <= 6 + 1, "at most what the lost node did is done again"
    assert not list((tmp_path / WORK_FOLDER).glob(".semvid-*"))


@pytest.mark.filterwarnings("ignore")
def test_a_node_with_another_semvid_is_refused(folder, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "versions", lambda: {"semvid": "9.9", "weights": "other"})
    with pytest.raises(
        ConfigError, match=r"node .* has semvid .*, and this machine has 9.9; install the same"
    ):
        semvid.compress_many([folder], tmp_path, ON_RAY)


def test_without_ray_it_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(on_ray, "find_spec", lambda name: None)
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
