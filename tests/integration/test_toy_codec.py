"""A codec is a module and a line in the registry: all commands then know it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import av
from clips import make_clip

TESTS = Path(__file__).resolve().parents[1]
PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from semvid.codecs import registry
from toy_codec import TOY
if sys.argv[1] == "doctor":
    # It tests all, which takes seconds: test_cli.py does.
    registry.CODECS.clear()
registry.CODECS["toy"] = TOY
from semvid.cli.main import run
run()
"""


def run(folder, *words):
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, TESTS, *map(str, words)],
        check=False, cwd=folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def coded(path):
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def test_a_codec_is_a_module_and_a_line(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=10)
    words = ["compress", source, "--codec", "toy", "--model", "spectral", "--crf", "4", "-o"]
    run(tmp_path, *words, "out.mp4", "--report", "out.json")
    assert len(coded(tmp_path / "out.mp4")) == 10
    kept = json.loads((tmp_path / "out.json").read_text())
    assert "toy" in json.dumps(kept)
    run(tmp_path, "report", "out.json", "-o", "out.html")
    assert "--codec toy --crf 4" in (tmp_path / "out.html").read_text()
    run(tmp_path, "stream", source, "live.mkv", "--codec", "toy", "--model", "spectral")
    assert len(coded(tmp_path / "live.mkv")) == 10


def test_doctor_and_help_know_it(tmp_path):
    encoders = json.loads(run(tmp_path, "doctor", "--json"))["encoders"]
    (toy,) = (one for one in encoders if one["name"] == "toy")
    assert toy["obeys_map"]
    assert toy["library"] == "mpeg4"
    said = re.sub(r"[│\s]+", " ", run(tmp_path, "compress", "--help"))
    assert "mjpeg or toy" in said
    assert "5 (toy)" in said
