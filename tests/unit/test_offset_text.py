"""Offsets as text for other encoders: written in their form, read back to the same offsets."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semvid.allocate.offsets import neutral_offsets
from semvid.allocate.vpx_scale import VP9_SCALE
from semvid.codecs.x26x.x265 import X265
from semvid.core.config import AllocationConfig
from semvid.core.errors import MapError
from semvid.importance.files.offset_text import importance_of_steps, read_offsets, write_kvazaar, write_svtav1

SIZE = (256, 192)
steps_of = arrays.arrays(np.float32, (3, 4), elements=st.floats(-10, 8, width=32))


def text(write, *pictures):
    file = io.StringIO()
    for index, steps in enumerate(pictures):
        write(file, index, np.asarray(steps, np.float32))
    return file.getvalue()


def read(tmp_path, content, size=SIZE):
    (tmp_path / "a.txt").write_text(content)
    return list(read_offsets(tmp_path / "a.txt", size))


def test_kvazaar_s_form():
    assert text(write_kvazaar, [[-3.4, 0], [2.6, 99]]) == "2 2\n-3 0\n3 51\n"


def test_svtav1_s_form():
    one, two = text(write_svtav1, [[0, 0]], [[-6, 6]]).splitlines()
    assert one == "0 0 0"
    number, finer, coarser = map(int, two.split())
    assert number == 1
    # Six QP steps halve or double the quantizer step: some 38 of its growing 1.8 % each.
    assert -60 < finer < -30
    assert 30 < coarser < 50


@given(steps_of)
def test_svtav1_never_gets_more_than_eight_different_offsets(steps):
    numbers = text(write_svtav1, steps).split()[1:]
    assert len(numbers) == 12
    assert len(set(numbers)) <= 8


@given(steps_of)
def test_av1_offsets_are_undone(steps):
    assert VP9_SCALE.steps_of_index_offsets(VP9_SCALE.index_offsets(steps, 35), 35) == pytest.approx(
        steps, abs=0.05
    )


@pytest.mark.parametrize("write", [write_kvazaar, write_svtav1])
@given(importance=arrays.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_what_is_read_back_gives_the_same_offsets(write, importance, tmp_path_factory):
    level = np.ones((3, 4), np.float32)
    blocks = X265.rate.blocks(level, level, octaves=0.0)
    steps = neutral_offsets(importance, blocks, AllocationConfig())
    (found,) = read(tmp_path_factory.mktemp("text"), text(write, steps))
    again = neutral_offsets(found, blocks, AllocationConfig())
    assert again == pytest.approx(steps, abs=1.05 if write is write_kvazaar else 1.6)


def test_importance_of_flat_offsets_is_nothing():
    assert importance_of_steps(np.full((2, 2), -4, np.float32)).max() == 0


def test_an_offset_line_of_svtav1_holds_until_the_next(tmp_path):
    zeros, ones = "0 " * 12, "9 " * 11 + "0"
    maps = read(tmp_path, f"0 {zeros}\n3 {ones}\n")
    assert len(maps) == 4
    assert [float(one.max()) > 0 for one in maps] == [False, False, False, True]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("hello world\n", "line 1: 'hello world' are not whole numbers"),
        ("2 2\n1 2 3\n", "picture 0: 1 offset is missing"),
        ("2 2\n1 2 3 4 5\n", "picture 0: 5 offsets instead of 4"),
        ("2 2\n1 2 3 4\n7\n", "picture 1: a line of columns and rows is missing"),
        ("9999 9999\n1\n", "columns and rows is missing"),
        ("0 1 2 3\n", "picture 0: 3 offsets instead of the 12 of 4x3 blocks"),
        ("5 " + "1 " * 12 + "\n", "picture 5: pictures must be named from 0 on"),
        ("0 " + "1 " * 11 + "99999999999\n", "are not whole numbers"),
    ],
)
def test_other_files_are_told(content, words, tmp_path):
    with pytest.raises(MapError, match=words):
        read(tmp_path, content)


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "a.roi").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MapError, match="is not UTF-16-LE text"):
        next(read_offsets(tmp_path / "a.roi", SIZE))
