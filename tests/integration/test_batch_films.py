"""A film in parts becomes what it would be as a whole, whoever is killed when."""

import contextlib
import subprocess
import time

import apart
import av
import pytest
from batch_clips import FAST, SEMVID, entries, files, make_film
from clips import make_clip
from held_parts import HeldPart

import semvid
from semvid.batch.films.borders import divide
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.recovery import recover
from semvid.batch.run import compress_many, compress_many_events
from semvid.batch.tasks.orders import carry_out
from semvid.batch.tasks.task import Task
from semvid.core.config import BatchConfig
from semvid.media.probe import probe

PARTS = BatchConfig(video=FAST, part_seconds=12)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """26 seconds."""
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", num_frames=260, cut_at=116)


@pytest.mark.parametrize(("cut_at", "border", "scene_seconds"), [(290, 290, 0.0), (110, 335, 9.0)])
def test_parts_know_when_their_scene_began(cut_at, border, scene_seconds, tmp_path):
    options = {"preset": "superfast", "g": "25", "keyint_min": "1", "crf": "30"}
    path = make_clip(
        tmp_path / "film.mp4", num_frames=650, cut_at=cut_at, width=128, height=64, options=options
    )
    first, second = (one.span for one in divide(path, 12))
    assert first.scene_seconds is None
    assert second.start * probe(path).time_base * 25 == border
    assert second.scene_seconds == pytest.approx(scene_seconds)


def packets(path):
    with av.open(str(path)) as container:
        return [
            (one.stream.type, one.pts, one.duration) for one in container.demux() if one.size
        ]  # fmt: skip


def states_of_parts(output):
    with JobStore(output / WORK_FOLDER / STORE) as store:
        return [part.state for one in store.entries() for part in store.entries(of_whole=one.id)]


def test_a_long_video_in_parts_is_the_whole(tmp_path):
    told, options = [], {"preset": "ultrafast", "g": "25", "crf": "18"}
    film = make_clip(
        tmp_path / "film.mp4", num_frames=540, cut_at=240, width=96, height=64, options=options, audio=True
    )
    in_parts = BatchConfig(video=FAST, part_seconds=10)
    batch_parts = compress_many([film], tmp_path / "parts", in_parts, on_event=told.append)
    compress_many([film], tmp_path / "whole", BatchConfig(video=FAST, part_seconds=0))
    assert batch_parts.counts == {"done": 1}
    assert sum(type(one).__name__ == "PartEnded" for one in told) == 2
    whole, joined = tmp_path / "whole" / "film.mp4", tmp_path / "parts" / "film.mp4"
    assert sorted(packets(joined)) == sorted(packets(whole))
    assert abs(joined.stat().st_size / whole.stat().st_size - 1) < 0.1
    assert list((tmp_path / "parts" / WORK_FOLDER).rglob("*.mp4")) == []
    assert [type(one).__name__ for one in compress_many_events([film], tmp_path / "parts", in_parts)] == [
        "Planned", "BatchEnded",
    ]  # fmt: skip


def test_a_worker_finds_out_where_to_divide_a_film(film, tmp_path):
    output, told = tmp_path / "film.mp4", []

    def carried_out(source, part_seconds):
        task = {**Task(source, FAST).to_plain(), "part_seconds": part_seconds}
        order = {"task": task, "source": str(source), "output": str(output), "parts": [], "threads": 1}
        return carry_out(order, told.append)

    ended = carried_out(film, 12)
    (first, border, _), (again, last, _) = (one["span"] for one in ended["spans"])
    assert (first, border, last) == (0, again, None)
    assert told == [{"event": "stage", "name": "finding where to divide it"}]
    assert not output.exists()
    assert carried_out(film, 14)["result"]["num_frames"] == 260, "no longer than two parts"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film.read_bytes()[:5000])
    assert "broken.mp4" in carried_out(broken, 12)["message"]


def test_finished_parts_survive_a_kill(film, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    compress_many([film], undisturbed, PARTS)
    apart.run_until_killed(apart.compress_until, [film], tmp_path / "out", PARTS, apart.has_ended)
    told = []
    compress_many([film], tmp_path / "out", PARTS, on_event=told.append)
    began = [one.part for one in told if type(one).__name__ == "JobBegan"]
    assert sorted(map(bool, began)) == [False, True], "the part that was not done, and joining them"
    assert began[-1] is None
    assert files(tmp_path / "out") == files(undisturbed)


def test_a_film_in_parts_that_is_killed_with_all_its_processes_ends_in_the_same_bytes(film, tmp_path):
    psutil = pytest.importorskip("psutil")
    command = [
        SEMVID, "batch", str(film), "--preset", "superfast", "--probe", "none", "--model", "spectral",
        "--part-seconds", "12", "--jobs", "1", "-o",
    ]  # fmt: skip
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run([*command, str(undisturbed)], check=True, stdout=subprocess.DEVNULL)
    # While the longest part is compressed, while the other is, and at some moment.
    for part, states in ((2, ["running", "waiting"]), (1, ["done", "running"]), (None, None)):
        held = None if part is None else HeldPart(tmp_path, part)
        child = subprocess.Popen(
            [*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=held and held.environment,
        )  # fmt: skip
        if held is None:
            time.sleep(0.5)
        else:
            held.wait_for()
            assert states_of_parts(killed) == states
        tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        for one in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        child.wait()
        if held is not None:
            held.let_go()
    subprocess.run([*command, str(killed)], check=True, stdout=subprocess.DEVNULL)
    assert files(killed) == files(undisturbed)
    assert list((killed / WORK_FOLDER).rglob("*.mp4")) == []


def test_parts_of_who_was_killed_are_free_at_once(film, tmp_path):
    apart.run_until_killed(apart.compress_until, [film], tmp_path, PARTS, apart.has_begun)
    assert "running" in states_of_parts(tmp_path)
    with JobStore(tmp_path / WORK_FOLDER / STORE) as store:
        recover(store)
    assert set(states_of_parts(tmp_path)) == {"waiting"}


def test_a_film_is_replaced_by_its_joined_parts_once_all_is_decoded(film, tmp_path):
    source = tmp_path / "film.mp4"
    source.write_bytes(film.read_bytes())
    told = []
    config = BatchConfig(video=FAST, part_seconds=12, replace=True)
    ended = compress_many([source], None, config, on_event=told.append)
    assert ended.counts == {"done": 1}
    assert "decoding the output" in {one.stage for one in told if type(one).__name__ == "JobProgress"}
    assert source.stat().st_size < film.stat().st_size
    assert len(packets(source)) == len(packets(film))


def test_a_part_that_fails_fails_its_video(film, tmp_path):
    wrong = semvid.CompressConfig(
        preset="superfast", probe="none", maps=FAST.maps, encoder_options={"nonsense": "1"}
    )
    told = []
    config = BatchConfig(video=wrong, part_seconds=12)
    ended = compress_many([film], tmp_path, config, on_event=told.append)
    assert ended.counts == {"failed": 1}
    why = entries(tmp_path)["film.mp4"].reason
    assert "a part of it failed: `encoder_options=nonsense=1`" in why
    assert [(one.state, one.reason) for one in told if type(one).__name__ == "JobEnded"] == [("failed", why)]


def test_a_damaged_film_in_parts_is_not_replaced(film, tmp_path):
    source, data = tmp_path / "film.mp4", bytearray(film.read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 3000] = bytes(3000)
    source.write_bytes(data)
    ended = compress_many([source], None, BatchConfig(video=FAST, part_seconds=12, replace=True))
    assert ended.counts == {"skipped": 1}
    assert "is damaged" in entries(tmp_path)["film.mp4"].reason
    assert source.read_bytes() == bytes(data)
