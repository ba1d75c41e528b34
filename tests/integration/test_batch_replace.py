"""Outputs that take the places of their sources: only where that is safe, and once."""

import dataclasses
import os

import apart
import pytest
from batch_clips import CONFIG, FAST, entries, files, make_folder
from clips import make_clip

import semvid
from semvid.batch.run import compress_many, compress_many_events
from semvid.core.config import BatchConfig
from semvid.media.probe import probe


def test_a_source_is_replaced_only_by_something_smaller(tmp_path):
    source, trash = tmp_path / "in", tmp_path / "trash"
    make_folder(source)
    before = files(source)
    os.utime(source / "a.mkv", (1e9, 1e9))
    (source / "a.mkv").chmod(0o640)
    tiny = semvid.CompressConfig(rate=semvid.Crf(45), preset="superfast", probe="none", maps=FAST.maps)
    config = BatchConfig(video=tiny, picture=CONFIG.picture, replace=True, trash=trash)
    compress_many([source], None, config)
    after = files(source)
    assert len(after["a.mkv"]) < len(before["a.mkv"])
    assert probe(source / "a.mkv").codec == "h264"
    assert (source / "a.mkv").stat().st_mtime == 1e9
    assert (source / "a.mkv").stat().st_mode & 0o777 == 0o640
    assert after["broken.mp4"] == before["broken.mp4"]
    assert "deep/p.png" not in after
    assert "deep/p.jpg" in after
    assert (trash / "a.mkv").read_bytes() == before["a.mkv"]
    assert (trash / "p.png").read_bytes() == before["deep/p.png"]
    # What was put in place is not compressed once more.
    again = list(compress_many_events([source], None, config))
    assert files(source) == after
    assert not [one for one in again if type(one).__name__ == "JobBegan"]


def test_what_takes_the_place_of_a_source_is_decoded_before():
    assert BatchConfig(video=FAST, replace=True).video.verify == "full"
    assert BatchConfig(video=FAST).video.verify == "quick"


def test_killed_between_name_and_note_it_is_not_done_twice(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    make_clip(source / "a.mkv", num_frames=8, codec="ffv1", options={})
    config = BatchConfig(video=FAST, replace=True)
    apart.run_until_killed(apart.compress_without_note, [source], None, config)
    replaced = files(source)
    assert entries(source)["a.mkv"].state == "running"
    again = list(compress_many_events([source], None, config))
    assert files(source) == replaced
    assert [type(one).__name__ for one in again] == ["Planned", "BatchEnded"]
    assert entries(source)["a.mkv"].state == "done"


def test_what_replaced_a_source_is_not_compressed_again_with_other_options(tmp_path):
    source = tmp_path / "in"
    make_folder(source)
    config = BatchConfig(video=FAST, picture=CONFIG.picture, replace=True)
    compress_many([source], None, config)
    first = files(source)
    coarse = semvid.CompressConfig(rate=semvid.Crf(45), preset="superfast", probe="none", maps=FAST.maps)
    told = []
    compress_many([source], None, dataclasses.replace(config, video=coarse), on_event=told.append)
    began = {one.source.name for one in told if type(one).__name__ == "JobBegan"}
    replaced = {name for name, data in first.items() if data != files(source)[name]}
    assert not replaced & {"a.mkv", "deep/p.jpg"}
    assert "a.mkv" not in began


def test_what_replaces_a_source_keeps_its_time_permissions_and_attributes(tmp_path):
    if not hasattr(os, "setxattr"):
        pytest.skip("this system has no extended attributes")
    source = make_clip(tmp_path / "a.mkv", num_frames=8, codec="ffv1", options={})
    try:
        os.setxattr(source, "user.note", b"from the archive")
    except OSError as error:
        pytest.skip(f"the file system of {tmp_path} keeps no extended attributes: {error}")
    source.chmod(0o640)
    os.utime(source, ns=(1_000_000_000_123_456_789, 1_000_000_000_123_456_789))
    before = source.stat()
    ended = compress_many([source], None, BatchConfig(video=FAST, replace=True))
    assert ended.counts == {"done": 1}
    after = source.stat()
    assert after.st_size < before.st_size
    assert after.st_mtime_ns == before.st_mtime_ns
    assert after.st_mode == before.st_mode
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert os.getxattr(source, "user.note") == b"from the archive"
