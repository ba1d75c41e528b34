"""Encode frames with a quantizer offset map each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list
from av.error import FFmpegError
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from semvid.encode.levels import LevelQuantizer
from semvid.encode.regions import CAPACITIES, RegionAttacher
from semvid.encode.spec import EncoderSpec
from semvid.errors import EncoderError
from semvid.io.probe import reason
from semvid.types import Frame, QuantizerOffsets

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.video.stream import VideoStream

# Full-range 8-bit YUV has format names of its own, deprecated in FFmpeg; only some encoders list them.
_FULL_RANGE_NAMES = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}
# PyAV has no way to set the aspect ratio that FFmpeg's Matroska muxer reads.
_MATROSKA = {".mkv", ".webm"}


class MapEncoder:
    """One encoded video stream of an output container.

    Args:
        container: Output that has not been started.
        spec: The encoder.
        options: From ``spec.options``.
        crf: Constant rate factor, for encoders whose offsets depend on it.
        first: First frame; it sets geometry, format and colour of the stream.
        frame_rate: Nominal frames per second; timestamps stay exact whatever it says.
        sample_aspect_ratio: Width of a pixel by its height, None = square or unknown.
        suffix: Of the output file, for the codec tag.

    Attributes:
        stream: The output stream.
        conversions: A sentence for everything about the picture that had to be changed.
    """

    def __init__(
        self,
        container: OutputContainer,
        spec: EncoderSpec,
        options: Mapping[str, str],
        *,
        crf: float,
        first: Frame,
        frame_rate: Fraction | None,
        sample_aspect_ratio: Fraction | None,
        suffix: str,
    ) -> None:
        picture = first.picture
        self._spec = spec
        self._crf = crf
        source = picture.format.name
        self._format = choose_pixel_format(spec, source)
        self.conversions = []
        if self._format not in {source, _FULL_RANGE_NAMES.get(source)}:
            self.conversions.append(f"{spec.name} does not code {source}; converted to {self._format}")
        self._size = coded_size(spec, self._format, picture.width, picture.height)
        self._padder: Graph | None = None
        if self._size != (picture.width, picture.height):
            self.conversions.append(
                f"{spec.name} does not code {picture.width}x{picture.height} in {self._format}; "
                f"edge pixels repeated to {self._size[0]}x{self._size[1]}"
            )
        self._reformatter = VideoReformatter()
        self._color = _Color.of(picture, spec)
        if self._color.changes_range and not self._color.is_rgb_source:
            self.conversions.append(
                f"{spec.name} does not code full range; samples converted to limited range"
            )

        self._attacher = RegionAttacher()
        self._levels = LevelQuantizer(spec.max_levels, CAPACITIES[-1])
        self._bits = av.VideoFormat(self._format).components[0].bits
        self.stream = self._add_stream(container, options, picture, frame_rate, suffix)
        if picture.interlaced_frame:
            self.conversions.append(
                "the video is interlaced; it is coded as progressive frames with both fields woven in"
            )
        if sample_aspect_ratio:
            if sample_aspect_ratio != 1 and not spec.codes_aspect_ratio and suffix.lower() in _MATROSKA:
                self.conversions.append(
                    f"{spec.name} in {suffix} loses the pixel aspect ratio {sample_aspect_ratio}; "
                    "write to .mp4 or .mov, or set it in the player"
                )
            self.stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
        if Type.DISPLAYMATRIX in picture.side_data:
            matrix = np.frombuffer(cast(Any, picture.side_data)[Type.DISPLAYMATRIX], np.int32)
            self.stream.set_display_matrix(matrix.tolist())
        self._open()

    def _add_stream(
        self,
        container: OutputContainer,
        options: Mapping[str, str],
        picture: VideoFrame,
        frame_rate: Fraction | None,
        suffix: str,
    ) -> VideoStream:
        try:
            stream = cast(
                "VideoStream",
                container.add_stream(self._spec.library, rate=frame_rate or 25, options=dict(options)),
            )
        except (FFmpegError, ValueError) as error:
            raise EncoderError(
                f"{self._spec.library} is not in this FFmpeg build ({reason(error)}); see 'semvid doctor'"
            ) from error
        codec, time_base = stream.codec_context, cast(Fraction, picture.time_base)
        codec.width, codec.height = self._size
        codec.pix_fmt = self._format
        codec.time_base = time_base
        stream.time_base = time_base
        codec.bit_rate = self._spec.bit_rate
        codec.thread_count = 0
        codec.color_range = self._color.range
        codec.color_primaries = picture.color_primaries
        codec.color_trc = picture.color_trc
        codec.colorspace = self._color.matrix
        tag = self._spec.container_tags.get(suffix.lower())
        if tag:
            codec.codec_tag = tag
        return stream

    def _open(self) -> None:
        try:
            self.stream.codec_context.open()
        except (FFmpegError, ValueError) as error:
            width, height = self._size
            raise EncoderError(
                f"{self._spec.library} refuses to code {width}x{height} {self._format} ({reason(error)}); "
                "check --preset and the encoder options"
            ) from error

    def encode(self, frame: Frame, offsets: QuantizerOffsets | None) -> list[Packet[Any]]:
        """Hand a frame to the encoder; packets of this or earlier frames come back.

        Args:
            frame: Pixels and timestamp.
            offsets: Map with the encoder's block size; None = plain encode. Either all frames of a video
                have a map or none: libvpx-vp9 keeps the last one, libx265 4.2 crashes on a change.

        Raises:
            EncoderError: The encoder gave up.
        """
        picture = frame.picture
        if picture.format.name != self._format or self._color.changes_range:
            picture = self._color.convert(self._reformatter, picture, self._format)
        if self._size != (picture.width, picture.height):
            picture = self._pad(picture)
        # The source's frame types must not be forced on the encoder.
        picture.pict_type = 0
        if offsets is not None:
            picture = self._mark(picture, offsets)
        return self._run(picture)

    def _mark(self, picture: VideoFrame, offsets: QuantizerOffsets) -> VideoFrame:
        native = self._spec.to_native(offsets.values, self._crf)
        cover = self._levels.update(native)
        # FFmpeg multiplies back by the range; where it then truncates, aim past the whole number.
        nudge = 0.25 * np.sign(cover[:, 4]) if self._spec.truncates_offsets else 0.0
        qoffsets = (cover[:, 4] + nudge) / self._spec.offset_range(self._bits)
        return self._attacher.attach(picture, cover[:, :4] * offsets.block_size, qoffsets)

    def _pad(self, picture: VideoFrame) -> VideoFrame:
        if self._padder is None:
            self._padder = _pad_graph(picture, self._size)
        self._padder.push(picture)
        return cast("VideoFrame", self._padder.pull())

    def flush(self) -> list[Packet[Any]]:
        """End the stream and return what was still inside."""
        return self._run(None)

    def _run(self, picture: VideoFrame | None) -> list[Packet[Any]]:
        try:
            return self.stream.encode(picture)
        except (FFmpegError, ValueError) as error:
            raise EncoderError(
                f"{self._spec.library} failed ({reason(error)}); check --preset and the encoder options"
            ) from error


@dataclass(frozen=True, slots=True)
class _Color:
    """Range and matrix of the coded video, and how a frame of another format gets there."""

    source_range: int
    range: int
    matrix: int
    is_rgb_source: bool

    @classmethod
    def of(cls, picture: VideoFrame, spec: EncoderSpec) -> _Color:
        if picture.format.is_rgb:
            return cls(ColorRange.JPEG, ColorRange.MPEG, Colorspace.ITU709, is_rgb_source=True)
        is_full = picture.format.name in _FULL_RANGE_NAMES or picture.color_range == ColorRange.JPEG
        source = ColorRange.JPEG if is_full else picture.color_range
        coded = ColorRange.MPEG if is_full and not spec.codes_full_range else source
        return cls(source, coded, picture.colorspace, is_rgb_source=False)

    @property
    def changes_range(self) -> bool:
        return self.source_range != self.range

    def convert(self, reformatter: VideoReformatter, picture: VideoFrame, name: str) -> VideoFrame:
        if self.is_rgb_source:
            converted = reformatter.reformat(
                picture, format=name, dst_colorspace=self.matrix, dst_color_range=self.range
            )
        else:
            # Both ranges are given: left to itself the scaler stretches samples by the format's name.
            converted = reformatter.reformat(
                picture, format=name, src_color_range=self.source_range, dst_color_range=self.range
            )
        converted.pts, converted.time_base = picture.pts, picture.time_base
        return converted


def coded_size(spec: EncoderSpec, pixel_format: str, width: int, height: int) -> tuple[int, int]:
    """Return the size the encoder codes a picture at: rounded up to whole chroma samples if it must be."""
    if spec.codes_odd_sizes:
        return width, height
    log_across, log_down = _chroma_shifts(pixel_format)
    return -(-width >> log_across) << log_across, -(-height >> log_down) << log_down


def _chroma_shifts(pixel_format: str) -> tuple[int, int]:
    """Binary logarithms of the chroma subsampling, across and down."""
    probe = 64
    layout = av.VideoFormat(pixel_format, probe, probe)
    return (
        (probe // layout.chroma_width(probe)).bit_length() - 1,
        (probe // layout.chroma_height(probe)).bit_length() - 1,
    )


def _pad_graph(picture: VideoFrame, size: tuple[int, int]) -> Graph:
    """Extend pictures to the right and below by repeating their last column and row."""
    graph = Graph()
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
    )
    width, height = size
    pad = graph.add("pad", f"w={width}:h={height}:x=0:y=0")
    fill = graph.add(
        "fillborders", f"right={width - picture.width}:bottom={height - picture.height}:mode=smear"
    )
    sink = graph.add("buffersink")
    source.link_to(pad)
    pad.link_to(fill)
    fill.link_to(sink)
    graph.configure()
    return graph


def choose_pixel_format(spec: EncoderSpec, source: str) -> str:
    """Return the pixel format that keeps the most of the source's among those players expect.

    A format the encoder takes as it is stays. Sources that are not planar YUV (RGB, grey, palettes,
    alpha) become 4:2:0, since few players decode anything else.
    """
    try:
        formats = av.Codec(spec.library, "w").video_formats or []
    except ValueError as error:
        raise EncoderError(f"{spec.library} is not in this FFmpeg build; see 'semvid doctor'") from error
    names = [one.name for one in formats if one.name.startswith("yuv") and "a" not in one.name]
    if source in names:
        return source
    plain = [name for name in names if name not in _FULL_RANGE_NAMES]
    source = _FULL_RANGE_NAMES.get(source, source)
    if source in plain:
        return source
    if not source.startswith("yuv"):
        plain = [name for name in plain if name.startswith("yuv420p")]
    best, _ = find_best_pix_fmt_of_list(plain, source)
    if best is None:
        raise EncoderError(f"{spec.name} cannot code {source} video; convert it to yuv420p first")
    return best.name
