"""``compress --report`` and ``semvid report``: what is measured, and the page in a real browser."""

import base64
import io
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from clips import make_clip, write_masks
from PIL import Image

import semvid
from semvid.cli import app
from semvid.cli.flags import to_flags
from semvid.core.errors import ConfigError, EncoderError, InputError, ReportError
from semvid.core.events import Notice, Stage

SPECTRAL = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast", overwrite=True)


@pytest.fixture(scope="module")
def made(clip, tmp_path_factory):
    """Two runs at different CRFs and with different wishes, the page of both, and that of the second."""
    folder, events = tmp_path_factory.mktemp("report"), []
    mask = np.zeros((192, 320), np.uint8)
    mask[:, 160:] = 255
    maps = semvid.MapsConfig(path=write_masks(folder / "maps", [mask]) / "00000.png")
    for crf, match in ((26, None), (34, "size")):
        config = semvid.CompressConfig(
            maps=maps, preset="superfast", rate=semvid.Crf(crf),
            allocation=semvid.AllocationConfig(match=match),
        )  # fmt: skip
        result = semvid.compress(clip, folder / f"{crf}.mp4", config)
        semvid.write_report(
            folder / f"{crf}.json", semvid.make_report(result, config, on_event=events.append)
        )
    reports = [semvid.load_report(folder / f"{crf}.json") for crf in (26, 34)]
    semvid.write_report(folder / "page.html", *reports)
    semvid.write_report(folder / "size.html", reports[1])
    return folder, reports, events


def test_a_report_says_what_compare_says(made, clip):
    folder, (report, of_size), events = made
    assert [one.name for one in events if isinstance(one, Stage)][:5] == [
        "maps", "plain encode", "measuring", "SSIM and VMAF", "pictures",
    ]  # fmt: skip
    assert not [one for one in events if isinstance(one, Notice)]
    source = report.source
    assert (source.name, source.width, source.height, source.num_frames) == ("clip.mp4", 320, 192, 24)
    assert report.mapped.file_bytes == (folder / "26.mp4").stat().st_size
    assert (report.match, report.plain.quality) == ("region", report.mapped.quality)
    assert report.plain.video_bytes > 1.03 * report.mapped.video_bytes
    assert of_size.match == "size"
    assert abs(of_size.plain.video_bytes / of_size.mapped.video_bytes - 1) < 0.02
    assert sum(report.mapped.bits) / 8 == pytest.approx(report.mapped.video_bytes, rel=0.05)
    expected = semvid.compare(
        clip,
        folder / "26.mp4",
        semvid.CompareConfig(maps=semvid.MapsConfig(path=folder / "maps" / "00000.png")),
    )
    assert report.seconds == pytest.approx(expected.times)
    for name in ("weighted", "salient", "background", "ssim", "vmaf"):
        # Maps go through 8 bits on their way.
        assert report.mapped.pooled[name].mean == pytest.approx(expected.pooled[name].mean, abs=0.1)
    assert {one.kind for one in report.closeups} == {"best", "worst"}
    assert len(report.strip) == 12
    assert (folder / "page.html").stat().st_size < 3e6


@pytest.mark.parametrize(
    ("clip_options", "suffix", "options", "size"),
    [
        ({"rotation": 90, "num_frames": 3}, ".mp4", {}, (192, 320)),
        ({"aspect": Fraction(4, 3), "num_frames": 3}, ".mp4", {}, (427, 192)),
        ({"pixel_format": "yuv420p10le", "num_frames": 1}, ".mkv", {}, (320, 192)),
        ({"codec": "ffv1", "width": 161, "height": 97, "num_frames": 3}, ".mkv", {}, (161, 97)),
        ({"codec": "ffv1", "pixel_format": "bgr0", "num_frames": 2}, ".mkv", {}, (320, 192)),
        ({"num_frames": 4}, ".webm", {"codec": "vp8", "preset": "5", "rate": semvid.Crf(20)}, (320, 192)),
        ({"rotation": 90, "num_frames": 3}, ".avi", {"codec": "mjpeg", "preset": None}, (192, 320)),
    ],
)
def test_unusual_videos_are_shown_upright(clip_options, suffix, options, size, tmp_path):
    source = make_clip(tmp_path / ("in.mkv" if "codec" in clip_options else "in.mp4"), **clip_options)
    config = semvid.CompressConfig(
        **{"maps": semvid.MapsConfig(model="spectral"), "preset": "superfast", **options}
    )
    result = semvid.compress(source, tmp_path / f"out{suffix}", config)
    before = sorted(tmp_path.iterdir())
    report = semvid.make_report(result, config)
    assert sorted(tmp_path.iterdir()) == before
    assert (report.source.width, report.source.height) == size
    assert all(one.pooled["whole"].mean > 24 for one in (report.mapped, report.plain))
    for one in report.stills:
        pictures = [
            Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
            for uri in (one.source, one.plain, one.semvid)
        ]
        assert {each.size for each in pictures} == {size}
        source_rgb, *encodes = (np.asarray(each.convert("RGB"), float) for each in pictures)
        # A turned or shifted picture of this texture would be off by 40 grey levels.
        assert all(np.abs(each - source_rgb).mean() < 12 for each in encodes)
        for spot in one.spots:
            x, y, width, height = spot.view
            part = Image.open(io.BytesIO(base64.b64decode(spot.source.partition(",")[2]))).convert("RGB")
            here = source_rgb[y : y + height, x : x + width]
            assert np.abs(np.asarray(part.resize((width, height)), float) - here).mean() < 12


def test_the_maps_a_run_kept_are_those_its_report_shows(tmp_path, semvid_here):
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=8)
    kept = tmp_path / "kept.svmap"
    options = ["-o", "out.mp4", "--model", "spectral", "--preset", "superfast", "--save-maps", str(kept)]
    done = semvid_here("compress", clip, *options, "--report", "run.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = semvid.load_report(tmp_path / "run.json")
    assert "--save-maps kept.svmap" in report.command
    assert kept.stat().st_size > 100


def test_another_video_is_not_measured(clip, tmp_path):
    other = make_clip(tmp_path / "other.mp4", num_frames=7)
    result = semvid.compress(other, tmp_path / "out.mp4", SPECTRAL)
    with pytest.raises(InputError, match="does not have the frames of"):
        semvid.make_report(replace(result, source=clip), SPECTRAL)
    with pytest.raises(ConfigError, match="`strength=0` is one"):
        semvid.make_report(result, semvid.CompressConfig(allocation=semvid.AllocationConfig(strength=0)))


def test_the_command_line(clip, tmp_path, semvid_here):
    options = ["-o", "out.mp4", "--model", "spectral", "--preset", "superfast"]
    done = semvid_here("compress", clip, *options, "--report", "run.json", "--json", cwd=tmp_path)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["event"] for one in records if one["event"] not in {"progress", "notice"}] == [
        "started", "measured", "done", *["stage"] * 5, "reported",
    ]  # fmt: skip
    assert records[-1] == {
        "event": "reported",
        "output": "run.json",
        "output_bytes": (tmp_path / "run.json").stat().st_size,
    }
    done = semvid_here("report", "run.json", "-o", "page.html", cwd=tmp_path)
    assert done.stdout.startswith("page.html: report, ")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.mp4", "page.html", "run.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--report", "r.pdf"], 4, "'.pdf' is not a report; end --report in .html"),
        (
            ["--report", "there.html"],
            4,
            "there.html exists; pass -y to overwrite it or choose another --report",
        ),
        (
            ["--report", "none/r.html"],
            4,
            "the folder none does not exist; create it or choose another --report",
        ),
        (["--report", "r.html", "--strength", "0"], 2, "leave --report out"),
        (["--report", "r.html", "-o", "r.html"], 2, "is the output itself"),
    ],
)
def test_reports_that_cannot_be_are_refused_before_any_work(
    arguments, code, words, clip, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").write_text("precious")
    with pytest.raises(semvid.SemvidError) as caught:
        app.app(["compress", str(clip), "-o", "out.mp4", *arguments], standalone_mode=False)
    assert words in to_flags(str(caught.value))
    assert caught.value.exit_code == code
    assert [one.name for one in tmp_path.iterdir()] == ["there.html"]


def test_pages_of_wrong_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    for arguments, code, words in (
        (["run.json", "-o", "page.pdf"], 4, "'.pdf' is not a page"),
        (["run.json", "-o", "page.html"], 3, "run.json is not a report"),
        (["none.json", "-o", "page.html"], 3, "none.json does not exist"),
    ):
        with pytest.raises(semvid.SemvidError, match=words) as caught:
            app.app(["report", *arguments], standalone_mode=False)
        assert caught.value.exit_code == code
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_the_video_stays_when_its_report_fails(clip, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise EncoderError("no luck")

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    arguments = ["compress", str(clip), "-o", str(tmp_path / "out.mp4"), "--model", "spectral", "-y"]
    for why, code, words in (
        (fail, 1, "there is no report: no luck"),
        (interrupt, 130, "report was interrupted"),
    ):
        monkeypatch.setattr("semvid.products.report.make.plain_encode", why)
        with pytest.raises(ReportError, match=f"out.mp4 is complete, but .*{words}") as caught:
            app.app([*arguments, "--report", str(tmp_path / "r.html")], standalone_mode=False)
        assert caught.value.exit_code == code
        assert [one.name for one in tmp_path.iterdir()] == ["out.mp4"]
    assert semvid.probe(tmp_path / "out.mp4").num_frames_from_header == 24


@pytest.fixture
def open_page(browser, made):
    """Open the page from disk; whatever the console or the network says is an error."""
    said, contexts = [], []

    def open_page(width=1280, name="page.html", **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda request: (
                said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
            ),
        )
        page.goto((made[0] / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def share_of(page):
    """Where the border lies, 0..1 of the picture, as it is drawn."""
    boxes = [page.locator(one).bounding_box() for one in (".stage", ".stage .divider")]
    return (boxes[1]["x"] + boxes[1]["width"] / 2 - boxes[0]["x"]) / boxes[0]["width"]


def test_the_slider_follows_mouse_and_keys(open_page):
    page = open_page()
    stage, slider = page.locator(".stage"), page.get_by_role("slider")
    stage.scroll_into_view_if_needed()
    assert share_of(page) == pytest.approx(0.5, abs=0.01)
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 60, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 60)
    assert share_of(page) == pytest.approx(0.25, abs=0.01)
    page.keyboard.press("ArrowRight")
    assert share_of(page) == pytest.approx(0.26, abs=0.01)
    slider.press("Home")
    assert share_of(page) == pytest.approx(0, abs=0.01)
    assert slider.get_attribute("aria-valuetext") == "100 % semvid"
    slider.press("End")
    assert share_of(page) == pytest.approx(1, abs=0.01)


def test_touch_moves_the_slider(open_page):
    page = open_page(390, has_touch=True, is_mobile=True)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    assert share_of(page) == pytest.approx(0.8, abs=0.01)


def corner_of(page):
    """Where the upper left corner of the picture lies, and how much it is enlarged, against its stage."""
    stage, over = (page.locator(one).bounding_box() for one in (".stage", ".stage .over"))
    scale = over["width"] / stage["width"]
    return (stage["x"] - over["x"]) / over["width"], (stage["y"] - over["y"]) / over["height"], scale


def test_the_viewer_goes_from_difference_to_difference(open_page, made):
    of_size = made[1][1]
    spots = [(still, spot) for still in of_size.stills for spot in still.spots]
    assert {spot.kind for _, spot in spots} == {"better", "worse"}
    page = open_page(name="size.html", reduced_motion="reduce")
    assert f"{len(spots)} differences between semvid and plain: " in page.locator("#seen").inner_text()
    caption = page.locator(".viewer figcaption")
    spots.sort(key=lambda one: -one[1].seen * (1 + (one[1].kind == "better") * one[1].importance))
    for number, (still, spot) in enumerate(spots[:5], 1):
        said = caption.inner_text()
        assert said.endswith(f"Difference {number} of {len(spots)}.")
        assert page.locator(".stage .above .part").get_attribute("src") == spot.semvid
        assert said.startswith(f"Frame {still.index}, ")
        assert ("semvid is better here" in said) == (spot.kind == "better")
        assert ("plain is better here" in said) == (spot.kind == "worse")
        assert f"by {abs(spot.gain_db):.1f}\u00a0dB" in said
        left, top, scale = corner_of(page)
        assert left == pytest.approx(spot.view[0] / 320, abs=0.01)
        assert top == pytest.approx(spot.view[1] / 192, abs=0.01)
        assert scale == pytest.approx(320 / spot.view[2], rel=0.02)
        assert page.locator(f".stage .spot.{spot.kind}").count() == page.locator(".stage .spot").count() == 1
        (page.keyboard.press("n") if number % 2 else page.locator("#next").click())
    for _ in spots[5:]:
        page.keyboard.press("n")
    assert f"Difference 1 of {len(spots)}." in caption.inner_text()
    left, right = (page.locator(f".tag.{one}") for one in ("left", "right"))
    for share in (1, 0, 1):
        page.keyboard.press("f")
        assert share_of(page) == pytest.approx(share, abs=0.01)
        assert (left.is_visible(), right.is_visible()) == (share == 1, share == 0)
    page.get_by_label("Whole", exact=True).check()
    assert corner_of(page)[2] == pytest.approx(1)
    assert page.locator(".stage .part").count() == 0
    assert "looks different" in caption.inner_text()
    page.keyboard.press("n")
    assert "Difference 1 of " in caption.inner_text()
    page.keyboard.press("w")
    assert corner_of(page)[2] == pytest.approx(1)


def test_a_page_says_where_nothing_differs_and_where_nobody_looked(open_page, made, browser):
    same = replace(made[1][0], stills=tuple(replace(one, spots=()) for one in made[1][0].stills))
    for name, report, words in (
        ("same.html", same, "No difference is seen between semvid and plain"),
        ("old.html", replace(same, version=3), ""),
    ):
        semvid.write_report(made[0] / name, report, overwrite=True)
        page = open_page(name=name)
        assert page.locator("#seen").inner_text().startswith(words)
        assert bool(page.locator("#seen").inner_text()) == bool(words)
        assert not page.locator("#next").is_visible()
        assert corner_of(page)[2] == pytest.approx(1)


def test_frames_map_source_and_zoom(open_page, made):
    report = made[1][0]
    page = open_page(reduced_motion="reduce")
    under, over, heat = (page.locator(f".stage .{one}") for one in ("under", "over", "heat"))
    for index, still in enumerate(report.stills):
        page.locator(".frame").nth(index).press("Enter")
        assert under.get_attribute("src") == still.plain
        assert over.get_attribute("src") == still.semvid
        assert f"Frame {still.index}," in page.locator(".viewer figcaption").inner_text()
    assert not heat.is_visible()
    toggle = page.get_by_role("button", name="Map", exact=True)
    toggle.click()
    assert heat.is_visible()
    assert heat.get_attribute("src") == report.stills[-1].heat
    assert toggle.get_attribute("aria-pressed") == "true"
    page.get_by_label("Plain", exact=True).press("ArrowRight")
    assert under.get_attribute("src") == report.stills[-1].source
    page.get_by_label("4\u00d7").check()
    assert over.bounding_box()["width"] == pytest.approx(
        4 * page.locator(".stage").bounding_box()["width"], rel=0.01
    )
    # The picture is decoded, not only named.
    assert over.evaluate("image => image.naturalWidth") == 320


def test_charts_tables_and_headline(open_page, made):
    report = made[1][0]
    page = open_page(reduced_motion="reduce")
    gain = report.mapped.pooled["salient"].mean - report.plain.pooled["salient"].mean
    saved = 1 - report.mapped.file_bytes / report.plain.file_bytes
    lede = page.locator("#lede").inner_text()
    assert saved > 0
    assert f": {100 * saved:.0f}\u00a0% smaller than a plain encode " in lede
    assert f"({gain:+.2f}\u00a0dB)".replace("-", "\u2212") in lede
    assert ("as good where it matters" in lede) == (abs(gain) < 0.2)
    of_size = made[1][1]
    gain = of_size.mapped.pooled["salient"].mean - of_size.plain.pooled["salient"].mean
    judged = f"of the same size: what matters {abs(gain):.1f}\u00a0dB {'better' if gain > 0 else 'worse'}"
    assert judged in open_page(name="size.html").locator("#lede").inner_text()
    chart = page.locator("#quality svg")
    chart.press("ArrowRight")
    chart.press("ArrowRight")
    plain, ours = (one.scores["salient"][1] for one in (report.plain, report.mapped))
    assert (
        f"plain {plain:.2f}\u00a0dB, semvid {ours:.2f}\u00a0dB"
        in page.locator("#quality output").inner_text()
    )
    page.get_by_label("VMAF").check()
    assert "VMAF" in page.locator("#quality h3").inner_text()
    assert page.locator("#curves svg circle").count() == 8
    page.locator("#time-table summary").click()
    assert page.locator("#time-table tbody tr").count() == 24
    assert page.locator("#score-table tbody tr").count() == 6
    assert page.locator("#command pre").inner_text() == report.command


@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_wide_and_narrow(width, scheme, open_page):
    page = open_page(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    def brightness():
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(map(int, colour[4:-1].split(","))) / 3

    before = brightness()
    assert (before > 128) == (scheme == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) == (scheme == "dark")
