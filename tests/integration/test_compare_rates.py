"""Curves of rate and quality: two sets of encodes of one video, and reports of several runs."""

import json

import pytest
from clips import make_clip

import semvid
from semvid.cli.words import spread
from semvid.core.config import AllocationConfig, CompareConfig, CompressConfig, MapsConfig
from semvid.core.errors import ConfigError
from semvid.core.events import Stage
from semvid.core.rate import Crf
from semvid.products.compare.rates import video_bytes_of

CRFS = (23, 28, 33, 38)
SPECTRAL = MapsConfig(model="spectral")


def config(crf, strength=0.0):
    allocation = AllocationConfig(strength=strength)
    return CompressConfig(preset="superfast", rate=Crf(crf), maps=SPECTRAL, allocation=allocation)


@pytest.fixture(scope="module")
def encodes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curves")
    source = make_clip(folder / "film.mp4", width=192, height=96, num_frames=10, audio=True)
    results = [semvid.compress(source, folder / f"{crf}.mp4", config(crf)) for crf in CRFS]
    return source, [one.output for one in results], results


def test_encodes_against_themselves_differ_by_nothing(encodes):
    source, paths, results = encodes
    events = []
    options = CompareConfig(metrics=("psnr", "weighted"), maps=SPECTRAL)
    found = semvid.compare_rates(source, paths, paths[::-1], options, on_event=events.append)
    assert found.rates.keys() == {"psnr", "weighted", "salient", "background"}
    assert all(one.change == pytest.approx(0) and one.overlap == 1 for one in found.rates.values())
    # Sound does not count.
    assert [one.video_bytes for one in found.test] == pytest.approx(
        sorted(one.video_bytes for one in results), rel=0.001
    )
    assert [one.name for one in events if isinstance(one, Stage)][-2:] == ["38.mp4", "what matters"]
    alone = semvid.compare(source, paths[0], options)
    assert found.test[-1].scores["salient"] == alone.pooled["salient"].mean


def test_bytes_of_the_video_leave_the_sound_out(encodes):
    _, paths, results = encodes
    # FFmpeg makes all start codes four bytes long.
    assert [video_bytes_of(one) for one in paths] == pytest.approx(
        [one.video_bytes for one in results], rel=0.001
    )


def test_a_set_of_one_is_refused(encodes):
    source, paths, _ = encodes
    with pytest.raises(ConfigError, match="`against` has 1 encode: a curve needs 2"):
        semvid.compare_rates(source, paths, paths[:1])
    with pytest.raises(ConfigError, match="`tests` has 0 encodes"):
        semvid.compare_rates(source, [], paths)


@pytest.fixture(scope="module")
def reports(encodes):
    source = encodes[0]
    found = []
    for crf in CRFS[:2]:
        made = config(crf, strength=1.0)
        result = semvid.compress(source, source.with_name(f"mapped-{crf}.mp4"), made)
        path = source.with_name(f"{crf}.json")
        semvid.write_report(path, semvid.make_report(result, made))
        found.append(path)
    return found


def test_reports_have_both_curves(reports):
    loaded = [semvid.load_report(one) for one in reports]
    found = semvid.compare_reports(loaded)
    assert {"salient", "background", "whole", "ssim", "vmaf"} <= found.rates.keys()
    assert [one.video_bytes for one in found.test] == sorted(one.mapped.video_bytes for one in loaded)
    assert [one.video_bytes for one in found.anchor] == sorted(one.plain.video_bytes for one in loaded)
    assert found.rates["salient"].change < found.rates["background"].change


def test_reports_that_make_no_curve_are_refused(reports):
    import dataclasses

    one, other = (semvid.load_report(path) for path in reports)
    with pytest.raises(ConfigError, match="2 reports at least"):
        semvid.compare_reports([one])
    with pytest.raises(ConfigError, match="different encoders, x264 superfast and x265"):
        semvid.compare_reports([one, dataclasses.replace(other, codec="x265", preset="")])


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        (["a", "--bd", "b", "c", "--against", "d", "e"], ["a", "--bd", "b", "c", "--against", "d", "--against", "e"]),
        (["--against", "d", "e", "--bd", "a"], ["--against", "d", "--against", "e", "--bd", "a"]),
        (["a", "--against"], ["a", "--against"]),
        (["--against", "a", "--", "-b", "--against", "c"], ["--against", "a", "--", "-b", "--against", "c"]),
        (["--against", "-", "-"], ["--against", "-", "--against", "-"]),
    ],
)  # fmt: skip
def test_an_option_takes_all_words_up_to_the_next(given, parsed):
    assert spread(given, ["--against"]) == parsed


def run(arguments, capsys, monkeypatch):
    from semvid.cli.app import run_app

    monkeypatch.setattr("sys.argv", ["semvid", *map(str, arguments)])
    assert run_app() == 0
    return capsys.readouterr()


def test_the_command_line_shows_both_kinds(encodes, reports, capsys, monkeypatch):
    source, paths, _ = encodes
    arguments = ["compare", source, "--metrics", "psnr", "--bd", *paths, "--against", *paths]
    shown = run(arguments, capsys, monkeypatch)
    assert "PSNR" in shown.out
    assert "+0.0 %" in shown.out
    shown = run(["compare", "--bd", *reports, "--json"], capsys, monkeypatch)
    assert json.loads(shown.out)["rates"]["vmaf"].keys() >= {
        "change",
        "overlap",
        "low",
        "high",
        "is_monotone",
    }
    assert shown.err == "note: a curve has only 2 encodes, 4 are usual\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["film.mp4", "a.mp4", "b.mp4"], "2 videos are more than one TEST"),
        (["film.mp4", "a.mp4", "--against", "b.mp4"], "add --bd"),
        (["film.mp4", "--bd", "a.mp4", "b.mp4"], "name the other with --against"),
        (["film.mp4", "--bd", "a.json", "--against", "b.mp4"], "a .json has both encodes"),
        (["a.json", "b.json", "--bd", "--against", "c.json"], "a .json has both encodes"),
        (["film.mp4", "--bd", "a.mp4", "--csv", "x.csv", "--against", "b.mp4"], "leave one out"),
    ],
)
def test_command_lines_that_compare_nothing_are_refused(arguments, words, monkeypatch, tmp_path):
    from semvid.cli.app import run_app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["semvid", "compare", *arguments])
    with pytest.raises(ConfigError, match=words):
        run_app()
