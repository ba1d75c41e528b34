"""Profiles and files of defaults, as somebody uses them."""

from __future__ import annotations

import json
import subprocess

import cv2
import pytest
from clips import make_clip, texture
from program import PROGRAM

PROFILES = ("drone", "meeting", "messaging", "mezzanine", "phone", "screen", "surveillance", "web")
STREAMS = ("meeting", "screen", "surveillance")
PICTURES = ("messaging", "phone", "web")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a clip, and another for the user's own files."""
    own, films = tmp_path / "own", tmp_path / "films"
    (own / "profiles").mkdir(parents=True)
    films.mkdir()
    make_clip(films / "in.mp4", width=192, height=96, num_frames=12, audio=True)
    cv2.imwrite(str(films / "in.png"), texture(64, 48))
    monkeypatch.setenv("SEMVID_CONFIG", str(own))
    return films, own


@pytest.fixture
def run(semvid_here):
    return lambda folder, *arguments: semvid_here(*arguments, cwd=folder)


def job(run, folder, *arguments):
    """Return what a command line comes to, without the encode."""
    done = run(folder, "compress", "in.mp4", "-o", "out.mp4", "--model", "spectral", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[0])["job"]["config"]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_encodes(name, place, run):
    films, _ = place
    done = run(films, "compress", "in.mp4", "-o", "out.mp4", "--profile", name, "--model", "spectral")
    assert done.returncode == 0, done.stderr
    assert (films / "out.mp4").exists()


@pytest.mark.parametrize("name", PICTURES)
def test_a_profile_is_for_pictures_too(name, place, run):
    films, _ = place
    done = run(
        films, "image", "in.png", "-o", "out.jpg", "--profile", name, "--allow-larger", "--model", "spectral"
    )
    assert done.returncode == 0, done.stderr
    assert (films / "out.jpg").exists()


@pytest.mark.parametrize("name", STREAMS)
def test_a_profile_is_for_streams_too(name, place, run):
    films, _ = place
    done = run(films, "stream", "in.mp4", "out.mkv", "--profile", name, "--model", "spectral")
    assert done.returncode == 0, done.stderr


def test_profiles_are_listed_with_what_they_are_for(place, run):
    films, own = place
    (own / "profiles" / "mine.toml").write_text('about = "Mine."\n[compress]\ncrf = 30\n')
    done = run(films, "profiles")
    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted((*PROFILES, "mine"))
    assert "mine           Mine." in done.stdout
    shown = run(films, "profiles", "mine")
    assert shown.stdout == f'# {own / "profiles" / "mine.toml"}\nabout = "Mine."\n[compress]\ncrf = 30\n'
    records = [json.loads(line) for line in run(films, "profiles", "--json").stdout.splitlines()]
    assert {one["name"]: one["options"] for one in records}["mine"] == {"compress": {"crf": 30}}


def test_what_is_typed_wins_over_the_profile_the_folder_and_the_user(place, run):
    films, own = place
    (own / "semvid.toml").write_text(
        '[all]\nstrength = 0.5\n[compress]\ncrf = 20\npreset = "fast"\naudio = "opus"\n'
    )
    (films / "semvid.toml").write_text('[compress]\ncrf = 21\naudio = "aac:64k"\n')
    (own / "profiles" / "mine.toml").write_text('[compress]\ncrf = 22\npreset = "superfast"\n')
    done = job(run, films, "--profile", "mine", "--crf", "23", "-y")
    assert (done["rate"]["value"], done["preset"], done["audio"]) == (23, "superfast", "aac:64k")
    assert done["allocation"]["strength"] == 0.5
    assert job(run, films, "--profile", "mine", "-y")["rate"]["value"] == 22
    assert job(run, films, "-y")["rate"]["value"] == 21
    command = [*PROGRAM, "compress", "in.mp4", "-o", "told.mp4", "--model", "spectral"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=films, check=True).stderr
    assert f"preset, strength from {own / 'semvid.toml'}" in told
    assert f"audio, crf from {films / 'semvid.toml'}" in told


def test_batches_and_their_lists_have_them_too(place, run):
    films, _ = place
    (films / "semvid.toml").write_text('[compress]\npreset = "superfast"\nmodel = "spectral"\n')
    refused = run(films, "batch", "in.mp4", "-o", "small")
    assert refused.returncode == 2
    assert "model may name other files, and this one may be from anybody" in refused.stderr
    (films / "semvid.toml").write_text('[compress]\npreset = "superfast"\n[batch]\nmin-saving = "99%"\n')
    done = run(films, "batch", "in.mp4", "-o", "small", "--model", "spectral")
    assert "1 skipped" in done.stdout, done.stderr
    done = run(films, "compress", "in.mp4", "-o", "out.mp4", "--model", "spectral")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[compress]\ncfr = 24\n", "'semvid compress' has no option --cfr; did you mean crf?"),
        ("[all]\nnonsense = 1\n", "'semvid compress' has no option --nonsense"),
        ("[encode]\ncrf = 24\n", "[encode] is no command; choose [all], or one of compress, batch"),
        ("[compress]\ncrf = 99\n", "--crf 99 is out of range: x264 takes 1"),
        ("[compress]\ncrf = true\n", "crf = true should be a number or a text"),
        ("[compress]\nenlarge = 1\n", "enlarge = 1 should be true or false"),
        ("[compress]\ncrf = [1, 2]\n", "should be one value"),
        (
            '[compress]\noutput = "x.mp4"\n',
            "output is for one run, and no default; give --output on the command line",
        ),
        ('[compress]\nencoder-option = ["stats=/tmp/x"]\n', "encoder-option may name other files"),
        ('[all]\nfilter = "movie=x"\n', "filter may name other files"),
        ("crf = 24\n", "crf is in no table"),
        ("[compress\n", "is no TOML"),
    ],
)
def test_what_a_file_may_not_say_is_one_line_with_its_name(text, words, place, run):
    films, _ = place
    (films / "semvid.toml").write_text(text)
    done = run(films, "compress", "in.mp4", "-o", "out.mp4")
    assert done.returncode == 2, done.stderr
    *_, last = done.stderr.strip().splitlines()
    assert words in last
    assert str(films / "semvid.toml") in last
    assert not (films / "out.mp4").exists()


def test_options_that_another_command_has_are_passed_over(place, run):
    films, _ = place
    (films / "semvid.toml").write_text('[all]\nbitrate = "900k"\nsmoothing = 0.5\n')
    done = run(films, "image", "in.png", "-o", "out.jpg", "--allow-larger", "--model", "spectral")
    assert done.returncode == 0, done.stderr


def test_a_profile_that_is_not_there_or_says_nothing_is_told(place, run):
    films, _ = place
    done = run(films, "compress", "in.mp4", "--profile", "high")
    assert done.returncode == 2
    assert "there is no profile high; choose one of drone, meeting" in done.stderr
    done = run(films, "image", "in.png", "--profile", "mezzanine", "-o", "out.jpg")
    assert done.returncode == 0, done.stderr
    done = run(films, "config", "doctor")
    assert done.returncode == 2
    assert "doctor is no command with defaults" in done.stderr


def test_config_shows_what_is_in_force_and_where_it_is_from(place, run):
    films, own = place
    (own / "semvid.toml").write_text("[compress]\ncrf = 20\n")
    (films / "semvid.toml").write_text("[all]\nfocus = { face = 2, text = 0.5 }\n")
    shown = run(films, "config", "compress", "in.mp4", "--profile", "web").stdout
    assert f"--focus face=2,text=0.5  ({films / 'semvid.toml'})\n" in shown
    assert "--crf 20  (profile web)\n" in shown
    assert "built in" not in shown
    record = json.loads(run(films, "config", "compress", "in.mp4", "--json", "--all").stdout)
    assert record["options"]["crf"] == {"value": "20", "from": str(own / "semvid.toml")}
    assert record["options"]["codec"] == {"value": "x264", "from": "built in"}
    assert list(record["files"].values()) == [True, True]
    assert "all options are as built in" in run(own / "profiles", "config", "stream", "webcam:0").stdout
