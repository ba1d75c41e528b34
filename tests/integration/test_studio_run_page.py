"""Trying and encoding in a real browser."""

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from clips import make_clip
from live_pages import until

from semvid.core.config import CompressConfig, FocusConfig, MapsConfig
from semvid.core.frozen import FrozenMapping
from semvid.studio.folder import Root
from semvid.studio.profiles import Profiles
from semvid.studio.studio import Studio
from semvid.web.studio.server import StudioServer

PATIENCE_MS = 60_000


def read_profile(name, folder):
    """Those of the page: none but one."""
    focus = FocusConfig(FrozenMapping({"face": 2}))
    return CompressConfig(codec="vp9", maps=MapsConfig(focus=focus)) if name else CompressConfig()


@pytest.fixture
def page(browser, tmp_path):
    make_clip(tmp_path / "clip.mp4", num_frames=50)
    said = []
    profiles = Profiles(read_profile, {"talks": "where people talk"})
    with Studio(Root(tmp_path), profiles) as studio, StudioServer(studio) as server:
        studio.runs.start()
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.link)
        page.click(".entry")
        page.select_option("#preset", "superfast")
        yield page
        context.close()
        studio.runs.queue.end_now()
    assert said == []


TIMES = "[...document.querySelectorAll('#ab video')].map(one => one.currentTime)"


def test_two_videos_in_step_with_a_divider(page):
    page.select_option("#try-seconds", "2")
    page.click("#try-go")
    page.wait_for_selector("#ab[open]")
    until(lambda: page.evaluate(f"{TIMES}.every(one => one > 0.2)"))
    left, right = page.evaluate(TIMES)
    assert abs(left - right) < 0.08
    page.keyboard.press("Space")
    left, right = page.evaluate(TIMES)
    assert left == right
    page.keyboard.press(".")
    until(lambda: page.evaluate(f"{TIMES}[0] > {left} || {left} > 1.9"))
    clip = "getComputedStyle(document.querySelector('.ab-video.ours')).clipPath"
    assert page.evaluate(clip).endswith("50%)")
    page.focus("#ab-divider")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(clip).endswith("55%)")
    box = page.locator(".ab").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
    page.mouse.down()
    page.mouse.up()
    assert abs(float(page.input_value("#ab-divider")) - 25) < 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#ab", state="hidden")
    page.wait_for_selector("#try-said .strong")
    assert "All of it: about" in page.inner_text("#try-said")


def test_wishes_and_words_follow_the_codec(page):
    page.select_option("#profile", "talks")
    until(lambda: page.input_value("#focus-face") == "2")
    assert "As the profile says" in page.inner_text("#codec")
    page.select_option("#profile", "")
    until(lambda: page.input_value("#focus-face") == "1")
    page.select_option("#wish", "quality")
    assert page.input_value("#wish-value") == "26"
    page.fill("#wish-value", "99")
    page.click("#queue-add")
    assert "Give a number from" in page.inner_text("#try-said")
    page.select_option("#codec", "mjpeg")
    assert page.input_value("#wish-value") == "80"
    assert page.locator("#wish option").count() == 3
    assert page.locator("#preset").is_hidden()
