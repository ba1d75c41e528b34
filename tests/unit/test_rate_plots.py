"""Tables and plots of rate and quality, from a record made here."""

import importlib
import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.products.bench.plots import Bar, Line, alone, bars, curves, percent

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"
MEASURES = (
    "salient", "object_ssim", "object_xpsnr", "object_vmaf", "psnr", "ssim", "xpsnr", "vmaf", "vmaf_neg"
)  # fmt: skip
CRFS = (23, 28, 33, 38)


def parsed(svg):
    return ElementTree.fromstring(svg)  # noqa: S314 - it was made here


def curve(factor=1.0):
    """Encodes whose size halves with every step, and loses 3 of each score."""
    return {
        crf: {
            "bytes": round(1_000_000 * factor / 2**step),
            "cambi": 0.5 * step,
            **dict.fromkeys(MEASURES, 40.0 - 3 * step),
        }
        for step, crf in enumerate(CRFS)
    }


def record():
    kinds = {
        ("default", "plain"): curve(), ("2", "plain"): curve(0.9), ("3", "plain"): curve(1.1),
        ("default", "msroi"): curve(0.75), ("default", "truth"): curve(0.5),
    }  # fmt: skip
    points = {
        f"davis/{clip}/x264/default/{aq}/{source}/{crf}": point
        for clip in ("dog", "cows")
        for (aq, source), found in kinds.items()
        for crf, point in found.items()
    }
    return {"environment": {"commit": "abc1234", "av": "18.1"}, "points": points}


@pytest.fixture
def plot(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("plot")
    monkeypatch.setattr(module, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "rd.json").write_text(json.dumps(record()))
    return module


def test_the_page_has_what_was_measured(plot, tmp_path):
    (tmp_path / "docs" / "rd-old.svg").write_text("of another run")
    plot.main()
    page = (tmp_path / "docs" / "rate-distortion.md").read_text()
    assert "40 encodes, commit abc1234" in page
    assert re.search(r"\| msroi \| 2 \| -25\.0 % ", page)
    assert re.search(r"\| truth masks \| 2 \| -50\.0 % ", page)
    # Against the AQ that needs fewest bytes.
    assert re.search(r"\| msroi \| 2 \| -16\.7 % ", page)
    assert re.search(r"\| its aq-mode \|  \| 2 \| 2 ", page)
    assert "-25.0 % (100%)" in page
    shown = re.findall(r"\]\((rd-[^)]+\.svg)\)", page)
    assert sorted(shown) == sorted(one.name for one in (tmp_path / "docs").glob("*.svg"))
    for name in shown:
        parsed((tmp_path / "docs" / name).read_text())


def test_losses_and_doubts_are_shown(plot):
    points = record()["points"]
    for key in points:
        if "/dog/" in key and "/msroi/" in key:
            points[key] = {
                **points[key],
                "salient": points[key]["salient"] + 6,
                "vmaf": points[key]["vmaf"] - 3,
            }
    (group,) = plot.read_groups(points)
    shown = plot.clip_table(group)
    assert "(!)" in shown
    assert "+50.0 %" in shown


def test_what_is_half_measured_is_left_out(plot):
    points = {
        key: one for key, one in record()["points"].items() if "/truth/" not in key or key.endswith("/23")
    }
    (group,) = plot.read_groups(points)
    assert plot.changes(group, "truth", "salient") == []
    assert "| truth masks | 0 | - | - " in plot.rate_table(group, against_best=False)


def texts(svg):
    return [one.text for one in parsed(svg).iter() if one.tag.endswith("text")]


@given(
    st.lists(st.tuples(st.floats(1e-3, 1e9), st.floats(-100, 100)), min_size=1, max_size=6),
    st.text(max_size=20).filter(str.isprintable),
)
def test_curves_stay_on_the_plot(points, label):
    svg = curves("all", [Line("mapped", label, points)], "kbit/s", "dB")
    circles = [one for one in parsed(svg).iter() if one.tag.endswith("circle")]
    assert len(circles) == len(points)
    assert all(0 < float(one.get("cx")) < 480 and 0 < float(one.get("cy")) < 270 for one in circles)


@given(st.lists(st.floats(-1e4, 1e4) | st.just(math.nan), min_size=1, max_size=8))
def test_bars_stay_on_the_plot(values):
    svg = bars("all", [("clip", [Bar("mapped", "what", one) for one in values])])
    known = [one for one in values if math.isfinite(one)]
    if not known:
        assert svg == ""
        return
    found = [one for one in parsed(svg).iter() if one.tag.endswith("rect")]
    assert len(found) == len(known)
    assert all(float(one.get("x")) >= 150 - 1e-6 for one in found)
    assert all(float(one.get("x")) + float(one.get("width")) <= 640 for one in found)
    assert [one for one in texts(svg) if one != "clip"] == [percent(one) for one in known]


def test_a_plot_alone_explains_its_colours():
    lines = [
        Line("plain", "plain & simple", [(1, 30), (2, 33)]),
        Line("mapped", "semvid", [(1, 31), (2, 34)]),
    ]
    svg = alone(curves("a <b>", lines, "kB", "dB"), lines)
    root = parsed(svg)
    assert root.get("viewBox") == "0 0 480 296"
    assert {"plain & simple", "semvid"} <= set(texts(svg))
    assert "prefers-color-scheme: dark" in svg
