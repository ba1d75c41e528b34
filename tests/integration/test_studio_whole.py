"""The studio from a dropped video to its result, as people go through it, at the desk and on a phone.

``SEMVID_SCREENSHOTS=FOLDER`` keeps pictures of each step, light and dark, to be looked at; else they are in
the test's temporary folder, which is told if it fails.
"""

import base64
import os
from pathlib import Path

import pytest
from clips import make_clip

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import until
from studio_pages import PATIENCE

from semvid.studio.folder import Root
from semvid.studio.studio import Studio
from semvid.web.studio.server import StudioServer

DROP = """([name, data]) => {
  const dropped = new DataTransfer();
  dropped.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, { type: "video/mp4" }));
  dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""
MEAN = """() => {
  const canvas = document.getElementById("canvas"), { width, height } = canvas;
  const part = [0.1 * width, 0.1 * height, 0.1 * width, 0.1 * height].map(Math.round);
  const { data } = canvas.getContext("2d").getImageData(...part);
  return data.reduce((sum, one) => sum + one, 0) / data.length;
}"""
BRIGHTNESS = """() => getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).slice(0, 3)
  .reduce((sum, one) => sum + Number(one), 0) / 3"""
TIMES = "() => Math.min(...[...document.querySelectorAll('#ab video')].map((one) => one.currentTime))"


class Walk:
    """A page, how it is pressed, and the pictures of it."""

    def __init__(self, page, folder, *, is_phone, is_kept):
        self.page, self.folder, self.is_phone, self.count = page, folder, is_phone, 0
        # Each picture takes a quarter of a second.
        self.pictured = {"light", "dark"} if is_kept else {"dark" if is_phone else "light"}

    def press(self, target):
        one = self.page.locator(target)
        if self.is_phone:
            one.tap()
        else:
            one.click()

    def look(self, step):
        """Keep what is seen; nothing may be wider than the screen."""
        self.count += 1
        for scheme in ("dark", "light"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if scheme in self.pictured:
                self.page.screenshot(path=self.folder / f"{self.count}-{step}-{scheme}.png")
            assert (self.page.evaluate(BRIGHTNESS) > 128) == (scheme == "light")
            width = self.page.viewport_size["width"]
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, step


@pytest.mark.parametrize(("name", "size"), [("desk", (1280, 800)), ("phone", (390, 844))])
def test_from_a_drop_to_the_result(browser, tmp_path, name, size):
    kept = os.environ.get("SEMVID_SCREENSHOTS")
    folder = Path(kept) / name if kept else tmp_path / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    is_phone, films = name == "phone", tmp_path / "films"
    films.mkdir()
    clip = make_clip(
        tmp_path / "walk.mp4", num_frames=30, rotation=90 if is_phone else 0, audio=is_phone, cut_at=None
    )
    said = []
    with Studio(Root(films)) as studio, StudioServer(studio) as server:
        studio.runs.start()
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=is_phone, is_mobile=is_phone
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        try:
            page.goto(server.link)
            page.get_by_text("No videos").wait_for()
            walk = Walk(page, folder, is_phone=is_phone, is_kept=kept is not None)
            drop(walk, clip)
            paint(walk)
            try_some(walk)
            encode(walk, films)
        except BaseException as error:
            page.screenshot(path=folder / "last.png")
            error.add_note(f"screenshots: {folder}")
            raise
        finally:
            context.close()
            studio.runs.queue.end_now()
    assert said == []


def drop(walk, clip):
    page = walk.page
    walk.look("empty folder")
    page.evaluate(DROP, [clip.name, base64.b64encode(clip.read_bytes()).decode()])
    page.wait_for_selector("#canvas[data-frame='0'][data-picture=own]:not([data-map=none])")
    page.wait_for_selector(".made.done")
    page.wait_for_selector("#canvas[data-map=exact]")
    assert "All 30 maps" in page.inner_text(".making")
    walk.look("maps")
    box = page.locator("#stage").bounding_box()
    assert box["y"] + box["height"] < page.viewport_size["height"], (
        "all of the frame is seen without scrolling"
    )
    assert (box["width"] < box["height"]) == walk.is_phone


def paint(walk):
    page = walk.page
    before = page.evaluate(MEAN)
    walk.press("#edit input[value=brush]")
    box = page.locator("#stage").bounding_box()
    assert 0 <= box["y"] < page.viewport_size["height"] - box["height"] / 2, "what is painted on is in sight"
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"], steps=4)
    page.mouse.up()
    until(lambda: page.evaluate(MEAN) > before + 20)
    walk.look("painted")


def try_some(walk):
    page = walk.page
    page.select_option("#preset", "superfast")
    page.select_option("#try-seconds", "2")
    # What was painted may still be followed: then it waits for that by itself.
    walk.press("#try-go")
    page.wait_for_selector("#ab[open]")
    until(lambda: page.evaluate(TIMES) > 0.1)
    assert page.locator("#ab-sound").is_visible() == walk.is_phone
    if walk.is_phone:
        walk.press("#ab-sound")
        assert page.evaluate("[...document.querySelectorAll('#ab video')].map((one) => one.muted)") == [
            False,
            True,
        ]
    walk.look("tried")
    page.keyboard.press("Escape")
    page.wait_for_selector("#try-said .strong")
    assert "1 edit" in page.inner_text("#edit-state")
    page.locator("#try-said").scroll_into_view_if_needed()
    walk.look("estimated")


def encode(walk, films):
    page = walk.page
    walk.press("#queue-add")
    page.wait_for_selector(".job")
    page.locator("#queue").scroll_into_view_if_needed()
    walk.look("queue")
    page.wait_for_selector(".job[data-state=done]")
    output = films / "walk.semvid.mp4"
    # The queue may be out of sight: the file is offered where it was asked for, too.
    page.wait_for_selector("#queue-get", state="visible")
    assert page.inner_text("#queue-said").startswith("Done: walk.semvid.mp4, ")
    with page.expect_download() as download:
        walk.press("#queue-get")
    assert Path(download.value.path()).read_bytes() == output.read_bytes()
    page.locator("#queue").scroll_into_view_if_needed()
    walk.look("result")
    with page.expect_download() as download:
        walk.press(".job >> text=Download")
    assert Path(download.value.path()).read_bytes() == output.read_bytes()
    walk.press(".job >> text=Compare")
    page.wait_for_selector("#ab[open]")
    walk.look("compared")
    page.keyboard.press("Escape")

    walk.press("text=Delete file")
    walk.press("text=Yes, delete it")
    page.wait_for_selector(".job", state="detached")
    assert not output.exists()
    assert "Nothing is encoded yet" in page.inner_text("#queue")
    assert page.locator("#queue-get").is_hidden()
    assert page.inner_text("#queue-said") == ""
    page.locator("#theme").scroll_into_view_if_needed()
    walk.press("#theme")
    assert page.evaluate(BRIGHTNESS) < 128
