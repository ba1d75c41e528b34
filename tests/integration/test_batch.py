"""Many files: each ends done, skipped with a reason or failed with its line, whoever is killed when."""

import contextlib
import csv
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import make_clip

import semvid
from semvid.batch.estimate import estimate_many_events
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.recovery import recover
from semvid.batch.run import compress_many, compress_many_events
from semvid.batch.tasks.orders import carry_out
from semvid.batch.tasks.task import Task
from semvid.batch.watch import watch_events
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError, InputError, InputMissingError
from semvid.media.probe import probe

FAST = semvid.CompressConfig(preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral"))
CONFIG = BatchConfig(video=FAST, picture=semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral")))
SEMVID = str(Path(sys.executable).with_name("semvid"))


def make_folder(folder):
    """Clips, a still, what is broken, and what is none of it."""
    (folder / "deep").mkdir(parents=True)
    make_clip(folder / "a.mkv", num_frames=8, codec="ffv1", options={})
    make_clip(folder / "deep" / "b.mp4", num_frames=8)
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    cv2.imwrite(str(folder / "deep" / "p.png"), picture)
    (folder / "broken.mp4").write_bytes(b"nothing" * 100)
    (folder / "notes.txt").write_text("text")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("batch") / "in")


def files(folder):
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {str(one.relative_to(folder)): one.read_bytes() for one in found}


@pytest.fixture(scope="module")
def undisturbed(folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    ended = compress_many([folder], output, CONFIG)
    assert ended.counts == {"done": 3, "failed": 1}
    return files(output)


def entries(output):
    with JobStore(output / WORK_FOLDER / STORE) as store:
        return {one.source.name: one for one in store.entries()}


def test_every_file_ends_in_a_way_that_is_told(folder, tmp_path, undisturbed):
    told = []
    ended = compress_many([folder], tmp_path, CONFIG, on_event=told.append)
    assert set(files(tmp_path)) == {"a.mkv", "deep/b.mp4", "deep/p.jpg"}
    assert files(tmp_path) == undisturbed
    by_name = entries(tmp_path)
    assert by_name["broken.mp4"].state == "failed"
    assert "cannot be opened as a video" in by_name["broken.mp4"].reason
    assert by_name["a.mkv"].result["num_frames"] == 8
    assert told[0].passed_over == {".txt": 1}
    sizes = [(folder / one).stat().st_size for one in ("a.mkv", "deep/b.mp4", "deep/p.png")]
    assert ended.source_bytes == sum(sizes)
    assert ended.output_bytes == sum(map(len, undisturbed.values()))
    assert list((tmp_path / WORK_FOLDER).glob(".semvid-*")) == []


def test_a_second_run_does_nothing_and_a_changed_file_is_done_again(folder, tmp_path):
    source = tmp_path / "in"
    make_folder(source)
    output = tmp_path / "out"
    compress_many([source], output, CONFIG)
    before = {one: (output / one).stat().st_mtime_ns for one in files(output)}
    again = list(compress_many_events([source], output, CONFIG))
    assert [type(one).__name__ for one in again] == ["Planned", "BatchEnded"]
    assert {one: (output / one).stat().st_mtime_ns for one in files(output)} == before
    make_clip(source / "a.mkv", num_frames=5, codec="ffv1", options={})
    (output / "deep" / "b.mp4").unlink()
    third = list(compress_many_events([source], output, CONFIG))
    assert third[0].num_waiting == 2
    assert list(semvid.probe(output / "a.mkv").path.parts)
    assert entries(output)["a.mkv"].result["num_frames"] == 5
    assert (output / "deep" / "b.mp4").exists()


def test_other_options_do_all_again(folder, tmp_path):
    compress_many([folder / "a.mkv"], tmp_path, CONFIG)
    first = files(tmp_path)
    coarse = semvid.CompressConfig(rate=semvid.Crf(45), preset="superfast", probe="none", maps=FAST.maps)
    compress_many([folder / "a.mkv"], tmp_path, BatchConfig(video=coarse))
    assert len(files(tmp_path)["a.mkv"]) < len(first["a.mkv"])


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(folder, tmp_path, undisturbed):
    rng = random.Random(5)  # noqa: S311 - moments
    command = [
        SEMVID, "batch", str(folder), "-o", str(tmp_path), "--preset", "superfast", "--probe", "none", "--model",
        "spectral",
    ]  # fmt: skip
    for _ in range(4):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 1.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stderr
    assert (
        "note: 1 file passed over, not named like videos or pictures that can be read: 1 .txt" in ended.stderr
    )
    assert "3 done, 1 failed" in ended.stdout
    assert files(tmp_path) == undisturbed


def test_an_interrupt_leaves_nothing_unfinished_and_what_waits_goes_on(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_clip(source / "long.mkv", num_frames=400, codec="ffv1", options={})
    output = tmp_path / "out"
    command = [SEMVID, "batch", str(source), "-o", str(output), "--preset", "medium", "--probe", "none"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    work = output / WORK_FOLDER
    while not list(work.glob("*.mkv")) and time.monotonic() < deadline:
        time.sleep(0.02)
    # Shells that start programs in the background have them ignore Ctrl-C.
    child.send_signal(signal.SIGTERM)
    _, stderr = child.communicate(timeout=60)
    assert child.returncode == 143, stderr
    assert "interrupted" in stderr
    assert list(work.glob("*.mkv")) == []
    assert files(output) == {}
    assert entries(output)["long.mkv"].state == "waiting"
    assert entries(output)["long.mkv"].num_attempts == 0


def test_a_process_that_dies_is_replaced_and_what_kills_it_always_fails(folder, tmp_path, monkeypatch):
    crash = tmp_path / "site"
    crash.mkdir()
    # As an encoder's crash does, it takes the process with it.
    (crash / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if os.environ.get('CRASH_ON') and 'semvid.batch.tasks.worker' in ' '.join(sys.orig_argv):\n"
        "    import semvid.products.encode as encode\n"
        "    whole = encode.encode_events\n"
        "    def crash(*given, **named):\n"
        "        if os.environ['CRASH_ON'] in str(given): os.abort()\n"
        "        return whole(*given, **named)\n"
        "    encode.encode_events = crash\n"
        "    import semvid.products.compress as compress\n"
        "    compress.encode_events = crash\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(crash))
    monkeypatch.setenv("CRASH_ON", "a.mkv")
    told = []
    ended = compress_many(
        [folder / "a.mkv", folder / "deep" / "b.mp4"], tmp_path / "out", CONFIG, on_event=told.append
    )
    assert ended.counts == {"done": 1, "failed": 1}
    failed = entries(tmp_path / "out")["a.mkv"]
    assert failed.num_attempts == 3
    assert "its process ended with signal 6" in failed.reason
    assert [one.state for one in told if type(one).__name__ == "JobEnded" and one.source.name == "a.mkv"] == [
        "waiting", "waiting", "failed",
    ]  # fmt: skip


def test_a_source_is_replaced_only_by_something_smaller(tmp_path):
    source, trash = tmp_path / "in", tmp_path / "trash"
    make_folder(source)
    before = files(source)
    os.utime(source / "a.mkv", (1e9, 1e9))
    (source / "a.mkv").chmod(0o640)
    tiny = semvid.CompressConfig(rate=semvid.Crf(45), preset="superfast", probe="none", maps=FAST.maps)
    config = BatchConfig(video=tiny, picture=CONFIG.picture, replace=True, trash=trash)
    compress_many([source], None, config)
    after = files(source)
    assert len(after["a.mkv"]) < len(before["a.mkv"])
    assert probe(source / "a.mkv").codec == "h264"
    assert (source / "a.mkv").stat().st_mtime == 1e9
    assert (source / "a.mkv").stat().st_mode & 0o777 == 0o640
    assert after["broken.mp4"] == before["broken.mp4"]
    assert "deep/p.png" not in after
    assert "deep/p.jpg" in after
    assert (trash / "a.mkv").read_bytes() == before["a.mkv"]
    assert (trash / "p.png").read_bytes() == before["deep/p.png"]
    # What was put in place is not compressed once more.
    again = list(compress_many_events([source], None, config))
    assert files(source) == after
    assert not [one for one in again if type(one).__name__ == "JobBegan"]


def test_what_takes_the_place_of_a_source_is_decoded_before():
    assert BatchConfig(video=FAST, replace=True).video.verify == "full"
    assert BatchConfig(video=FAST).video.verify == "quick"


def test_what_would_not_become_smaller_is_skipped(folder, tmp_path):
    large = semvid.CompressConfig(rate=semvid.Crf(1), preset="superfast", probe="none", maps=FAST.maps)
    ended = compress_many([folder / "deep" / "b.mp4"], tmp_path, BatchConfig(video=large, min_saving=0.0))
    assert ended.counts == {"skipped": 1}
    assert files(tmp_path) == {}
    assert "larger; the source stays" in entries(tmp_path)["b.mp4"].reason


def test_killed_between_name_and_note_it_is_not_done_twice(tmp_path, monkeypatch):
    source = tmp_path / "in"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=8, codec="ffv1", options={})
    config = BatchConfig(video=FAST, replace=True)
    monkeypatch.setattr(JobStore, "settle", lambda *rest, **named: os._exit(9))
    child = os.fork()
    if not child:
        compress_many([source], None, config)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    monkeypatch.undo()
    replaced = files(source)
    assert entries(source)["a.mkv"].state == "running"
    again = list(compress_many_events([source], None, config))
    assert files(source) == replaced
    assert [type(one).__name__ for one in again] == ["Planned", "BatchEnded"]
    assert entries(source)["a.mkv"].state == "done"


def test_everything_is_done_again_if_that_is_asked_for(folder, tmp_path, undisturbed):
    compress_many([folder], tmp_path, CONFIG)
    (tmp_path / "deep" / "b.mp4").write_text("mine")
    again = dataclasses.replace(CONFIG, resume=False)
    told = []
    ended = compress_many([folder], tmp_path, again, on_event=told.append)
    assert told[0].num_waiting == 4
    assert ended.counts == {"done": 2, "failed": 2}
    assert files(tmp_path) == {**undisturbed, "deep/b.mp4": b"mine"}
    assert "was changed since; pass `overwrite=True`" in entries(tmp_path)["b.mp4"].reason
    compress_many([folder], tmp_path, dataclasses.replace(again, overwrite=True))
    assert files(tmp_path) == undisturbed


def test_an_output_stays_ours_if_the_run_that_does_it_again_is_killed(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=4, codec="ffv1", options={})
    compress_many([source], output, CONFIG)
    make_clip(source / "a.mkv", num_frames=6, codec="ffv1", options={})
    # As a kill right after the plan was made does.
    next(compress_many_events([source], output, CONFIG))
    assert entries(output)["a.mkv"].state == "waiting"
    assert compress_many([source], output, CONFIG).counts == {"done": 1}
    assert entries(output)["a.mkv"].result["num_frames"] == 6


def test_what_replaced_a_source_is_not_compressed_again_with_other_options(tmp_path):
    source = tmp_path / "in"
    make_folder(source)
    config = BatchConfig(video=FAST, picture=CONFIG.picture, replace=True)
    compress_many([source], None, config)
    first = files(source)
    coarse = semvid.CompressConfig(rate=semvid.Crf(45), preset="superfast", probe="none", maps=FAST.maps)
    told = []
    compress_many([source], None, dataclasses.replace(config, video=coarse), on_event=told.append)
    began = {one.source.name for one in told if type(one).__name__ == "JobBegan"}
    replaced = {name for name, data in first.items() if data != files(source)[name]}
    assert not replaced & {"a.mkv", "deep/p.jpg"}
    assert "a.mkv" not in began


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--skip-if-larger", "--min-saving", "5%"],
            "--skip-if-larger is --min-saving 0, and --min-saving 5%",
        ),
        (["--no-resume", "--replace"], "--no-resume does all again, and --replace"),
        (["--no-resume", "--watch"], "--no-resume does all again, and a watch would for ever"),
        (["--no-resume", "--resume"], "--resume and --no-resume exclude each other"),
        (["--dry-run", "--watch"], "--dry-run ends, and --watch does not"),
        (["--workers", "2"], "--jobs sets how many files to compress at a time"),
        (["--attempts", "2"], "--retry sets how often to try again"),
        (["--retry", "101"], "--retry 101"),
    ],
)
def test_options_that_contradict_each_other_are_refused(folder, tmp_path, arguments, message):
    ended = subprocess.run(
        [SEMVID, "batch", str(folder), "-o", str(tmp_path / "out"), *arguments], check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("flag", [["--jobs", "2"], ["--retry", "0"], ["--no-resume"], ["--skip-if-larger"]])
def test_options_for_many_files_are_refused_for_one(folder, tmp_path, flag):
    ended = subprocess.run(
        [SEMVID, "compress", str(folder / "a.mkv"), "-o", str(tmp_path / "out.mkv"), *flag], check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "is for many files; use 'semvid batch'" in ended.stderr


def test_skip_if_larger_skips_what_is_larger(folder, tmp_path):
    ended = subprocess.run(
        [SEMVID, "batch", str(folder / "deep" / "b.mp4"), "-o", str(tmp_path), "--crf", "1", "--preset", "superfast",
         "--probe", "none", "--model", "spectral", "--skip-if-larger"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "1 skipped" in ended.stdout
    assert files(tmp_path) == {}


def test_lists_give_files_options_of_their_own(folder, tmp_path):
    table = tmp_path / "list.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "crf", "codec"])
        writer.writerow([folder / "a.mkv", "45", ""])
        writer.writerow([folder / "deep" / "b.mp4", "", "x265"])
    command = [SEMVID, "batch", f"@{table}", "-o", str(tmp_path / "out"), "--preset", "veryfast", "--probe", "none",
               "--model", "spectral", "--json"]  # fmt: skip
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    events = [json.loads(one) for one in ended.stdout.splitlines()]
    assert events[0]["event"] == "planned"
    assert events[-1]["event"] == "batchended"
    assert probe(tmp_path / "out" / "b.mp4").codec == "hevc"
    assert entries(tmp_path / "out")["a.mkv"].result["quality"] == 45


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda at, to: compress_many([], to), InputError, "there is no source"),
        (lambda at, to: compress_many([at / "none"], to), InputMissingError, "does not exist"),
        (lambda at, to: compress_many([at], None), ConfigError, "many files need a folder"),
        (lambda at, to: compress_many([at], at), ConfigError, "is a source itself"),
        (lambda at, to: compress_many([at], at / "a.mkv"), ConfigError, "is a file; give a folder"),
        (lambda at, to: compress_many([at / "*.none"], to), InputMissingError, "matches nothing"),
        (lambda at, to: BatchConfig(trash=to), ConfigError, "`trash` is where `replace` moves"),
        (
            lambda at, to: BatchConfig(video=semvid.CompressConfig(save_maps=to)),
            ConfigError,
            "`save_maps=.*` is of one video",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(folder, tmp_path, call, kind, message):
    with pytest.raises(kind, match=message):
        call(folder, tmp_path / "out")


def test_what_nobody_made_is_not_written_over(folder, tmp_path):
    (tmp_path / "a.mkv").write_text("mine")
    compress_many([folder / "a.mkv"], tmp_path, CONFIG)
    assert (tmp_path / "a.mkv").read_text() == "mine"
    assert "exists, and no batch made it" in entries(tmp_path)["a.mkv"].reason


def test_two_with_one_name_keep_their_endings(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=3, codec="ffv1", options={})
    make_clip(source / "a.avi", num_frames=3, codec="mpeg4", options={})
    compress_many([source], tmp_path / "out", CONFIG)
    assert len(files(tmp_path / "out")) == 2


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """26 seconds at 25 frames a second with a cut, key frames every second, and sound."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    options = {"preset": "ultrafast", "g": "25", "crf": "18"}
    return make_clip(path, num_frames=650, cut_at=290, width=96, height=64, options=options, audio=True)


PARTS = BatchConfig(video=FAST, part_seconds=12)


def packets(path):
    with av.open(str(path)) as container:
        return [
            (one.stream.type, one.pts, one.duration) for one in container.demux() if one.size
        ]  # fmt: skip


def test_a_long_video_in_parts_is_the_whole(film, tmp_path):
    told = []
    batch_parts = compress_many([film], tmp_path / "parts", PARTS, on_event=told.append)
    compress_many([film], tmp_path / "whole", BatchConfig(video=FAST, part_seconds=0))
    assert batch_parts.counts == {"done": 1}
    assert sum(type(one).__name__ == "PartEnded" for one in told) == 2
    whole, joined = tmp_path / "whole" / "film.mp4", tmp_path / "parts" / "film.mp4"
    assert sorted(packets(joined)) == sorted(packets(whole))
    assert abs(joined.stat().st_size / whole.stat().st_size - 1) < 0.1
    assert list((tmp_path / "parts" / WORK_FOLDER).rglob("*.mp4")) == []
    assert [type(one).__name__ for one in compress_many_events([film], tmp_path / "parts", PARTS)] == [
        "Planned", "BatchEnded",
    ]  # fmt: skip


def test_a_worker_finds_out_where_to_divide_a_film(film, tmp_path):
    output, told = tmp_path / "film.mp4", []

    def carried_out(source, part_seconds):
        task = {**Task(source, FAST).to_plain(), "part_seconds": part_seconds}
        order = {"task": task, "source": str(source), "output": str(output), "parts": [], "threads": 1}
        return carry_out(order, told.append)

    ended = carried_out(film, 12)
    (first, border, _), (again, last, _) = ended["spans"]
    assert (first, border, last) == (0, again, None)
    assert told == [{"event": "stage", "name": "finding where to divide it"}]
    assert not output.exists()
    assert carried_out(film, 14)["result"]["num_frames"] == 650, "no longer than two parts"
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film.read_bytes()[:5000])
    assert "broken.mp4" in carried_out(broken, 12)["message"]


def test_finished_parts_survive_a_kill(film, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    compress_many([film], undisturbed, PARTS)
    child = os.fork()
    if not child:

        def die(event):
            if type(event).__name__ == "PartEnded":
                os._exit(9)

        compress_many([film], tmp_path / "out", PARTS, on_event=die)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    told = []
    compress_many([film], tmp_path / "out", PARTS, on_event=told.append)
    began = [one.part for one in told if type(one).__name__ == "JobBegan"]
    assert began == [2, None], "the second part, and joining them"
    assert files(tmp_path / "out") == files(undisturbed)


def test_a_film_in_parts_that_is_killed_with_all_its_processes_ends_in_the_same_bytes(film, tmp_path):
    psutil = pytest.importorskip("psutil")
    command = [
        SEMVID, "batch", str(film), "--preset", "superfast", "--probe", "none", "--model", "spectral",
        "--part-seconds", "12", "--jobs", "1", "-o",
    ]  # fmt: skip
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    subprocess.run([*command, str(undisturbed)], check=True, stdout=subprocess.DEVNULL)
    store = killed / WORK_FOLDER / STORE
    # While the first part is compressed, while the second is, and at some moment.
    for wanted in (["running", "waiting"], ["done", "running"], None):
        child = subprocess.Popen(
            [*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while wanted and child.poll() is None and time.monotonic() < deadline:
            if store.exists() and states_of_parts(killed) == wanted:
                break
            time.sleep(0.01)
        if wanted is None:
            time.sleep(0.5)
        tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        for one in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        child.wait()
    subprocess.run([*command, str(killed)], check=True, stdout=subprocess.DEVNULL)
    assert files(killed) == files(undisturbed)
    assert list((killed / WORK_FOLDER).rglob("*.mp4")) == []


def test_parts_of_who_was_killed_are_free_at_once(film, tmp_path):
    child = os.fork()
    if not child:

        def die(event):
            if type(event).__name__ == "JobBegan" and event.part:
                os._exit(9)

        compress_many([film], tmp_path, PARTS, on_event=die)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert "running" in states_of_parts(tmp_path)
    with JobStore(tmp_path / WORK_FOLDER / STORE) as store:
        recover(store)
    assert set(states_of_parts(tmp_path)) == {"waiting"}


def states_of_parts(output):
    with JobStore(output / WORK_FOLDER / STORE) as store:
        return [part.state for one in store.entries() for part in store.entries(of_whole=one.id)]


def test_what_replaces_a_source_keeps_its_time_permissions_and_attributes(tmp_path):
    if not hasattr(os, "setxattr"):
        pytest.skip("this system has no extended attributes")
    source = make_clip(tmp_path / "a.mkv", num_frames=8, codec="ffv1", options={})
    try:
        os.setxattr(source, "user.note", b"from the archive")
    except OSError as error:
        pytest.skip(f"the file system of {tmp_path} keeps no extended attributes: {error}")
    source.chmod(0o640)
    os.utime(source, ns=(1_000_000_000_123_456_789, 1_000_000_000_123_456_789))
    before = source.stat()
    ended = compress_many([source], None, BatchConfig(video=FAST, replace=True))
    assert ended.counts == {"done": 1}
    after = source.stat()
    assert after.st_size < before.st_size
    assert after.st_mtime_ns == before.st_mtime_ns
    assert after.st_mode == before.st_mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert os.getxattr(source, "user.note") == b"from the archive"


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


def test_a_dry_run_tells_what_all_would_come_to_and_writes_nothing(folder, tmp_path):
    command = [
        SEMVID,
        "batch",
        str(folder),
        "--preset",
        "superfast",
        "--probe",
        "none",
        "--model",
        "spectral",
    ]
    output = tmp_path / "out"
    tried = subprocess.run(
        [*command, "-o", str(output), "--dry-run", "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert tried.returncode == 1, tried.stderr
    assert not output.exists()
    events = [json.loads(one) for one in tried.stdout.splitlines()]
    found = {Path(one["source"]).name: one for one in events if one["event"] == "estimated"}
    assert found.keys() == {"a.mkv", "b.mp4", "p.png", "broken.mp4"}
    assert "cannot be opened as a video" in found["broken.mp4"]["reason"]
    shown = subprocess.run(
        [*command, "-o", str(output), "--dry-run"], check=False, capture_output=True, text=True, timeout=120
    )
    assert "3 files; " in shown.stdout
    assert "1 would fail" in shown.stdout
    compress_many([folder], output, CONFIG)
    for name in ("a.mkv", "deep/b.mp4", "deep/p.jpg"):
        size = len(files(output)[name])
        source = name.rpartition("/")[2].replace(".jpg", ".png")
        assert found[source]["output_bytes"] == pytest.approx(size, rel=0.1)
    assert [type(one).__name__ for one in estimate_many_events([folder], output, CONFIG)] == []


def test_what_comes_into_a_folder_is_done_once_it_has_stopped_growing(folder, tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    whole = (folder / "a.mkv").read_bytes()
    looks = []

    def wait(seconds):
        looks.append(seconds)
        match len(looks):
            case 1:
                (source / "a.mkv").write_bytes(whole[: len(whole) // 2])
            case 2:
                (source / "a.mkv").write_bytes(whole)
            case 4:
                (source / "b.mp4").write_bytes((folder / "deep" / "b.mp4").read_bytes())
            case 9:
                raise KeyboardInterrupt

    told = []
    with pytest.raises(KeyboardInterrupt):
        for event in watch_events([source], output, CONFIG, wait=wait):
            told.append((len(looks), type(event).__name__, getattr(event, "state", None)))
    ended = [(look, state) for look, kind, state in told if kind == "JobEnded"]
    assert ended == [(3, "done"), (5, "done")]
    assert set(files(output)) == {"a.mkv", "b.mp4"}
    assert entries(output)["a.mkv"].result["num_frames"] == 8


def test_a_worker_ends_with_its_input():
    child = subprocess.run(
        [sys.executable, "-P", "-m", "semvid.batch.tasks.worker"],
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert child.returncode == 130


def test_a_worker_does_its_job_whatever_ctrl_c_and_libraries_say(folder, tmp_path):
    printing = tmp_path / "site"
    printing.mkdir()
    (printing / "sitecustomize.py").write_text(
        "import semvid.batch.tasks.orders as orders, os\n"
        "whole = orders.carry_out\n"
        "orders.carry_out = lambda *given: (os.write(1, b'a library says something\\n'), whole(*given))[1]\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(printing)}
    plain = Task(folder / "a.mkv", FAST).to_plain()
    order = {
        "task": plain, "source": str(folder / "a.mkv"), "output": str(tmp_path / "a.mkv"), "parts": [], "threads": 1
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "semvid.batch.tasks.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
    ) as child:  # fmt: skip
        child.stdin.write(json.dumps(order) + "\n")
        child.stdin.flush()
        told = [json.loads(child.stdout.readline())]
        child.send_signal(signal.SIGINT)
        while told[-1]["event"] != "ended":
            told.append(json.loads(child.stdout.readline()))
        child.stdin.close()
        assert "a library says something" in child.stderr.read()
    assert told[-1]["result"]["num_frames"] == 8


def test_an_output_that_somebody_changed_is_not_written_over(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=4, codec="ffv1", options={})
    compress_many([source], output, CONFIG)
    (output / "a.mkv").write_text("mine")
    make_clip(source / "a.mkv", num_frames=6, codec="ffv1", options={})
    ended = compress_many([source], output, CONFIG)
    assert ended.counts == {"failed": 1}
    assert (output / "a.mkv").read_text() == "mine"
    assert "was changed since; pass `overwrite=True`" in entries(output)["a.mkv"].reason


def test_what_appears_while_a_file_is_compressed_stays(tmp_path):
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=4, codec="ffv1", options={})

    def appear(event):
        if type(event).__name__ == "JobProgress":
            (output / "a.mkv").write_text("mine")

    ended = compress_many([source], output, CONFIG, on_event=appear)
    assert ended.counts == {"failed": 1}
    assert (output / "a.mkv").read_text() == "mine"
    assert "appeared meanwhile, and stays" in entries(output)["a.mkv"].reason


def test_a_link_to_nowhere_in_a_folder_is_a_failure(folder, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=4, codec="ffv1", options={})
    (source / "b.mkv").symlink_to(tmp_path / "nowhere.mkv")
    assert compress_many([source], tmp_path / "out", CONFIG).counts == {"done": 1, "failed": 1}


def test_a_damaged_film_in_parts_is_not_replaced(film, tmp_path):
    source, data = tmp_path / "film.mp4", bytearray(film.read_bytes())
    middle = len(data) * 3 // 4
    data[middle : middle + 3000] = bytes(3000)
    source.write_bytes(data)
    ended = compress_many([source], None, BatchConfig(video=FAST, part_seconds=12, replace=True))
    assert ended.counts == {"skipped": 1}
    assert "is damaged" in entries(tmp_path)["film.mp4"].reason
    assert source.read_bytes() == bytes(data)
