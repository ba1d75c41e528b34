"""Files for nodes that do not see them: in a few pieces at a time, once, and only where there is room."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import semvid
from semvid.batch.cluster import carry as carrying
from semvid.batch.cluster import node as nodes
from semvid.batch.cluster.carry import Carrier, named_by, needed_files
from semvid.batch.cluster.node import LACKS, NeededFile, RayOrder
from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.tasks.task import Task
from semvid.core.errors import InputMissingError, OutputError
from semvid.core.rate import AsGoodAs


class Actor:
    """An object whose methods answer as an actor's do, at once."""

    def __init__(self, behind, count):
        self._behind, self._count = behind, count

    def __getattr__(self, name):
        def remote(*given):
            self._count["on_way"] += 1
            self._count["most"] = max(self._count["most"], self._count["on_way"])
            try:
                return "answer", getattr(self._behind, name)(*given)
            except OSError as error:
                return "error", error

        return SimpleNamespace(remote=remote)


class TaskError(Exception):
    pass


class LostError(Exception):
    pass


class Cluster:
    def __init__(self, tell=lambda job, record: None):
        self.count = {"on_way": 0, "most": 0}
        self.ends = []
        errors = SimpleNamespace(RayTaskError=TaskError, RayError=LostError)
        self.carrier = Carrier(errors, self.make_keeper, tell)

    def make_keeper(self, node):
        keeper = nodes.Keeper()
        self.ends.append(keeper.close)
        return Actor(keeper, self.count)


class Far:
    """A worker on a node that sees nothing; it copies the source to the output."""

    def run(self, what):
        if not all(one.place for one in what.files):
            return {"event": LACKS, "files": [one.path for one in what.files], "sees_output": not what.proof}
        if what.output_place:
            shutil.copy(what.files[0].place, what.output_place)
        return {"event": "ended", "result": {}}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    (tmp_path / "node").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    monkeypatch.setattr(carrying, "PIECE_BYTES", 10)
    made = Cluster()
    yield made
    for end in reversed(made.ends):
        end()
    assert not list((tmp_path / "node").iterdir())


def order(source, output, *, is_part=False):
    files = [NeededFile(str(source), str(source), identify(source))]
    task = {"span": [0, 5] if is_part else None}
    given = {"source": str(source), "output": str(output), "parts": [], "task": task}
    return RayOrder(given, files, b"proof")


def go_on(cluster, steps, answer=None):
    """Take a step; returns what it waits for, or a dictionary at the end."""
    try:
        asked = steps.send(answer[1]) if answer is None or answer[0] == "answer" else steps.throw(TaskError())
    except StopIteration as end:
        return end.value
    return asked


def finish(cluster, steps):
    asked = go_on(cluster, steps, ("answer", None))
    while not isinstance(asked, dict):
        assert asked is not None, "nothing is in its way"
        cluster.count["on_way"] -= 1
        asked = go_on(cluster, steps, asked)
    return asked


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(bytes(range(256)) + b"end")
    return path


def test_a_few_pieces_are_on_their_way_and_parts_of_a_film_share_it(cluster, source, tmp_path):
    told = []
    carrier = cluster.carrier
    carrier._tell = lambda job, record: told.append(record)
    worker, output = Actor(Far(), cluster.count), tmp_path / "out.mp4"
    for number in range(3):
        steps = carrier.steps(worker, "n1", "node", number, order(source, output, is_part=True))
        assert finish(cluster, steps) == {"event": "ended", "result": {}}
        assert output.read_bytes() == source.read_bytes()
    ways = [(one["source"], one["output"]) for one in told if one["event"] == "placed"]
    assert ways == [("streamed", "streamed"), ("kept", "streamed"), ("kept", "streamed")]
    # Nobody waits for what is dropped.
    assert cluster.count["most"] <= carrying.PIECES + 3
    kept = list((tmp_path / "node").rglob("*.mp4"))
    assert [one.name for one in kept] == ["film.mp4"], "for parts that may come, and no output"
    finish(cluster, carrier.steps(worker, "n1", "node", 3, order(source, output)))
    assert not list((tmp_path / "node").rglob("*.mp4")), "not after the whole"


def test_of_a_film_that_is_joined_only_the_source_stays(cluster, source, tmp_path):
    worker, part = Actor(Far(), cluster.count), tmp_path / "0000.mp4"
    part.write_bytes(b"part")
    joining = order(source, tmp_path / "out.mp4")
    files = [*joining.files, NeededFile(str(part), str(part), identify(part))]
    joining = replace(joining, order={**joining.order, "parts": [str(part)]}, files=files)
    finish(cluster, cluster.carrier.steps(worker, "n1", "node", 0, joining))
    assert [one.name for one in (tmp_path / "node").rglob("*.mp4")] == ["film.mp4"]


def test_films_that_nobody_uses_go_in_their_turn(cluster, tmp_path):
    worker = Actor(Far(), cluster.count)
    for number in range(carrying.MOST_IDLE + 2):
        path = tmp_path / f"film{number}.mp4"
        path.write_bytes(b"film")
        steps = cluster.carrier.steps(
            worker, "n1", "node", number, order(path, tmp_path / "o.mp4", is_part=True)
        )
        finish(cluster, steps)
    kept = sorted(one.name for one in (tmp_path / "node").rglob("*.mp4"))
    assert kept == [f"film{number}.mp4" for number in range(2, carrying.MOST_IDLE + 2)]


def test_who_needs_the_same_file_waits_for_it(cluster, source, tmp_path):
    told = []
    carrier = cluster.carrier
    carrier._tell = lambda job, record: told.append((job, record))
    worker = Actor(Far(), cluster.count)
    first, second = (
        carrier.steps(worker, "n1", "node", number, order(source, tmp_path / f"{number}.mp4", is_part=True))
        for number in range(2)
    )
    asked = go_on(cluster, first, ("answer", None))
    while not [record for job, record in told if record["event"] == "stage"]:
        asked = go_on(cluster, first, asked)
    waits = go_on(cluster, second, ("answer", None))
    while waits is not None:
        waits = go_on(cluster, second, waits)
    while not isinstance(asked, dict):
        asked = go_on(cluster, first, asked)
    assert "result" in finish(cluster, second)
    assert [(job, one["source"]) for job, one in told if one["event"] == "placed"] == [
        (0, "streamed"),
        (1, "kept"),
    ]


def test_at_most_two_files_are_sent_at_a_time(cluster, tmp_path):
    carrier = cluster.carrier
    worker = Actor(Far(), cluster.count)
    waiting = []
    for number in range(3):
        path = tmp_path / f"in{number}.mp4"
        path.write_bytes(b"x" * 100 + bytes([number]))
        steps = carrier.steps(worker, "n1", "node", number, order(path, tmp_path / f"{number}.mp4"))
        asked = go_on(cluster, steps, ("answer", None))
        for _ in range(6):
            asked = None if asked is None else go_on(cluster, steps, asked)
        waiting.append(asked)
        if asked is not None:
            # Broken off in the middle later.
            cluster.ends.append(steps.close)
    assert [one is None for one in waiting] == [False, False, True]


def test_a_node_without_room_says_so_and_is_passed_over(cluster, source, tmp_path, monkeypatch):
    carrier = cluster.carrier
    worker = Actor(Far(), cluster.count)
    whole = order(source, tmp_path / "out.mp4")
    finish(
        cluster, carrier.steps(worker, "n1", "node", 0, order(source, tmp_path / "part.mp4", is_part=True))
    )
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(nodes.shutil, "disk_usage", lambda path: usage._replace(free=200))
    ended = finish(cluster, carrier.steps(worker, "n1", "node", 1, whole))
    assert ended["event"] == "died"
    assert "node node has 0 MiB free in" in ended["message"]
    assert not list((tmp_path / "node").rglob("*.mp4")), "what was kept made room, and it was not enough"
    assert carrier.rank("n1", whole.files) > carrier.rank("n2", whole.files)
    monkeypatch.setattr(nodes.shutil, "disk_usage", lambda path: usage)
    assert "result" in finish(cluster, carrier.steps(worker, "n1", "node", 2, whole))


def test_what_changes_on_the_way_is_not_compressed(cluster, source, tmp_path):
    carrier = cluster.carrier
    whole = order(source, tmp_path / "out.mp4")
    source.write_bytes(b"other")
    with pytest.raises(OutputError, match="changed while it was sent"):
        finish(cluster, carrier.steps(Actor(Far(), cluster.count), "n1", "node", 0, whole))


def test_a_keeper_that_is_lost_is_replaced(cluster, source, tmp_path):
    carrier = cluster.carrier
    worker = Actor(Far(), cluster.count)
    steps = carrier.steps(worker, "n1", "node", 0, order(source, tmp_path / "0.mp4"))
    go_on(cluster, steps, go_on(cluster, steps, ("answer", None)))
    with pytest.raises(LostError):
        steps.throw(LostError())
    assert len(carrier.keepers) == 1, "it is ended with the others"
    again = finish(cluster, carrier.steps(worker, "n1", "node", 0, order(source, tmp_path / "0.mp4")))
    assert "result" in again
    assert len(carrier.keepers) == 2


def test_files_that_options_name_are_sent_and_folders_are_not(tmp_path):
    maps = semvid.MapsConfig(path=tmp_path)
    config = semvid.CompressConfig(
        maps=maps, rate=AsGoodAs(Path("other.mp4")), save_maps=tmp_path / "m.svmap"
    )
    plain = {"task": Task(tmp_path / "a.mp4", config).to_plain(), "source": "a.mp4", "parts": []}
    assert named_by(plain) == (["other.mp4"], [str(tmp_path), str(tmp_path / "m.svmap")])
    with pytest.raises(InputMissingError, match="does not exist"):
        needed_files(plain, [str(tmp_path / "no.onnx")], Identity(1, 1, ""))


def test_workers_take_other_names_and_give_back_the_users(tmp_path):
    record = {"a": ["/x/net.onnx", 3], "b": {"c": "/x"}}
    assert nodes._renamed(record, {"/x/net.onnx": "/node/1/net.onnx"}) == {
        "a": ["/node/1/net.onnx", 3],
        "b": {"c": "/x"},
    }
    told = nodes._with_names(
        {"event": "notice", "message": "/node/1/a.mp4 is odd"}, {"/node/1/a.mp4": "/x/a.mp4"}
    )
    assert told["message"] == "/x/a.mp4 is odd"
