"""Photographs of the studio: which are chosen, how they are packed, and what is wanted of them."""

import io
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from still_pictures import photograph

from semvid.core.checked import Field
from semvid.core.config import ImageConfig, MapsConfig
from semvid.core.errors import ConfigError, InputError, SemvidError
from semvid.core.events import Stage
from semvid.core.rate import Quality, Size
from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.shapes import Stroke
from semvid.media.stills.picture import read_picture
from semvid.products.still_report.coders import at_size, lowest, plain_at_size, rivals
from semvid.studio import kept_edits, trials
from semvid.studio import stills as stills_module
from semvid.studio.choices import read_still_choices, still_profiles_to_choose
from semvid.studio.folder import Root
from semvid.studio.looks import Looker
from semvid.studio.packing import packed, unique_names
from semvid.studio.profiles import Profiles
from semvid.studio.still_edits import StillEdits
from semvid.studio.still_trial import still_trial_events
from semvid.studio.stills import Stills
from semvid.studio.trials import Trials

PATIENCE = 60


@pytest.mark.parametrize(
    ("chosen", "config"),
    [
        ({}, ImageConfig()),
        ({"wish": {"kind": "quality", "value": 61}}, ImageConfig(rate=Quality(61))),
        (
            {"wish": {"kind": "bytes", "value": 200_000}, "max_edge": 2048, "strip": "gps"},
            ImageConfig(rate=Size(200_000), max_edge=2048, strip="gps"),
        ),
    ],
)
def test_choices_become_options(chosen, config):
    assert read_still_choices(Field(chosen), lambda name: ImageConfig()) == config


def test_what_is_left_out_is_as_the_profile_says():
    kept = ImageConfig(rate=Quality(85), match="size", max_edge=2560, strip="gps", progressive=False)
    profiles = Profiles(
        None,
        {"web": "for sites", "film": "of videos"},
        lambda name, folder: kept if name == "web" else ImageConfig(),
    )

    def read(**choices):
        return read_still_choices(Field(choices), lambda name: profiles.read_still(name, Path()))

    assert read(profile="web") == kept
    changed = read(profile="web", wish={"kind": "bytes", "value": 9000}, max_edge=0, strip="none")
    assert changed == ImageConfig(rate=Size(9000), progressive=False)
    usual, web = still_profiles_to_choose(profiles, Path())
    assert (usual["name"], usual["is_changed"], usual["max_edge"], usual["strip"]) == ("", False, 0, "none")
    assert (web["name"], web["wish"], web["max_edge"]) == ("web", {"kind": "quality", "value": 85}, 2560)


@pytest.mark.parametrize(
    "chosen",
    [
        {"wish": {"kind": "quality", "value": 101}},
        {"wish": {"kind": "bytes", "value": 0}},
        {"wish": {"kind": "vmaf", "value": 90}},
        {"max_edge": -1},
        {"strip": "some"},
        {"codec": "x264"},
    ],
)
def test_choices_that_cannot_be_are_refused(chosen):
    with pytest.raises(ConfigError):
        read_still_choices(Field(chosen), lambda name: ImageConfig())


def test_names_in_an_archive_are_unique_and_it_holds_what_was_packed(tmp_path):
    paths = [Path("a/one.jpg"), Path("b/One.jpg"), Path("b/two.jpg"), Path("c/one.jpg")]
    assert unique_names(paths) == ["one.jpg", "One-2.jpg", "two.jpg", "one-3.jpg"]
    odd = [Path("..\\..\\one.jpg"), Path("C:one.jpg"), Path("a/\udcff.jpg"), Path("two\n.jpg")]
    assert unique_names(odd) == [".._.._one.jpg", "C_one.jpg", "_xff.jpg", "two_.jpg"]
    files = []
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
        files.append(tmp_path / f"{number}" / "photo.jpg")
        files[-1].write_bytes(os.urandom(300_000 + number))
    pieces = [*packed(files)]
    assert max(map(len, pieces)) < 300_000
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert [archive.read(one) for one in ("photo.jpg", "photo-2.jpg")] == [
            one.read_bytes() for one in files
        ]


@pytest.fixture
def stills(tmp_path):
    (tmp_path / "more").mkdir()
    for name in ("b.png", "a.png", "a.semvid.jpg", "a.semvid-2.JPG", "more/c.png", "clip.mp4"):
        (tmp_path / name).write_bytes(name.encode())
    return Stills(Root(tmp_path), Looker())


def names(stills):
    return [one.shown for one in stills.chosen()]


def test_photographs_are_chosen_once_and_in_order(stills, tmp_path):
    stills.choose(["b.png"])
    assert [one.shown for one in stills.choose_folder("")] == ["a.png", "b.png"]
    assert names(stills) == ["b.png", "a.png"]
    # Another file of the same name takes the place of the first.
    (tmp_path / "b.png").write_bytes(b"changed")
    stills.choose(["b.png", "more/c.png"])
    assert names(stills) == ["a.png", "b.png", "more/c.png"]
    stills.take_out([stills.chosen()[0].id])
    assert names(stills) == ["b.png", "more/c.png"]


def test_one_that_is_gone_at_that_very_moment_is_told(stills, tmp_path):
    with pytest.raises(InputError, match=r"c\.png cannot be read: .*it may have been moved"):
        stills.choose_files([tmp_path / "c.png"])
    assert names(stills) == []


def test_what_is_no_photograph_or_too_many_is_refused(stills, monkeypatch):
    for path in ("clip.mp4", "more", "../x.png"):
        with pytest.raises(InputError):
            stills.choose([path])
    monkeypatch.setattr(stills_module, "MOST_CHOSEN", 1)
    stills.choose(["a.png"])
    with pytest.raises(ConfigError, match="at most 1 photograph can be chosen"):
        stills.choose(["b.png"])
    assert names(stills) == ["a.png"]


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("num_bytes", [1500, 4000, 10**6])
def test_the_plain_jpeg_is_the_first_of_the_rivals(num_bytes, is_progressive):
    pixels = np.asarray(photograph(120, 88))
    found = plain_at_size(pixels, num_bytes, "4:2:0", is_progressive=is_progressive)
    assert found == next(rivals(pixels, num_bytes, "4:2:0", is_progressive=is_progressive))


def at_once(work, times):
    """Do work in threads that begin together; return what they return."""
    together = threading.Barrier(times)

    def begin(number):
        together.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return [*pool.map(begin, range(times))]


def test_edits_that_come_at_once_are_all_kept(tmp_path):
    def edits():
        # A name of 255 bytes.
        return StillEdits(Root(tmp_path), "写" * 83 + ".jpeg", "0" * 16)

    changed = edits()

    def add(number):
        shape = Stroke(((number / 8, 0.5),), 0.1)
        changed.change(lambda before: before.added(Edit(0, shape, matters=True)))

    at_once(add, 8)
    assert len(changed.edits().done) == 8
    assert edits().edits() == changed.edits()


def test_more_edits_than_are_read_again_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_edits, "MOST_BYTES", 1000)
    edits = StillEdits(Root(tmp_path), "photo.jpg", "0" * 16)
    edit = Edit(0, Stroke(((0.5, 0.5),) * 20, 0.1), matters=True)
    edits.change(lambda before: before.added(edit))
    with pytest.raises(ConfigError, match="1000 are the most; undo some"):
        edits.change(lambda before: Edits((edit,) * 9))
    assert StillEdits(Root(tmp_path), "photo.jpg", "0" * 16).edits().done == (edit,)


def test_of_trials_that_are_begun_at_once_one_runs(tmp_path, monkeypatch):
    began = []

    def events(source, config, folder, check):
        began.append(folder)
        folder.joinpath("ours.jpg").write_bytes(b"")
        while True:
            check()
            yield Stage("")

    monkeypatch.setattr(trials, "still_trial_events", events)

    def running():
        return [one for one in threading.enumerate() if one.name == "semvid-trial"]

    with Trials(Root(tmp_path).make_work) as begun:
        at_once(lambda number: begun.begin_still(tmp_path / "a.jpg", ImageConfig(), f"{number}"), 4)
        assert len(running()) == 1
    assert running() == []


def test_the_lowest_quality_that_is_enough():
    for near in (None, 1, 20, 36, 37, 38, 99, 100):
        tried = []
        found = lowest(lambda one: bytes(tried.append(one) or one), lambda data: len(data) >= 37, near)  # noqa: B023
        assert found == (37, bytes(37))
        assert near not in {36, 37, 38} or len(tried) <= 4
    assert at_size(bytes, 1000)[0] == 100


def test_a_trial_can_be_called_off_in_the_middle_of_a_step(tmp_path):
    photograph().save(tmp_path / "a.png")

    def check():
        raise SemvidError("called off")

    config = ImageConfig(maps=MapsConfig(model="spectral"))
    events = still_trial_events(tmp_path / "a.png", config, tmp_path, check)
    assert [next(events), next(events)] == [Stage("finding what matters"), Stage("our JPEG")]
    with pytest.raises(SemvidError, match="called off"):
        next(events)


def test_jpegs_may_be_decoded_smaller(tmp_path):
    photograph(800, 400).save(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg", 150).pixels.shape == (100, 200, 3)
    assert read_picture(tmp_path / "a.jpg").pixels.shape == (400, 800, 3)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png", 150).pixels.shape == (400, 800, 3)
