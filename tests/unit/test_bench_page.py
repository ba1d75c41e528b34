"""The page of a benchmark in a real browser: nothing is missing, nothing is loaded, nothing sticks out."""

import math

import pytest

from semvid.products.bench.data import VERSION, Bench, BenchClip, BenchEncode
from semvid.products.bench.page import render_bench
from semvid.products.bench.summary import clip_rates, mean_of, range_of_whole, remarks

CRFS = (23.0, 28.0, 33.0, 38.0)


def encodes(variant, factor):
    return tuple(
        BenchEncode(variant, crf, round(400_000 * factor / 2**step), 1.5, {
            "salient": 40.0 - 3 * step, "background": 38.0 - 3 * step, "psnr": 39.0 - 3 * step,
            "ssim": 0.98 - 0.02 * step, "vmaf": 97.0 - 8 * step, "weighted": 39.5 - 3 * step,
        })
        for step, crf in enumerate(CRFS)
    )  # fmt: skip


def clip(name, factor, *, has_masks=True):
    both = (*encodes("plain", 1.0), *encodes("mapped", factor))
    return BenchClip(name, name, 640, 360, 100, 4.0, has_masks, 2.5, both)


@pytest.fixture
def made():
    clips = (
        clip("walk", 0.8),
        clip("a very long name of a clip that no one would give.mp4", 1.1, has_masks=False),
    )
    return Bench(
        VERSION, "0.1.0", "x264", "medium", CRFS, (("codec", "x264"),), clips, (("cut.mp4", "it is damaged"),)
    )


def test_means_name_the_worst_and_the_number(made):
    comparisons = [clip_rates(one) for one in made.clips]
    mean = mean_of(comparisons, "salient")
    assert (mean.num_clips, mean.worst, mean.change) == (2, pytest.approx(0.1), pytest.approx(-0.05))
    assert mean_of(comparisons, "xpsnr").num_clips == 0
    assert math.isnan(mean_of(comparisons, "xpsnr").change)
    assert len(range_of_whole(comparisons)) == 2
    (said,) = remarks(made, comparisons)
    assert "no one would give.mp4 is judged by the maps" in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 380])
def test_the_page_is_whole(made, browser, tmp_path, width, scheme):
    path = tmp_path / "bench.html"
    path.write_text(render_bench(made))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    wrong, asked = [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    assert wrong == []
    assert asked == [path.as_uri()]
    shown = page.inner_text("main")
    assert "semvid needs 5.0\N{NO-BREAK SPACE}% fewer bytes than plain x264 medium" in shown
    assert "cut.mp4 could not be measured: it is damaged" in shown
    assert page.locator("svg").count() == 1 + 2 * 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # What goes on beyond the screen is in boxes that tell it.
    cut = page.evaluate(
        "[...document.querySelectorAll('figure, table, svg')].filter(one => !one.closest('.scroll')"
        " && one.scrollWidth > one.clientWidth + 1).length"
    )
    assert cut == 0
    assert page.locator(".wide .scroll").evaluate("one => one.scrollWidth > one.clientWidth") == (width < 480)
    # Style sheets gave the curves their colours.
    colours = {
        page.locator(f"path.{kind}").first.evaluate("node => getComputedStyle(node).stroke")
        for kind in ("plain", "mapped")
    }
    assert len(colours) == 2
    assert "none" not in colours
    context.close()
