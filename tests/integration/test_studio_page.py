"""The page of semvid studio in a real browser."""

import pytest
from clips import make_clip

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import until
from studio_pages import PATIENCE, studio_of


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    place = tmp_path_factory.mktemp("studio") / "films"
    (place / "more").mkdir(parents=True)
    make_clip(place / "talk.mp4", num_frames=40, cut_at=20)
    make_clip(place / "more" / "walk.mkv", num_frames=10, rotation=90)
    make_clip(place.parent / "mine.mp4", num_frames=6)
    with studio_of(place) as (_, server):
        server.outside = place.parent / "mine.mp4"
        yield server


@pytest.fixture
def open_page(browser, server):
    """Open a page; whatever the console says is an error."""
    said, contexts = [], []

    def open_page(size=(1280, 800), **options):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.link)
        page.wait_for_selector(".entry")
        return page

    yield open_page
    for context in contexts:
        context.close()
    # What is refused stands in the console too.
    assert [one for one in said if "status of 400" not in one] == []


def mean(page, x=0.0, y=0.0, width=1.0, height=1.0):
    """Mean level of a part of the canvas."""
    code = """([x, y, w, h]) => {
      const canvas = document.getElementById("canvas"), context = canvas.getContext("2d");
      const part = [x * canvas.width, y * canvas.height, w * canvas.width, h * canvas.height].map(Math.round);
      const data = context.getImageData(...part).data;
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
      return sum / data.length * 4 / 3;
    }"""
    return page.evaluate(code, [x, y, width, height])


def canvas(page):
    return page.evaluate("document.getElementById('canvas').toDataURL()")


def choose(page, name="talk.mp4"):
    page.get_by_role("button", name=name).click()
    page.wait_for_selector("#canvas[data-frame='0'][data-picture=own]:not([data-map=none])")


def shown(page, index):
    page.wait_for_selector(f"#canvas[data-frame='{index}'][data-picture=own]:not([data-map=none])")


def test_a_video_is_chosen_and_its_maps_come(open_page):
    page = open_page()
    choose(page)
    page.wait_for_selector(".made.done")
    page.wait_for_selector("#canvas[data-map=exact]")
    assert "All 40 maps" in page.locator(".making").inner_text()
    assert page.locator(".facts").inner_text().startswith("talk.mp4 320\u00d7192, H.264")
    heat = mean(page)
    page.keyboard.press("4")
    assert page.get_by_label("Picture", exact=True).is_checked()
    picture = mean(page)
    page.keyboard.press("3")
    dimmed = mean(page)
    assert heat != picture
    assert dimmed < picture
    page.keyboard.press("2")
    assert abs(mean(page) - picture) < 20


def test_what_is_painted_is_seen_and_undone(open_page):
    page = open_page()
    choose(page)
    page.wait_for_selector("#canvas[data-map=exact]")
    before = mean(page, 0.6, 0.6, 0.2, 0.2)
    page.keyboard.press("r")
    box = page.locator("#stage").bounding_box()
    corners = [(box["x"] + x * box["width"], box["y"] + x * box["height"]) for x in (0.55, 0.95)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()
    until(lambda: mean(page, 0.6, 0.6, 0.2, 0.2) > before + 20)
    until(lambda: "1 edit, until" in page.locator("#edit-state").inner_text())
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("z")
    until(lambda: abs(mean(page, 0.6, 0.6, 0.2, 0.2) - before) < 1)
    assert page.get_by_role("button", name="Undo").is_disabled()
    assert not page.get_by_role("button", name="Redo").is_disabled()
    page.keyboard.press("Escape")
    assert page.get_by_label("Look", exact=True).is_checked()


def test_keys_and_strip_move_about(open_page):
    page = open_page()
    choose(page)
    page.keyboard.press("ArrowRight")
    shown(page, 1)
    page.keyboard.press("Shift+ArrowRight")
    shown(page, 26)
    page.keyboard.press("End")
    shown(page, 39)
    assert page.locator("#scrubber").get_attribute("aria-valuetext").startswith("frame 40 of 40")
    page.keyboard.press("Home")
    shown(page, 0)
    page.get_by_label("Frame", exact=True).fill("13")
    shown(page, 13)
    page.locator("#scrubber").press("ArrowLeft")
    shown(page, 12)
    box = page.locator(".film").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 20)
    until(lambda: int(page.locator("#scrubber").input_value()) >= 28)
    page.get_by_role("button", name="Play", exact=True).click()
    until(lambda: int(page.locator("#scrubber").input_value()) == 39)
    page.get_by_role("button", name="Play", exact=True).wait_for()


def test_weights_of_classes_change_the_map(open_page):
    page = open_page()
    choose(page)
    page.wait_for_selector(".made.done")
    page.wait_for_selector("#canvas[data-map=exact]")
    before = canvas(page)
    for name in ("People", "Animals", "Vehicles", "Objects", "Text"):
        page.locator(f".slider:has-text('{name}') input").fill("0.25")
    until(lambda: canvas(page) != before)
    page.wait_for_selector(".made.done")
    page.get_by_role("button", name="All equal").press("Enter")
    until(lambda: canvas(page) == before)


def test_folders_paths_and_drops(open_page, server):
    page = open_page()
    page.get_by_role("button", name="more").press("Enter")
    choose(page, "walk.mkv")
    ratio = page.locator("#stage").evaluate("one => one.clientWidth / one.clientHeight")
    assert ratio == pytest.approx(192 / 320, abs=0.02)
    page.get_by_role("button", name="Files").click()
    path = page.get_by_label("Path of a file in this folder")
    path.fill("../mine.mp4")
    path.press("Enter")
    page.get_by_text("goes back by '..'").wait_for()
    path.fill("talk.mp4")
    path.press("Enter")
    page.locator(".facts", has_text="talk.mp4").wait_for()
    page.get_by_role("button", name="Files").click()
    page.locator("#picker").set_input_files(server.outside)
    page.locator(".facts", has_text="mine.mp4").wait_for()
    shown(page, 0)
    page.reload()
    page.locator(".facts", has_text="mine.mp4").wait_for()
    page.get_by_role("button", name="Files").click()
    page.get_by_role("button", name="Dropped here").click()
    page.get_by_role("button", name="mine.mp4").wait_for()
