"""The numbers of the README, and of a table of the docs, are those that scripts wrote."""

import json
from pathlib import Path
from statistics import fmean, median

import pytest

from semvid.scores.bd_rate import bd_rate

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def results(name):
    return json.loads((REPOSITORY / "examples" / "benchmark" / "results" / f"{name}.json").read_text())


def rates_of_davis(source):
    """Mean BD-rates of ``rd.py`` in percent: of what matters, and of the whole picture."""
    curves = {}
    for key, one in results("rd")["points"].items():
        material, sequence, *way, crf = key.split("/")
        if (material, way[:3]) == ("davis", ["x264", "default", "default"]):
            curves.setdefault((sequence, way[3]), {})[crf] = one
    sequences = [sequence for sequence, of in curves if of == source]
    assert len(sequences) == 10
    for measure in ("salient", "psnr"):
        changes = []
        for sequence in sequences:
            plain, test = (
                [(one["bytes"], one[measure]) for one in curves[sequence, of].values()]
                for of in ("plain", source)
            )
            changes.append(bd_rate(plain, test).change)
        yield f"{100 * fmean(changes):+.1f} %"


@pytest.mark.parametrize(
    ("source", "name"),
    [("msroi", "x264, ten DAVIS sequences: bytes for equal PSNR (BD-rate)"), ("truth", "with perfect maps")],
)
def test_rates(source, name):
    assert f"| {name} | {' | '.join(rates_of_davis(source))} |" in README


def test_what_is_saved_at_the_same_crf():
    pairs = [(one["28/msroi"], one["28/plain"]) for one in results("savings")["davis"].values()]
    smaller = -100 * (fmean(ours["bytes"] / plain["bytes"] for ours, plain in pairs) - 1)
    inside, whole = (
        fmean(ours[name] - plain[name] for ours, plain in pairs) for name in ("object_psnr", "psnr")
    )
    assert len(pairs) == 8
    assert f"CRF 28, eight of them: {smaller:.1f} % smaller | {inside:+.2f} dB | {whole:+.2f} dB |" in README


def test_photographs():
    kodak = results("kodak")
    gains = kodak["gains"]["sequential"]["semvid"]["mean of four rates"]
    inside, whole = gains["region_psnr_hvs_m"], gains["psnr_hvs_m"]
    assert kodak["pictures"] == 24
    assert f"(PSNR-HVS-M) | {inside:+.2f} dB | {whole:+.2f} dB |" in README


def test_sizes():
    found = [
        one["found"] / one["wanted"] - 1
        for key, one in results("sizes")["results"].items()
        if key.startswith("size/x264/") and "found" in one
    ]
    assert max(found) <= 0
    assert f"never larger; median of {len(found)} | {-100 * median(found):.1f} % below |" in README


def test_times_and_memory():
    ways = results("speed")["results"]["720p 10 s, x264 medium"]
    default, command = (
        median(ours[0] / plain[0] for plain, ours in ways[way]["pairs"]) for way in ("default", "command")
    )
    assert f"x{default:.2f} time, of it x{command:.2f} without" in README
    assert f"median | {results('live_latency')['latency_ms']['50']:.1f} ms |" in README
    memory = {one["case"]: one for one in results("memory")["sizes"]}["720p, medium"]
    assert f"| {memory['semvid_mib']:.0f} MiB; `ffmpeg` {memory['ffmpeg_mib']:.0f} |" in README


def test_one_outline_painted():
    page = (REPOSITORY / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    found = {key.split("/")[1]: one for key, one in results("edits")["sequences"].items()}
    found["mean"] = {name: fmean(one[name] for one in found.values()) for name in ("iou", "truth", "painted")}
    for name, one in found.items():
        assert f"| {name} | {one['iou']:.2f} | {one['truth']:.1f} % | {one['painted']:.1f} % |" in page
