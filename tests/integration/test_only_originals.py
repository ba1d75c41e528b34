"""Sources that are the only copy stay whatever is asked for, and whoever works beside us."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading

import pytest
from clips import make_clip

import semvid
from semvid.batch.jobs.identity import identify
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.publish import replace_source
from semvid.batch.run import compress_many, compress_many_events
from semvid.batch.sources import find_sources
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError, InputError, OutputError
from semvid.media.folders import KEPT_MARK

FAST = semvid.CompressConfig(preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral"))
CONFIG = BatchConfig(video=FAST)


def clips_in(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        make_clip(folder / name, num_frames=8, options={"crf": "4"})
    return {name: (folder / name).read_bytes() for name in names}


@pytest.mark.parametrize(
    ("sources", "output"),
    [
        (["in/a.mp4", "in/b.mp4"], "in"),
        (["k/2023", "k/2024"], "k"),
        (["@in/list.txt"], "in"),
        (["in/*.mp4"], "in"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_sources_are_not_written_over_by_their_outputs(sources, output, overwrite, tmp_path, monkeypatch):
    before = clips_in(tmp_path / "in", "a.mp4", "b.mp4")
    for year in ("2023", "2024"):
        clips_in(tmp_path / "k" / year, "a.mp4")
    (tmp_path / "in" / "list.txt").write_text("a.mp4\nb.mp4\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        (ConfigError, InputError),
        match=r"is a source, and would be written over|no video and no picture was found",
    ):
        compress_many(sources, output, dataclasses.replace(CONFIG, overwrite=overwrite))
    assert {name: (tmp_path / "in" / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("has_links", [True, False])
def test_the_trash_keeps_all_of_those_of_one_name_also_at_once(has_links, tmp_path, monkeypatch):
    if not has_links:

        def refuse(*given, **named):
            raise OSError(1, "no links here")

        monkeypatch.setattr(os, "link", refuse)
    trash, threads = tmp_path / "trash", []
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "GOPR0001.MP4").write_bytes(b"original %d" % number)
        (folder / "work").write_bytes(b"small")
        source = folder / "GOPR0001.MP4"
        given = (folder / "work", source, source, identify(source), trash)
        threads.append(threading.Thread(target=replace_source, args=given))
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    kept = [one for one in trash.iterdir() if one.name != KEPT_MARK]
    assert {one.read_bytes() for one in kept} == {b"original %d" % number for number in range(8)}
    assert len(kept) == 8


def test_a_source_whose_middle_changed_stays(tmp_path):
    source, work = tmp_path / "a.mp4", tmp_path / "work"
    source.write_bytes(bytes(5 << 20))
    work.write_bytes(b"small")
    seen = identify(source)
    with source.open("rb+") as file:
        file.seek(2 << 20)
        file.write(b"new")
    os.utime(source, ns=(seen.mtime_ns + 1, seen.mtime_ns + 1))
    with pytest.raises(OutputError, match="changed while it was compressed, and stays"):
        replace_source(work, source, source, seen, None)
    assert source.read_bytes()[2 << 20 :][:3] == b"new"


def test_kept_originals_are_no_sources(tmp_path):
    clips_in(tmp_path / "films", "a.mp4", "b.mp4")
    films, trash = tmp_path / "films", tmp_path / "films" / "trash"
    config = dataclasses.replace(CONFIG, replace=True, trash=trash)
    first = compress_many([films], None, config)
    kept = {one.name: one.read_bytes() for one in trash.iterdir()}
    assert first.counts == {"done": 2}
    assert set(kept) == {"a.mp4", "b.mp4", KEPT_MARK}
    assert compress_many([films], None, config).counts == {"done": 2}
    # Nor without a word of the trash.
    assert [one.path.name for one in find_sources([str(films)]).sources] == ["a.mp4", "b.mp4"]
    assert [one.path.name for one in find_sources([str(films / "**" / "*.mp4")]).sources] == [
        "a.mp4",
        "b.mp4",
    ]
    assert {one.name: one.read_bytes() for one in trash.iterdir()} == kept


def test_what_appears_in_the_output_folder_meanwhile_stays(tmp_path):
    clips_in(tmp_path / "in", "a.mp4", "b.mp4")
    events = compress_many_events([tmp_path / "in"], tmp_path / "out", dataclasses.replace(CONFIG, jobs=1))
    for event in events:
        if type(event).__name__ == "JobEnded" and event.source.name == "a.mp4":
            (tmp_path / "out" / "b.mp4").write_text("mine")
    assert (tmp_path / "out" / "b.mp4").read_text() == "mine"
    with JobStore(tmp_path / "out" / WORK_FOLDER / STORE) as store:
        (failed,) = store.entries(["failed"])
    assert "appeared meanwhile, and stays" in failed.reason


@pytest.mark.parametrize("remedy", ["overwrite", "move"])
def test_what_was_in_the_way_is_tried_again_when_it_is_not(remedy, tmp_path):
    clips_in(tmp_path / "in", "a.mp4")
    output = tmp_path / "out" / "a.mp4"
    output.parent.mkdir()
    output.write_text("mine")
    assert compress_many([tmp_path / "in"], tmp_path / "out", CONFIG).counts == {"failed": 1}
    assert compress_many([tmp_path / "in"], tmp_path / "out", CONFIG).counts == {"failed": 1}
    if remedy == "move":
        shutil.move(output, tmp_path / "mine.mp4")
    config = dataclasses.replace(CONFIG, overwrite=remedy == "overwrite")
    assert compress_many([tmp_path / "in"], tmp_path / "out", config).counts == {"done": 1}
    assert output.read_bytes() != b"mine"


def test_what_replaced_its_source_is_remembered_when_jobs_are_cleaned(tmp_path):
    clips_in(tmp_path / "films", "a.mp4")
    config = dataclasses.replace(CONFIG, replace=True)
    compress_many([tmp_path / "films"], None, config)
    small = (tmp_path / "films" / "a.mp4").read_bytes()
    with JobStore(tmp_path / "films" / WORK_FOLDER / STORE) as store:
        assert store.clean(["done"]) == 0
    assert compress_many([tmp_path / "films"], None, config).counts == {"done": 1}
    assert (tmp_path / "films" / "a.mp4").read_bytes() == small
