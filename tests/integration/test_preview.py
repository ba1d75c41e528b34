"""The small picture of a running job: what is on it, and what a terminal shows of it."""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, decode, make_clip
from terminal import Screen, run_in_terminal

import semvid
from semvid.core.events import Preview
from semvid.core.types import AnalysedFrame, Frame
from semvid.engine import preview as preview_module

FAST = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast", overwrite=True)
TRUE_COLOR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
SIZE = (64, 40)


def previews_of(run):
    events = []
    run(events.append)
    return [one.picture for one in events if isinstance(one, Preview)]


def look(picture, importance=None, size=SIZE, aspect=None):
    frame = Frame(picture, 0, np.zeros((picture.height, picture.width), np.uint8), 8)
    made = preview_module.Previewer(size, aspect).look(AnalysedFrame(frame, importance, is_cut=False))
    return made and made.picture


@pytest.fixture
def every_frame(monkeypatch):
    monkeypatch.setattr(preview_module, "_INTERVAL_SECONDS", 0.0)


@pytest.mark.usefixtures("every_frame")
def test_all_that_goes_through_a_video_has_previews(clip, tmp_path):
    drawn = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
    runs = {
        "compress": lambda tell: semvid.compress(
            clip, tmp_path / "out.mp4", FAST, preview_size=SIZE, on_event=tell
        ),
        "maps": lambda tell: semvid.export_maps(
            clip,
            tmp_path / "m.mkv",
            semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
            preview_size=SIZE,
            on_event=tell,
        ),
        "overlay": lambda tell: semvid.export_overlay(
            clip, tmp_path / "drawn.mp4", drawn, preview_size=SIZE, on_event=tell
        ),
        "folder": lambda tell: semvid.export_overlay(
            clip, tmp_path / "drawn", drawn, preview_size=SIZE, on_event=tell
        ),
    }
    seen = {name: previews_of(run) for name, run in runs.items()}
    for pictures in seen.values():
        assert len(pictures) == 24
        assert all(one.shape == (38, 64, 3) and one.dtype == np.uint8 for one in pictures)
    # The same frame and map, whoever draws them.
    assert np.array_equal(seen["overlay"], seen["folder"])
    assert np.abs(np.array(seen["compress"], int) - np.array(seen["maps"], int)).mean() < 2


def test_nothing_is_drawn_unless_asked_and_the_output_is_the_same(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH)
    assert previews_of(lambda tell: semvid.compress(clip, tmp_path / "a.mp4", FAST, on_event=tell)) == []
    semvid.compress(clip, tmp_path / "b.mp4", FAST, preview_size=SIZE)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_pictures_come_four_times_a_second(clip, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(preview_module.time, "monotonic", lambda: now[0])
    previewer = preview_module.Previewer(SIZE, None)
    picture = decode(clip)[0]
    analysed = AnalysedFrame(Frame(picture, 0, np.zeros((192, 320), np.uint8), 8), None, is_cut=False)
    made = []
    for now[0] in np.arange(0, 3, 1 / 50):
        made.append(previewer.look(analysed) is not None)
    assert sum(made) == 12
    assert made[0]


def test_the_picture_is_upright_and_square(tmp_path):
    source = make_clip(tmp_path / "in.mp4", num_frames=2, rotation=90, aspect=Fraction(3, 2))
    frame = decode(source)[0]
    shown = look(frame, aspect=Fraction(3, 2))
    upright = np.rot90(frame.to_ndarray(format="rgb24"), 1)
    assert shown.shape == (40, 16, 3)  # 192x480 in square pixels
    wanted = cv2.resize(upright, (16, 40), interpolation=cv2.INTER_AREA)
    # In grey: the clip's colours are finer than its chroma samples.
    assert np.corrcoef(shown.mean(-1).ravel(), wanted.mean(-1).ravel())[0, 1] > 0.95


def test_the_map_lies_where_it_belongs(tmp_path):
    frame = decode(make_clip(tmp_path / "in.mp4", num_frames=2, rotation=90))[0]
    importance = np.zeros((12, 20), np.float32)
    importance[:, 15:] = 1  # right as coded: on top once turned
    plain, drawn = look(frame).astype(int), look(frame, importance).astype(int)
    brighter = (drawn - plain).sum(-1)
    assert brighter[:8].mean() > 0 > brighter[12:].mean()


@pytest.mark.parametrize(("width", "height"), [(1920, 16), (16, 1600), (2, 2), (1, 1)])
def test_odd_shapes(width, height):
    picture = av.VideoFrame.from_ndarray(np.full((height, width, 3), 99, np.uint8), format="rgb24")
    shown = look(picture, np.ones((2, 2), np.float32))
    assert shown.shape[0] in range(2, 41)
    assert shown.shape[1] in range(2, 65)


def test_a_picture_that_cannot_be_drawn_stops_nothing(clip, monkeypatch):
    def fail(*arguments):
        raise ValueError

    monkeypatch.setattr(preview_module, "to_bgr", fail)
    assert look(decode(clip)[0]) is None


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Long enough for the bar to be redrawn a few times."""
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", width=160, height=96, num_frames=60)


ARGUMENTS = ["compress", "film.mp4", "-o", "out.mp4", "-y", "--model", "spectral", "--preset", "superfast"]


@pytest.mark.parametrize(
    ("environment", "color"), [(TRUE_COLOR, "\x1b[38;2;"), ({"TERM": "xterm-256color"}, "\x1b[38;5;")]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ARGUMENTS,
        ["maps", "film.mp4", "-o", "film.svmap", "-y", "--model", "spectral"],
        ["overlay", "film.mp4", "-o", "out.mp4", "-y", "--model", "spectral"],
    ],
    ids=lambda one: one[0],
)
def test_a_terminal_shows_it_and_nothing_stays(arguments, environment, color, film):
    written, code = run_in_terminal(arguments, film.parent, **environment)
    assert code == 0, written
    assert written.count(color) >= 64 * 19
    shown = [line for line in Screen().feed(written[: written.rindex("▀") + 1]).lines if "▀" in line]
    assert shown == ["▀" * 64] * 19
    left = [line for line in Screen().feed(written).lines if line]
    assert len(left) <= 2
    assert left[0].startswith(arguments[3] + ": ")
    assert "▀" not in "".join(left)


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["--no-preview"], TRUE_COLOR),
        (["--json"], TRUE_COLOR),
        ([], TRUE_COLOR | {"NO_COLOR": "1"}),
        ([], TRUE_COLOR | {"CI": "true"}),
        ([], {"TERM": "dumb"}),
        ([], {"TERM": "xterm"}),
    ],
    ids=["no-preview", "json", "NO_COLOR", "CI", "dumb", "16 colours"],
)
def test_terminals_without(options, environment, film):
    written, code = run_in_terminal([*ARGUMENTS, *options], film.parent, **environment)
    assert code == 0, written
    assert "▀" not in written


def test_small_terminals(film):
    written, code = run_in_terminal(ARGUMENTS, film.parent, size=(59, 24), **TRUE_COLOR)
    assert (code, "▀" in written) == (0, False)
    written, code = run_in_terminal(ARGUMENTS, film.parent, size=(70, 16), **TRUE_COLOR)
    shown = [line for line in Screen(70).feed(written[: written.rindex("▀") + 1]).lines if "▀" in line]
    assert (code, len(shown), {len(line) for line in shown}) == (0, 12, {40})


def test_json_holds_no_pictures(film):
    written, _ = run_in_terminal([*ARGUMENTS, "--json"], film.parent, size=(3000, 24), **TRUE_COLOR)
    lines = [one for one in Screen(3000).feed(written).lines if one.startswith("{")]
    assert {json.loads(one)["event"] for one in lines} == {"started", "progress", "measured", "done"}


def test_an_interrupt_leaves_a_clean_terminal(film):
    # So long and slow that it cannot end before the signal comes, however busy the machine is.
    make_clip(film.parent / "long.mp4", width=192, height=96, num_frames=800)
    slow = ["compress", "long.mp4", "-o", "slow.mp4", "--model", "spectral", "--preset", "placebo"]
    written, code = run_in_terminal(slow, film.parent, interrupt_at="▀", **TRUE_COLOR)
    left = [line for line in Screen().feed(written).lines if line]
    assert (code, left) == (130, ["semvid: interrupted; nothing unfinished was left behind"])
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")  # the cursor is shown again
    assert not (film.parent / "slow.mp4").exists()
