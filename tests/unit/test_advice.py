"""What is typed wrong gets advice that fits, or none; the help is short."""

import re
import sys

import pytest
import typer  # noqa: TID251 - it knows the commands
from typer.testing import CliRunner  # noqa: TID251 - it shows the help

from semvid.cli.app import app, run_app
from semvid.core.errors import ConfigError


def complaint(line, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["semvid", *line.split()])
    with pytest.raises(ConfigError) as wrong:
        run_app()
    assert "\n" not in str(wrong.value)
    return str(wrong.value)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("compress a.mp4 --overwrite", "-y overwrites an existing output"),
        ("compress a.mp4 --force", "-y overwrites an existing output"),
        ("image a.png --replace", "-y overwrites an existing output"),
        ("compress a.mp4 --output-dir x", "-o names the file to write"),
        ("maps a.mp4 --outfile=x", "-o names the file to write"),
        ("compress -i a.mp4", "the input needs no option"),
        ("compress a.mp4 --level 4.1", "--encoder-option level=VALUE passes it to the encoder"),
        ("compress a.mp4 --crf-max 30", "--encoder-option crf_max=VALUE passes it to the encoder"),
        ("compress a.mp4 --x264-params me=hex", "--encoder-option x264-params=VALUE"),
        ("compress a.mp4 -crf 23", "write --crf"),
        ("compress a.mp4 -preset fast", "write --preset"),
        ("compress a.mp4 -q:v 3", "--crf sets the quality"),
        ("compress a.mp4 -c:v x264", "--codec names the encoder"),
        ("compress a.mp4 --speed 3", "--preset sets the speed"),
        ("compress a.mp4 --filesize 20M", "--target-size sets the size of the output"),
        ("image a.png --target-size 20k", "--target-bytes sets the size of the output"),
        ("compress a.mp4 -an", "--drop audio leaves the sound out"),
        ("stream a.mp4 --no-audio", "--sound-bitrate 0 leaves the sound out"),
        ("compress a.mp4 -c:a aac", "--audio sets the codec of the sound"),
        ("compress a.mp4 --audio-bitrate 96k", "--audio sets the codec of the sound"),
        ("compress a.mp4 --sound-bitrate 96k", "--audio sets the codec of the sound"),
        ("stream a.mp4 --audio-bitrate 96k", "--sound-bitrate sets the rate of the sound"),
        ("compress a.mp4 --pedantic", "--strict stops if something would be converted or left out"),
        ("compress a.mp4 -strict", "write --strict"),
        ("compress a.mp4 --yadif", "--deinterlace bwdif deinterlaces"),
        ("stream udp://:5000 --timeout 5", "--wait sets how long to wait for the source"),
        ("compress a.m3u8 --protocol_whitelist http", "--allow-protocols lets playlists open more"),
        ("compress a.mp4 --mask m.png", "--maps reads maps from a file"),
        ("compress a.mp4 --gpu", "--device sets where the network runs"),
        ("compress a.mp4 --verbose", "--json prints everything as JSON"),
        ("compress a.mp4 --quiet", "--no-preview hides the picture"),
        ("compress a.mp4 --resize 640x360", "--size sets the size"),
        ("image a.png --resize 640x360", "semvid keeps the size of the picture"),
        ("compress a.mp4 -ss 10", "--start begins later"),
        ("compare a.mp4 b.mp4 -ss 10", "semvid takes whole files"),
        ("overlay a.mp4 --fps 25", "semvid keeps the times of all frames"),
        ("stream a.mp4 --framerate 25", "--fps sets the frame rate"),
        ("compress --version", "'semvid --version' prints the version"),
        ("compress a.mp4 --qualty 3", "did you mean --quality?"),
        ("compress a.mp4 --ouptut b.mp4", "did you mean --output?"),
        ("compress a.mp4 --back-ground-weight 1", "did you mean --background-weight?"),
        ("compress a.mp4 b.mp4", "the output goes after -o"),
        ("--output b.mp4 compress a.mp4", "options come after the command"),
        ("film.mp4", "did you mean 'semvid compress film.mp4'?"),
        ("./films/film", "did you mean 'semvid compress ./films/film'?"),
        ("photo.JPG", "did you mean 'semvid image photo.JPG'?"),
        ("rtsp://camera/1", "did you mean 'semvid stream rtsp://camera/1'?"),
        ("webcam:0", "did you mean 'semvid stream webcam:0'?"),
        ("compres a.mp4", "did you mean 'semvid compress'?"),
        ("encode a.mp4", "did you mean 'semvid compress'?"),
        ("heatmap a.mp4", "did you mean 'semvid overlay'?"),
    ],
)
def test_advice(line, advice, monkeypatch):
    assert f"; {advice}" in complaint(line, monkeypatch)


@pytest.mark.parametrize(
    "line",
    [
        "compress a.mp4 --wrong",
        "compress a.mp4 --modernize",
        "compress a.mp4 -x",
        "compress a.mp4 --focal 2",
        "devices --force",
        "blah",
    ],
)
def test_no_lookalikes(line, monkeypatch):
    said = complaint(line, monkeypatch)
    assert said.count(";") == 1, said


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("compress", "compress "), ("stream", "stream "), ("maps a.mp4", "maps "), ("compress a.mp4 --crf", "compress "),
        ("compress a.mp4 --crf good", "compress "), ("image a.png --wrong", "image "), ("blah", ""),
    ],
)  # fmt: skip
def test_the_help_that_helps_is_named(line, place, monkeypatch):
    assert complaint(line, monkeypatch).endswith(f"; see 'semvid {place}--help'")


def test_no_command_at_all_is_named(monkeypatch):
    assert complaint("", monkeypatch) == "No command is given; see 'semvid --help'"


@pytest.mark.parametrize("name", list(typer.main.get_command(app).commands))
def test_help_says_each_thing_in_three_lines(name):
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "80"}).stdout
    lines = {}
    for line in re.findall(r"^│ (.*) │$", shown, re.MULTILINE):
        if line[:6].strip(" *"):
            option = re.search(r"[\w-]+", line)[0]
        if not re.match(r"\s*\[(default|required|env var)", line):
            lines[option] = lines.get(option, 0) + 1
    assert "--help" in lines
    assert {option: count for option, count in lines.items() if count > 3} == {}
