"""``semvid stream`` as users run it."""

import io
import json
import re
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import make_clip

import semvid
from semvid.cli.stream import parse_milliseconds, parse_size
from semvid.core.errors import ConfigError

SEMVID = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()"]
FAST = ["--model", "spectral", "--bitrate", "500k"]


def run(*arguments, **options):
    return subprocess.run(
        [*SEMVID, "stream", *map(str, arguments)], capture_output=True, timeout=120, check=False, **options
    )


def num_frames(source):
    with av.open(source if isinstance(source, io.BytesIO) else str(source)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_file_becomes_a_stream_and_a_recording(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=40)
    done = run(source, tmp_path / "out.ts", "--record", tmp_path / "out.mkv", *FAST, "--json")
    assert done.returncode == 0, done.stderr
    assert num_frames(tmp_path / "out.ts") == 40
    assert num_frames(tmp_path / "out.mkv") == 40
    assert all(json.loads(line)["event"] in {"status", "notice"} for line in done.stdout.splitlines())


def test_what_the_source_has_beside_its_picture(tmp_path):
    source = make_clip(
        tmp_path / "in.mp4", width=384, height=256, num_frames=150, audio=True, aspect=Fraction(2, 3)
    )
    done = run(source, tmp_path / "out.mkv", *FAST, text=True)
    assert done.returncode == 0
    notes = [line for line in done.stderr.splitlines() if line.startswith("note:")]
    assert notes == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [one.type for one in container.streams] == ["video", "audio"]
        assert container.streams.video[0].sample_aspect_ratio == Fraction(2, 3)


def test_a_page_without_its_extra_is_refused(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=2)
    hidden = "import importlib.util as u; find = u.find_spec; u.find_spec = lambda one: one != 'uvicorn' and find(one) or None; "
    command = [*SEMVID[:-1], hidden + SEMVID[-1], "stream", str(source), *FAST, "--serve", "0"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, text=True)
    assert (done.returncode, done.stderr) == (
        2, "semvid: a page needs the extra web; pip install 'semvid[web]'\n"
    )  # fmt: skip


def test_pipes_at_both_ends(tmp_path):
    source = make_clip(tmp_path / "in.ts", width=384, height=256, num_frames=30)
    done = run("-", "-", *FAST, input=source.read_bytes())
    assert done.returncode == 0, done.stderr
    assert num_frames(io.BytesIO(done.stdout)) == 30


def test_a_slow_reader_of_a_pipe_gets_every_frame(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=200)
    running = subprocess.Popen(
        [*SEMVID, "stream", str(source), "-", "--model", "spectral", "--bitrate", "2M"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    data = running.stdout.read(10_000)
    # Eight seconds of video are ready long before it is read on.
    time.sleep(4)
    rest, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    assert b"left out" not in errors
    assert num_frames(io.BytesIO(data + rest)) == 200


def test_an_interrupt_ends_files_properly(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=50)
    output = tmp_path / "out.mp4"
    running = subprocess.Popen(
        [*SEMVID, "stream", str(source), str(output), "--realtime", "--loop", *FAST],
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not output.exists() or output.stat().st_size < 20_000:
        assert time.monotonic() < until
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    errors = running.communicate(timeout=120)[1]
    assert running.returncode == 0
    assert re.fullmatch(
        r"\d+ frames in \S+ s, \d+ dropped, lately \d+ kbit/s and \d+ ms from frame to packet",
        errors.splitlines()[-1],
    )
    assert num_frames(output) > 10


def test_the_public_generator_shows_every_frame(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=30)
    config = semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral"))
    seen = list(semvid.live(str(source), str(tmp_path / "out.mkv"), config=config))
    assert len(seen) == 30
    assert seen[0][0].luma.shape == (256, 384)
    assert seen[-1][1].min() >= 0
    assert seen[-1][1].max() <= 1
    assert num_frames(tmp_path / "out.mkv") == 30
    with pytest.raises(ConfigError, match="one sink by its address"):
        next(semvid.live(str(source), "a.mkv", "b.mkv"))


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


@pytest.mark.parametrize(
    ("sink", "words", "options"),
    [
        ("live.m3u8", "live.m3u8 cannot be written: file too large", {"preexec_fn": limit_files}),
        ("-", "standard output cannot be written: no space left on device", {}),
        ("rtmp://127.0.0.1:9/live/key", "rtmp://127.0.0.1:9/live/*** refuses the connection", {}),
    ],
)
def test_a_sink_that_fails_in_the_end_is_one_line_and_code_4(sink, words, options, tmp_path):
    num_frames = 5 if sink.startswith("rtmp") else 40
    make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=num_frames)
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*SEMVID, "stream", "in.mp4", sink, *FAST], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False, **options,
        )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.startswith(f"semvid: {words}")
    assert done.stderr.count("\n") == 1


def test_motion_jpeg_has_every_frame(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=384, height=256, num_frames=7)
    done = run(source, tmp_path / "out.mkv", "--codec", "mjpeg", *FAST[:2])
    assert done.returncode == 0, done.stderr
    assert num_frames(tmp_path / "out.mkv") == 7


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.mp4", "out.mkv"], 3, "does not exist"),
        (["webcam:99", "out.mkv"], 3, "webcam:99 is not there"),
        (["in.mp4"], 2, "nowhere to stream to"),
        (["in.mp4", "out.xyz"], 2, "is not a sink"),
        (["in.mp4", "out.mkv", "--latency", "soon"], 2, "is not a time"),
        (["in.mp4", "out.mkv", "--wait", "long"], 2, "--wait long is not a time"),
        (["in.mp4", "out.mkv", "--size", "big"], 2, "is not a size"),
        (["in.mp4", "out.mkv", "--size", "101x100"], 2, "odd side"),
        (["in.mp4", "out.mkv", "--bitrate", "1k"], 2, "out of range"),
        (["in.mp4", "out.mkv", "--token", "abcdefgh"], 2, "--token is for --serve"),
        (["in.mp4", "out.mkv", "--preset", "ultrafast"], 2, "would ignore the map"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(arguments, code, words, tmp_path, semvid_here):
    (tmp_path / "in.mp4").touch()
    done = semvid_here("stream", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == ["in.mp4"]


def test_times_and_sizes_as_people_write_them():
    assert {parse_milliseconds("--latency", one) for one in ("150ms", "0.15s", "150")} == {150}
    assert {parse_milliseconds("--wait", one, "s") for one in ("2min", "120s", "120")} == {120_000}
    assert parse_size("1280x720") == (1280, 720)
    assert parse_size(None) is None


def test_help_names_the_ends():
    shown = run("--help", text=True).stdout
    for word in ("SOURCE", "--serve", "--virtual-camera", "--record"):
        assert word in shown


def test_the_example_that_feeds_arrays_runs(tmp_path):
    example = Path(__file__).parents[2] / "examples" / "live_numpy.py"
    done = subprocess.run(
        [sys.executable, "-P", str(example), "ball.h264"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert num_frames(tmp_path / "ball.h264") == 90
