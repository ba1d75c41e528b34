"""Which map of a sidecar belongs to which frame, whatever both count time in."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.core.errors import MapError
from semvid.importance.files.sidecar import SidecarHeader, SidecarWriter, TimedMap
from semvid.importance.files.sidecar_source import SidecarSource


@dataclass
class Picture:
    pts: int
    time_base: Fraction


@dataclass
class Shown:
    """What a sidecar looks at in a frame."""

    index: int
    picture: Picture
    upright_size: tuple[int, int] = (640, 480)


def sidecar(folder, pts, time_base):
    path = folder / "maps.svmap"
    with path.open("wb") as file:
        writer = SidecarWriter(file, SidecarHeader((640, 480), (1, 1), time_base, {}))
        for index, one in enumerate(pts):
            writer.write(TimedMap(one, np.full((1, 1), index, np.uint8)))
        writer.finish()
    return path


def matched(path, pts, time_base, hold=False):
    source = SidecarSource(path, hold=hold)
    try:
        found = [source.update(Shown(index, Picture(one, time_base))) for index, one in enumerate(pts)]
    finally:
        source.close()
    return [round(float(one.values[0, 0]) * 255) for one in found]


def rounded(times, time_base):
    return [round(one / time_base) for one in times]


AVI = Fraction(1, 25)


def test_a_time_base_of_one_frame_gives_each_frame_its_own_map(tmp_path):
    path = sidecar(tmp_path, range(50), AVI)
    assert matched(path, range(50), AVI) == list(range(50))
    assert matched(path, [7 + k for k in range(50)], AVI) == list(range(50))
    # The same frames in other containers, and with some missing.
    assert matched(path, range(0, 2000, 40), Fraction(1, 1000)) == list(range(50))
    assert matched(path, range(0, 512 * 50, 512), Fraction(1, 12800)) == list(range(50))
    assert matched(path, [0, 1, 2, 5, 6, 49], AVI) == [0, 1, 2, 5, 6, 49]


def test_frames_between_those_of_a_coarse_time_base_have_no_map(tmp_path):
    path = sidecar(tmp_path, range(20), AVI)
    with pytest.raises(MapError, match="no map for frame 1 of the video, shown at 0.020 s"):
        matched(path, range(40), Fraction(1, 50))
    assert matched(path, range(40), Fraction(1, 50), hold=True) == [k // 2 for k in range(40)]
    with pytest.raises(MapError, match="no map for frame 1 of the video"):
        matched(path, [0, 10, 40], Fraction(1, 1000))


@settings(deadline=None, max_examples=60)
@given(
    gaps=st.lists(st.integers(1, 9), min_size=1, max_size=20),
    rate=st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30), Fraction(60000, 1001), Fraction(120)]),
    bases=st.lists(
        st.sampled_from([None, Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 12800), Fraction(1, 1_000_000)]),
        min_size=2, max_size=2,
    ),
    start=st.integers(-1000, 100_000),
    missing=st.sets(st.integers(1, 20)),
)  # fmt: skip
def test_every_frame_finds_its_own_map(gaps, rate, bases, start, missing, tmp_path_factory):
    times = [Fraction(start + sum(gaps[:k])) / rate for k in range(len(gaps) + 1)]
    # None = the coarsest there can be: a unit is a frame long.
    ours, theirs = (base or 1 / rate for base in bases)
    path = sidecar(tmp_path_factory.mktemp("sidecar"), rounded(times, ours), ours)
    kept = [k for k in range(len(times)) if k not in missing]
    assert matched(path, [rounded(times, theirs)[k] for k in kept], theirs) == kept
