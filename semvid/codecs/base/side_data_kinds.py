"""The kinds of side data of pictures: the one table of what can write which.

Data is what FFmpeg keeps on a frame, byte for byte: structures of libavutil's headers in the machine's byte
order. ``kind N`` is number N of ``AVFrameSideDataType`` (frame.h), for which PyAV has no name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from semvid.codecs.base.side_data_boxes import (
    CUBEMAP,
    EQUIRECTANGULAR,
    TILE,
    ambient_box,
    light_box,
    light_levels,
    mastering_box,
    projection,
    spherical_box,
    stereo_box,
    stereo_tag,
    stereo_type,
)
from semvid.core.records import dataclass
from semvid.media.side_data import MODE_TAGS
from semvid.media.writing.containers import MATROSKA_LIKE, MP4_LIKE

if TYPE_CHECKING:
    from av import VideoFrame

_MP4 = MP4_LIKE - {".mov"}
_NOWHERE: frozenset[str] = frozenset()
_ENCODERS_OWN = (
    bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef"),
    bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e"),
)
"""Which version of x264 or x265 made the old file, and how: not true of the new one."""
# Rows of a, b, u; c, d, v; x, y, w: with 16 bits after the point, but 30 in the last column.
_UPRIGHT = struct.pack("=9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_GOP_TIME_BITS = 0x1FFFFFF & ~(1 << 24 | 1 << 12)
"""Of the 25 bits of MPEG's time code, without the drop flag and the marker."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of side data."""

    name: str
    """Its common name, for notices."""
    types: tuple[str, ...]
    """PyAV's names of it on frames; none = only containers have it."""
    stream: str = ""
    """FFmpeg's name of it in a container, or a tag; upper and lower case are the same. Empty = none."""
    coders: tuple[str, ...] = ()
    """Names of the codecs whose encoders write it into the bitstream, for every frame that has it."""
    codes: Callable[[bytes], bool] = lambda data: True
    """Data -> whether the bitstreams of these can say it."""
    containers: Callable[[bytes], frozenset[str]] = lambda data: _NOWHERE
    """Data -> suffixes, such as ``.mp4``, of the containers that hold it once for the whole stream."""
    box: Callable[[bytes], bytes | None] | None = None
    """Data -> the box of a QuickTime sample entry that gives it to a muxer; None = another way does."""
    matters: Callable[[bytes, VideoFrame], bool] = lambda data, picture: True
    """``(data, its picture)`` -> whether it says anything."""
    is_for_first: bool = False
    """Only that of the first frame counts."""


def _says_where_to_pan(data: bytes, picture: VideoFrame) -> bool:
    # struct AVPanScan: id; width and height in 1/16 of a pixel; three positions.
    _, width, height, *positions = struct.unpack_from("=3i6h", data)
    return any(positions) or 0 < width < 16 * picture.width or 0 < height < 16 * picture.height


def _is_not_an_encoders(data: bytes, picture: VideoFrame) -> bool:
    return not data.startswith(_ENCODERS_OWN)


def _stereo_containers(data: bytes) -> frozenset[str]:
    tag = stereo_tag(data)
    webm = {".webm"} if tag in WEBM_STEREO else set()
    # FFmpeg writes .mov with Apple's box alone, and without the layout.
    return frozenset(webm | ({".mkv"} if tag else set()) | (_MP4 if stereo_box(data) else set()))


def _spherical_containers(data: bytes) -> frozenset[str]:
    kind, is_straight = projection(data)
    if kind in {EQUIRECTANGULAR, CUBEMAP, TILE}:
        return MATROSKA_LIKE | _MP4 | ({".mov"} if kind == EQUIRECTANGULAR and is_straight else set())
    # Apple's box, which FFmpeg writes without a pose.
    return MP4_LIKE if is_straight and spherical_box(data) else _NOWHERE


WEBM_STEREO = {"mono", "left_right", "right_left", "top_bottom", "bottom_top"}
"""Those of Matroska's ``StereoMode`` that WebM's container guidelines allow."""
# Copied by display_matrix.py.
ROTATION = Kind(
    "rotation", ("DISPLAYMATRIX",), "Display Matrix", containers=lambda data: MP4_LIKE | MATROSKA_LIKE,
    matters=lambda data, picture: data != _UPRIGHT,
)  # fmt: skip
STEREO = Kind(
    "stereo 3D layout", ("STEREO3D",), "Stereo 3D", ("x264",),
    lambda data: bool(stereo_tag(data)) and not stereo_type(data)[1],
    _stereo_containers, stereo_box, lambda data, picture: stereo_type(data)[0] != 0,
)  # fmt: skip
CROPPING = Kind("cropping", (), "Frame Cropping", containers=lambda data: MP4_LIKE | MATROSKA_LIKE)
# x265 puts its own name in front of it.
USER_DATA = Kind("user data (SEI)", ("SEI_UNREGISTERED",), coders=("x264",), matters=_is_not_an_encoders)
CAPTIONS = Kind("closed captions", ("A53_CC",), "ATSC A53 Part 4 Closed Captions", ("x264", "x265"))

KINDS = (
    ROTATION,
    STEREO,
    Kind(
        "spherical (360 degree) projection", ("SPHERICAL",), "Spherical Mapping",
        containers=_spherical_containers, box=spherical_box,
    ),
    Kind(
        "mastering display (HDR10 metadata)", ("MASTERING_DISPLAY_METADATA",), "Mastering display metadata",
        ("x264", "x265", "av1"), lambda data: mastering_box(data) is not None,
        lambda data: MP4_LIKE | MATROSKA_LIKE if mastering_box(data) else _NOWHERE, mastering_box,
    ),
    Kind(
        "content light level (HDR10 metadata)", ("CONTENT_LIGHT_LEVEL",), "Content light level metadata",
        ("x264", "x265", "av1"), containers=lambda data: MP4_LIKE | MATROSKA_LIKE, box=light_box,
        matters=lambda data, picture: light_levels(data) is not None,
    ),
    Kind(
        "ambient viewing environment", ("AMBIENT_VIEWING_ENVIRONMENT",), "Ambient viewing environment",
        containers=lambda data: MP4_LIKE if ambient_box(data) else _NOWHERE, box=ambient_box,
    ),
    CROPPING,
    CAPTIONS,
    USER_DATA,
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
    # The tags that say it in words are reported where they are lost.
    *MODE_TAGS,
}  # fmt: skip
_BY_TYPE = {name: kind for kind in KINDS for name in kind.types}
_BY_STREAM = {kind.stream.lower(): kind for kind in KINDS if kind.stream}


def kind_called(name: str) -> Kind | None:
    """Return the kind with this name on frames or in containers; None for what is not the picture's."""
    kind = _BY_TYPE.get(name) or _BY_STREAM.get(name.lower())
    if kind is None and name not in _NOT_OF_THE_PICTURE:
        return Kind(f"side data of {name}" if name.startswith("kind ") else name, (name,), name)
    return kind
