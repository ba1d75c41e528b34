"""``semvid image --report``: other coders at the same size, scores, and the page in a real browser."""

import base64
import io
import json
import os
import re
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from clips import texture
from PIL import Image, ImageOps

import semvid
from semvid.cli import app
from semvid.cli.flags import to_flags
from semvid.core.errors import ConfigError, EncoderError, OutputError, ReportError
from semvid.products.still_report.coders import at_size
from semvid.products.still_report.make import render_image_page
from semvid.scores.stills import shrunk_by, still_scores

SPECTRAL = semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), rate=semvid.Quality(60))
EXIF = Image.Exif()
EXIF[0x0112], EXIF[0x010F] = 6, "Camera"
EXIF[0x8825] = {1: "N"}


def picture(width=192, height=128):
    layers = [cv2.GaussianBlur(texture(width, height, seed), (0, 0), 1) for seed in range(3)]
    return Image.fromarray(np.stack(layers, -1))


def data_of(page):
    text = page.read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


def shown(uri):
    """A picture of the page, as a browser shows it."""
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return ImageOps.exif_transpose(image)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    picture().save(folder / "in.png", exif=EXIF)
    mask = np.zeros((192, 128), np.uint8)
    mask[:96] = 255
    Image.fromarray(mask).save(folder / "map.png")
    config = replace(SPECTRAL, maps=semvid.MapsConfig(path=folder / "map.png"))
    result = semvid.compress_image(folder / "in.png", folder / "out.jpg", config)
    semvid.write_image_report(folder / "page.html", result, config)
    return folder, result


def test_other_coders_have_as_many_bytes_and_the_numbers_are_of_the_files(made):
    folder, result = made
    here = os.path.relpath(folder)
    data = data_of(folder / "page.html")
    versions = {one["key"]: one for one in data["versions"]}
    assert list(versions)[:3] == ["semvid", "turbo", "mozjpeg"]
    ours = versions["semvid"]["bytes"]
    assert ours <= result.output_bytes
    assert all(ours <= one["bytes"] < 1.1 * ours for one in versions.values())
    assert (data["source"]["width"], data["source"]["height"]) == (128, 192)
    assert data["progressive"]
    upright = ImageOps.exif_transpose(Image.open(folder / "in.png"))
    source = shown(data["still"]["source"])
    assert np.array_equal(np.asarray(source), np.asarray(upright))
    for key, one in versions.items():
        image = shown(data["still"][key])
        assert image.size == upright.size
        error = np.square(np.asarray(image.convert("L"), float) - np.asarray(upright.convert("L"), float))
        assert one["scores"]["whole"] == pytest.approx(10 * np.log10(255**2 / error.mean()), abs=0.05)
        assert one["scores"]["salient"] == pytest.approx(10 * np.log10(255**2 / error[:96].mean()), abs=0.3)
    with Image.open(result.output) as image:
        assert np.array_equal(
            np.asarray(ImageOps.exif_transpose(image)), np.asarray(shown(data["still"]["semvid"]))
        )
    assert {one["kind"] for one in data["closeups"]} == {"best", "worst"}
    assert (
        data["command"] == f"semvid image {here}/in.png -o {here}/out.jpg --quality 60 --maps {here}/map.png"
    )


def test_nothing_of_the_owner_is_in_the_page(made):
    data = data_of(made[0] / "page.html")
    for key in ("semvid", "turbo", "mozjpeg", "source"):
        exif = shown(data["still"][key]).getexif()
        assert 0x010F not in exif
        assert not exif.get_ifd(0x8825)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"progressive": False}, (False, "4:2:0")),
        ({"sampling": "4:4:4"}, (True, "4:4:4")),
        ({"sampling": "grey"}, (True, "grey")),
        ({"max_edge": 96}, (True, "4:2:0")),
    ],
)
def test_versions_are_of_the_same_kind(options, kind, tmp_path):
    picture().save(tmp_path / "in.png")
    config = replace(SPECTRAL, **{"sampling": "4:2:0", **options})
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", config)
    semvid.write_image_report(tmp_path / "page.html", result, config)
    data = data_of(tmp_path / "page.html")
    assert (data["progressive"], data["sampling"]) == kind
    assert ("jpegli" in data["still"]) <= (kind[1] == "4:2:0")
    for one in data["versions"]:
        image = Image.open(io.BytesIO(base64.b64decode(data["still"][one["key"]].partition(",")[2])))
        # Small ones may be smaller if they are not.
        assert not image.info.get("progressive") or kind[0]
        assert (image.mode == "L") == (kind[1] == "grey")
        assert image.size == ((96, 64) if "max_edge" in options else (192, 128))


def test_what_is_not_installed_is_left_out(tmp_path, monkeypatch, capfd):
    for name in ("pyjpegli", "psnr_hvsm", "ssimulacra2"):
        monkeypatch.setitem(sys.modules, name, None)
    picture().save(tmp_path / "in.png")
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", SPECTRAL)
    semvid.write_image_report(tmp_path / "page.html", result, SPECTRAL)
    data = data_of(tmp_path / "page.html")
    assert [one["key"] for one in data["versions"]] == ["semvid", "turbo", "mozjpeg"]
    assert set(data["versions"][0]["scores"]) == {"salient", "background", "whole", "ssim", "ssim_salient"}
    assert capfd.readouterr() == ("", "")


def test_the_library_prints_nothing(tmp_path, capfd):
    Image.new("RGB", (64, 64), (90, 120, 30)).save(tmp_path / "in.png")
    config = replace(SPECTRAL, rate=semvid.Quality(1), allow_larger=True)
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", config)
    semvid.write_image_report(tmp_path / "page.html", result, config)
    assert capfd.readouterr() == ("", "")


def test_the_command_writes_the_page_after_the_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    picture().save("in.png")
    picture().save("low.jpg", quality=10)
    arguments = ["-o", "out.jpg", "--model", "spectral"]
    app.app(["image", "in.png", *arguments, "--report", "page.html"], standalone_mode=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("out.jpg: ")
    assert second.startswith("page.html: report, ")
    (tmp_path / "out.jpg").unlink()
    for given, error, words in (
        (["in.png", "--report", "page.html"], OutputError, "page.html exists; pass -y"),
        (["in.png", "--report", "page.json"], OutputError, "'.json' is not a page; end --report in .html"),
        (["in.png", "low.jpg", "--report", "two.html"], ConfigError, "--report is of one picture"),
    ):
        with pytest.raises(error) as caught:
            app.app(["image", *given, *arguments], standalone_mode=False)
        assert words in to_flags(str(caught.value))
        assert not (tmp_path / "out.jpg").exists()
    with pytest.raises(
        ReportError, match=r"out\.jpg is complete, but there is no report: the source was copied"
    ):
        app.app(["image", "low.jpg", *arguments, "--report", "low.html"], standalone_mode=False)

    def fail(*arguments, **options):
        raise EncoderError("no luck")

    monkeypatch.setattr("semvid.products.still_report.make.rivals", fail)
    with pytest.raises(ReportError, match="no report: no luck"):
        app.app(["image", "in.png", *arguments, "-y", "--report", "r.html"], standalone_mode=False)
    assert {one.name for one in tmp_path.iterdir()} == {"in.png", "low.jpg", "out.jpg", "page.html"}


def test_the_lowest_quality_that_has_the_bytes_is_found():
    for wanted, quality in ((1, 1), (500, 50), (501, 51), (5000, 100)):
        assert at_size(lambda quality: bytes(10 * quality), wanted) == (quality, bytes(10 * quality))


def test_scores_of_stills_are_what_they_say():
    source = np.asarray(picture())
    importance = np.zeros(source.shape[:2], np.float32)
    importance[:, :96] = 1
    same = still_scores(source, source, importance)
    assert (same["whole"], same["salient"], same["ssim"]) == (100, 100, pytest.approx(1, abs=1e-4))
    spoiled = source.copy()
    spoiled[:, 96:] = np.clip(spoiled[:, 96:].astype(int) + 10, 0, 255)
    found = still_scores(source, spoiled, importance)
    assert found["salient"] == 100
    assert found["background"] == pytest.approx(10 * np.log10(255**2 / 100), abs=0.3)
    assert found["ssim_salient"] > found["ssim"]
    assert np.isnan(still_scores(source, spoiled, 0 * importance)["salient"])


@pytest.mark.parametrize("size", [(7, 5), (9, 8), (131, 77)])
def test_pictures_of_any_size_have_scores(size):
    pytest.importorskip("psnr_hvsm")
    source = np.asarray(picture().crop((0, 0, *size)))
    spoiled = np.clip(source.astype(int) + np.indices(source.shape).sum(0) % 5, 0, 255).astype(np.uint8)
    found = still_scores(source, spoiled, np.ones(source.shape[:2], np.float32))
    assert ("hvs_m" in found) == (min(size) >= 8)
    if "hvs_m" in found:
        assert 20 < found["hvs_m"] == found["hvs_m_salient"] < 80


def test_large_pictures_are_sampled_with_nearly_the_same_scores(monkeypatch):
    pytest.importorskip("psnr_hvsm")
    source = np.asarray(picture(400, 304))
    spoiled = np.asarray(picture(400, 304).resize((200, 152)).resize((400, 304)))
    importance = np.ones(source.shape[:2], np.float32)
    whole = still_scores(source, spoiled, importance)
    monkeypatch.setattr("semvid.scores.stills._MOST_TILES", 400)
    monkeypatch.setattr("semvid.scores.stills._MOST_PIXELS", 40_000)
    few = still_scores(source, spoiled, importance)
    assert shrunk_by(source.shape) == 2
    assert few["hvs_m"] == pytest.approx(whole["hvs_m"], abs=0.5)
    assert few["hvs_m"] != whole["hvs_m"]
    assert (few["whole"], few["ssim"]) == (whole["whole"], whole["ssim"])


def test_the_page_works_in_a_browser(browser, made):
    said = []
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((made[0] / "page.html").as_uri())
    assert page.text_content("#name") == "in.png: 128\u00d7192"
    assert page.text_content(".tag.left") == "libjpeg-turbo"
    page.check("input[value=mozjpeg]")
    assert page.text_content(".tag.left") == "mozjpeg"
    before = page.locator(".stage .under").get_attribute("src")
    page.check("input[value=source]")
    assert page.locator(".stage .under").get_attribute("src") != before
    page.click("#heat")
    assert page.locator(".stage .heat").is_visible()
    assert page.locator(".closeup").count() == 2
    assert page.locator("#score-table tbody tr").count() >= 7
    # Every picture could be decoded, and is upright.
    sizes = page.evaluate(
        "[...document.querySelectorAll('.stage img')].map(one => one.naturalWidth < one.naturalHeight)"
    )
    assert sizes == [True] * 3
    assert page.text_content("#seen").startswith("No difference is seen between semvid and libjpeg-turbo")
    assert said == []
    context.close()


def test_each_of_the_others_has_its_differences(browser, made):
    data = data_of(made[0] / "page.html")
    spot = {
        "kind": "worse", "x": 40, "y": 8, "width": 40, "height": 40, "seen": 0.05, "gain_db": -1.5,
        "importance": 0.25, "view": [20, 0, 64, 96],
    }  # fmt: skip
    data["spots"] = {key: [] for key in data["spots"]} | {"mozjpeg": [spot]}
    page = browser.new_page()
    page.set_content(render_image_page(data))
    assert not page.is_visible("#next")
    page.check("input[value=mozjpeg]")
    assert "1 difference between semvid and mozjpeg: mozjpeg is better there." in page.text_content("#seen")
    page.keyboard.press("n")
    said = page.text_content(".viewer figcaption")
    assert said.startswith("Difference 1 of 1: mozjpeg is better here, by 1.5\u00a0dB: a slight difference.")
    assert "matters a little" in said
    assert page.locator(".stage .spot.worse").count() == 1
    page.check("input[value=turbo]")
    assert "better here" not in page.text_content(".viewer figcaption")
    page.close()
