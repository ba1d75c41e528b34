"""Elements of EBML are read as they were made, and what is damaged is none."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.media.ebml import (
    CLUSTER,
    INFO,
    SEGMENT,
    TRACK,
    VOID,
    Element,
    children,
    element,
    element_at,
    elements_of_file,
    number,
    void,
)

names = st.sampled_from([TRACK, VOID, 0x536E, 0x2AD7B1, SEGMENT])


@given(st.lists(st.tuples(names, st.binary(max_size=300)), max_size=6))
def test_what_was_made_is_read_also_where_names_repeat(parts):
    assert children(b"".join(element(*one) for one in parts)) == parts


@pytest.mark.parametrize("size", [2, 3, 127, 128, 129, 130, 5000])
def test_a_void_has_its_size(size):
    made = void(size)
    assert len(made) == size
    assert element_at(made) == Element(VOID, size - len(children(made)[0][1]), size)


@given(st.binary(max_size=20))
def test_bytes_of_any_kind_are_an_element_or_none(data):
    found = element_at(data)
    assert found is None or 2 <= found.content <= len(data)


def test_children_of_what_has_no_end_are_its_neighbours():
    info, cluster = element(INFO, b"abc"), element(CLUSTER, b"")
    live = number(SEGMENT) + b"\xff" + info + cluster
    assert [one.name for one in elements_of_file(io.BytesIO(live))] == [SEGMENT, INFO, CLUSTER]
    whole = element(SEGMENT, info) + cluster
    assert [one.name for one in elements_of_file(io.BytesIO(whole))] == [SEGMENT, CLUSTER]
    assert [one.name for one in elements_of_file(io.BytesIO(whole), SEGMENT)] == [SEGMENT, INFO, CLUSTER]
