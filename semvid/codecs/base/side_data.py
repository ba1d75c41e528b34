"""Decides what to do with the side data of pictures, in each coding and container.

For all codings and products: a kind is written by the encoder or the container, or reported as lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from semvid.codecs.base.side_data_boxes import cropping_box, stereo_tag
from semvid.codecs.base.side_data_kinds import (
    CROPPING,
    ROTATION,
    STEREO,
    USER_DATA,
    WEBM_STEREO,
    Kind,
    kind_called,
)
from semvid.core.records import dataclass
from semvid.core.text import Loss
from semvid.media.alpha import Flattener
from semvid.media.colour import is_convertible, matrix_name
from semvid.media.side_data import side_data, side_data_bytes
from semvid.media.writing.containers import MATROSKA_LIKE, MP4_LIKE

if TYPE_CHECKING:
    from av import VideoFrame

_FITS = {
    "x264": (".mp4", ".mkv", ".mov"), "x265": (".mp4", ".mkv", ".mov"), "vp8": (".webm", ".mkv"),
    "vp9": (".webm", ".mkv", ".mp4"), "av1": (".mkv", ".mp4", ".webm"), "mjpeg": (".mov", ".mkv"),
}  # fmt: skip
"""Containers to advise, by coding."""

_ALPHA_REMEDY = "use `codec=vp9` and write to .webm or .mkv"


@dataclass(slots=True)
class SideDataKeeper:
    """The side data that one output keeps, and a sentence for each kind it does not.

    Args:
        coder: Name of the coding.
        suffix: Of the output; empty where it is no file.

    Attributes:
        boxes: For ``StreamParameters``.
        tags: For the stream, in place of any such tags of the source.
        notices: A sentence for each thing that is lost; grows with what ``look`` finds.
        unsayable: FFmpeg's types that must not reach the encoder, which would write them wrongly.
        has_user_data: The encoder should be told to write the user data of frames.
    """

    coder: str
    suffix: str
    boxes: list[bytes] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    has_user_data: bool = False
    unsayable: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)

    def begin(
        self, first: VideoFrame, stream: Sequence[tuple[str, str]], size: tuple[int, int] | None = None
    ) -> None:
        """Decide about the first frame and what the container says.

        Args:
            first: As decoded.
            stream: ``VideoInfo.side_data``.
            size: ``(width, height)`` of the coded picture in pixels, None = the first frame's.
        """
        on_frame = dict(side_data_bytes(first))
        for name, data in side_data_bytes(first):
            self._decide(name, data, first, is_first=True)
        for name, detail in stream:
            kind = kind_called(name)
            if kind is CROPPING:
                self._crop(detail, first, size or (first.width, first.height))
            elif name == "stereo_mode":
                self._name_stereo(detail)
            elif kind is not None and not on_frame.keys() & {*kind.types}:
                self._tell(kind, None)

    def look(self, picture: VideoFrame) -> None:
        """Find what only later frames carry."""
        for one in side_data(picture):
            if one.type.name not in self._known:
                self._decide(one.type.name, bytes(one), picture)

    def lose_transparency(self) -> None:
        """Tell that transparent parts were put on black."""
        self._add(
            f"{self._where} does not keep the video's transparency, which is black now; {_ALPHA_REMEDY}"
        )

    def layer_transparency(self) -> None:
        """Tell what becomes of a second layer of transparency; before the first frame."""
        if self.suffix not in MATROSKA_LIKE:
            self._add(f"{self._where} does not keep the video's transparency; {_ALPHA_REMEDY}")

    def _decide(self, name: str, data: bytes, picture: VideoFrame, *, is_first: bool = False) -> None:
        kind = kind_called(name)
        if kind is None or (kind.is_for_first and not is_first):
            self._known.add(name)
            return
        if not kind.matters(data, picture):
            return
        self._known.add(name)
        self.has_user_data |= kind is USER_DATA and self.coder in kind.coders
        is_held = self.suffix in kind.containers(data)
        if is_first and is_held and kind.box and self.suffix in MP4_LIKE | MATROSKA_LIKE:
            stated = kind.box(data)
            self.boxes += [stated] if stated else []
        if kind is STEREO and is_held and self.suffix in MATROSKA_LIKE:
            self.tags["stereo_mode"] = stereo_tag(data) or ""
        is_coded = self.coder in kind.coders and kind.codes(data)
        if self.coder in kind.coders and not is_coded:
            self.unsayable.add(name)
        if not (is_coded or (is_held and is_first)):
            self._tell(kind, data)

    def _crop(self, edges: str, first: VideoFrame, size: tuple[int, int]) -> None:
        left, right, top, bottom = (int(one) for one in edges.split("/"))
        # Edges repeated to whole blocks are cut off too.
        right, bottom = right + size[0] - first.width, bottom + size[1] - first.height
        stated = cropping_box((left, right, top, bottom), size)
        if stated and self.suffix in CROPPING.containers(b""):
            self.boxes.append(stated)
        else:
            self._tell(CROPPING, b"")

    def _name_stereo(self, tag: str) -> None:
        """Keep ways of Matroska that FFmpeg has no number for."""
        if "STEREO3D" in self._known or tag == "mono":
            return
        if self.suffix == ".mkv" or (self.suffix == ".webm" and tag in WEBM_STEREO):
            self.tags["stereo_mode"] = tag
        else:
            self._add(f"{self._where} does not keep the video's {STEREO.name}; write to .mkv")

    def _tell(self, kind: Kind, data: bytes | None) -> None:
        notice = f"{self._where} does not keep the video's {kind.name}"
        if remedy := _remedy(kind, data, self.coder, self.suffix):
            notice += f"; {remedy}"
        self._add(notice)

    def _add(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(Loss(notice))

    @property
    def _where(self) -> str:
        return f"{self.coder} in {self.suffix}" if self.suffix else self.coder


def _remedy(kind: Kind, data: bytes | None, coder: str, suffix: str) -> str:
    """Say what to change so that it is kept; empty where nothing helps."""
    if data is None or coder not in _FITS:
        return ""
    holds = kind.containers(data)
    if suffix and (others := [one for one in _FITS[coder] if one in holds]):
        return f"write to {' or '.join(others)}"
    for other, fits in _FITS.items():
        if other in kind.coders and kind.codes(data):
            return f"use `codec={other}`" if suffix in {"", *fits} else f"use `codec={other}` and {fits[0]}"
    for other, fits in _FITS.items() if suffix else ():
        if others := [one for one in fits if one in holds]:
            return f"use `codec={other}` and write to {others[0]}"
    return ""


def lost_live(first: VideoFrame, coder: str) -> Iterator[str]:
    """Name what a live stream, whose pictures are upright, does not keep."""
    keeper = SideDataKeeper(coder, "")
    keeper.begin(first, ())
    return (notice for notice in keeper.notices if not notice.endswith(ROTATION.name))


def lost_by_drawing(first: VideoFrame, stream: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Name what a drawing of the pictures, upright and as they are shown, does not keep."""
    keeper = SideDataKeeper("a drawing", "")
    keeper.begin(first, [one for one in stream if one[0] != ROTATION.stream])
    if not is_convertible(first):
        yield f"colours coded as {matrix_name(first.colorspace)} are not converted, and come out wrong"
    flattener = Flattener()
    flattener.flatten(first)
    if flattener.found:
        keeper.lose_transparency()
    yield from (notice for notice in keeper.notices if not notice.endswith(ROTATION.name))
