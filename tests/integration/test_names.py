"""Files of any name: what FFmpeg, Rich or a terminal would take for something else."""

import json
import os
import subprocess
import sys

import pytest
from clips import make_clip
from terminal import run_in_terminal

import semvid
from semvid.core.errors import InputError, OutputError

QUICK = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast")
NAMES = [
    "Talk: part 1.mkv", "pipe:0.mkv", "concat:a|b.mkv", "file:x.mkv", "subfile,,start,0,end,9,,:x.mkv",
    "-i.mkv", "a%03d.mkv", "[bold]x[bad.mkv", "esc\x1b[31m\x1b]0;t\x07.mkv", "new\nline.mkv",
    os.fsdecode(b"caf\xe9.mkv"), "Z\u00fcrich \U0001f600.mkv", "n" * 251 + ".mkv",
]  # fmt: skip
COLON = NAMES[0]


@pytest.fixture(scope="module")
def clip_bytes(tmp_path_factory):
    return make_clip(
        tmp_path_factory.mktemp("names") / "c.mkv", width=192, height=96, num_frames=6
    ).read_bytes()


@pytest.fixture
def named(tmp_path, clip_bytes, monkeypatch):
    """Write the clip under a name, in the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name):
        (tmp_path / name).write_bytes(clip_bytes)
        return name

    return write


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()", *arguments],
        capture_output=True, check=False, timeout=120, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_is_read_and_written(name, named):
    source = named(name)
    where = "out: 1"
    os.mkdir(where)
    result = semvid.compress(source, os.path.join(where, name), QUICK)
    assert result.num_frames == 6
    assert semvid.probe(os.path.join(where, name)).num_frames_from_header in {6, None}
    assert os.listdir(where) == [name]


@pytest.mark.parametrize("output", ["m: 1.svmap", "m: 1.npz", "m: 1.mkv", "m: 1.avi", "m: 1"])
def test_maps_of_any_name(output, named):
    config = semvid.ExportConfig(
        maps=semvid.MapsConfig(model="spectral"), format="x264mod" if output.endswith("avi") else None
    )
    assert semvid.export_maps(named(COLON), output, config).num_frames == 6
    assert (
        semvid.compress(
            COLON,
            "out: 2.mp4",
            semvid.CompressConfig(preset="superfast", maps=semvid.MapsConfig(path=output)),
        ).num_frames
        == 6
    )


@pytest.mark.parametrize("output", ["o: 1.mp4", "o: 1.gif", "o: 1"])
def test_overlays_of_any_name(output, named):
    assert (
        semvid.export_overlay(
            named(COLON), output, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
        ).num_frames
        == 6
    )


def test_versions_of_any_name_are_compared(named):
    config = semvid.CompareConfig(metrics=("psnr", "weighted"), maps=semvid.MapsConfig(model="spectral"))
    other = named(os.fsdecode(b"caf\xe9: 2.mkv"))
    assert min(semvid.compare(named(COLON), other, config).scores["psnr"]) == 100


def test_streams_of_any_name(named):
    for sink in ("s: 1.mkv", "s: 2.m3u8"):
        done = run("stream", named(COLON), sink, "--model", "spectral")
        assert done.returncode == 0, done.stderr
        assert os.path.exists(sink)


def test_what_is_printed_does_not_reach_the_terminal_raw(named, tmp_path):
    name = named("[bold]x[bad\x1b]0;title\x07\x1b[2J.mkv")
    written, code = run_in_terminal(["compress", name, "--model", "spectral"], tmp_path)
    assert code == 0, written
    assert "\x1b]0;" not in written
    assert "\x1b[2J" not in written
    assert r"[bold]x[bad\x1b]0;title\x07\x1b[2J.semvid.mkv: " in written


def test_json_is_json_whatever_the_name(named):
    name = named(os.fsdecode(b"caf\xe9\x1b.mkv"))
    done = run("compress", name, "--model", "spectral", "--json")
    assert done.returncode == 0, done.stderr
    paths = [json.loads(line).get("result", {}).get("output") for line in done.stdout.splitlines()]
    assert paths[-1] == "caf\\xe9\x1b.semvid.mkv"


def test_errors_show_no_secrets_and_no_escapes(tmp_path):
    for arguments in (["compress"], ["stream"], ["stream", "lavfi:testsrc"]):
        done = run(*arguments, "rtspx://user:S3CR3T@host/a\x1b[31m?token=S3CR3T")
        assert done.returncode > 0
        assert b"S3CR3T" not in done.stderr + done.stdout
        assert b"\x1b" not in done.stderr
        assert done.stderr.count(b"\n") == 1


def test_names_too_long_and_pipes_are_one_line(named):
    source = named("n" * 245 + ".mkv")
    with pytest.raises(OutputError, match="file name too long; choose another `output`"):
        semvid.compress(source, None, QUICK)
    with pytest.raises(InputError, match="file name too long"):
        semvid.probe("n" * 300)
    os.mkfifo("fifo")
    with pytest.raises(InputError, match="is a pipe or a device.*semvid stream -"):
        semvid.compress("fifo", "out.mkv", QUICK)


def test_an_output_that_is_a_link_stays_one(named):
    source = named("in.mkv")
    os.mkdir("disk")
    os.symlink("disk/real.mkv", "link.mkv")
    semvid.compress(source, "link.mkv", QUICK)
    assert os.path.islink("link.mkv")
    assert semvid.probe("disk/real.mkv").width == 192
    assert os.listdir("disk") == ["real.mkv"]
