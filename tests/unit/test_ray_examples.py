"""The files for clusters: Ray's own checks of one, and what the operator of the other needs."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer  # noqa: TID251 - the command is read, and nothing is printed

from semvid.batch.cluster.places import places_in
from semvid.cli import app

if importlib.util.find_spec("ray") is None:
    pytest.skip("ray is not installed", allow_module_level=True)

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "ray"
GIB = 1 << 30


def read(name):
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture
def checked(monkeypatch):
    from ray.autoscaler._private.util import prepare_config, validate_config

    # What is copied is named from the repository's root.
    monkeypatch.chdir(FOLDER.parents[1])

    def check(config):
        config = prepare_config(config)
        validate_config(config)
        return config

    return check


def test_ray_takes_the_cluster(checked):
    config = checked(read("cluster.yaml"))
    assert config["max_workers"] == len(config["provider"]["worker_ips"])
    assert all(Path(one).exists() for one in config["file_mounts"].values())
    started = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    assert sum("ray start" in one for one in started) == 2


@pytest.mark.filterwarnings("ignore")
def test_its_check_finds_mistakes(checked):
    import jsonschema

    with pytest.raises(jsonschema.ValidationError):
        checked({**read("cluster.yaml"), "setup_comands": []})


def test_the_job_has_what_the_operator_needs():
    job = read("kuberay.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    version = re.search(r"FROM rayproject/ray:([\d.]+)-", (FOLDER / "Dockerfile").read_text())[1]
    assert cluster["rayVersion"] == version
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    assert workers["groupName"]
    for group in (head, workers):
        spec = group["template"]["spec"]
        (container,) = spec["containers"]
        assert container["image"] == "REGISTRY/semvid-ray"
        assert all(isinstance(one, str) for one in group["rayStartParams"].values())
        mounted = {one["name"] for one in container["volumeMounts"]}
        assert mounted == {one["name"] for one in spec["volumes"]}
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    # Ray gives its objects 30 % at most.
    memory = 0.7 * GIB * int(limits["memory"].removesuffix("Gi"))
    assert places_in([{"CPU": int(limits["cpu"]), "memory": memory}], 4, has_gpu=False)


def test_its_command_is_one_of_ours():
    program, command, *given = shlex.split(read("kuberay.yaml")["spec"]["entrypoint"])
    assert (program, command) == ("semvid", "batch")
    known = {flag for one in typer.main.get_command(app.app).commands["batch"].params for flag in one.opts}
    assert {one for one in given if one.startswith("-")} <= known
