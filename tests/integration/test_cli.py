"""The program as a user meets it: exit codes, one line an error, JSON lines."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip, write_masks

import semvid
from semvid.codecs.hardware.catalogue import HARDWARE


def run(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, check=False, timeout=120,
    )  # fmt: skip


def test_defaults_write_beside_the_input(tmp_path):
    source = make_clip(tmp_path / "film.mp4", audio=True)
    done = run("compress", source.name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    output = tmp_path / "film.semvid.mp4"
    assert output.exists()
    assert done.stdout.count("\n") == 1
    assert "film.semvid.mp4: " in done.stdout
    assert "24 frames in" in done.stdout
    assert "a plain encode as good where it matters: " in done.stdout
    assert done.stderr == ""


def test_json_lines(tmp_path, clip):
    done = run("compress", clip, "-o", tmp_path / "out.mkv", "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[0]["event"] == "started"
    assert semvid.Job.from_plain(records[0]["job"]).source == clip
    assert records[0]["info"]["frame_rate"] == "25"
    assert records[-1]["event"] == "done"
    assert records[-1]["result"]["num_frames"] == 24
    assert records[-1]["result"]["output_bytes"] == (tmp_path / "out.mkv").stat().st_size
    assert {one["event"] for one in records} == {"started", "progress", "measured", "done"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--codec", "theora"], 2, "--codec theora is unknown"),
        (["--codec", "rav1e"], 2, "--codec rav1e is refused"),
        (["--focus", "dog=1"], 2, "--focus dog is unknown; choose among person"),
        (["--focus", "face"], 2, "--focus face is not CLASS=WEIGHT"),
        (["--model", "none.onnx"], 7, "none.onnx does not exist"),
        (["--model", "none.safetensors"], 7, "none.safetensors cannot be read"),
        (["--crf", "77"], 2, "--crf 77 is out of range: x264 takes 1"),
        (["--crf", "good"], 2, "--crf"),
        (["--preset", "ultrafast"], 2, "x264 would ignore the map"),
        (["--encoder-option", "qp=20"], 2, "a constant qp overrules"),
        (["--encoder-option", "qp"], 2, "is not KEY=VALUE"),
        (["--strength", "9"], 2, "--strength 9 is out of range"),
        (["--model", "resnet"], 2, "--model resnet is unknown"),
        (["--device", "tpu"], 2, "--device tpu is unknown"),
        (["--drop", "music"], 2, "--drop music is unknown"),
        (["--wrong"], 2, "No such option"),
        (["-o", "/nowhere/out.mp4"], 4, "the folder /nowhere does not exist"),
        (["-o", "out.doc"], 4, "is not a container that semvid writes"),
        (["--maps", "none.png"], 5, "--maps none.png does not exist"),
        (["--boxes", "none.txt"], 5, "--boxes none.txt does not exist"),
        (["--encoder-option", "refs=many"], 6, "libx264 refuses"),
    ],
)
def test_wrong_options_get_one_line_and_their_code(arguments, code, words, clip, tmp_path, semvid_here):
    output = [] if "-o" in arguments else ["-o", "out.mp4"]
    done = semvid_here("compress", clip, *output, *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert done.stderr.startswith("semvid: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "code"), [("none.mp4", 3), ("empty.mp4", 3), ("folder", 2), ("text.mp4", 3)]
)
def test_wrong_inputs_get_one_line_and_their_code(name, code, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.mp4").write_text("hello")
    before = sorted(tmp_path.iterdir())
    done = run("compress", name, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)
    assert name in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_existing_output_needs_yes(clip, tmp_path):
    (tmp_path / "out.mp4").write_text("precious")
    assert run("compress", clip, "-o", tmp_path / "out.mp4").returncode == 4
    assert (tmp_path / "out.mp4").read_text() == "precious"
    assert run("compress", clip, "-o", tmp_path / "out.mp4", "-y").returncode == 0
    assert semvid.probe(tmp_path / "out.mp4").num_frames_from_header == 24


def test_maps_and_options_reach_the_encoder(tmp_path, semvid_here):
    """Each option is shown to have an effect: the bytes differ from the default's."""
    clip = make_clip(tmp_path / "in.mp4", num_frames=12)
    mask = np.zeros((12, 20), np.uint8)
    mask[:, :8] = 255
    maps = write_masks(tmp_path / "maps", [mask]) / "00000.png"
    variants = {
        "default": [],
        "crf": ["--crf", "30"],
        "preset": ["--preset", "fast"],
        "strength": ["--strength", "0.5"],
        "weight": ["--background-weight", "0.05"],
        "size": ["--match", "size"],
        "finest": ["--match", "size", "--finest", "-1"],
        "coarsest": ["--coarsest", "0.5"],
        "smoothing": ["--smoothing", "0"],
        "maps": ["--maps", maps],
        "option": ["--encoder-option", "tune=film"],
        "model": ["--model", "msroi"],
        "map every": ["--model", "msroi", "--map-every", "1"],
        "movement": ["--model", "msroi", "--movement", "0"],
        "motion": ["--model", "msroi", "--motion", "vectors"],
    }
    encoded = {}
    for name, options in variants.items():
        output = tmp_path / f"{name}.mp4"
        # The last --model counts.
        done = semvid_here("compress", clip, "-o", output, "--model", "spectral", "--probe", "none", *options)
        assert done.returncode == 0
        encoded[name] = output.read_bytes()
    assert len(set(encoded.values())) == len(variants)


def test_doctor(semvid_here, monkeypatch):
    done = run("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0
    assert [one["name"] for one in report["encoders"]] == ["x264", "x265", "vp8", "vp9", "av1", "mjpeg"]
    assert all(one["obeys_map"] for one in report["encoders"])
    assert {one["name"] for one in report["hardware"]} <= HARDWARE.keys()
    assert report["devices"][0]["name"] == "cpu"
    assert all(one["works"] for one in report["networks"])
    # What it found is drawn; finding it takes seconds.
    monkeypatch.setattr("semvid.cli.doctor._examine", lambda: report)
    shown = semvid_here("doctor")
    assert "obeys maps" in shown.stdout
    assert "msroi" in shown.stdout
    assert "hardware: " in shown.stdout


@pytest.mark.skipif(
    sys.platform != "linux" or Path("/dev/nvidia0").exists(), reason="there may be such hardware here"
)
def test_hardware_that_is_not_here_is_told_in_one_line(tmp_path, semvid_here):
    clip = make_clip(tmp_path / "in.mp4", num_frames=3)
    for codec in ("hevc_nvenc", "hevc_videotoolbox"):
        done = semvid_here("compress", clip, "-o", tmp_path / "out.mp4", "--codec", codec)
        assert done.returncode == 6
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"semvid: --codec {codec} cannot be used here: ")
        assert line.endswith("; use --codec x265, which needs no hardware")
    assert [one.name for one in tmp_path.iterdir()] == ["in.mp4"]


def test_version_and_help():
    assert run("--version").stdout.strip() == f"semvid {semvid.__version__}"
    shown = run("compress", "--help").stdout
    for option in ("--codec", "--maps", "--boxes", "--strength", "--json", "Exit codes"):
        assert option in shown
