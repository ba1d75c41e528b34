"""Benchmarks on folders of clips: what is found, measured, kept, gone on from, shown and refused."""

import csv
import io
import json
import re
import shutil
from fractions import Fraction

import numpy as np
import pytest
from clips import make_clip, pictures
from PIL import Image

import semvid
from semvid.core.errors import (
    ConfigError,
    InputError,
    InputMissingError,
    MapError,
    OutputError,
    OutputExistsError,
)
from semvid.core.events import Notice, Stage
from semvid.media.probe import probe
from semvid.media.reading.reader import VideoReader
from semvid.products.bench import run as running
from semvid.products.bench.frames import pack_pictures
from semvid.products.bench.material import find_clips
from semvid.products.bench.store import Record
from semvid.products.bench.summary import clip_rates

WIDTH, HEIGHT, COUNT = 192, 96, 6
CRFS = (24, 32, 40)
METRICS = ("psnr", "weighted")
CONFIG = semvid.CompressConfig(
    preset="superfast",
    maps=semvid.MapsConfig(model="spectral"),
    allocation=semvid.AllocationConfig(match="size"),
)


def write_pictures(folder, suffix, *, count=COUNT):
    folder.mkdir()
    for index, grey in enumerate(pictures(WIDTH, HEIGHT, count)):
        Image.fromarray(grey).convert("RGB").save(folder / f"{index}{suffix}")
    return sorted(folder.iterdir())


def write_masks(folder, count=COUNT):
    folder.mkdir()
    for index in range(count):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[20:80, 40:120] = 255
        Image.fromarray(mask).save(folder / f"{index:03d}.png")


def make_material(place):
    clips, masks = place / "clips", place / "masks"
    clips.mkdir()
    masks.mkdir()
    make_clip(clips / "film.mp4", width=WIDTH, height=HEIGHT, num_frames=COUNT, audio=True)
    write_pictures(clips / "walk", ".jpg")
    (clips / "notes.txt").write_text("not a clip")
    (clips / ".hidden.mp4").write_text("not seen")
    write_masks(masks / "walk")
    return clips, masks


@pytest.fixture
def material(tmp_path):
    return make_material(tmp_path)


def state(folder):
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def run(material, output, events=None, config=CONFIG, **options):
    clips, masks = material
    told = (events if events is not None else []).append
    options = {"masks": masks, "qualities": CRFS, "metrics": METRICS, **options}
    return semvid.bench(clips, output, config, on_event=told, **options)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Clips and masks, where they were before, what came of them, and what was told."""
    place, events = tmp_path_factory.mktemp("measured"), []
    material = make_material(place)
    before = {one: state(one) for one in material}
    return material, before, run(material, place / "out.html", events), events


def test_a_folder_is_measured_and_stays_as_it_is(measured):
    material, before, found, events = measured
    assert {one: state(one) for one in material} == before
    film, walk = found.clips
    assert (film.name, film.has_masks, walk.name, walk.has_masks) == ("film.mp4", False, "walk", True)
    assert (walk.width, walk.height, walk.num_frames) == (WIDTH, HEIGHT, COUNT)
    assert walk.duration_seconds == pytest.approx(COUNT / 24, abs=0.01)
    for clip in found.clips:
        assert {(one.variant, one.quality) for one in clip.encodes} == {
            (kind, crf) for kind in ("plain", "mapped") for crf in CRFS
        }
        sizes = [one.video_bytes for one in clip.of("mapped")]
        assert sizes == sorted(sizes, reverse=True)
        assert clip.encodes[0].scores.keys() <= {"psnr", "weighted", "salient", "background"}
    said = [one.message for one in events if isinstance(one, Notice)]
    assert any("notes.txt" in one for one in said)
    assert any("film.mp4: no masks" in one for one in said)
    page = (material[0].parent / "out.html").read_text()
    assert "judged by masks" in page
    assert "which favours semvid" in page
    assert "http" not in page.replace("http-equiv", "")


def test_scores_are_by_the_masks(material, tmp_path):
    found = run(material, tmp_path / "out.json", qualities=(24, 40))
    (plain, *_) = found.clips[1].of("plain")
    source = tmp_path / "walk.mkv"
    pack_pictures(list((material[0] / "walk").iterdir()), source, Fraction(24))
    coded = tmp_path / "coded.mkv"
    semvid.compress(source, coded, semvid.CompressConfig(
        preset="superfast", rate=semvid.Crf(24), allocation=semvid.AllocationConfig(strength=0)
    ))  # fmt: skip
    config = semvid.CompareConfig(maps=semvid.MapsConfig(path=material[1] / "walk"), metrics=METRICS)
    expected = semvid.compare(source, coded, config)
    assert plain.scores == {name: one.mean for name, one in expected.pooled.items()}


def test_an_interrupted_run_goes_on_where_it_stopped(material, tmp_path, monkeypatch):
    output = tmp_path / "out.html"
    seen = []

    def stop(event):
        if isinstance(event, Stage):
            seen.append(event.name)
            if len(seen) == 5:
                raise KeyboardInterrupt

    options = {"masks": material[1], "qualities": CRFS, "metrics": METRICS}
    with pytest.raises(KeyboardInterrupt):
        semvid.bench(material[0], output, CONFIG, on_event=stop, **options)
    assert not output.exists()
    kept = Record(tmp_path / "out.json")
    (clip,) = kept.clips.values()
    # The first stage makes maps, the fifth was only begun.
    assert [(one.variant, one.quality) for one in clip.encodes] == [
        ("plain", 24),
        ("mapped", 24),
        ("plain", 32),
    ]
    assert list(tmp_path.glob(".semvid-*")) == []
    events = []
    found = run(material, output, events)
    assert len([one for one in events if isinstance(one, Stage)]) == (1 + 3) + (1 + 6)
    assert found.clips[0].encodes[:3] == clip.encodes
    events.clear()
    again = run(material, tmp_path / "out.json", events)
    assert not any(isinstance(one, Stage) for one in events)
    assert again.clips == found.clips
    # Other CRFs are added, other options are other measurements.
    more = run(material, tmp_path / "out.json", qualities=(24, 36), config=CONFIG)
    assert {one.quality for one in more.clips[0].encodes} == {24, 36}
    assert len(Record(tmp_path / "out.json").clips) == 2
    (material[0] / "film.mp4").touch()
    events.clear()
    run(material, tmp_path / "out.json", events, qualities=(24, 36))
    assert len([one for one in events if isinstance(one, Stage)]) == 5


def test_all_encodes_are_in_a_table(measured):
    table = measured[0][0].parent / "out.csv"
    found = run(measured[0], table, qualities=(24, 40))
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert len(rows) == 8
    assert {row["clip"] for row in rows} == {"film.mp4", "walk"}
    assert {row["has_masks"] for row in rows if row["clip"] == "walk"} == {"1"}
    one = found.clips[0].encodes[0]
    assert int(rows[0]["video_bytes"]) == one.video_bytes
    assert float(rows[0]["psnr"]) == pytest.approx(one.scores["psnr"], rel=1e-5)


def test_what_maps_buy_is_where_it_matters(measured):
    rates = clip_rates(measured[2].clips[1]).rates
    assert rates.keys() == {"psnr", "weighted", "salient", "background"}
    assert all(np.isfinite(one.change) for one in rates.values())


def test_clips_that_fail_are_named_and_the_others_measured(material, tmp_path):
    (material[0] / "broken.mp4").write_bytes(b"nothing" * 100)
    write_pictures(material[0] / "mixed", ".png", count=2)
    Image.new("RGB", (64, 48)).save(material[0] / "mixed" / "9.png")
    events = []
    found = run(material, tmp_path / "out.html", events, qualities=(24, 40))
    assert [one.name for one in found.clips] == ["film.mp4", "walk"]
    assert [name for name, _ in found.failed] == ["broken.mp4", "mixed"]
    assert "9.png is a PNG of 64x48, and 0.png a PNG of 192x96" in found.failed[1][1]
    assert sum("is left out:" in one.message for one in events if isinstance(one, Notice)) == 2
    page = (tmp_path / "out.html").read_text()
    assert "broken.mp4 could not be measured" in page


def test_masks_that_do_not_fit_are_told_before_any_work(material, tmp_path):
    (material[1] / "walk" / "005.png").unlink()
    (material[1] / "walk" / "004.png").unlink()
    (material[1] / "walk" / "003.png").unlink()
    (material[0] / "film.mp4").unlink()
    events = []
    with pytest.raises(MapError, match="has 3 maps but the video has 6 frames"):
        run(material, tmp_path / "out.html", events)
    assert not any(isinstance(one, Stage) for one in events)
    assert not (tmp_path / "out.html").exists()


def empty(folder):
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda clips, masks: {"folder": clips / "none"}, InputMissingError, "none does not exist"),
        (lambda clips, masks: {"folder": clips / "film.mp4"}, InputError, "is no folder"),
        (lambda clips, masks: {"folder": empty(clips / "new")}, InputError, "has no clip; give a folder with videos"),
        (lambda clips, masks: {"masks": clips / "none"}, InputMissingError, "choose another `masks`"),
        (lambda clips, masks: {"masks": empty(masks / "new")}, MapError, "has no masks for film.mp4, walk"),
        (lambda clips, masks: {"qualities": (24,)}, ConfigError, "`qualities` has 1 CRF: a curve needs 2"),
        (lambda clips, masks: {"qualities": (24, 99)}, ConfigError, r"`Crf\(99\)` is out of range"),
        (lambda clips, masks: {"metrics": ("sharpness",)}, ConfigError, "`metrics=sharpness` is unknown"),
        (lambda clips, masks: {"frame_rate": Fraction(999)}, ConfigError, "`frame_rate=999` is out of range"),
        (lambda clips, masks: {"config": semvid.CompressConfig(codec="mjpeg")}, ConfigError, "has no CRF"),
        (
            lambda clips, masks: {"config": semvid.CompressConfig(rate=semvid.Crf(30))},
            ConfigError, "give `qualities`",
        ),
        (
            lambda clips, masks: {"config": semvid.CompressConfig(maps=semvid.MapsConfig(path=masks / "walk"))},
            ConfigError, "give a folder of `masks`",
        ),
        (
            lambda clips, masks: {"config": semvid.CompressConfig(
                allocation=semvid.AllocationConfig(strength=0)
            )},
            ConfigError, "raise it",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused(material, tmp_path, change, error, words):
    options = {"folder": material[0], **change(*material)}
    with pytest.raises(error, match=words):
        run((options.pop("folder"), material[1]), tmp_path / "out.html", **options)
    assert not (tmp_path / "out.html").exists()


def test_outputs_that_are_there_stay(material, tmp_path):
    (tmp_path / "out.html").write_text("precious")
    with pytest.raises(OutputExistsError):
        run(material, tmp_path / "out.html")
    (tmp_path / "out.json").write_text('{"my": "own"}')
    with pytest.raises(OutputError, match="not a record of earlier benchmarks"):
        run(material, tmp_path / "out.json")
    (tmp_path / "out.json").write_text('{"schema": "semvid-bench", "version": 99}')
    with pytest.raises(OutputError, match="of version 99"):
        run(material, tmp_path / "out.json")
    with pytest.raises(OutputError, match="end `output` in .html"):
        run(material, tmp_path / "out.pdf")
    assert (tmp_path / "out.html").read_text() == "precious"


def test_two_masks_for_one_clip_are_refused(material):
    clips, masks = material
    shutil.copy(clips / "film.mp4", masks / "walk.mp4")
    with pytest.raises(MapError, match="walk and walk.mp4 for walk; remove one"):
        find_clips(clips, masks)


def test_pictures_are_packed_in_the_order_of_their_numbers(tmp_path):
    folder, output = tmp_path / "in", tmp_path / "out.mkv"
    written = write_pictures(folder, ".png", count=12)
    pack_pictures(written, output, Fraction(30000, 1001))
    assert probe(output).frame_rate == pytest.approx(Fraction(30000, 1001), rel=1e-3)
    with VideoReader(output) as reader:
        frames = [one.luma.astype(float) for one in reader.read() if hasattr(one, "luma")]
    # Of BT.709, limited range.
    expected = [16 + one.astype(float) * 219 / 255 for one in pictures(WIDTH, HEIGHT, 12)]
    assert len(frames) == 12
    assert max(np.abs(a - b).max() for a, b in zip(frames, expected, strict=True)) <= 1


def test_pictures_without_an_order_are_refused(tmp_path):
    folder = tmp_path / "in"
    write_pictures(folder, ".png", count=2)
    (folder / "1.png").rename(folder / "00.png")
    with pytest.raises(InputError, match="which of them comes first cannot be told"):
        pack_pictures(list(folder.iterdir()), tmp_path / "out.mkv", Fraction(24))


def test_without_the_map_only_whole_frames_are_told(material, tmp_path):
    run(material, tmp_path / "out.html", metrics=("psnr",), masks=None, qualities=(24, 40))
    page = (tmp_path / "out.html").read_text()
    assert "For equal quality of whole frames, semvid needs" in page
    assert "which favours semvid" not in page
    assert "a curve has only 2 encodes, 4 are usual</li>" in page


def test_names_cannot_write_to_the_page(material, tmp_path):
    name = "<img src=x>"
    (material[0] / "walk").rename(material[0] / name)
    found = run(material, tmp_path / "out.html", masks=None, qualities=(24, 40))
    assert found.clips[0].name == name
    page = (tmp_path / "out.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_command_line_prints_a_table(material, tmp_path, monkeypatch, capsys):
    from semvid.cli.app import run_app

    clips, masks = material
    output = tmp_path / "out.html"
    words = [clips, "--masks", masks, "-o", output, "--crf", "24,32,40", "--preset", "superfast"]
    words += ["--model", "spectral", "--metrics", "psnr,weighted"]
    monkeypatch.setattr("sys.argv", ["semvid", "bench", *map(str, words)])
    assert run_app() == 0
    shown = capsys.readouterr()
    assert re.search(r"^ walk +[+-]\d", shown.out, re.MULTILINE)
    assert "mean" in shown.out
    assert f"{output}: benchmark of 2 of 2 clips" in shown.out
    assert "a curve has only 3 encodes" in shown.err
    monkeypatch.setattr("sys.argv", ["semvid", "bench", *map(str, words), "-y", "--json"])
    assert run_app() == 0
    record = json.loads(capsys.readouterr().out)
    assert record["rates"]["walk"]["salient"].keys() >= {"change", "overlap"}
    assert len(record["clips"]) == 2


def test_defaults_are_of_codecs_that_there_are():
    assert all(len(one) == 4 for one in running.QUALITIES.values())
