"""The page about a batch: all that is known of each file, whatever files are called, and however many they are."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from clips import make_clip

import semvid
from semvid.batch.events import BatchEnded
from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.records import NewJob
from semvid.batch.jobs.store import JobStore
from semvid.batch.report import BatchReport, render_batch
from semvid.batch.run import compress_many
from semvid.batch.sources import Fault
from semvid.core.config import BatchConfig
from semvid.core.errors import OutputError, OutputExistsError

SEMVID = str(Path(sys.executable).with_name("semvid"))
ENDED = BatchEnded({}, 0, 0, 3725.0, is_stopped=True)
NASTY = "</script><b>&'\".mkv"


@pytest.fixture
def store(tmp_path):
    with JobStore(tmp_path / "jobs.sqlite") as store:
        yield store


def fill(store, names):
    seen = Identity(9, 9, "")
    task = {"span": None, "part_seconds": 0}
    store.add([NewJob(Path("/in", one), Path("/out", one), task, seen) for one in names])


def end(store, state, why="", result=None):
    taken = store.take("me", 3)
    store.settle(taken.id, "me", state, why, result)


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_what_needs_the_reader_comes_first_and_names_are_text(store):
    fill(store, ["a.mkv", "b.mkv", NASTY, "d.mkv"])
    done = {"source_bytes": 1000, "output_bytes": 250, "codec": "x264", "seconds": 7.5, "output": {}}
    end(store, "done", result=done)
    end(store, "skipped", "the output would be 3% larger")
    end(store, "failed", "it is broken; pass `overwrite=True`")
    fault = Fault(Path("/in/locked"), "cannot be read")
    page = render_batch(
        store.entries(),
        [fault],
        ENDED,
        Path("/report/page.html"),
        lambda said: said.replace("`overwrite=True`", "-y"),
    )
    data = data_of(page)
    assert [one[3] for one in data["rows"]] == ["failed", "failed", "waiting", "skipped", "done"]
    assert data["rows"][1][0] == NASTY
    assert data["rows"][1][4] == "it is broken; pass -y"
    assert data["rows"][-1] == ["a.mkv", "", "./../out/a.mkv", "done", "", 1000, 250, "x264", 7.5]
    assert data["folder"] == "/in"
    assert NASTY not in page


def test_only_its_own_pages_are_replaced(store, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"page\.html exists"):
        BatchReport(page, overwrite=False)
    page.unlink()
    fill(store, ["a.mkv"])
    for _ in range(2):
        BatchReport(page, overwrite=False).write(store.entries(), [], ENDED)
    assert len(data_of(page.read_text())["rows"]) == 1
    with pytest.raises(OutputError, match=r"is not a page; end `report` in \.html"):
        BatchReport(tmp_path / "page.json", overwrite=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    (folder / "in").mkdir()
    make_clip(folder / "in" / "a b#.mkv", num_frames=4, codec="ffv1", options={})
    (folder / "in" / "broken.mp4").write_bytes(b"nothing")
    video = semvid.CompressConfig(preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral"))
    compress_many([folder / "in"], folder / "out", BatchConfig(video=video, report=folder / "page.html"))
    return folder


def test_a_run_writes_it(made):
    failed, done = data_of((made / "page.html").read_text())["rows"]
    assert (failed[0], failed[3]) == ("broken.mp4", "failed")
    size = (made / "out" / "a b#.mkv").stat().st_size
    assert done[:8] == [
        "a b#.mkv",
        "",
        "./out/a%20b%23.mkv",
        "done",
        "",
        (made / "in" / "a b#.mkv").stat().st_size,
        size,
        "x264",
    ]
    assert done[8] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--report", "page.json"], 4, "'.json' is not a page; end --report in .html"),
        (["--report", "none/page.html"], 4, "choose another --report"),
        (["--report", "page.html", "--dry-run"], 2, "--dry-run writes nothing"),
    ],
)
def test_reports_that_cannot_be_are_refused_before_any_work(made, tmp_path, arguments, code, message):
    ended = subprocess.run(
        [SEMVID, "batch", str(made / "in"), "-o", "out", *arguments], check=False, capture_output=True, text=True,
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == code
    assert message in ended.stderr


@pytest.fixture
def open_page(browser):
    said, contexts = [], []

    def open_page(path, width=1200, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_wide_and_narrow_light_and_dark(made, open_page, width, scheme):
    page = open_page(made / "page.html", width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#jobs tbody tr").count() == 2
    assert page.locator("#lede").inner_text().startswith("1 of 2\u00a0files: ")
    href = page.locator("#jobs a").evaluate("(link) => link.href")
    assert href == (made / "out" / "a b#.mkv").as_uri()
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, colour[4:-1].split(","))) / 3 > 128) == (scheme == "light")


def test_ten_thousand_files_are_shown_in_pieces_sorted_and_searched(store, tmp_path, open_page):
    fill(store, [f"{one:05}.mkv" for one in range(10_000)])
    for one in range(3):
        result = {
            "source_bytes": 10 ** (one + 3),
            "output_bytes": 400,
            "codec": "x264",
            "seconds": 1.0,
            "output": {},
        }
        end(store, "done", result=result)
    path = tmp_path / "page.html"
    BatchReport(path, overwrite=False).write(store.entries(), [], ENDED)
    page = open_page(path)
    rows = page.locator("#jobs tbody tr")
    assert rows.count() == 200
    page.locator("#more").click()
    assert rows.count() == 1200
    page.locator("#jobs thead button", has_text="Before").click()
    assert rows.first.locator("th").inner_text() == "00002.mkv"
    page.locator("#states label", has_text="done 3").click()
    assert rows.count() == 3
    page.locator("#search").fill("0001.mkv")
    assert rows.count() == 1
    assert page.locator("#stopped").inner_text().startswith("The run was stopped: 9,997\u00a0files left")
