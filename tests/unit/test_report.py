"""Reports without a video: what is kept, what is refused, what is chosen, how plain encodes are searched."""

import dataclasses
import json
import math
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import semvid
from semvid.core.config import AllocationConfig, CompressConfig, FocusConfig, MapsConfig, Mark, TemporalConfig
from semvid.core.errors import ConfigError, InputError, InputMissingError, OutputError, OutputExistsError
from semvid.core.rate import Bitrate, Crf, Quality
from semvid.core.results import Pooled, Result, Trial
from semvid.engine.job import Job
from semvid.products.report.data import VERSION, CloseUp, Encode, Report, SourceFacts, Spot, Still, Thumbnail
from semvid.products.report.make import choose_stills, spread
from semvid.products.report.page import embedded_json, render_page
from semvid.products.report.regions import RegionFinder, region_size
from semvid.products.report.settings import command_line
from semvid.products.report.store import dump_report, parse_report

PICTURE = "data:image/webp;base64,UklGRg=="
SPOT = Spot("worse", 8, 16, 40, 32, 0.04, -2.5, 0.5, (0, 10, 60, 38), *[PICTURE] * 3)
NUMBERS = st.floats(allow_nan=True, allow_infinity=False, width=32)


def encode(values, name="salient"):
    return Encode(30.0, 1000, 900, (8,) * len(values), {name: tuple(values)}, {name: Pooled(*values[:1] * 5)})


def report(values=(30.0, 31.0), name="film.mp4"):
    return Report(
        VERSION, "0.1.0", SourceFacts(name, 5000, "h264", 64, 48, len(values), 1.0), "x264", "medium",
        tuple(map(float, range(len(values)))), encode(values), encode(values),
        (Still(0, 0.0, "largest gain", *[PICTURE] * 4, spots=(SPOT,)),),
        (CloseUp("best", 0, 0.0, 1, 2, 3, 4, 1.5, 0.5, *[PICTURE] * 4),),
        (Thumbnail(0.0, PICTURE),), "semvid compress", (("codec", "x264"),),
        Job("film.mp4", None, "out.mp4", CompressConfig(rate=Crf(30))),
    )  # fmt: skip


@given(st.lists(NUMBERS, min_size=1, max_size=9), st.text(max_size=20))
def test_json_brings_everything_back(values, name):
    text = dump_report(report(values, name))
    # NaN is unlike itself: what is written again tells.
    assert dump_report(parse_report(text, "it")) == text
    if not any(map(math.isnan, values)):
        assert parse_report(text, "it") == report(values, name)


def test_trials_come_back_with_scores_and_without():
    trials = (
        Trial(26.0, 900, 1000, 0.1, 2.0), Trial(28.0, 700, 800, -0.02, 2.0, is_whole=True),
        Trial(27.5, 720, 820, 0.4, 1.5, score=93.4, rest=80.0),
    )  # fmt: skip
    text = dump_report(dataclasses.replace(report(), trials=trials))
    read = parse_report(text, "it")
    assert read.trials[2] == trials[2]
    assert dump_report(read) == text


def change(path, value):
    record = json.loads(dump_report(report()))
    *parents, last = path
    inner = record
    for one in parents:
        inner = inner[one]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "nested more than 32 levels deep"),
        ("[]", "is not a report"),
        ('{"version": "1"}', "is not a report"),
        ('{"version": 1}', "report.semvid is missing"),
        (change(["version"], 5), "of version 5, and this semvid reads 4; install a newer one"),
        (change(["job", "config", "rate", "kind"], "qp"), "damaged report: job.config.rate.kind is 'qp'"),
        (change(["job"], 3), "damaged report: it is not a job"),
        (change(["plain"], None), "report.plain is missing"),
        (change(["plain", "bits"], [1]), "plain.bits has 1 value for 2 frames"),
        (change(["plain", "bits"], [True, 1]), r"report.plain.bits\[0\] is True"),
        (change(["plain", "quality"], "30"), "report.plain.quality is '30'"),
        (change(["mapped", "scores"], {}), "not of the known measures"),
        (change(["stills"], []), "no frames"),
        (change(["stills", 0, "note"], "<b>"), r"report.stills\[0\].note=<b>` is unknown"),
        (change(["stills", 0, "spots", 0, "x"], 60), r"a spot, \(60, 16, 40, 32\), is not in the picture"),
        (change(["stills", 0, "spots", 0, "view"], [0, 0, 64, 49]), "a spot, .* is not in the picture"),
        (change(["stills", 0, "spots", 0, "view"], [0, 0, 64]), r"report.stills\[0\].spots\[0\].view is"),
        (change(["stills", 0, "spots", 0, "plain"], "x"), r"a picture \(plain\) is none"),
        (change(["stills", 0, "spots", 0, "kind"], "best"), r"spots\[0\].kind=best` is unknown"),
        (change(["stills", 0, "heat"], "https://example.org/a.webp"), r"a picture \(heat\) is none"),
        (change(["closeups", 0, "where"], "data:text/html;base64,AAAA"), r"a picture \(where\) is none"),
        (change(["settings"], [["codec"]]), r"report.settings\[0\] is \['codec'\]"),
        (change(["source"], []), "report.source is"),
    ],
)
def test_bad_json_gets_one_line(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_report(text, "run.json")
    assert "run.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_that_are_not_unicode_come_back_as_people_see_them():
    job = Job("a\udcff.mkv", None, "a\udcff.mp4")
    made = dataclasses.replace(report(), command="semvid compress a\udcff.mkv", job=job)
    read = parse_report(dump_report(made), "it")
    assert read.command == r"semvid compress a\xff.mkv"
    assert read.job.source.name == r"a\xff.mkv"


def test_a_report_of_version_1_still_loads():
    record = json.loads(dump_report(report()))
    del record["job"], record["stills"][0]["spots"]
    stills = (dataclasses.replace(report().stills[0], spots=()),)
    assert parse_report(json.dumps(record | {"version": 1}), "it") == dataclasses.replace(
        report(), version=1, job=None, stills=stills
    )


def test_files(tmp_path):
    with pytest.raises(InputMissingError):
        semvid.load_report(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be read"):
        semvid.load_report(tmp_path)
    (tmp_path / "film.json").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(InputError, match="is not a report"):
        semvid.load_report(tmp_path / "film.json")
    path = tmp_path / "run.json"
    assert semvid.write_report(path, report()) == path.stat().st_size
    assert semvid.load_report(path) == report()
    with pytest.raises(OutputExistsError):
        semvid.write_report(path, report())
    semvid.write_report(path, report(), overwrite=True)
    with pytest.raises(OutputError, match=r"'\.pdf' is not a report; end `output` in"):
        semvid.write_report(tmp_path / "run.pdf", report())
    with pytest.raises(ConfigError, match="one run"):
        semvid.write_report(path, report(), report(), overwrite=True)


def test_nothing_in_a_page_can_leave_its_place():
    evil = "</script><script>alert(1)</script><!-- & @@DATA@@ \u2028.mp4"
    page = render_page(report(name=evil))
    assert "</script><script>alert" not in page
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert json.loads(data)["source"]["name"] == evil
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_embedded_json_is_json_without_markup(value):
    text = embedded_json(value)
    assert json.loads(text) == value
    assert not set("<>&").intersection(text)


def test_runs_of_other_videos_are_refused():
    other = dataclasses.replace(report(), source=dataclasses.replace(report().source, num_bytes=7))
    with pytest.raises(
        ConfigError, match=r"different videos, film.mp4 \(5000 bytes, 2 frames\) and .*7 bytes"
    ):
        render_page(report(), [other])
    assert '"points":[{' in render_page(report(), [report()])


def test_the_best_and_the_worst_part_are_found():
    finder = RegionFinder()
    calm = np.ones((120, 160), np.float32)
    finder.update(0, calm, calm)
    better, worse = calm.copy(), calm.copy()
    better[40:88, 64:128] = 11
    worse[60:108, 8:72] = 21
    finder.update(1, calm, better)
    finder.update(2, worse, calm)
    best, worst = finder.found["best"], finder.found["worst"]
    assert (best.index, best.x, best.y, best.width, best.height) == (1, 64, 40, 64, 48)
    assert (worst.index, worst.x) == (2, 8)
    assert abs(worst.y - 60) <= 4
    assert best.saved == pytest.approx(10 * 64 * 48)
    assert best.gain_db == pytest.approx(10 * math.log10(11), abs=0.1)
    assert worst.gain_db < -12


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_parts_lie_in_the_frame(width, height):
    across, down = region_size(width, height)
    assert 1 <= across <= width
    assert 1 <= down <= height


@given(st.lists(NUMBERS, min_size=1, max_size=50), st.dictionaries(st.integers(0, 49), st.floats(0, 2)))
def test_chosen_frames_are_there_and_told_apart(gains, strengths):
    chosen = choose_stills(tuple(gains), strengths)
    assert list(chosen) == sorted(chosen)
    assert set(chosen) <= set(range(len(gains)))
    known = [one for one in gains if not math.isnan(one)]
    for index, note in chosen.items():
        if note in {"largest gain", "smallest loss"}:
            assert gains[index] == max(known)
        elif note:
            assert gains[index] == min(known)


def test_spread_is_even():
    assert spread(100, 5) == [10, 30, 50, 70, 90]
    assert spread(1, 5) == [0]
    assert spread(3, 5) == [0, 1, 2]


def match_of(config):
    """Defaults are written down, since they may change."""
    return None if config.codec == "mjpeg" else config.allocation.chosen_match


def test_the_command_makes_the_same_config(monkeypatch, tmp_path):
    """Every option that decides the bits finds its way through the command line."""
    from semvid.cli import app

    seen = []

    def fake(job, **options):
        seen.append(job.config)
        raise InputError("enough")
        yield

    monkeypatch.setattr("semvid.products.compress.job_events", fake)
    monkeypatch.chdir(tmp_path)
    configs = [
        CompressConfig(),
        CompressConfig(codec="x265", rate=Crf(30.5), preset="fast", encoder_options={"tune": "ssim"}),
        CompressConfig(codec="mjpeg", rate=Bitrate(800_000), drop=frozenset({"audio", "data"})),
        CompressConfig(codec="mjpeg", rate=Quality(70)),
        CompressConfig(maps=MapsConfig(track=(Mark("mask.png", 3723.25), Mark("boxes.txt")))),
        CompressConfig(
            maps=MapsConfig(model="msroi-fast", focus=FocusConfig({"face": 3, "vehicle": 0}, threshold=0.4)),
            temporal=TemporalConfig(5, 0.3, 0.2, "vectors"), allocation=AllocationConfig(1.5, 0.2, -6, 5, "size"),
        ),
        CompressConfig(allocation=AllocationConfig(match="region", coarsest=6)),
        CompressConfig(allocation=AllocationConfig(match="size"), probe="none"),
    ]  # fmt: skip
    for config in configs:
        result = Result(
            tmp_path / "films" / "in a.mp4",
            Path("small/out.mkv"),
            "x264",
            26,
            1,
            1.0,
            1,
            1,
            1,
            None,
            1.0,
            False,
        )
        line = command_line(result, config)
        assert line.startswith("semvid compress 'films/in a.mp4' -o small/out.mkv ")
        assert str(tmp_path) not in line
        with pytest.raises(InputError, match="enough"):
            app.app(shlex.split(line)[1:], standalone_mode=False)
        assert command_line(result, seen[-1]) == line
        assert (seen[-1].maps, seen[-1].temporal) == (config.maps, config.temporal)
        assert seen[-1].allocation == replace(config.allocation, match=match_of(config))
        assert (seen[-1].drop, seen[-1].probe) == (config.drop, config.probe)
        assert dict(seen[-1].encoder_options) == dict(config.encoder_options)
        assert config.rate is None or seen[-1].rate == config.rate
