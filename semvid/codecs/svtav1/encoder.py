"""An SVT-AV1 encoder that takes maps: set up for its first frame, fed with prepared pictures.

It takes what FFmpeg's encoders take: pictures with regions of interest as side data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from av import VideoFormat
from av.video.frame import PictureType
from av.video.reformatter import ColorRange

from semvid.codecs.base.coding import Target
from semvid.codecs.base.side_data import SideDataKeeper
from semvid.codecs.base.side_data_boxes import light_levels, mastering_numbers
from semvid.codecs.ffmpeg.encoder import USUAL_RATE, stream_parameters
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.regions import read_regions
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.svtav1.live_rate import LiveRate
from semvid.codecs.svtav1.segments import BLOCK_SIZE, Segments, segments_of
from semvid.codecs.svtav1.session import Packet, Session
from semvid.codecs.svtav1.trust import trusted_library
from semvid.core.coded import CodedPacket
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.geometry import grid_shape
from semvid.core.luma import plane_of
from semvid.core.text import setting
from semvid.media.side_data import side_data_bytes

if TYPE_CHECKING:
    from av import VideoFrame

_NAMES = {"g": "keyint", "threads": "lp"}
"""The library's, by FFmpeg's."""
_OF_THE_PICTURE = frozenset({
    "w", "width", "h", "height", "forced-max-frame-width", "forced-max-frame-height", "input-depth",
    "color-format", "enable-force-key-frames",
})  # fmt: skip
"""Parameters by which the library reads samples, or that the map and key frames need."""
_BASE_DISTANCE = 8
_BASE_PULL, _PULL = 0.74, 1.07
"""Factors on offsets: what is coarse in a picture that many others are predicted from is coarse in all of
them, and the whole frame loses 1 % less for the same gain of the object. A factor for each layer of
prediction buys nothing more. A tenth higher, both gain the object 2 % and cost the whole frame 2.7 %."""
_LIVE_CENTRE = 0.75
"""Share of their mean by which offsets are lowered live, where the rate says what they are added to: the
Lagrangian of all blocks is that of the quantizer in between. On three sequences the object gains 0.15 dB by
this, and the whole frame as much."""
_HIGHEST_RATE = Fraction(240)
"""Frames per second that it takes as nominal; timestamps stay exact."""
_CHROMATICITY, _LUMINANCE = 50_000, 10_000
"""Units of HDR10 metadata in 1 and in a cd/m2."""


class SvtEncoder:
    """One video in the making; see ``VideoEncoder``, which is the same for FFmpeg's encoders.

    Args:
        spec: The encoder.
        options: From ``spec.options``: parameters by SVT-AV1's own names.
        preparer: Knows the coded format; it makes the pictures that ``encode`` takes.
        first: First frame, as decoded: colour description, rotation and time base come from it.
        target: The stream.

    Attributes:
        parameters: For the container.
        notices: A sentence for each thing that cannot be kept.
        mean_quantizer: Nothing is told of it.

    Raises:
        EncoderError: The library cannot be used, or refuses the picture.
        ConfigError: It does not take an option.
    """

    mean_quantizer = None

    def __init__(
        self,
        spec: EncoderSpec,
        options: Mapping[str, str],
        preparer: FramePreparer,
        *,
        first: VideoFrame,
        target: Target,
    ) -> None:
        frame_rate = target.frame_rate or USUAL_RATE
        self._spec, self._preparer = spec, preparer
        self._grid = grid_shape(*preparer.size, BLOCK_SIZE)
        self._times: dict[int, tuple[int, int]] = {}
        """Presentation time and duration of pictures that are being coded, by their numbers."""
        self._num_pictures = 0
        self._since_key = -1
        self._newest: Segments | None = None
        options = dict(options)
        self._rate: LiveRate | None = None
        if "crf" not in options:
            self._rate = LiveRate(options, preparer.size, frame_rate)
        keeper = self._keeper = SideDataKeeper(spec.name, target.suffix.lower())
        keeper.begin(first, target.source.side_data if target.source else (), preparer.size)
        self.notices = keeper.notices
        self._session = Session(trusted_library(), {
            **_description(preparer, first, frame_rate),
            **_hdr10(first),
            **_translated(options),
            **(LiveRate.PARAMETERS if self._rate else {}),
        })  # fmt: skip
        self.parameters = stream_parameters(
            spec, preparer, keeper, first=first, target=target, frame_rate=frame_rate, bit_rate=0,
            extradata=self._session.header if target.suffix else None, reorder_depth=0,
        )  # fmt: skip

    def look(self, decoded: VideoFrame) -> None:
        """Add to the notices what only this frame carries and is lost."""
        self._keeper.look(decoded)
        if self._preparer.lost_alpha:
            self._keeper.lose_transparency()

    def encode(self, picture: VideoFrame) -> list[CodedPacket]:
        """Encode a prepared picture; returns packets of this or earlier ones.

        Raises:
            EncoderError: The encoder gave up.
        """
        is_key = picture.pict_type == PictureType.I
        quantizer = 0
        if self._rate is not None:
            is_key = is_key or self._rate.wants_key
            quantizer = self._rate.choose(plane_of(picture, 0), picture.time or 0.0, is_key=is_key)
        self._since_key = 0 if is_key else self._since_key + 1
        regions = read_regions(picture)
        segments = None
        if regions is not None:
            if self._rate is None:
                is_base = self._since_key % _BASE_DISTANCE == 0
                segments = segments_of(*regions, self._grid, _BASE_PULL if is_base else _PULL)
            else:
                centred = segments_of(*regions, self._grid).centred(_LIVE_CENTRE)
                segments = centred.within(*self._rate.index_room(quantizer))
            # A map stays in force until another comes. Before the first that says anything none is sent: to
            # code one costs bits.
            is_known = segments == self._newest or (self._newest is None and segments.offsets == (0,))
            segments = None if is_known else segments
            self._newest = segments or self._newest
        number = self._num_pictures
        self._num_pictures += 1
        self._times[number] = picture.pts or 0, picture.duration or 0
        self._session.send(
            (plane_of(picture, 0), plane_of(picture, 1), plane_of(picture, 2)), number,
            is_key=is_key, segments=segments, quantizer=quantizer,
        )  # fmt: skip
        packets = list(self._coded(self._session.packets()))
        if self._rate is not None:
            self._rate.coded(sum(len(one.data) for one in packets))
        return packets

    def flush(self) -> list[CodedPacket]:
        """End the stream and return the remaining packets."""
        packets = list(self._coded(self._session.packets(is_end=True)))
        if self._times:
            raise EncoderError(f"SVT-AV1 kept {len(self._times)} pictures to itself; try another preset")
        return packets

    def close(self) -> None:
        """Let go of the encoder."""
        self._session.close()

    def _coded(self, packets: Iterator[Packet]) -> Iterator[CodedPacket]:
        for packet in packets:
            # Each shows one picture, and they come in the order in which they are shown.
            pts, duration = self._times.pop(packet.number)
            yield CodedPacket(
                packet.data, self._spec.coding_format, pts, pts, duration, packet.is_key,
                self.parameters.time_base,
            )  # fmt: skip


def _translated(options: Mapping[str, str]) -> dict[str, str]:
    """Bring options that FFmpeg has for all encoders to the library's names, and refuse what may crash it."""
    for key in _OF_THE_PICTURE & options.keys():
        raise ConfigError(
            f"{setting('encoder_options', f'{key}={options[key]}')} is for the picture to say; leave it out"
        )
    return {_NAMES.get(key, key): value for key, value in options.items()}


def _description(preparer: FramePreparer, first: VideoFrame, frame_rate: Fraction) -> dict[str, str]:
    """Return the parameters of the picture."""
    frame_rate = min(frame_rate, _HIGHEST_RATE)
    return {
        "width": str(preparer.size[0]),
        "height": str(preparer.size[1]),
        "fps-num": str(frame_rate.numerator),
        "fps-denom": str(frame_rate.denominator),
        "input-depth": str(VideoFormat(preparer.pixel_format).components[0].bits),
        "color-primaries": str(first.color_primaries),
        "transfer-characteristics": str(first.color_trc),
        "matrix-coefficients": str(int(preparer.color_matrix)),
        "color-range": str(int(preparer.color_range == ColorRange.JPEG)),
        "enable-force-key-frames": "1",
    }


def _hdr10(first: VideoFrame) -> dict[str, str]:
    """Return the parameters of static HDR10 metadata."""
    carried, parameters = dict(side_data_bytes(first)), {}
    numbers = mastering_numbers(carried.get("MASTERING_DISPLAY_METADATA", b""))
    if numbers is not None:
        points, brightest, darkest = numbers
        x, y = ([f"{one / _CHROMATICITY:.5f}" for one in points[axis::2]] for axis in (0, 1))
        named = zip(("R", "G", "B", "WP"), x, y, strict=True)
        places = "".join(f"{name}({across},{up})" for name, across, up in named)
        light = f"L({brightest / _LUMINANCE:.4f},{darkest / _LUMINANCE:.4f})"
        parameters["mastering-display"] = places + light
    levels = light_levels(carried.get("CONTENT_LIGHT_LEVEL", b""))
    if levels is not None:
        parameters["content-light"] = "{},{}".format(*levels)
    return parameters
