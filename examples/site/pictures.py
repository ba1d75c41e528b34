"""Take the pictures of pages that the docs show, with the demo clip and a photograph of it.

    python examples/site/pictures.py

It needs Chromium, and replaces ``studio.jpg``, ``studio-photographs.jpg`` and ``report.jpg`` of ``docs``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "examples"))

import demo  # noqa: E402
import demo_clip  # noqa: E402

import semvid  # noqa: E402
from semvid.products.report.plain import plain_encode  # noqa: E402
from semvid.studio.folder import Root  # noqa: E402
from semvid.studio.studio import Studio  # noqa: E402
from semvid.web.studio.server import StudioServer  # noqa: E402

_PATIENCE_MS = 120_000
_SETTLED_MS = 3000
_QUALITY = 85
_HALF = 880
"""Pixels that five cards need beside each other."""
_OUTLINE = (
    (0.775, 0.08), (0.82, 0.2), (0.83, 0.55), (0.9, 0.72), (0.83, 0.76), (0.82, 0.88), (0.74, 0.88),
    (0.735, 0.76), (0.69, 0.72), (0.755, 0.55), (0.75, 0.25), (0.775, 0.08),
)  # fmt: skip
"""Around the rocket of the first frame, in shares of the picture."""


@contextmanager
def _page(browser: Any, width: int, height: int, scheme: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    yield page
    context.close()


def _shot(page: Any) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return picture.astype(np.uint8)


def studio(browser: Any, clip: Path) -> NDArray[np.uint8]:
    """Return the page of a studio in which somebody has drawn around a rocket."""
    with (
        Studio(Root(clip.parent)) as opened,
        StudioServer(opened) as server,
        _page(browser, 1280, 860, "light") as page,
    ):
        page.goto(server.link)
        page.click(".entry")
        page.get_by_text("All 120 maps").wait_for()
        page.keyboard.press("l")
        box = page.locator("#stage").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in _OUTLINE]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()
        page.mouse.move(5, 5)
        page.get_by_text("until the next cut").wait_for()
        page.wait_for_timeout(_SETTLED_MS)
        return _shot(page)


def studio_photographs(browser: Any, clip: Path) -> NDArray[np.uint8]:
    """Return the slider between two JPEGs of a photograph."""
    folder = clip.parent / "photographs"
    folder.mkdir()
    cv2.imwrite(str(folder / "astronaut.png"), skimage.data.astronaut()[..., ::-1])
    with Studio(Root(folder)) as opened, StudioServer(opened) as server:
        opened.runs.start()
        with _page(browser, 1100, 760, "light") as page:
            page.goto(server.link)
            page.click(".entry")
            page.wait_for_selector("#canvas[data-map=exact][data-picture=own]")
            page.select_option("#still-wish", "bytes")
            page.fill("#still-value", "20")
            page.click("#still-go")
            page.check("#still-zoom input[value='2']")
            page.wait_for_timeout(_SETTLED_MS)
            return _shot(page)


def report(browser: Any, clip: Path) -> NDArray[np.uint8]:
    """Return the report of the demo: its head in light, its parts in dark."""
    config = semvid.CompressConfig(rate=semvid.Crf(demo.CRF), maps=semvid.MapsConfig(focus=demo.FOCUS))
    mapped = semvid.compress(clip, clip.with_name("clip.semvid.mp4"), config)
    plain = plain_encode(clip, clip.with_name("clip.plain.mp4"), config, mapped)
    path = clip.with_name("clip.report.html")
    semvid.write_report(path, semvid.make_report(mapped, config, plain=plain))
    halves = []
    for scheme, part in (("light", "#headline"), ("dark", "#parts")):
        with _page(browser, _HALF, 984, scheme) as page:
            page.goto(path.as_uri())
            if halves:
                page.locator(part).evaluate("one => scrollTo(0, one.offsetTop - 20)")
            page.wait_for_load_state("networkidle")
            halves.append(_shot(page))
    return np.hstack(halves)


def main() -> None:
    """Take all."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no chromium on the PATH; install it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        clip = Path(folder) / "clip.mp4"
        demo_clip.write(clip)
        for take in (studio, studio_photographs, report):
            place = REPOSITORY / "docs" / f"{take.__name__.replace('_', '-')}.jpg"
            cv2.imwrite(str(place), take(browser, clip), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            print(place)
        browser.close()


if __name__ == "__main__":
    main()
