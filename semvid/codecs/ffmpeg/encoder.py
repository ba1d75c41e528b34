"""The coded video stream of an output: opened like its first frame, fed with prepared pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from av.codec.context import Flags
from av.error import FFmpegError
from av.filter import Graph

from semvid.codecs.base.side_data import SideDataKeeper
from semvid.codecs.ffmpeg.hdr import with_hdr10
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.text import setting
from semvid.media.fields import FIELD_ORDERS
from semvid.media.filter_chain import chain
from semvid.media.probe import reason
from semvid.media.writing.display_matrix import copy_display_matrix
from semvid.media.writing.stream_template import add_stream_with, serves

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream


_NEVER_REORDERED = 2
"""Videos of so many pictures are coded as they come, and libx265 leaves their decoding times unset."""


class VideoEncoder:
    """One encoded video stream of an output container.

    Args:
        container: Output that has not been started.
        spec: The encoder.
        options: From ``spec.options``.
        preparer: Knows the coded format; it makes the pictures that ``encode`` takes.
        first: First frame, as decoded: colour description, rotation and time base come from it.
        frame_rate: Nominal frames per second; timestamps stay exact whatever it says.
        sample_aspect_ratio: Width of a pixel by its height, None = square or unknown.
        suffix: Of the output file, for the codec tag and for what it can hold; empty = no file.
        side_data: ``VideoInfo.side_data``.

    Attributes:
        stream: The output stream.
        notices: A sentence for everything the container cannot keep.
    """

    def __init__(
        self,
        container: OutputContainer,
        spec: EncoderSpec,
        options: Mapping[str, str],
        preparer: FramePreparer,
        *,
        first: VideoFrame,
        frame_rate: Fraction | None,
        sample_aspect_ratio: Fraction | None,
        suffix: str,
        side_data: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._spec, self._preparer = spec, preparer
        self._stripper: Graph | None = None
        self._num_pictures = 0
        self._keeper = SideDataKeeper(
            spec.name, suffix.lower(), is_stated=serves(spec.library, spec.coding_format)
        )
        self._keeper.begin(first, side_data, preparer.size)
        if preparer.keeps_alpha:
            self._keeper.layer_transparency()
        self.notices = self._keeper.notices
        options = spec.with_crf_floor(with_hdr10(spec, options, first))
        if self._keeper.has_user_data:
            options = {"udu_sei": "1", **options}
        if preparer.keeps_alpha:
            options = {**(spec.alpha_options or {}), **options}
        self.stream = self._add_stream(container, options, preparer.size, frame_rate)
        self.stream.metadata.update(self._keeper.tags)
        self._describe(preparer, first, suffix)
        if sample_aspect_ratio:
            self.stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
        copy_display_matrix(first, self.stream)
        self._open(preparer)

    def _add_stream(
        self,
        container: OutputContainer,
        options: dict[str, str],
        size: tuple[int, int],
        frame_rate: Fraction | None,
    ) -> VideoStream:
        if self._keeper.boxes:
            stream = add_stream_with(
                self._keeper.boxes, container, self._spec.coding_format, size, frame_rate or Fraction(25)
            )
            stream.codec_context.options = options
            return stream
        try:
            return cast(
                "VideoStream",
                container.add_stream(self._spec.library, rate=frame_rate or 25, options=options),
            )
        except (FFmpegError, ValueError) as error:
            raise EncoderError(
                f"{self._spec.library} is not in this FFmpeg build ({reason(error)}); see 'semvid doctor'"
            ) from error

    def _describe(self, preparer: FramePreparer, first: VideoFrame, suffix: str) -> None:
        codec, time_base = self.stream.codec_context, cast(Fraction, first.time_base)
        codec.width, codec.height = preparer.size
        codec.pix_fmt = preparer.pixel_format
        codec.time_base = time_base
        self.stream.time_base = time_base
        codec.bit_rate = self._spec.bit_rate
        codec.thread_count = 0
        codec.color_range = preparer.color_range
        codec.color_primaries = first.color_primaries
        codec.color_trc = first.color_trc
        codec.colorspace = preparer.color_matrix
        if preparer.field_order is not None:
            codec.field_order = FIELD_ORDERS[preparer.field_order]
        if preparer.codes_fields:
            codec.flags |= Flags.interlaced_dct | Flags.interlaced_me
        # Every container semvid writes wants it; a relay to one does not ask for it. Live streams have none:
        # whoever joins them finds the parameters in the next key frame.
        if suffix:
            codec.flags |= Flags.global_header
        tag = self._spec.container_tags.get(suffix.lower())
        if tag:
            codec.codec_tag = tag

    def _open(self, preparer: FramePreparer) -> None:
        try:
            self.stream.codec_context.open()
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
        for key, value in self.stream.codec_context.options.items():
            raise ConfigError(
                f"{setting('encoder_options', f'{key}={value}')} has no effect: "
                f"{self._spec.library} has no option {key}; "
                f"'ffmpeg -h encoder={self._spec.library}' lists those it has"
            )

    def encode(self, picture: VideoFrame) -> list[Packet[Any]]:
        """Hand a prepared picture to the encoder; packets of this or earlier ones come back.

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

    def flush(self) -> list[Packet[Any]]:
        """End the stream and return what was still inside."""
        packets = self._run(None)
        if self._num_pictures <= _NEVER_REORDERED:
            for packet in packets:
                packet.dts = packet.pts
        return packets

    def _run(self, picture: VideoFrame | None) -> list[Packet[Any]]:
        try:
            return self.stream.encode(picture)
        except (FFmpegError, ValueError) as error:
            raise EncoderError(
                f"{self._spec.library} failed ({reason(error)}); try another preset, or fewer options of the "
                "encoder"
            ) from error
