"""Photographs in the studio's page, in a real browser."""

import zipfile

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import until
from still_pictures import photograph, write_holiday
from studio_pages import PATIENCE, studio_of

from semvid.core.config import MapsConfig
from semvid.studio.wishes import Wishes

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SEEN = "#canvas[data-map=exact][data-picture=own]"


@pytest.fixture
def page(browser, tmp_path):
    folder = tmp_path / "holiday"
    folder.mkdir()
    write_holiday(folder)
    for name in ("one.png", "two.png"):
        photograph(seed=len(name)).save(tmp_path / name)
    said = []
    with studio_of(folder) as (studio, server):
        studio.runs.start()
        # The network is tested elsewhere.
        studio.stills.wishes = Wishes(MapsConfig(model="spectral"))
        context = browser.new_context(viewport=WIDE, accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.link)
        page.wait_for_selector(".entry")
        yield page
        context.close()
        studio.runs.queue.end_now()
    # Pictures that cannot be read are refused, and the console says so.
    assert [one for one in said if "status of 400" not in one] == []


def looked_at(page, name):
    page.wait_for_selector(f".facts:has-text('{name}')")
    page.wait_for_selector(SEEN)


def split(page):
    return page.evaluate("getComputedStyle(document.querySelector('.over')).clipPath")


def test_from_the_drop_to_the_archive(page, tmp_path):
    choose(page, [tmp_path / "one.png", tmp_path / "two.png"])
    paint_and_compare(page)
    encode(page)
    assert not (tmp_path / "holiday" / "two.semvid.jpg").exists()
    page.click("#still-out-all")
    page.get_by_role("heading", name="See what matters").wait_for()
    assert page.locator("#see").is_hidden()


def choose(page, dropped):
    page.get_by_role("button", name="broken.jpg").click()
    page.get_by_text("broken.jpg cannot be decoded").wait_for()
    page.locator("#picker").set_input_files(dropped)
    looked_at(page, "one.png")
    assert page.locator(".thumb").count() == 2
    assert page.locator("#try").is_hidden()
    page.get_by_role("button", name="Files").click()
    page.locator("#all-stills").press("Enter")
    looked_at(page, "a.png")
    until(lambda: page.locator(".thumb").count() == 6)
    # Keys, with nothing chosen by the mouse.
    page.keyboard.press("End")
    looked_at(page, "turned.jpg")
    page.keyboard.press("ArrowLeft")
    page.get_by_text("cannot be decoded").wait_for()
    page.keyboard.press("Home")
    looked_at(page, "one.png")
    page.keyboard.press("Delete")
    looked_at(page, "two.png")
    assert page.locator(".thumb[aria-current]").inner_text().startswith("two.png")


def paint_and_compare(page):
    page.keyboard.press("r")
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    page.locator("#edit-state", has_text="1 edit. ").wait_for()
    assert page.locator("#follows").is_hidden()
    # Both JPEGs, one over the other.
    page.select_option("#still-wish", "bytes")
    page.fill("#still-value", "6")
    page.click("#still-go")
    page.wait_for_selector("#still-ab[open]")
    assert split(page).endswith("50%)")
    page.keyboard.press("ArrowRight")
    assert split(page).endswith("50.5%)")
    page.locator("#still-zoom input[value='2']").click()
    until(lambda: page.locator(".pictures img").first.bounding_box()["width"] == 320)
    page.locator(".pictures").press("ArrowRight")
    box = page.locator(".pictures").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.505, box["y"] + 9)
    page.select_option("#still-left", "source")
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.keyboard.press("Escape")
    page.wait_for_selector("#still-ab", state="hidden")
    assert "Where it matters" in page.inner_text("#still-said")
    assert "changed since" not in page.inner_text("#still-said")
    page.select_option("#still-edge", "1080")
    assert "changed since" in page.inner_text("#still-said")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def encode(page):
    # What cannot be read is not among them any more.
    page.click("#still-all")
    page.locator("#still-counts", has_text="4 of 4 done").wait_for()
    with page.expect_download() as download:
        page.click("#still-zip")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            "a.semvid.jpg", "b.semvid.jpg", "turned.semvid.jpg", "two.semvid.jpg"
        ]  # fmt: skip
    page.locator(".jobs-of-stills summary").click()
    until(lambda: page.locator(".jobs-of-stills .job").count() == 4)
    page.click("#still-delete")
    page.locator("#still-delete", has_text="Yes").click()
    page.locator("#still-counts", has_text="3 of 4 done").wait_for()
