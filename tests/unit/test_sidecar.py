"""The sidecar as a file: what goes in comes out, identical bytes, and damage is told."""

import contextlib
import io
import json
import lzma
import struct
import threading
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semvid.core.errors import MapError
from semvid.core.types import from_grey, to_grey
from semvid.importance.files.sidecar import SidecarHeader, SidecarReader, SidecarWriter, TimedMap

HEADER = SidecarHeader((1280, 720), (4, 6), Fraction(1, 90000), {"model": "msroi"})


def written(maps, header=HEADER):
    file = io.BytesIO()
    writer = SidecarWriter(file, header)
    for one in maps:
        writer.write(one)
    writer.finish()
    return file.getvalue()


def read(path):
    reader = SidecarReader(path)
    try:
        return reader.header, list(reader.maps())
    finally:
        reader.close()


def some_maps(count, seed=0):
    random = np.random.default_rng(seed)
    levels = np.sort(random.choice(256, 12, replace=False)).astype(np.uint8)
    return [TimedMap(3003 * k + k % 2, levels[random.integers(0, 12, (4, 6))]) for k in range(count)]


@given(
    grey=arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))),
    start=st.integers(-(2**62), 2**62),
    gaps=st.lists(st.integers(1, 2**40), min_size=5, max_size=5),
)
def test_write_read_write_gives_identical_bytes(grey, start, gaps, tmp_path_factory):
    pts = start + np.cumsum([0, *gaps[1:]])[: len(grey)]
    header = SidecarHeader((640, 480), grey.shape[1:], Fraction(1, 1000), {"b": [1, 2.5], "a": "ä"})
    first = written([TimedMap(int(one), each) for one, each in zip(pts, grey, strict=True)], header)
    path = tmp_path_factory.mktemp("sidecar") / "a.svmap"
    path.write_bytes(first)
    found, maps = read(path)
    assert found == header
    assert [one.pts for one in maps] == pts.tolist()
    assert np.array_equal([one.grey for one in maps], grey)
    assert written(maps, found) == first


def test_many_blocks(tmp_path):
    maps = some_maps(600)
    (tmp_path / "a.svmap").write_bytes(written(maps))
    _, found = read(tmp_path / "a.svmap")
    assert [one.pts for one in found] == [one.pts for one in maps]
    assert all(np.array_equal(a.grey, b.grey) for a, b in zip(found, maps, strict=True))


def test_large_maps_go_in_small_blocks(tmp_path):
    header = SidecarHeader((1280, 720), (1000, 1000), Fraction(1, 25), {})
    maps = [TimedMap(k, np.full((1000, 1000), k, np.uint8)) for k in range(9)]
    (tmp_path / "a.svmap").write_bytes(written(maps, header))
    assert header.maps_per_block == 4
    assert [int(one.grey[0, 0]) for one in read(tmp_path / "a.svmap")[1]] == list(range(9))


def test_a_sidecar_that_is_given_up_leaves_no_thread():
    before = threading.active_count()
    writer = SidecarWriter(io.BytesIO(), HEADER)
    for index in range(HEADER.maps_per_block + 1):
        writer.write(TimedMap(index, np.zeros(HEADER.grid, np.uint8)))
    writer.close()
    assert threading.active_count() == before


def test_a_map_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="shape"):
        SidecarWriter(io.BytesIO(), HEADER).write(TimedMap(0, np.zeros((3, 3), np.uint8)))


def test_the_description_is_enough_to_read_it(tmp_path):
    # docs/sidecar.md promises these few lines.
    data = written(some_maps(300))
    _, header, rest = data.split(b"\n", 2)
    rows, cols = json.loads(header)["grid"]
    found = []
    while length := struct.unpack("<I", rest[:4])[0]:
        plain, rest = lzma.decompress(rest[4 : 4 + length]), rest[4 + length :]
        levels = np.frombuffer(plain, "u1", plain[0] + 1, 1)
        count = (len(plain) - 1 - len(levels)) // (8 + rows * cols)
        pts = np.frombuffer(plain, "<i8", count, 1 + len(levels)).cumsum()
        cells = np.frombuffer(plain, "u1", offset=1 + len(levels) + 8 * count)
        greys = levels[cells.reshape(count, rows, cols).cumsum(0, dtype="u1")]
        found += zip(pts, greys, strict=True)
    assert struct.unpack("<Q", rest[4:])[0] == len(found) == 300
    assert all(
        a == b.pts and np.array_equal(c, b.grey) for (a, c), b in zip(found, some_maps(300), strict=True)
    )


def test_what_is_no_sidecar_or_not_whole_is_told(tmp_path):
    whole = written(some_maps(300))
    path = tmp_path / "a.svmap"
    header_end = whole.index(b"\n", 20) + 1
    for data, words in (
        (b"", "is not a semvid sidecar"),
        (b"\x89PNG\r\n\x1a\n0000", "is not a semvid sidecar"),
        (whole.replace(b"maps 1\n", b"maps 3\n"), "format version 3.*update semvid"),
        (whole[:header_end], "is damaged after 0 maps"),
        (whole[: len(whole) // 2], "is cut off"),
        (whole[:header_end].replace(b"[4,6]", b"[0,6]") + whole[header_end:], "damaged header"),
        (whole[:header_end].replace(b"[4,6]", b"[9999,9999]") + whole[header_end:], "damaged header"),
        (whole[:header_end].replace(b"1/90000", b"1/0") + whole[header_end:], "damaged header"),
        (whole[:header_end].replace(b"[4,6]", b"[5,6]") + whole[header_end:], "is damaged after 0 maps"),
        (whole[:-1] + b"\x09", "is damaged after 300 maps"),
        (whole[: header_end + 40] + b"\xff" + whole[header_end + 41 :], "is damaged after 0 maps"),
    ):
        path.write_bytes(data)
        with pytest.raises(MapError, match=words):
            read(path)
    with pytest.raises(MapError, match="cannot be read"):
        SidecarReader(tmp_path / "missing.svmap")


@given(noise=st.binary(max_size=400), place=st.integers(0, 400))
def test_noise_never_gets_through_as_anything_but_a_map_error(noise, place, tmp_path_factory):
    whole = written(some_maps(20))
    path = tmp_path_factory.mktemp("noise") / "a.svmap"
    path.write_bytes(whole[:place] + noise + whole[place + len(noise) :])
    with contextlib.suppress(MapError):
        read(path)


def test_grey_and_importance_are_inverse():
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_grey(from_grey(every)), every)
    assert from_grey(every)[[0, 255]].tolist() == [0.0, 1.0]
