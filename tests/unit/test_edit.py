"""Which part of a video is asked for: texts, times and what does not go together."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.config import BatchConfig, CompressConfig, EditConfig
from semvid.core.edit import AskedSize, parse_crop, parse_filters, parse_size, parse_time
from semvid.core.errors import ConfigError
from semvid.core.types import Span
from semvid.media.edit import refuse_still, within
from semvid.media.picture_edit import scaled_to


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_times_are_read_as_players_show_them(hours, minutes, seconds, milliseconds):
    whole, rest = 3600 * hours + 60 * minutes + seconds, Fraction(milliseconds, 1000)
    clock = f"{hours}:{minutes:02}:{seconds:02}.{milliseconds:03}"
    for text in (clock, f"{whole}.{milliseconds:03}", f"{whole}.{milliseconds:03}s"):
        assert EditConfig(start=parse_time("start", text)).window == (whole + rest, None)


@given(st.text(max_size=12))
def test_a_text_is_a_time_or_refused(text):
    try:
        seconds = parse_time("start", text)
    except ConfigError as error:
        assert "is no time; write it as in" in str(error)
    else:
        assert seconds >= 0


@pytest.mark.parametrize("text", ["", "-1", "1:2:3:4", "1:60", "1:00:60", "1e3", "nan", "٣", "1:5.", ".5"])
def test_no_times(text):
    with pytest.raises(ConfigError, match="is no time"):
        parse_time("start", text)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_decimals_are_exact(start, length):
    begin, span = Fraction(start, 1000), Fraction(length, 1000)
    assert EditConfig(start=start / 1000, duration=length / 1000).window == (begin, begin + span)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"end": 1, "duration": 1}, "`end` and `duration` exclude each other"),
        ({"start": 2, "end": 1.5}, "`end=1.5` is not after `start=2`; give a later end"),
        ({"duration": 0}, "`duration=0` leaves nothing"),
        ({"start": -1}, "`start=-1` is out of range"),
        ({"end": float("nan")}, "`end=nan` is out of range"),
    ],
)
def test_what_does_not_go_together_is_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        EditConfig(**given)


def test_what_is_changed_is_told():
    assert EditConfig().is_all
    assert EditConfig().changes() == {}
    assert EditConfig(start=1.5, end=3).changes() == {"start": 1.5, "end": 3.0}
    with pytest.raises(ConfigError, match="`end` is for videos"):
        refuse_still(EditConfig(end=3))


parts = st.builds(
    lambda a, b: Span(a, None if b is None else a + b), st.integers(0, 99), st.none() | st.integers(1, 99)
)


@given(parts, parts, st.integers(0, 250))
def test_a_part_of_a_part(whole, span, pts):
    inner = within(whole, span)
    is_in = (
        pts >= whole.start and pts in whole and pts - whole.start >= span.start and pts - whole.start in span
    )
    is_empty = whole.end is not None and whole.start + span.start >= whole.end
    assert is_empty or (pts >= inner.start and pts in inner) == is_in


@given(st.integers(16, 16384), st.integers(16, 16384))
def test_sizes_are_read(width, height):
    assert parse_size(f"{width}x{height}").box == (width, height)
    assert parse_size(f"{height}p").lines == height


@given(st.text("0123456789xp%.:", max_size=10) | st.text(max_size=10))
def test_a_text_is_a_size_or_a_crop_or_refused(text):
    for parse, words in ((parse_size, "size"), (parse_crop, "crop")):
        try:
            parse(text)
        except ConfigError as error:
            assert f"`{words}=" in str(error) or "``" in str(error)


@given(
    st.tuples(st.integers(16, 4000), st.integers(16, 4000)),
    st.builds(lambda a, b: AskedSize(box=(a, b)), st.integers(16, 4000), st.integers(16, 4000))
    | st.integers(16, 4000).map(lambda one: AskedSize(lines=one))
    | st.integers(1, 1000).map(lambda one: AskedSize(share=Fraction(one, 100))),
    st.booleans(),
)
def test_scaled_sizes_are_even_keep_the_shape_and_enlarge_only_when_asked(size, asked, enlarges):
    made = scaled_to(asked, size, enlarges=enlarges)
    assert all(one % 2 == 0 and one >= 2 for one in made)
    if not enlarges:
        assert all(a <= b + 1 for a, b in zip(made, size, strict=True))
    if asked.box is not None:
        assert all(a <= b for a, b in zip(made, asked.box, strict=True))
    if min(made) > 64:
        assert made[0] / made[1] == pytest.approx(size[0] / size[1], rel=0.05)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("vflip", (("vflip", None),)),
        ("unsharp=5:5:0.8, vflip", (("unsharp", "5:5:0.8"), ("vflip", None))),
        ("lutyuv=y='clip(val,16,235)',hflip", (("lutyuv", "y='clip(val,16,235)'"), ("hflip", None))),
        ("select=not(mod(n\\,2)),hflip", (("select", "not(mod(n\\,2))"), ("hflip", None))),
    ],
)
def test_chains_of_filters_are_split_as_ffmpeg_does(text, steps):
    assert parse_filters(text) == steps


@pytest.mark.parametrize("text", ["", "a,,b", "[in]split[a][b]", "vflip;hflip", "vflip,"])
def test_what_is_no_chain_is_refused(text):
    with pytest.raises(ConfigError, match="is no chain of filters"):
        EditConfig(filter=text)


def test_a_part_never_takes_the_place_of_the_whole():
    video = CompressConfig(edit=EditConfig(end=5))
    with pytest.raises(ConfigError, match="`replace` and `end` exclude each other"):
        BatchConfig(video=video, replace=True)
    assert BatchConfig(video=video).video == video
    BatchConfig(video=CompressConfig(edit=EditConfig(size="50%")), replace=True)
