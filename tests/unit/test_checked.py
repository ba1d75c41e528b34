"""The one parser of files that anybody may have written: strict, bounded, and clear."""

import io
import json
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.core.checked import Field, Malformed, parse_json, parse_toml, shown
from semvid.core.decoding import read_lines, read_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(VALUES, st.booleans())
def test_sound_json_is_read_as_python_reads_it(value, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii)
    if text.count("[") + text.count("{") <= 32:
        assert parse_json(text).value == value


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='[]{}",:\\udD8019eE+-.NaInfty \n', max_size=60) | st.text(max_size=60))
def test_any_text_is_a_value_or_malformed(text):
    for parse in (parse_json, parse_toml):
        try:
            parse(text).value.__repr__().encode()
        except Malformed as error:
            assert "\n" not in str(error)
            str(error).encode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NaN", "is not a number"),
        ("[-Infinity]", "is not a number"),
        ("1e999", "is not a number"),
        ("9" * 5000, "has more than 18 digits"),
        ("[" * 100_000, "nested more than 32 levels deep"),
        ('{"a":' * 100_000, "nested more than 32 levels deep"),
        ("[" * 33 + "]" * 33, "nested more than 32 levels deep"),
        ("[" + "[]," * 2**20 + "0]", "more than 1048576 lists"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' comes twice"),
        ('["\\ud800"]', "half a surrogate pair"),
        ('{"\\udc00": 1}', "half a surrogate pair"),
        ('["\ud800"]', "half a surrogate pair"),
        ("[1,]", "is not JSON: "),
        ("", "is not JSON"),
        ('"' + '\\"' * 200_000 + "[" * 40, "is not JSON"),
    ],
)
def test_what_json_may_not_be(text, words):
    with pytest.raises(Malformed, match=words) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 200


def test_brackets_in_strings_are_no_nesting():
    text = json.dumps([["[{" * 500, '\\"' * 50]] * 20)
    assert len(parse_json(text).value) == 20
    assert parse_json('["\\ud83d\\ude00"]').value == ["\U0001f600"]


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 20_000,
        "a = " + "9" * 5000,
        "a = inf",
        "a = 1e999",
        "a = 1\na = 2",
        "a",
        "a" + ".a" * 9000 + " = nan",
    ],
)
def test_what_toml_may_not_be(text):
    with pytest.raises(Malformed):
        parse_toml(text)


@pytest.mark.parametrize(
    ("value", "get", "words"),
    [
        (True, lambda it: it.number(0, 1), "x is true, not a number from 0 to 1"),
        ("1", lambda it: it.number(0, 1), "x is '1', not a number"),
        (1.5, lambda it: it.whole(0, 9), "x is 1.5, not a whole number from 0 to 9"),
        (10**30, lambda it: it.whole(0, 9), "x is a number of more than 18 digits, not"),
        ([1, 2], lambda it: it.items(least=4, most=4), "x has 2 items instead of 4"),
        ({}, lambda it: it.items(), "x is an object with keys, not a list"),
        ([], lambda it: it.get("y"), "x is a list of 0, not an object"),
        ({}, lambda it: it.get("y"), "x.y is missing"),
        ({"\x1b[31m": 1}, lambda it: it.known("y"), r"'x.\\x1b\[31m' is unknown; known are y"),
        ([[0]], lambda it: it.items()[0].items()[0].text(), r"x\[0\]\[0\] is 0, not text"),
        ("a" * 300, lambda it: it.text(), "not text of at most 200 characters"),
        ("1e-99999999", lambda it: it.fraction(), "not a fraction above 0"),
        ("1/0", lambda it: it.fraction(), "not a fraction above 0"),
        (0.04, lambda it: it.fraction(), "not a fraction above 0"),
    ],
)
def test_wrong_values_are_named_with_place_and_limit(value, get, words):
    with pytest.raises(Malformed, match=words) as caught:
        get(Field(value, "x"))
    assert len(str(caught.value)) < 200


def test_right_values_are_handed_out():
    field = parse_json('{"a": 2.0, "b": [0.5], "c": "1/12800", "d": null}')
    assert field.get("a").whole(0, 9) == 2
    assert [one.number(0, 1) for one in field.get("b").items()] == [0.5]
    assert field.get("c").fraction() == Fraction(1, 12800)
    assert field.find("d") is field.find("e") is None


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20), max_size=9),
    st.sampled_from([("utf-8", ""), ("utf-8", "\ufeff"), ("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff")]),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_lines_of_every_encoding_and_system(lines, encoding, end):
    name, mark = encoding
    lines = [one.removeprefix("\ufeff") for one in lines]
    data = (mark + "".join(one + end for one in lines)).encode(name)
    assert list(read_lines(io.BytesIO(data), 200)) == lines


def test_a_line_without_end_takes_no_memory():
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size=-1):
            self.taken += size
            return b"1" * size

    file = Endless()
    with pytest.raises(Malformed, match="longer than 1000 bytes"):
        list(read_lines(file, 1000))
    with pytest.raises(Malformed, match="longer than 1000 bytes"):
        read_text(file, 1000)
    assert file.taken < 2**18


@given(st.text() | st.integers() | st.floats() | st.none())
def test_values_are_shown_in_a_few_printable_characters(value):
    text = shown(value)
    assert len(text) <= 40
    assert text.isascii()
    assert text.isprintable()
