"""An FFmpeg encoder: set up for its first frame, fed with prepared pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
from av.codec.context import Flags
from av.error import FFmpegError
from av.filter import Graph

from semvid.codecs.base.coding import Target
from semvid.codecs.base.side_data import SideDataKeeper
from semvid.codecs.ffmpeg.hdr import with_hdr10
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.text import reason, setting
from semvid.media.fields import FIELD_ORDERS
from semvid.media.filter_chain import chain
from semvid.media.side_data import display_matrix_of

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.video.codeccontext import VideoCodecContext

USUAL_RATE = Fraction(25)
"""Frames per second where a stream has no nominal rate."""
_BIT_RATE_TOLERANCE = 128_000
_QUANTIZER_UNITS = 118
"""FFmpeg's ``FF_QP2LAMBDA``, in which it tells quantizers."""
_NEVER_REORDERED = 2
"""Videos of at most this many pictures are coded in order, and libx265 leaves their decoding times unset."""


class VideoEncoder:
    """One video in the making.

    Args:
        spec: The encoder.
        options: From ``spec.options``.
        preparer: Knows the coded format; it makes the pictures that ``encode`` takes.
        first: First frame, as decoded: colour description, rotation and time base come from it.
        target: The stream: its suffix decides about the codec tag, and what can be kept.

    Attributes:
        parameters: For the container.
        notices: A sentence for each thing that cannot be kept.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        options: Mapping[str, str],
        preparer: FramePreparer,
        *,
        first: VideoFrame,
        target: Target,
    ) -> None:
        suffix, frame_rate = target.suffix.lower(), target.frame_rate or USUAL_RATE
        self._spec, self._preparer = spec, preparer
        self._stripper: Graph | None = None
        self._num_pictures = 0
        self._quantizers = self._num_told = 0
        self._keeper = SideDataKeeper(spec.name, suffix)
        self._keeper.begin(first, target.source.side_data if target.source else (), preparer.size)
        if preparer.keeps_alpha:
            self._keeper.layer_transparency()
        self.notices = self._keeper.notices
        options = spec.with_crf_floor(with_hdr10(spec, options, first))
        if target.closes_groups:
            options = spec.with_closed_groups(options)
        if self._keeper.has_user_data:
            options = {"udu_sei": "1", **options}
        if preparer.keeps_alpha:
            options = {**(spec.alpha_options or {}), **options}
        try:
            self._codec = self._create()
        except ValueError as error:
            raise EncoderError(
                f"{spec.library} is not in this FFmpeg build ({reason(error)}); see 'semvid doctor'"
            ) from error
        self._codec.options = options
        self._codec.framerate = frame_rate
        if target.sample_aspect_ratio:
            self._codec.sample_aspect_ratio = target.sample_aspect_ratio
        self._describe(preparer, first, has_header=bool(suffix))
        self._open(preparer)
        self.parameters = stream_parameters(
            spec, preparer, self._keeper, first=first, target=target, frame_rate=frame_rate,
            bit_rate=self._codec.bit_rate or 0, extradata=self._codec.extradata,
            reorder_depth=self._codec.reorder_depth,
        )  # fmt: skip

    def _create(self) -> VideoCodecContext:
        return cast("VideoCodecContext", av.CodecContext.create(self._spec.library, "w"))

    def _describe(self, preparer: FramePreparer, first: VideoFrame, *, has_header: bool) -> None:
        codec = self._codec
        codec.width, codec.height = preparer.size
        codec.pix_fmt = self._spec.handed_as.get(preparer.pixel_format, preparer.pixel_format)
        codec.time_base = cast(Fraction, first.time_base)
        codec.bit_rate, codec.bit_rate_tolerance = self._spec.bit_rate, _BIT_RATE_TOLERANCE
        codec.thread_count = 0
        codec.color_range = preparer.color_range
        codec.color_primaries = first.color_primaries
        codec.color_trc = first.color_trc
        codec.colorspace = preparer.color_matrix
        if preparer.field_order is not None:
            codec.field_order = FIELD_ORDERS[preparer.field_order]
        if preparer.codes_fields:
            codec.flags |= Flags.interlaced_dct | Flags.interlaced_me
        # All containers of files want it. Live streams have none: whoever joins them finds the parameters in
        # the next key frame.
        if has_header:
            codec.flags |= Flags.global_header

    def _open(self, preparer: FramePreparer) -> None:
        try:
            self._codec.open()
        except (FFmpegError, ValueError) as error:
            width, height = preparer.size
            fewest, most = self._spec.sides
            remedy = "try another preset or size, or fewer options of the encoder"
            if not fewest <= min(width, height) <= max(width, height) <= most:
                remedy = f"it takes {fewest} to {most} pixels a side: choose another `codec`"
            raise EncoderError(
                f"{self._spec.library} refuses to code {width}x{height} {preparer.pixel_format} "
                f"({reason(error)}); {remedy}"
            ) from error
        self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        """FFmpeg drops options that it does not know without a word, and leaves them over."""
        for key, value in self._codec.options.items():
            raise ConfigError(
                f"{setting('encoder_options', f'{key}={value}')} has no effect: "
                f"{self._spec.library} has no option {key}; "
                f"'ffmpeg -h encoder={self._spec.library}' lists those it has"
            )

    @property
    def mean_quantizer(self) -> float | None:
        """Of all pictures so far; None if the encoder does not tell."""
        return self._quantizers / _QUANTIZER_UNITS / self._num_told if self._num_told else None

    def close(self) -> None:
        """Let go of the encoder, which only then completes what it writes itself."""
        self.__dict__.pop("_codec", None)

    def encode(self, picture: VideoFrame) -> list[CodedPacket]:
        """Encode a prepared picture; returns packets of this or earlier ones.

        Raises:
            EncoderError: The encoder gave up.
        """
        self._num_pictures += 1
        return self._run(self._stripped(picture))

    def look(self, decoded: VideoFrame) -> None:
        """Add to the notices what only this frame carries and is lost."""
        self._keeper.look(decoded)
        if self._preparer.lost_alpha:
            self._keeper.lose_transparency()

    def _stripped(self, picture: VideoFrame) -> VideoFrame:
        if not self._keeper.unsayable:
            return picture
        if self._stripper is None:
            types = sorted(self._keeper.unsayable)
            self._stripper = chain(picture, *(("sidedata", f"mode=delete:type={one}") for one in types))
        self._stripper.push(picture)
        return cast("VideoFrame", self._stripper.pull())

    def flush(self) -> list[CodedPacket]:
        """End the stream and return the remaining packets."""
        packets = self._run(None)
        if self._num_pictures <= _NEVER_REORDERED:
            return [replace(one, dts=one.pts) for one in packets]
        return packets

    def _run(self, picture: VideoFrame | None) -> list[CodedPacket]:
        try:
            return [self._coded(one) for one in self._codec.encode(picture)]
        except (FFmpegError, ValueError) as error:
            raise EncoderError(
                f"{self._spec.library} failed ({reason(error)}); try another preset, or fewer options of the "
                "encoder"
            ) from error

    def _coded(self, packet: Packet[Any]) -> CodedPacket:
        pts = packet.pts or 0
        if packet.has_sidedata("quality_stats"):
            told = bytes(packet.get_sidedata("quality_stats"))
            self._quantizers += int.from_bytes(told[:4], "little")
            self._num_told += 1
        says_more = packet.is_disposable or packet.has_sidedata("matroska_block_additional")
        return CodedPacket(
            bytes(packet), self._spec.coding_format, pts, pts if packet.dts is None else packet.dts,
            packet.duration or 0, bool(packet.is_keyframe), self.parameters.time_base,
            packet if says_more else None,
        )  # fmt: skip


def stream_parameters(
    spec: EncoderSpec,
    preparer: FramePreparer,
    keeper: SideDataKeeper,
    *,
    first: VideoFrame,
    target: Target,
    frame_rate: Fraction,
    bit_rate: int,
    extradata: bytes | None,
    reorder_depth: int,
) -> StreamParameters:
    """Describe what an encoder of prepared pictures writes; arguments as in ``VideoEncoder``.

    Args:
        spec: The encoder.
        preparer: Made the pictures.
        keeper: Has seen the first.
        first: First frame, as decoded.
        target: The stream.
        frame_rate: See ``StreamParameters``, as for the rest.
        bit_rate: Likewise.
        extradata: Likewise.
        reorder_depth: Likewise.
    """
    return StreamParameters(
        coding_format=spec.coding_format,
        time_base=cast(Fraction, first.time_base),
        size=preparer.size,
        pixel_format=preparer.pixel_format,
        frame_rate=frame_rate,
        bit_rate=bit_rate,
        extradata=extradata,
        reorder_depth=reorder_depth,
        color_range=preparer.color_range,
        color_primaries=first.color_primaries,
        color_trc=first.color_trc,
        color_matrix=preparer.color_matrix,
        field_order=0 if preparer.field_order is None else int(FIELD_ORDERS[preparer.field_order]),
        sample_aspect_ratio=target.sample_aspect_ratio or None,
        display_matrix=display_matrix_of(first),
        codec_tag=spec.container_tags.get(target.suffix.lower()),
        boxes=tuple(keeper.boxes),
        tags=keeper.tags,
    )
