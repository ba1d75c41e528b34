"""Two runs to one name, and runs that were killed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from clips import make_clip

import semvid
from semvid.core.errors import OutputError
from semvid.media.writing.claim import Claim

PROGRAM = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()"]
QUICK = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast", overwrite=True)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("runs") / "in.mkv", width=192, height=96, num_frames=6)


@pytest.mark.parametrize("name", ["out.mp4", "out.svmap", "out.npz", "out", "out.gif", "out.jpg"])
def test_the_second_is_refused_while_the_first_lives(name, source, tmp_path):
    output = tmp_path / name

    def write():
        if name == "out.mp4":
            semvid.compress(source, output, QUICK)
        elif name == "out.gif":
            semvid.export_overlay(
                source, output, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)
            )
        elif name == "out.jpg":
            semvid.export_maps(
                source,
                picture := tmp_path / "x",
                semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
            )
            semvid.compress_image(
                picture / "000000.png",
                output,
                semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True),
            )
        else:
            semvid.export_maps(
                source, output, semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)
            )

    with Claim(output, overwrite=True), pytest.raises(OutputError, match="another run of semvid"):
        write()
    assert not output.exists()


def test_maps_and_streams_are_claimed_too(source, tmp_path):
    maps = tmp_path / "m.svmap"
    with (
        Claim(maps, overwrite=True),
        pytest.raises(OutputError, match=r"m\.svmap is being written by another"),
    ):
        semvid.compress(
            source,
            tmp_path / "out.mkv",
            semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), save_maps=maps),
        )
    with Claim(tmp_path / "s.mkv", overwrite=True):
        done = subprocess.run(
            [*PROGRAM, "stream", str(source), str(tmp_path / "s.mkv"), "--model", "spectral"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 4
    assert "another run of semvid" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=640, height=384, num_frames=240)
    process = subprocess.Popen(
        [*PROGRAM, "compress", str(source), "-o", str(tmp_path / "out.mkv"), "--preset", "placebo", "--model", "spectral"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any(".part" in one for one in os.listdir(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [one for one in os.listdir(tmp_path) if one != "in.mkv"]
    assert left
    assert all(one.startswith(".semvid-") for one in left)
    small = make_clip(tmp_path / "small.mkv", width=192, height=96, num_frames=6)
    semvid.compress(small, tmp_path / "other.mkv", QUICK)
    assert sorted(os.listdir(tmp_path)) == ["in.mkv", "other.mkv", "small.mkv"]


def test_what_appears_during_a_run_stays(source, tmp_path):
    output = tmp_path / "out.mkv"
    events = semvid.compress_events(
        source, output, semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast")
    )
    next(events)
    output.write_text("theirs")
    with pytest.raises(OutputError, match="exists; pass `overwrite=True`"):
        list(events)
    assert output.read_text() == "theirs"
    assert os.listdir(tmp_path) == ["out.mkv"]


def test_overlapping_runs_give_opencv_its_threads_back(source, tmp_path):
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        first, second = (semvid.compress_events(source, tmp_path / f"{name}.mkv", QUICK) for name in "ab")
        next(first)
        next(second)
        assert cv2.getNumThreads() == 1
        list(first)
        assert cv2.getNumThreads() == 1
        list(second)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
