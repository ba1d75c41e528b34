"""The folder of the studio: nothing outside is shown, opened or written."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.config import ImageConfig
from semvid.core.errors import InputError, InputMissingError, OutputError
from semvid.studio import folder as folder_module
from semvid.studio.folder import Root, check_dropped_name, shortened
from semvid.studio.trials import Trials


@pytest.fixture
def place(tmp_path):
    """A folder with files, beside one that it links to."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for one in (inside / "talks", outside):
        one.mkdir(parents=True)
    for path in (
        inside / "b.mp4",
        inside / "talks" / "a.mkv",
        inside / "notes.txt",
        inside / ".hidden.mp4",
        outside / "secret.mp4",
        inside / "x.png",
    ):
        path.write_bytes(b"x" * 5)
    (inside / "out").symlink_to(outside)
    (inside / "secret.mp4").symlink_to(outside / "secret.mp4")
    (inside / "again.mp4").symlink_to(inside / "b.mp4")
    return inside


def test_what_can_be_chosen_is_listed(place):
    found = Root(place).list()
    assert [(one.name, one.kind) for one in found] == [
        ("talks", "folder"), ("again.mp4", "video"), ("b.mp4", "video"), ("x.png", "still"),
    ]  # fmt: skip
    assert found[2].bytes == 5
    assert [one.path for one in Root(place).list("talks")] == ["talks/a.mkv"]


@pytest.mark.parametrize(
    "path",
    ["..", "../outside/secret.mp4", "talks/../../outside/secret.mp4", "talks/../b.mp4", "..\\outside", "/etc/passwd", "out", "out/secret.mp4",
     "secret.mp4", "a\0b", "x" * 5000, "\ud800", "a\udcff.mp4", "~/x.mp4/../../.."],
)  # fmt: skip
def test_nothing_outside_is_found(place, path):
    with pytest.raises(InputError):
        Root(place).resolve(path)


def test_what_is_inside_is_found(place):
    root = Root(place)
    assert root.resolve("b.mp4") == root.resolve(str(place / "b.mp4")) == root.resolve("again.mp4")
    assert root.resolve("talks//./a.mkv") == place / "talks" / "a.mkv"
    with pytest.raises(InputMissingError, match="does not exist"):
        root.resolve("none.mp4")


@given(st.text(st.sampled_from("./\\ab~\n\0é\ud800\udcff") | st.characters(), max_size=30))
def test_whatever_is_asked_for_is_inside_or_refused(tmp_path_factory, text):
    place = tmp_path_factory.getbasetemp()
    try:
        found = Root(place).resolve(text)
    except InputError:
        return
    assert found == place.resolve() or place.resolve() in found.parents


def test_only_named_files_are_shown_and_opened(place):
    root = Root(place, [place / "b.mp4"])
    assert [one.path for one in root.list()] == ["b.mp4"]
    assert root.resolve("b.mp4") == place / "b.mp4"
    for path in ("x.png", "talks", "talks/a.mkv"):
        with pytest.raises(InputError):
            root.resolve(path)
    with pytest.raises(InputError):
        Root(place, [place.parent / "outside" / "secret.mp4"])


def drop(root, name, data=b"video"):
    with root.begin_drop(name) as dropped:
        dropped.write(data)
        return dropped.finish()


def test_what_is_dropped_stays_in_the_folder_and_takes_no_place(place):
    root = Root(place)
    first, second = drop(root, "talk.mp4"), drop(root, "talk.mp4", b"other")
    assert first == place / ".semvid" / "dropped" / "talk.mp4"
    assert (second.name, first.read_bytes(), second.read_bytes()) == ("talk-2.mp4", b"video", b"other")
    assert root.resolve(root.shown(first)) == first
    for one in (root, Root(place, [place / "b.mp4"])):
        assert one.list()[0].path == ".semvid/dropped"
        assert [one.name for one in one.list(".semvid/dropped")] == ["talk-2.mp4", "talk.mp4"]
    with root.begin_drop("broken.mp4") as dropped:
        dropped.write(b"half")
    assert sorted(one.name for one in first.parent.iterdir()) == ["talk-2.mp4", "talk.mp4"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".x.mp4", "../x.mp4", "a/b.mp4", "a\\b.mp4", "c:x.mp4", "x.txt", "x", "a\nb.mp4", "\x1b.mp4", "x" * 300 + ".mp4", "\ud800.mp4"]
)  # fmt: skip
def test_odd_names_are_refused(name):
    with pytest.raises(InputError):
        check_dropped_name(name)


def test_too_much_is_refused_and_removed(place, monkeypatch):
    monkeypatch.setattr(folder_module, "MOST_DROPPED_BYTES", 8)
    with Root(place).begin_drop("large.mp4") as dropped:
        dropped.write(b"12345678")
        with pytest.raises(OutputError, match="the most that can be dropped"):
            dropped.write(b"9")
    assert list((place / ".semvid" / "dropped").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
@pytest.mark.parametrize("num_bytes", [4, 2**20], ids=["seen at the end", "seen at once"])
def test_a_full_disk_is_told_and_nothing_stays(place, num_bytes):
    with Root(place).begin_drop("talk.mp4") as dropped, pytest.raises(OutputError, match="make room on"):
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), dropped._file.fileno())
        dropped.write(b"x" * num_bytes)
        dropped.finish()
    assert list((place / ".semvid" / "dropped").iterdir()) == []


@pytest.mark.parametrize("link", [".semvid", ".semvid/dropped"])
def test_nothing_is_written_where_a_link_leads_out(place, link):
    (place / link).parent.mkdir(exist_ok=True)
    (place / link).symlink_to(place.parent / "outside")
    with pytest.raises(OutputError, match="leads elsewhere"):
        Root(place).begin_drop("x.mp4")
    assert [one.name for one in (place.parent / "outside").rglob("*")] == ["secret.mp4"]


def test_what_a_link_leads_to_is_not_removed_as_old_trials(place):
    (place / "photographs" / "holiday").mkdir(parents=True)
    (place / ".semvid").mkdir()
    (place / ".semvid" / "tried").symlink_to("../photographs")
    with Trials(Root(place).make_work) as trials, pytest.raises(OutputError, match="remove that link"):
        trials.begin_still(place / "a.jpg", ImageConfig(), "")
    assert (place / "photographs" / "holiday").is_dir()


@pytest.mark.parametrize("name", ["talk.mp4", "ä" * 60 + ".mp4", "写" * 83 + ".jpg"])
def test_shortened_names_are_beginnings_with_room_for_more(name):
    short = shortened(name)
    assert name.startswith(short)
    assert min(len(name.encode()), 78) <= len(short.encode()) <= 80


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_names_that_are_not_text_are_left_out(place):
    Path(os.fsdecode(os.fsencode(place) + b"/\xff.mp4")).write_bytes(b"x")
    assert len(Root(place).list()) == 4


def test_a_path_that_is_too_long_for_the_disk_is_refused(place):
    with pytest.raises(InputError, match="check the path"):
        Root(place).resolve("a" * 300 + ".mp4")
