"""The page of a live stream in a real browser; the stream behind it is a fake."""

import time
from dataclasses import replace

import pytest
from fake_live import STATUS

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import PATIENCE, TOKEN, port_of, until


@pytest.fixture
def open_page(browser, serve):
    """Open a page; whatever the console says is an error."""
    said, contexts = [], []

    def open_page(url, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        page.wait_for_selector("#state[data-kind='live']")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


SEEN = """() => {
  const image = document.getElementById("picture"), canvas = document.createElement("canvas");
  if (!image.naturalWidth) return null;
  canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 64, 36);
  return Array.from(context.getImageData(0, 0, 64, 36).data);
}"""


def seen(page):
    """What the browser shows, scaled down; waits for a picture."""
    found = []

    def is_there():
        found[:] = [page.evaluate(SEEN)]
        return found[0] is not None

    until(is_there)
    return found[0]


def tell(page, fake, **changes):
    """Change what the stream says, and have the page ask at once, as when it is shown again."""
    fake.told = replace(STATUS, **changes)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def mean(values):
    return sum(values) / len(values)


def halves(page):
    """Mean level of the left and the right half of what is seen, but for the middle."""
    values = seen(page)
    rows = [values[start : start + 256] for start in range(0, len(values), 256)]
    return mean([mean(row[:120]) for row in rows]), mean([mean(row[136:]) for row in rows])


def test_the_page_shows_the_picture_and_views(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    # The fake encodes nothing.
    page.locator("#caption", has_text="The encode is not shown: this stream has none.").wait_for()
    assert page.get_by_label("Encode", exact=True).is_disabled()
    assert not page.get_by_role("button", name="Record").is_visible()
    first = seen(page)
    until(lambda: seen(page) != first)
    fake.is_moving = False
    # The last picture comes again after a second, so it is the one that is seen.
    time.sleep(1.3)
    picture = halves(page)

    def looks_like(left, right):
        return all(abs(one - other) < 4 for one, other in zip(halves(page), (left, right), strict=True))

    page.get_by_label("Heat", exact=True).check()
    until(lambda: sum(halves(page)) < 0.9 * sum(picture))
    heat = halves(page)
    page.get_by_label("Heat", exact=True).press("ArrowRight")
    assert page.get_by_label("Split", exact=True).is_checked()
    until(lambda: looks_like(picture[0], heat[1]))
    page.get_by_label("Source", exact=True).check()
    until(lambda: looks_like(*picture))
    # One view at a time, and none when the page is gone.
    until(lambda: server._broadcast._watchers == {"picture": 0, "heat": 0, "split": 0, "source": 1})
    page.close()
    until(lambda: server._broadcast.num_watchers == 0)


def test_sliders_and_switch_reach_the_stream(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    page.get_by_label("Strength", exact=True).fill("2.5")
    until(lambda: fake.controls().strength == 2.5)
    assert page.locator("output[for=strength]").inner_text() == "2.50"
    bitrate = page.get_by_label("Bitrate", exact=True)
    bitrate.press("End")
    until(lambda: fake.controls().bitrate == 200_000_000)
    bitrate.press("Home")
    until(lambda: fake.controls().bitrate == 50_000)
    assert bitrate.get_attribute("aria-valuetext") == "50\u00a0kbit/s"
    for wanted, shown in ((800_000, "800"), (777_777, "778")):
        # What is in force is told as it is, not as the nearest place of the slider.
        time.sleep(1.6)
        fake.adjust(replace(fake.controls(), bitrate=wanted))
        page.wait_for_selector(f"output[for=bitrate]:has-text('{shown}\u00a0kbit/s')")
    page.get_by_label("Face", exact=True).fill("7")
    until(lambda: fake.controls().focus.get("face") == 7)
    page.get_by_role("button", name="All equal").press("Enter")
    until(lambda: fake.controls().focus["face"] == 1)
    page.get_by_role("switch").press(" ")
    until(lambda: not fake.controls().maps_on)
    # Gauges follow, and so does the page when somebody else turns a knob.
    page.locator(".card", has_text="Plain would need").get_by_text("no map").wait_for()
    fake.adjust(replace(fake.controls(), strength=0.5, maps_on=True))
    until(lambda: page.get_by_label("Strength", exact=True).input_value() == "0.5")
    assert page.get_by_role("switch").is_checked()


def test_gauges_and_states_are_told(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    card = page.locator(".card", has_text="Latency")
    first = card.locator(".big").inner_text()
    tell(page, fake, latency_ms=400.0, load_step=1, load_note="fewer maps")
    page.wait_for_selector("#state:has-text('load cut: fewer maps')")
    assert card.locator(".big").inner_text() != first
    until(lambda: "L" in card.locator("path").last.get_attribute("d"))
    assert "relay.example" in page.locator("#facts").inner_text()
    assert "secret" not in page.content()
    for share, kind, words in (
        (0.05, "warn", "5.0\u00a0%"),
        (0.62, "bad", "62\u00a0%"),
        (0.001, "live", "Live"),
    ):
        tell(page, fake, dropped_share=share)
        page.wait_for_selector(f"#state[data-kind='{kind}']:has-text('{words}')")
    tell(page, fake, saving=0.5)
    page.locator(".card", has_text="Plain would need").get_by_text("to be as good").wait_for()
    tell(page, fake, saving=None)
    page.locator(".card", has_text="Plain would need").get_by_text("not predicted").wait_for()
    tell(page, fake, sinks={"srt://relay.example:9000": "lost"})
    page.wait_for_selector("#state:has-text('relay.example:9000 lost')")
    tell(page, fake, source="lost")
    page.get_by_text("The source is lost").wait_for()
    tell(page, fake)
    page.wait_for_selector("#veil", state="hidden")


def test_the_sound_is_metered(fake, open_page, serve):
    page = open_page(serve().url)
    meter = page.get_by_role("meter")
    assert not meter.is_visible()
    for peaks, words in (
        ((-40.0, -18.2), "\u221218\u00a0dB"),
        ((-3.0, 0.0), "clips"),
        ((-96.0,) * 10, "silent"),
    ):
        tell(page, fake, sound_peaks=peaks)
        page.wait_for_selector(f"#loudest:has-text('{words}')")
        end = 100 * (1 + max(peaks[-1], -60) / 60)
        until(
            lambda end=end: (
                abs(
                    float(
                        page.locator("#level").evaluate(
                            "(one) => parseFloat(one.style.getPropertyValue('--level'))"
                        )
                    )
                    - end
                )
                < 0.1
            )
        )
    tell(page, fake)
    meter.wait_for(state="hidden")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_wide_and_narrow(width, scheme, fake, open_page, serve):
    server = serve()
    page = open_page(server.url, width, color_scheme=scheme, reduced_motion="reduce")
    seen(page)
    tell(
        page,
        fake,
        dropped_share=0.9,
        load_step=3,
        load_note="maps at 25% of their rate, of 25% of the pixels, preset ultrafast",
    )
    page.wait_for_selector("#state[data-kind='bad']")
    weight = page.get_by_label("Face", exact=True)
    weight.fill("8.25")
    until(lambda: fake.controls().focus.get("face") == 8.25)
    # All of it can be read, and nothing lies beside the page.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate("""[...document.querySelectorAll('#state span, .card *, #focus output')].filter(
      (one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline').map((one) => one.textContent)""")
        == []
    )

    def brightness():
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return mean([*map(int, colour[4:-1].split(","))])

    assert (brightness() > 128) == (scheme == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) == (scheme == "dark")


def test_the_picture_fills_the_screen(fake, open_page, serve):
    page = open_page(serve().url)
    page.get_by_role("button", name="Full screen").click()
    until(lambda: page.evaluate("document.fullscreenElement === document.getElementById('stage')"))
    page.get_by_role("button", name="Leave full screen").click()
    until(lambda: page.evaluate("document.fullscreenElement === null"))


def test_the_token_opens_the_page_and_leaves_the_address(fake, open_page, serve):
    server = serve("0.0.0.0:0", token=TOKEN)
    page = open_page(f"http://127.0.0.1:{port_of(server)}/?token={TOKEN}")
    assert TOKEN not in page.url
    seen(page)
    page.get_by_label("Strength", exact=True).fill("2")
    until(lambda: fake.controls().strength == 2)


def test_a_silent_server_is_told_and_found_again(fake, browser, serve):
    # Failed requests stand in the console: this page is opened apart.
    server = serve()
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("#state[data-kind='live']")
    server.close()
    page.get_by_text("does not answer; trying again").wait_for()
    serve(f"127.0.0.1:{port_of(server)}")
    page.wait_for_selector("#state[data-kind='live']")
    until(lambda: (first := seen(page)) and seen(page) != first)
    context.close()
