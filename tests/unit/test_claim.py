"""Names are held by one run, and what runs leave behind is found and removed."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from semvid.core.errors import OutputError, OutputExistsError
from semvid.media.writing.claim import Claim
from semvid.media.writing.folder import picture_folder
from semvid.media.writing.output import check_place, scratch_folder, write_whole

_DIES = """
import os, signal, sys
from pathlib import Path
from semvid.media.writing.claim import Claim
claim = Claim(Path(sys.argv[1]), overwrite=True)
claim.temporary().write_text("half")
(claim.temporary_folder() / "000000.png").write_text("half")
os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def die_while_writing(path):
    done = subprocess.run([sys.executable, "-P", "-c", _DIES, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_second_run_to_a_name_is_refused_while_the_first_lives(tmp_path):
    output = tmp_path / "out.mp4"
    with Claim(output, overwrite=True), pytest.raises(OutputError, match=r"another run.*wait for it"):
        Claim(output, overwrite=True)
    with Claim(output, overwrite=False), Claim(tmp_path / "other.mp4", overwrite=False):
        pass
    assert names(tmp_path) == []


def test_links_and_folders_lead_to_the_same_lock(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "also").symlink_to("real")
    (tmp_path / "link.mp4").symlink_to("real/out.mp4")
    with Claim(tmp_path / "real" / "out.mp4", overwrite=True):
        for name in ("also/out.mp4", "link.mp4"):
            with pytest.raises(OutputError, match="another run"):
                Claim(tmp_path / name, overwrite=True)


def test_left_overs_of_killed_runs_are_removed_by_the_next_and_nothing_else(tmp_path):
    foreign = [".semvid-notes.part", ".semvid-0123456789abcdef.part.mp4", ".film.x1.part.mp4", "a.part"]
    for name in foreign:
        (tmp_path / name).write_text("mine")
    die_while_writing(tmp_path / "out.mp4")
    die_while_writing(tmp_path / "other.mkv")
    assert len(names(tmp_path)) == len(foreign) + 3, "the second removed what the first had left"
    living = Claim(tmp_path / "third.mkv", overwrite=True)
    living.temporary()
    held = set(names(tmp_path)) - set(foreign)
    assert len(held) == 2, "the claim of the third removed what the dead had left"
    write_whole(tmp_path / "out.mp4", b"whole", overwrite=False)
    assert set(names(tmp_path)) == {*foreign, *held, "out.mp4"}
    living.release()
    assert set(names(tmp_path)) == {*foreign, "out.mp4"}


def test_what_appears_meanwhile_stays_unless_it_may_be_replaced(tmp_path):
    output = tmp_path / "out.csv"
    for overwrite in (False, True):
        with Claim(output, overwrite=overwrite) as claim:
            output.write_text("theirs")
            if overwrite:
                claim.write(b"ours")
            else:
                with pytest.raises(OutputExistsError, match="exists; pass `overwrite=True`"):
                    claim.write(b"ours")
                assert output.read_text() == "theirs"
        assert names(tmp_path) == ["out.csv"]
    assert output.read_text() == "ours"


def test_file_systems_without_hard_links(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "a", b"ours", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"ours"
    with Claim(tmp_path / "b", overwrite=False) as claim:
        (tmp_path / "b").write_text("theirs")
        with pytest.raises(OutputExistsError):
            claim.write(b"ours")
    assert (tmp_path / "b").read_text() == "theirs"
    assert names(tmp_path) == ["a", "b"]


def test_file_systems_without_locks_take_files_and_keep_what_they_cannot_judge(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    die_while_writing(tmp_path / "dead.mp4")
    before = names(tmp_path)

    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_whole(tmp_path / "out.mp4", b"whole", overwrite=False)
    assert names(tmp_path) == sorted([*before, "out.mp4"])


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    target, link = tmp_path / "disk" / "real.jpg", tmp_path / "link.jpg"
    link.symlink_to("disk/real.jpg")
    check_place(link, None, overwrite=False)
    write_whole(link, b"first", overwrite=False)
    with pytest.raises(OutputExistsError):
        check_place(link, None, overwrite=False)
    write_whole(link, b"second", overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"second"
    assert names(tmp_path / "disk") == ["real.jpg"]


def test_links_that_cannot_be_written_through(tmp_path):
    source = tmp_path / "in.mp4"
    source.write_text("source")
    (tmp_path / "self.mp4").symlink_to("in.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "far.mp4").symlink_to("gone/out.mp4")
    for name, words in (
        ("self", "is the input itself"),
        ("loop", "leads to itself"),
        ("far", "does not exist"),
    ):
        with pytest.raises(OutputError, match=words):
            check_place(tmp_path / f"{name}.mp4", source, overwrite=True)
    assert source.read_text() == "source"


def test_the_longest_names_fit_and_longer_ones_are_one_line(tmp_path):
    longest = tmp_path / f"{'n' * 251}.mp4"
    check_place(longest, None, overwrite=False)
    write_whole(longest, b"whole", overwrite=False)
    write_whole(tmp_path / f"a.{'s' * 250}", b"whole", overwrite=False)
    with pytest.raises(OutputError, match="file name too long; choose another `output`"):
        check_place(tmp_path / f"{'n' * 252}.mp4", None, overwrite=True)


def test_who_could_not_read_the_old_file_cannot_read_the_new_one(tmp_path):
    output = tmp_path / "private.mp4"
    output.touch(mode=0o600)
    write_whole(output, b"new", overwrite=True)
    assert output.stat().st_mode & 0o777 == 0o600
    write_whole(tmp_path / "plain.mp4", b"new", overwrite=True)
    (tmp_path / "like.mp4").touch()
    assert (tmp_path / "plain.mp4").stat().st_mode == (tmp_path / "like.mp4").stat().st_mode


PICTURE = np.zeros((4, 4), np.uint8)


def test_a_folder_is_replaced_only_while_it_holds_nothing_new(tmp_path):
    output = tmp_path / "maps"
    with picture_folder(output, overwrite=False) as folder:
        folder.write(PICTURE)
    for strange in ("notes.txt", "000007.png"):
        with (
            pytest.raises(OutputError, match=f"{strange} appeared"),
            picture_folder(output, overwrite=True) as folder,
        ):
            folder.write(PICTURE)
            folder.write(PICTURE)
            (output / strange).write_text("precious")
        assert names(output) == sorted(["000000.png", strange])
        assert names(tmp_path) == ["maps"]
        (output / strange).unlink()
    with picture_folder(output, overwrite=True) as folder:
        folder.write(PICTURE)
        folder.write(PICTURE)
    assert names(output) == ["000000.png", "000001.png"]
    assert names(tmp_path) == ["maps"]


def test_a_folder_that_appears_meanwhile_stays(tmp_path):
    output = tmp_path / "maps"
    with pytest.raises(OutputError), picture_folder(output, overwrite=False) as folder:
        folder.write(PICTURE)
        output.mkdir()
        (output / "000000.png").write_text("theirs")
    assert (output / "000000.png").read_text() == "theirs"
    assert names(tmp_path) == ["maps"]


def test_a_folder_moved_aside_by_a_run_that_died_comes_back(tmp_path):
    output = tmp_path / "maps"
    with Claim(output, overwrite=True) as claim:
        aside = claim.aside()
    aside.mkdir()
    (aside / "000000.png").write_text("old")
    with pytest.raises(OutputExistsError), picture_folder(output, overwrite=False):
        pass
    assert (output / "000000.png").read_text() == "old"


def test_scratch_folders_are_found_when_their_run_died(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    die_while_writing(tmp_path / "scratch")
    with scratch_folder() as folder:
        assert names(folder) == []
        assert len(names(tmp_path)) == 2
    assert names(tmp_path) == []
