"""What pictures carry beside their samples, and what becomes of each kind in each coding and container.

One table for all codings and products: a kind is written by the encoder, by the container, or told as lost.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from semvid.encode.side_data_boxes import (
    CUBEMAP,
    EQUIRECTANGULAR,
    TILE,
    ambient_box,
    cropping_box,
    light_box,
    light_levels,
    mastering_box,
    projection,
    spherical_box,
    stereo_box,
    stereo_tag,
    stereo_type,
)
from semvid.io.alpha import Flattener
from semvid.io.colour import is_convertible, matrix_name
from semvid.io.containers import MATROSKA_LIKE, MP4_LIKE
from semvid.io.side_data import MODE_TAGS, side_data, side_data_bytes

if TYPE_CHECKING:
    from av import VideoFrame

_MP4 = MP4_LIKE - {".mov"}
_NOWHERE: frozenset[str] = frozenset()
_FITS = {
    "x264": (".mp4", ".mkv", ".mov"), "x265": (".mp4", ".mkv", ".mov"), "vp8": (".webm", ".mkv"),
    "vp9": (".webm", ".mkv", ".mp4"), "mjpeg": (".mov", ".mkv"),
}  # fmt: skip
"""Containers to advise, by coding."""

_ALPHA_REMEDY = "use --codec vp9 and write to .webm or .mkv"
_ENCODERS_OWN = (
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),
)
"""Which version of x264 or x265 made the old file, and how: not true of the new one."""
_UPRIGHT = struct.pack("=9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_GOP_TIME_BITS = 0x1FFFFFF & ~(1 << 24 | 1 << 12)
"""Of the 25 bits of MPEG's time code, without the drop flag and the marker."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of side data."""

    name: str
    """What people call it; a sentence says whose it is."""
    types: tuple[str, ...]
    """PyAV's names of it on frames."""
    stream: str = ""
    """FFmpeg's name of it in a container, or a tag."""
    coders: tuple[str, ...] = ()
    """Codings that write it into the bitstream, for every frame that has it."""
    codes: Callable[[bytes], bool] = lambda data: True
    """Whether the bitstream can say this."""
    containers: Callable[[bytes], frozenset[str]] = lambda data: _NOWHERE
    """Data -> suffixes of the containers that hold it."""
    box: Callable[[bytes], bytes | None] | None = None
    """What tells a muxer, None where it is told otherwise."""
    matters: Callable[[bytes, VideoFrame], bool] = lambda data, picture: True
    """Whether the data says anything."""
    is_for_first: bool = False
    """Only the first frame's counts."""


def _says_where_to_pan(data: bytes, picture: VideoFrame) -> bool:
    # struct AVPanScan: id; width and height in 1/16 of a pixel; three positions.
    _, width, height, *positions = struct.unpack_from("=3i6h", data)
    return any(positions) or 0 < width < 16 * picture.width or 0 < height < 16 * picture.height


def _is_not_an_encoders(data: bytes, picture: VideoFrame) -> bool:
    return not data.startswith(_ENCODERS_OWN)


def _stereo_containers(data: bytes) -> frozenset[str]:
    tag = stereo_tag(data)
    webm = {".webm"} if tag in _WEBM_STEREO else set()
    # FFmpeg writes .mov with Apple's box alone, and without the layout.
    return frozenset(webm | ({".mkv"} if tag else set()) | (_MP4 if stereo_box(data) else set()))


def _spherical_containers(data: bytes) -> frozenset[str]:
    kind, is_straight = projection(data)
    if kind in {EQUIRECTANGULAR, CUBEMAP, TILE}:
        return MATROSKA_LIKE | _MP4 | ({".mov"} if kind == EQUIRECTANGULAR and is_straight else set())
    # Apple's box, which FFmpeg writes without a pose.
    return MP4_LIKE if is_straight and spherical_box(data) else _NOWHERE


_WEBM_STEREO = {"mono", "left_right", "right_left", "top_bottom", "bottom_top"}
# Copied by display_matrix.py.
_ROTATION = Kind(
    "rotation", ("DISPLAYMATRIX",), "Display Matrix", containers=lambda data: MP4_LIKE | MATROSKA_LIKE,
    matters=lambda data, picture: data != _UPRIGHT,
)  # fmt: skip
_STEREO = Kind(
    "stereo 3D layout", ("STEREO3D",), "Stereo 3D", ("x264",),
    lambda data: bool(stereo_tag(data)) and not stereo_type(data)[1],
    _stereo_containers, stereo_box, lambda data, picture: stereo_type(data)[0] != 0,
)  # fmt: skip
_CROPPING = Kind("cropping", (), "Frame Cropping", containers=lambda data: MP4_LIKE | MATROSKA_LIKE)
# x265 puts its own name in front of it.
_USER_DATA = Kind("user data (SEI)", ("SEI_UNREGISTERED",), coders=("x264",), matters=_is_not_an_encoders)
CAPTIONS = Kind("closed captions", ("A53_CC",), "ATSC A53 Part 4 Closed Captions", ("x264", "x265"))

KINDS = (
    _ROTATION,
    _STEREO,
    Kind(
        "spherical (360 degree) projection", ("SPHERICAL",), "Spherical Mapping",
        containers=_spherical_containers, box=spherical_box,
    ),
    Kind(
        "mastering display (HDR10 metadata)", ("MASTERING_DISPLAY_METADATA",), "Mastering display metadata",
        ("x264", "x265"), lambda data: mastering_box(data) is not None,
        lambda data: MP4_LIKE | MATROSKA_LIKE if mastering_box(data) else _NOWHERE, mastering_box,
    ),
    Kind(
        "content light level (HDR10 metadata)", ("CONTENT_LIGHT_LEVEL",), "Content light level metadata",
        ("x264", "x265"), containers=lambda data: MP4_LIKE | MATROSKA_LIKE, box=light_box,
        matters=lambda data, picture: light_levels(data) is not None,
    ),
    Kind(
        "ambient viewing environment", ("AMBIENT_VIEWING_ENVIRONMENT",), "Ambient viewing environment",
        containers=lambda data: MP4_LIKE if ambient_box(data) else _NOWHERE, box=ambient_box,
    ),
    _CROPPING,
    CAPTIONS,
    _USER_DATA,
    Kind("Dolby Vision metadata", ("DOVI_METADATA", "DOVI_RPU_BUFFER"), "DOVI configuration record"),
    Kind("HDR10+ dynamic metadata", ("DYNAMIC_HDR_PLUS",), "HDR10+ Dynamic Metadata (SMPTE 2094-40)"),
    Kind("HDR Vivid metadata", ("DYNAMIC_HDR_VIVID",)),
    Kind("dynamic HDR metadata (SMPTE 2094-50)", ("kind 32",)),
    Kind("ICC profile", ("ICC_PROFILE",), "ICC Profile", ("mjpeg",)),
    Kind("active format (AFD)", ("AFD",), "Active Format Description data"),
    Kind("pan-scan window", ("PANSCAN",), matters=_says_where_to_pan),
    Kind("time codes of frames", ("S12M_TIMECODE",), "SMPTE ST 12-1:2014 timecode"),
    Kind(
        "time codes of frames", ("GOP_TIMECODE",), is_for_first=True,
        matters=lambda data, picture: bool(int.from_bytes(data[:8], "little") & _GOP_TIME_BITS),
    ),
    Kind("boxes of detected objects", ("DETECTION_BBOXES",)),
    Kind("LCEVC enhancement layer", ("kind 28",), "LCEVC NAL data"),
    Kind("second view (MV-HEVC)", ("kind 29",), matters=lambda data, picture: any(data)),
    Kind("reference displays of a stereo pair", ("kind 30",), "3D Reference Displays Info"),
    Kind("EXIF data", ("kind 31",), "EXIF metadata"),
)  # fmt: skip

_NOT_OF_THE_PICTURE = {
    # Attached on request, by us, or for the decoder alone; film grain is in the samples by then.
    "MOTION_VECTORS", "REGIONS_OF_INTEREST", "VIDEO_ENC_PARAMS", "VIDEO_HINT", "FILM_GRAIN_PARAMS",
    "MATRIXENCODING", "DOWNMIX_INFO", "REPLAYGAIN", "SKIP_SAMPLES", "AUDIO_SERVICE_TYPE",
    # How the old file was written.
    "CPB properties", "Palette", "New Extradata", "Param Change", "H263 MB Info", "Quality stats",
    "Fallback track", "Strings Metadata", "Matroska BlockAdditional", "Metadata Update", "MPEGTS Stream ID",
    "Producer Reference Time", "Encryption initialization data", "Encryption info", "RTCP Sender Report",
    # The tags that say it in words are told where they are lost.
    *MODE_TAGS,
}  # fmt: skip
_BY_TYPE = {name: kind for kind in KINDS for name in kind.types}
_BY_STREAM = {kind.stream.lower(): kind for kind in KINDS if kind.stream}


def _kind_called(name: str) -> Kind | None:
    """Return the kind with this name on frames or in containers; None for what is not the picture's."""
    kind = _BY_TYPE.get(name) or _BY_STREAM.get(name.lower())
    if kind is None and name not in _NOT_OF_THE_PICTURE:
        return Kind(f"side data of {name}" if name.startswith("kind ") else name, (name,), name)
    return kind


@dataclass(slots=True)
class SideDataKeeper:
    """What of a video's side data one output keeps, and a sentence for all it does not.

    Args:
        coder: Name of the coding.
        suffix: Of the output; empty where it is no file.
        is_stated: Whether the container can be told what it holds (``stream_template.serves``).

    Attributes:
        boxes: For the template of the stream.
        tags: For the stream, in place of any such tags of the source.
        notices: A sentence for everything that is lost; grows with what ``look`` finds.
        unsayable: Types of FFmpeg that must not reach the encoder: it would say something else.
        has_user_data: The encoder should be told to write the user data of frames.
    """

    coder: str
    suffix: str
    is_stated: bool = True
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
            kind = _kind_called(name)
            if kind is _CROPPING:
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
        kind = _kind_called(name)
        if kind is None or (kind.is_for_first and not is_first):
            self._known.add(name)
            return
        if not kind.matters(data, picture):
            return
        self._known.add(name)
        self.has_user_data |= kind is _USER_DATA and self.coder in kind.coders
        is_held = self.is_stated and self.suffix in kind.containers(data)
        if is_first and is_held and kind.box and self.suffix in MP4_LIKE | MATROSKA_LIKE:
            stated = kind.box(data)
            self.boxes += [stated] if stated else []
        if kind is _STEREO and is_held and self.suffix in MATROSKA_LIKE:
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
        if stated and self.is_stated and self.suffix in _CROPPING.containers(b""):
            self.boxes.append(stated)
        else:
            self._tell(_CROPPING, b"")

    def _name_stereo(self, tag: str) -> None:
        """Keep ways of Matroska that FFmpeg has no number for."""
        if "STEREO3D" in self._known or tag == "mono":
            return
        if self.suffix == ".mkv" or (self.suffix == ".webm" and tag in _WEBM_STEREO):
            self.tags["stereo_mode"] = tag
        else:
            self.notices.append(f"{self._where} does not keep the video's {_STEREO.name}; write to .mkv")

    def _tell(self, kind: Kind, data: bytes | None) -> None:
        notice = f"{self._where} does not keep the video's {kind.name}"
        if remedy := _remedy(kind, data, self.coder, self.suffix):
            notice += f"; {remedy}"
        self._add(notice)

    def _add(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)

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
            return f"use --codec {other}" if suffix in {"", *fits} else f"use --codec {other} and {fits[0]}"
    for other, fits in _FITS.items() if suffix else ():
        if others := [one for one in fits if one in holds]:
            return f"use --codec {other} and write to {others[0]}"
    return ""


def lost_live(first: VideoFrame, coder: str) -> Iterator[str]:
    """Name what a live stream, whose pictures are upright, does not keep."""
    keeper = SideDataKeeper(coder, "")
    keeper.begin(first, ())
    return (notice for notice in keeper.notices if not notice.endswith(_ROTATION.name))


def lost_by_drawing(first: VideoFrame, stream: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Name what a drawing of the pictures, upright and as they are shown, does not keep."""
    keeper = SideDataKeeper("a drawing", "")
    keeper.begin(first, [one for one in stream if one[0] != _ROTATION.stream])
    if not is_convertible(first):
        yield f"colours coded as {matrix_name(first.colorspace)} are not converted, and come out wrong"
    flattener = Flattener()
    flattener.flatten(first)
    if flattener.found:
        keeper.lose_transparency()
    yield from (notice for notice in keeper.notices if not notice.endswith(_ROTATION.name))
