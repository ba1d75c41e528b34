"""Measure semvid studio in a real browser: the first map, scrubbing, the page's weight, memory, long files.

    python examples/benchmark/studio.py [--only PART ...] [--work FOLDER] [--files 50]

The studio runs as users start it, as a process of its own, and headless Chromium (Playwright) opens its link.
What the page shows is timed in the page, from the click until the picture or the map is on the canvas. Parts:

- ``first map``: a 1080p file is chosen, each time another copy in a page loaded anew; the first after the
  start of the studio is told apart.
- ``scrub``: the slider goes to places of a video whose maps are made; the page has seen none of them. A map
  is shown over a picture nearby until the frame is decoded.
- ``weight``: bytes of all answers to a cold load, as they are without compression.
- ``memory``: of the server's process, over 50 files that are chosen one after the other, five kinds in turn,
  a second after the first map of each, while all maps are being made.
- ``long``: ten minutes of 1080p in more than a gigabyte, as MP4 and as Matroska, whose pages in memory
  the system was asked to forget.

A clip of 720p, enlarged, stands for files of 1080p; the long file has it again and again. Files that were
made are kept in ``--work`` for the next time. Each part is saved when it is done, and the rest keeps what
earlier runs found.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from common import data_folder, load, save, table
from playwright.sync_api import Browser, Page, Response, sync_playwright

PATIENCE_MS = 120_000
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FILES_BETWEEN = 10
"""Files from one look at the memory to the next; a multiple of the kinds of clips."""
CHOSEN = (
    "dog_720p.mp4", "cars_432p_audio.mp4", "juggle_720p.mp4", "street_272p.mp4", "signer_480p_fullrange.mkv",
)  # fmt: skip
NUM_FIRST, NUM_PLACES, SETTLED_SECONDS = 7, 40, 1.0
LONG_SECONDS = 600
BARS = {
    "first map": "2 s", "scrub": "150 ms", "weight": "300 kB", "memory": "the last 25 files add 2 %",
    "long mp4": "2 s", "long mkv": "2 s",
}  # fmt: skip

WATCH = """
(name) => {
  const canvas = document.getElementById("canvas"), facts = document.querySelector(".facts"), seen = {};
  for (const one of ["map", "frame", "picture"]) delete canvas.dataset[one];
  const entry = [...document.querySelectorAll(".entry")].find((one) => one.title === name);
  const start = performance.now();
  const note = (what) => { seen[what] ??= performance.now() - start; };
  window.times = new Promise((resolve) => {
    const look = () => {
      if (facts.textContent.startsWith(name)) note("open");
      if (!seen.open) return;
      if (canvas.dataset.picture === "own") note("picture");
      if (canvas.dataset.map && canvas.dataset.map !== "none") note("map");
      if (seen.picture && seen.map) resolve(seen);
    };
    const watcher = new MutationObserver(look);
    watcher.observe(document.getElementById("see"), { subtree: true, childList: true, attributes: true });
  });
  entry.click();
}
"""
SCRUB = """
(index) => new Promise((resolve) => {
  const canvas = document.getElementById("canvas"), range = document.getElementById("scrubber");
  const start = performance.now(), seen = {};
  const watcher = new MutationObserver(() => {
    const { frame, picture, map } = canvas.dataset;
    if (Number(frame) !== index) return;
    if (map === "exact") seen.map ??= performance.now() - start;
    if (picture === "own") seen.picture ??= performance.now() - start;
    if (!seen.map || !seen.picture) return;
    watcher.disconnect();
    resolve(seen);
  });
  watcher.observe(canvas, { attributes: true });
  range.value = index;
  range.dispatchEvent(new Event("input", { bubbles: true }));
})
"""


@contextmanager
def studio(folder: Path) -> Iterator[tuple[int, str]]:
    """Start a studio of a folder without what an earlier one kept; give its process and its link."""
    shutil.rmtree(folder / ".semvid", ignore_errors=True)
    command = [str(Path(sys.executable).with_name("semvid")), "studio", str(folder), "--no-browser"]
    # The command is a process of its own user, as from a terminal.
    environment = {key: one for key, one in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            link = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
            yield process.pid, link
        finally:
            process.terminate()


@contextmanager
def page_of(browser: Browser, link: str, answers: list[Response] | None = None) -> Iterator[Page]:
    """Open the page as somebody does who was never there."""
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        if answers is not None:
            heard = answers

            def hear(answer: Response) -> None:
                heard.append(answer)

            page.on("response", hear)
        page.goto(link)
        page.wait_for_selector(".entry")
        yield page


def choose(page: Page, name: str) -> dict[str, float]:
    """Choose a video; return the seconds until it is open, its picture and its first map are there."""
    if page.locator("#files").is_hidden():
        page.click("#files-button")
        page.wait_for_selector(".entry")
    page.evaluate(WATCH, name)
    found: dict[str, float] = page.evaluate("window.times")
    return {what: one / 1000 for what, one in found.items()}


def memory_mb(process: int) -> dict[str, float]:
    """Return what a process has resident, and its proportional share of that, in MB."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return {
        name.lower(): 1.024e-3 * int(re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)[1])  # type: ignore[index]
        for name in ("Rss", "Pss")
    }


def ffmpeg(*arguments: str) -> None:
    """Run FFmpeg."""
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def made(work: Path, name: str, *arguments: str) -> Path:
    """Return a file of ours, made by FFmpeg if it is not there."""
    path = work / name
    if not path.exists():
        temporary = path.with_name(f"part-{name}")
        ffmpeg(*arguments, str(temporary))
        temporary.replace(path)
    return path


def full_hd(work: Path, kbps: int) -> Path:
    """Return a clip of 1080p at a bit rate."""
    source = data_folder() / "clips" / "juggle_720p.mp4"
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-b:v", f"{kbps}k", "-g", "60", "-bf", "2"]
    larger = ["-vf", "scale=-2:1080,crop=1920:1080", "-an"]
    return made(work, f"1080p-{kbps}k.mp4", "-i", str(source), *larger, *coding)


def copies(work: Path, files: list[Path], count: int) -> tuple[Path, list[str]]:
    """Return a new folder with so many files, the given ones in turn, and their names."""
    folder = Path(tempfile.mkdtemp(dir=work))
    names = []
    for number in range(count):
        source = files[number % len(files)]
        names.append(f"{number:02d}-{source.stem}{source.suffix}")
        shutil.copyfile(source, folder / names[-1])
    return folder, names


def measure_first_map(browser: Browser, work: Path) -> dict[str, Any]:
    """Time the first map of 1080p files."""
    folder, names = copies(work, [full_hd(work, 6000)], NUM_FIRST)
    runs = []
    try:
        with studio(folder) as (_, link):
            for name in names:
                with page_of(browser, link) as page:
                    runs.append(choose(page, name))
    finally:
        shutil.rmtree(folder)
    return {"runs": runs}


def measure_scrub(browser: Browser, work: Path) -> dict[str, Any]:
    """Time how soon frames with made maps are there."""
    folder, (name,) = copies(work, [full_hd(work, 6000)], 1)
    try:
        with studio(folder) as (_, link), page_of(browser, link) as page:
            choose(page, name)
            page.wait_for_selector(".made.done", state="attached")
            # The filmstrip is filled with the maps first, as it is when somebody has looked for a while.
            page.wait_for_timeout(1000)
            last = int(page.get_attribute("#scrubber", "max") or 0)
            places = random.Random(1).sample(range(1, last + 1), NUM_PLACES)
            return {"places": [page.evaluate(SCRUB, place) for place in places]}
    finally:
        shutil.rmtree(folder)


def measure_weight(browser: Browser, work: Path) -> dict[str, Any]:
    """Weigh the page."""
    folder, _ = copies(work, [data_folder() / "clips" / CHOSEN[0]], 1)
    sizes: dict[str, int] = {}
    answers: list[Response] = []
    try:
        with studio(folder) as (_, link), page_of(browser, link, answers) as page:
            page.wait_for_load_state("networkidle")
            for answer in answers:
                if answer.status == 200:
                    # The page goes on to itself without its token, so bodies are gone; nothing is compressed.
                    assert "content-encoding" not in answer.headers
                    path = "/" + answer.url.split("/", 3)[3].partition("?")[0]
                    sizes[path] = int(answer.headers["content-length"])
    finally:
        shutil.rmtree(folder)
    return {"bytes": sizes, "total": sum(sizes.values())}


def measure_memory(browser: Browser, work: Path, num_files: int) -> dict[str, Any]:
    """Choose files one after the other, and look at the memory of the server."""
    folder, names = copies(work, [data_folder() / "clips" / one for one in CHOSEN], num_files)
    found: dict[str, dict[str, float]] = {}
    threads: dict[str, int] = {}
    try:
        with studio(folder) as (process, link), page_of(browser, link) as page:
            for number, name in enumerate(names, 1):
                choose(page, name)
                page.wait_for_timeout(1000 * SETTLED_SECONDS)
                if number % (FILES_BETWEEN // 2) == 0:
                    found[str(number)] = memory_mb(process)
                    threads[str(number)] = len(os.listdir(f"/proc/{process}/task"))
                    print(f"  after {number} files {found[str(number)]['rss']:.0f} MB", flush=True)
    finally:
        shutil.rmtree(folder)
    return {"mb": found, "threads": threads, "num_files": num_files}


def measure_long(browser: Browser, work: Path, container: str) -> dict[str, Any]:
    """Time the first map of a long file."""
    clip = full_hd(work, 16000)
    loop = ["-stream_loop", "-1", "-i", str(clip), "-t", str(LONG_SECONDS), "-c", "copy"]
    path = made(work, f"long.{container}", *loop)
    folder, runs = Path(tempfile.mkdtemp(dir=work)), []
    try:
        # Each has an identity of its own, and is read anew.
        for number in range(3):
            os.link(path, folder / f"{number}.{container}")
        with studio(folder) as (_, link):
            for number in range(3):
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                with page_of(browser, link) as page:
                    runs.append(choose(page, f"{number}.{container}"))
    finally:
        shutil.rmtree(folder)
    return {"runs": runs, "bytes": path.stat().st_size, "seconds": LONG_SECONDS}


def row_of(part: str, found: dict[str, Any]) -> list[str]:
    """Return a line of the table: what was measured, its median, its worst, more, the bar."""
    if runs := found.get("runs"):
        # The first waits for the network to be opened.
        maps = [one["map"] for one in runs]
        medians = {what: statistics.median(one[what] for one in runs) for what in ("open", "picture", "map")}
        parts = ", ".join(f"{what} {seconds:.2f}" for what, seconds in medians.items())
        values = f"{statistics.median(maps):.2f} s", f"{max(maps):.2f} s", f"{parts}; the first {maps[0]:.2f}"
    elif places := found.get("places"):
        times, pictures = ([one[what] for one in places] for what in ("map", "picture"))
        told = f"{len(times)} places; the frame itself {statistics.median(pictures):.0f}, {max(pictures):.0f}"
        values = f"{statistics.median(times):.0f} ms", f"{max(times):.0f} ms", told
    elif "total" in found:
        values = f"{found['total'] / 1000:.0f} kB", "-", f"{len(found['bytes'])} answers"
    else:
        rss = {int(number): one["rss"] for number, one in found["mb"].items()}
        middle, last = rss[found["num_files"] // 2], rss[found["num_files"]]
        told = ", ".join(f"{rss[number]:.0f}" for number in rss if number % FILES_BETWEEN == 0)
        more = f"{told}; the last half {last / middle - 1:+.1%}"
        values = f"{statistics.median(rss.values()):.0f} MB", f"{max(rss.values()):.0f} MB", more
    return [part, *values, BARS[part]]


def main() -> None:
    """Write ``results/studio.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", choices=list(BARS), help="parts; default all")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "semvid-studio-benchmark")
    parser.add_argument("--files", type=int, default=50, help="of the part memory, a multiple of 10")
    arguments = parser.parse_args()
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    measures: dict[str, Callable[[Browser], dict[str, Any]]] = {
        "weight": lambda browser: measure_weight(browser, work),
        "first map": lambda browser: measure_first_map(browser, work),
        "scrub": lambda browser: measure_scrub(browser, work),
        "long mp4": lambda browser: measure_long(browser, work, "mp4"),
        "long mkv": lambda browser: measure_long(browser, work, "mkv"),
        "memory": lambda browser: measure_memory(browser, work, arguments.files),
    }
    results: dict[str, Any] = load("studio")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for part, measure in measures.items():
            if arguments.only and part not in arguments.only:
                continue
            before, started = os.getloadavg()[0], time.monotonic()
            results[part] = {**measure(browser), "load": [before, os.getloadavg()[0]]}
            path = save("studio", results)
            print(f"{part}: {time.monotonic() - started:.0f} s, load {before:.1f}", flush=True)
        browser.close()
    rows = [row_of(part, results[part]) for part in measures if part in results]
    print(table(["", "median", "worst", "", "bar"], rows))
    print(path)


if __name__ == "__main__":
    main()
