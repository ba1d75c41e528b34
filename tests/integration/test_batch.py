"""Many files: each ends done, skipped with a reason or failed with its line, whoever is killed when."""

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

import pytest
from batch_clips import CONFIG, FAST, SEMVID, entries, files, make_folder
from clips import make_clip

import semvid
from semvid.batch.estimate import estimate_many_events
from semvid.batch.jobs.store import WORK_FOLDER
from semvid.batch.run import compress_many, compress_many_events
from semvid.batch.tasks.task import Task
from semvid.batch.watch import watch_events
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError, InputError, InputMissingError
from semvid.media.probe import probe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("batch") / "in")


@pytest.fixture(scope="module")
def first_run(folder, tmp_path_factory):
    """Where a batch wrote, what it told, and what came of it."""
    output, told = tmp_path_factory.mktemp("undisturbed"), []
    ended = compress_many([folder], output, CONFIG, on_event=told.append)
    assert ended.counts == {"done": 3, "failed": 1}
    return output, told, ended


@pytest.fixture
def undisturbed(first_run):
    return files(first_run[0])


def test_every_file_ends_in_a_way_that_is_told(folder, first_run, undisturbed):
    output, told, ended = first_run
    assert set(undisturbed) == {"a.mkv", "deep/b.mp4", "deep/p.jpg"}
    by_name = entries(output)
    assert by_name["broken.mp4"].state == "failed"
    assert "cannot be opened as a video" in by_name["broken.mp4"].reason
    assert by_name["a.mkv"].result["num_frames"] == 8
    assert told[0].passed_over == {".txt": 1}
    sizes = [(folder / one).stat().st_size for one in ("a.mkv", "deep/b.mp4", "deep/p.png")]
    assert ended.source_bytes == sum(sizes)
    assert ended.output_bytes == sum(map(len, undisturbed.values()))
    assert list((output / WORK_FOLDER).glob(".semvid-*")) == []


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


def test_what_would_not_become_smaller_is_skipped(folder, tmp_path):
    large = semvid.CompressConfig(rate=semvid.Crf(1), preset="superfast", probe="none", maps=FAST.maps)
    ended = compress_many([folder / "deep" / "b.mp4"], tmp_path, BatchConfig(video=large, min_saving=0.0))
    assert ended.counts == {"skipped": 1}
    assert files(tmp_path) == {}
    assert "larger; the source stays" in entries(tmp_path)["b.mp4"].reason


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
def test_options_that_contradict_each_other_are_refused(folder, tmp_path, arguments, message, semvid_here):
    ended = semvid_here("batch", folder, "-o", tmp_path / "out", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("flag", [["--jobs", "2"], ["--retry", "0"], ["--no-resume"], ["--skip-if-larger"]])
def test_options_for_many_files_are_refused_for_one(folder, tmp_path, flag, semvid_here):
    ended = semvid_here("compress", folder / "a.mkv", "-o", tmp_path / "out.mkv", *flag)
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
