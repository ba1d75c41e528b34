"""Brings all pictures of a video to the geometry, pixel format and colour space of the first."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import cast

from av import VideoFrame
from av.filter import Graph

from semvid.core.geometry import even_side, turned_size
from semvid.core.records import dataclass
from semvid.core.text import Loss, counted
from semvid.media.colour import matrix_of, range_of
from semvid.media.filter_chain import TURNING, Step, chain

_MOST_TOLD = 4
"""Number of changes reported one by one; videos that adapt to a network change size again and again."""
_LIKE = 0.02
"""Aspects that differ by less are the same: sizes are rounded to whole macroblocks."""
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 7: "smpte240m", 9: "bt2020nc"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Properties that must not change from picture to picture."""

    width: int
    height: int
    pixel_format: str
    range: int
    matrix: int
    primaries: int
    transfer: int
    aspect: Fraction
    """Width of a pixel by its height."""
    turns: int
    """Counter-clockwise quarter turns that bring it upright."""

    @classmethod
    def of(cls, picture: VideoFrame, aspect: Fraction | None, turns: int) -> _Kind:
        return cls(
            picture.width, picture.height, picture.format.name, range_of(picture), matrix_of(picture),
            picture.color_primaries, picture.color_trc, aspect or Fraction(1), turns,
        )  # fmt: skip

    @property
    def light(self) -> tuple[int, int]:
        """Primaries and transfer, which semvid does not convert."""
        return self.primaries, self.transfer

    @property
    def words(self) -> tuple[str, ...]:
        return (
            f"{self.width}x{self.height}",
            self.pixel_format,
            f"{_RANGES[self.range]} range",
            f"pixel aspect {self.aspect}",
            f"turned by {90 * self.turns} degrees",
            f"colour matrix {_MATRICES.get(self.matrix, self.matrix)}",
            f"colour primaries {self.primaries}",
            f"transfer {self.transfer}",
        )


_RANGES = {1: "limited", 2: "full"}


class Turns:
    """How pictures must be turned. A bitstream may say so with its key frames alone."""

    def __init__(self) -> None:
        self._last = 0

    def of(self, picture: VideoFrame) -> int:
        """Return the counter-clockwise quarter turns that bring the next picture upright, 0..3."""
        if picture.rotation or picture.key_frame:
            self._last = round(picture.rotation / 90) % 4
        return self._last


class Steadier:
    """Brings pictures that differ from the first one of a video to its size, format and colours.

    A picture of another shape gets black bars, so that nothing looks stretched.

    Attributes:
        num_frames: Pictures so far, for notices about changes.
    """

    def __init__(self) -> None:
        self._first: _Kind | None = None
        self._last: _Kind | None = None
        self._turns = Turns()
        self._graphs: dict[_Kind, Graph] = {}
        self._told: list[str] = []
        self._num_changes = 0
        self.num_frames = 0

    def pass_over(self, picture: VideoFrame, *, is_counted: bool) -> None:
        """Take note of a picture that nobody will see: how later ones are turned may hang on it.

        It counts for notices about changes if it ``is_counted``.
        """
        self._turns.of(picture)
        self.num_frames += is_counted

    def steady(self, picture: VideoFrame, aspect: Fraction | None) -> tuple[VideoFrame, int]:
        """Return the picture in the form of the first one, and the quarter turns that bring it upright.

        Args:
            picture: The next one; its time stays.
            aspect: Width of its pixels by their height; None = square or unknown.
        """
        kind = _Kind.of(picture, aspect, self._turns.of(picture))
        if self._first is None:
            self._first = self._last = kind
        first = self._first
        if kind != self._last:
            self._tell(kind, first)
            self._last = kind
        self.num_frames += 1
        if kind == first or replace(kind, primaries=first.primaries, transfer=first.transfer) == first:
            return picture, first.turns
        graph = self._graphs.get(kind)
        if graph is None:
            # Few at a time: some videos change to hundreds of sizes.
            self._graphs.clear()
            graph = self._graphs[kind] = _build(picture, kind, first)
        graph.push(picture)
        made = cast(VideoFrame, graph.pull())
        made.pts, made.time_base, made.duration = picture.pts, picture.time_base, picture.duration
        return made, first.turns

    @property
    def changes(self) -> list[str]:
        """A sentence for every change so far, or for the first few and one for the rest."""
        left = self._num_changes - len(self._told)
        return (
            [*self._told, f"the video changes {counted(left, 'more time')}; treated likewise"]
            if left
            else self._told
        )

    def _tell(self, kind: _Kind, first: _Kind) -> None:
        self._num_changes += 1
        if len(self._told) == _MOST_TOLD:
            return
        pairs = zip(kind.words, first.words, strict=True)
        parts = [(mine, its) for mine, its in pairs if mine != its]
        if not parts:
            self._told.append(f"from frame {self.num_frames} on the video is as at its beginning again")
            return
        mine, its = (", ".join(words) for words in zip(*parts, strict=True))
        done = _what_is_done(kind, first)
        told = f"from frame {self.num_frames} on the video is {mine} instead of {its}; {done}"
        self._told.append(Loss(told) if done else told)


def _what_is_done(kind: _Kind, first: _Kind) -> str:
    done = []
    if kind.turns != first.turns:
        done.append("turned")
    if (kind.width, kind.height, kind.aspect) != (first.width, first.height, first.aspect):
        inner = _inner_size(kind, first)
        done.append("scaled" if inner == (first.width, first.height) else "scaled, with black bars")
    if (kind.pixel_format, kind.range, kind.matrix) != (first.pixel_format, first.range, first.matrix):
        done.append("converted")
    if kind.light != first.light:
        done.append("its colours may look wrong, since they are shown with the colour tags of the beginning")
    return ", ".join(done)


def _inner_size(kind: _Kind, first: _Kind) -> tuple[int, int]:
    """Return the size a picture is scaled to inside of the first one's."""
    turns = kind.turns - first.turns
    old = turned_size((kind.width, kind.height), turns)
    aspect = 1 / kind.aspect if turns % 2 else kind.aspect
    # Sizes on a screen where the first picture's pixels are square.
    width, height = old[0] * aspect / first.aspect, Fraction(old[1])
    factor = min(first.width / width, first.height / height)
    inner = (width * factor / first.width, height * factor / first.height)
    if min(inner) > 1 - _LIKE:
        return first.width, first.height
    return even_side(inner[0] * first.width, first.width), even_side(inner[1] * first.height, first.height)


def _build(picture: VideoFrame, kind: _Kind, first: _Kind) -> Graph:
    width, height = _inner_size(kind, first)
    filters: list[Step] = [
        *TURNING[(kind.turns - first.turns) % 4],
        ("sidedata", "mode=delete:type=DISPLAYMATRIX"),
        ("sidedata", "mode=delete:type=MOTION_VECTORS"),
        (
            "scale",
            f"{width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int:interl=-1"
            f":in_range={_RANGES[kind.range]}:out_range={_RANGES[first.range]}"
            + _matrix("in", kind) + _matrix("out", first),
        ),
        ("format", first.pixel_format),
    ]  # fmt: skip
    if (width, height) != (first.width, first.height):
        left, top = (
            (whole - inner) // 8 * 4 for whole, inner in ((first.width, width), (first.height, height))
        )
        filters.append(("pad", f"{first.width}:{first.height}:{left}:{top}"))
    filters += [("setsar", f"{first.aspect.numerator}/{first.aspect.denominator}")]
    return chain(picture, *filters)


def _matrix(side: str, kind: _Kind) -> str:
    name = _MATRICES.get(kind.matrix)
    return (
        f":{side}_color_matrix={name.removesuffix('nc')}" if name and "rgb" not in kind.pixel_format else ""
    )
