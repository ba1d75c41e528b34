"""Converts frames to the form an encoder takes, with their quantizer offsets attached."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace

from semvid.allocate.blocks import LevelArray
from semvid.allocate.levels import LevelQuantizer
from semvid.codecs.ffmpeg.part_steps import PartSteps, finer_by
from semvid.codecs.ffmpeg.regions import CAPACITIES, RegionAttacher
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.conversion import Colours, converted
from semvid.core.errors import EncoderError
from semvid.core.luma import plane_of
from semvid.core.records import dataclass
from semvid.core.text import Loss
from semvid.core.types import Frame, QuantizerOffsets
from semvid.media.alpha import Flattener
from semvid.media.colour import UNSPECIFIED, has_alpha, is_convertible, matrix_name, matrix_of
from semvid.media.fields import ProgressiveMarker, field_order
from semvid.media.filter_chain import chain

if TYPE_CHECKING:
    from av import VideoFrame

_WITH_ALPHA = "yuva420p"
"""Of all encoders here that code a second layer for it."""
# Full-range 8-bit YUV has its own format names, deprecated in FFmpeg; only some encoders list them.
_FULL_RANGE_NAMES = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}


class FramePreparer:
    """Converts, pads and marks the frames of one video, so that the encoder only has to code them.

    Args:
        spec: The encoder.
        crf: Constant rate factor, for encoders whose offsets depend on it.
        first: First frame; it sets geometry, format and colour of the coded video.
        remainder: What the quality is beyond the CRF, -1 to 0: the map makes everything finer.
        codes_fields: Interlaced video is coded as such.
        minds_alpha: Keep what is transparent so, or put it on black; or else take all as opaque.

    Attributes:
        pixel_format: FFmpeg's name of the coded format.
        size: ``(width, height)`` of the coded picture in pixels.
        color_range: FFmpeg's number of the coded sample range.
        color_matrix: FFmpeg's number of the coded YUV matrix.
        field_order: The field that comes first; None = the video begins progressive.
        codes_fields: It is coded as interlaced.
        in_force: The offsets that the newest picture is coded by; None = none were attached yet.
        keeps_alpha: The coded video is transparent where the source is.
        conversions: A sentence for everything about the picture that has to be changed.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        crf: float,
        first: Frame,
        *,
        remainder: float = 0.0,
        codes_fields: bool = False,
        minds_alpha: bool = False,
    ) -> None:
        picture = first.picture
        self._spec, self._crf = spec, crf
        source = picture.format.name
        minds_alpha = minds_alpha and has_alpha(picture.format)
        self.keeps_alpha = minds_alpha and spec.alpha_options is not None
        self._flattener = Flattener() if minds_alpha and not self.keeps_alpha else None
        self.pixel_format = _WITH_ALPHA if self.keeps_alpha else choose_pixel_format(spec, source)
        self.conversions: list[str] = []
        if self.pixel_format not in {source, _FULL_RANGE_NAMES.get(source)}:
            told = f"{spec.name} does not code {source}; converted to {self.pixel_format}"
            self.conversions.append(Loss(told))
        self.size = coded_size(spec, self.pixel_format, picture.width, picture.height)
        self._padder: Graph | None = None
        if self.size != (picture.width, picture.height):
            self.conversions.append(
                f"{spec.name} does not code {picture.width}x{picture.height} in {self.pixel_format}; "
                f"edge pixels repeated to {self.size[0]}x{self.size[1]}"
            )
        self._color = _Color.of(picture, spec)
        self.color_range, self.color_matrix = self._color.range, self._color.matrix
        if self._color.changes_range and not self._color.is_rgb_source:
            told = f"{spec.name} does not code full range; samples converted to limited range"
            self.conversions.append(Loss(told))
        if self._color.changes_matrix:
            told = (
                f"{spec.name} does not code colours by {matrix_name(self._color.source_matrix)}; "
                f"converted to {matrix_name(self._color.matrix)}"
            )
            self.conversions.append(Loss(told))
        elif not self._color.is_rgb_source and picture.colorspace not in spec.matrices | {UNSPECIFIED}:
            told = (
                f"{spec.name} cannot say that colours are coded as {matrix_name(picture.colorspace)}, "
                "and players will show wrong ones; convert them to BT.709 first"
            )
            self.conversions.append(Loss(told))
        self.field_order = field_order(picture)
        self.codes_fields = codes_fields and self.field_order is not None
        self._marker = ProgressiveMarker(self.field_order if self.codes_fields else None)
        self._attacher = RegionAttacher(leaves_none_empty=spec.most_regions is not None)
        self._map_age = 0
        self.in_force: QuantizerOffsets | None = None
        self._cover_in_force: LevelArray | None = None
        # Finer maps have one level more: that of the blocks that keep their quantizer.
        max_levels = spec.max_levels - 1 if spec.max_levels and remainder else spec.max_levels
        most = spec.most_regions or CAPACITIES[-1]
        self._levels = LevelQuantizer(max_levels, most, merges=spec.most_regions is not None)
        self._bits = av.VideoFormat(self.pixel_format).components[0].bits
        self._part_steps = PartSteps(
            finer_by(spec, crf, remainder), spec.max_levels, most, -spec.offset_range(self._bits)
        )
        self._limiter: Graph | None = None

    def prepare(self, frame: Frame, offsets: QuantizerOffsets | None) -> VideoFrame:
        """Return the picture to hand to the encoder.

        Args:
            frame: Pixels and timestamp.
            offsets: Map with the encoder's block size; None = plain encode. Either all frames of a video
                have a map or none: libvpx-vp9 keeps the last one, libx265 4.2 crashes on a change.
        """
        picture = frame.picture
        if self._flattener is not None:
            picture = self._flattener.flatten(picture)
        if picture.format.name != self.pixel_format or self._color.changes:
            picture = self._color.convert(picture, self.pixel_format)
        if self.size != (picture.width, picture.height):
            picture = self._pad(picture)
        picture = self._marker.mark(self._within_depth(picture))
        # The source's frame types must not be forced on the encoder.
        picture.pict_type = 0
        return picture if offsets is None else self._mark(picture, offsets)

    @property
    def lost_alpha(self) -> bool:
        """Whether something transparent was put on black so far."""
        return self._flattener is not None and self._flattener.found

    def _mark(self, picture: VideoFrame, offsets: QuantizerOffsets) -> VideoFrame:
        if self._spec.map_frames is not None:
            is_due = offsets.is_cut or self._map_age % self._spec.map_frames == 0
            self._map_age = 1 if is_due else self._map_age + 1
            if not is_due:
                return picture
        self.in_force = offsets
        native = self._spec.to_native(offsets.values, self._crf) - np.float32(offsets.origin)
        cover = self._levels.update(native, is_cut=offsets.is_cut)
        if self._spec.map_frames is not None:
            if cover is self._cover_in_force:
                return picture
            self._cover_in_force = cover
        cover = self._part_steps.apply(cover)
        levels = cover[:, 4] + offsets.origin
        # FFmpeg multiplies back by the range; where it then truncates, aim past the whole number.
        nudge = 0.25 * np.sign(levels) if self._spec.truncates_offsets else 0.0
        qoffsets = (levels + nudge) / self._spec.offset_range(self._bits)
        return self._attacher.attach(picture, cover[:, :4] * offsets.block_size, qoffsets)

    def _within_depth(self, picture: VideoFrame) -> VideoFrame:
        """Limit samples to those of the depth: damaged video has others, at which x264 aborts the process."""
        highest = (1 << self._bits) - 1
        planes = range(len(picture.planes)) if self._bits > 8 else ()
        if all(plane_of(picture, index).max() <= highest for index in planes):
            return picture
        if self._limiter is None:
            self._limiter = chain(picture, ("limiter", f"max={highest}"))
        self._limiter.push(picture)
        return cast("VideoFrame", self._limiter.pull())

    def _pad(self, picture: VideoFrame) -> VideoFrame:
        if self._padder is None:
            self._padder = _pad_graph(picture, self.size)
        self._padder.push(picture)
        return cast("VideoFrame", self._padder.pull())


@dataclass(frozen=True, slots=True)
class _Color:
    """Range and matrix of the coded video, and how a frame of another format gets there."""

    source_range: int
    range: int
    source_matrix: int
    """Of the coded video too where it cannot be converted, though it may then not be named."""
    matrix: int
    is_rgb_source: bool

    @classmethod
    def of(cls, picture: VideoFrame, spec: EncoderSpec) -> _Color:
        if picture.format.is_rgb or picture.format.has_palette:
            named = Colorspace.ITU709 if Colorspace.ITU709 in spec.matrices else Colorspace.ITU601
            return cls(ColorRange.JPEG, ColorRange.MPEG, named, named, is_rgb_source=True)
        is_full = picture.format.name in _FULL_RANGE_NAMES or picture.color_range == ColorRange.JPEG
        source = ColorRange.JPEG if is_full else picture.color_range
        coded = ColorRange.MPEG if is_full and not spec.codes_full_range else source
        matrix = meant = picture.colorspace
        if matrix not in spec.matrices and is_convertible(picture):
            meant = matrix_of(picture)
            if meant not in spec.matrices:
                matrix = Colorspace.ITU601
            elif matrix != UNSPECIFIED:
                matrix = meant
        elif matrix not in spec.matrices:
            matrix = meant = UNSPECIFIED
        return cls(source, coded, meant, matrix, is_rgb_source=False)

    @property
    def changes_range(self) -> bool:
        return self.source_range != self.range

    @property
    def changes(self) -> bool:
        """Whether samples of the right format have to be converted all the same."""
        return self.changes_range or self.changes_matrix

    @property
    def changes_matrix(self) -> bool:
        return self.matrix not in {self.source_matrix, UNSPECIFIED}

    def convert(self, picture: VideoFrame, name: str) -> VideoFrame:
        if self.is_rgb_source:
            return converted(picture, name, target=Colours(self.matrix, self.range))
        # Both ranges are given: left to itself the scaler stretches samples by the format's name.
        matrices = (self.source_matrix, self.matrix) if self.changes_matrix else (None, None)
        return converted(
            picture, name,
            source=Colours(matrices[0], self.source_range), target=Colours(matrices[1], self.range),
        )  # fmt: skip


def can_code_fields(spec: EncoderSpec, picture: VideoFrame) -> bool:
    """Tell whether interlaced video like this picture can be coded as such, the map on the right lines."""
    if spec.field_block_size is None:
        return False
    # libx264 codes pairs of macroblock rows, but FFmpeg lays out a map of the rows there are: with an odd
    # number of them it would be read beyond its end. Chroma must not be scaled across fields.
    num_rows, heights = -(-picture.height // spec.block_size), set()
    for name in (picture.format.name, choose_pixel_format(spec, picture.format.name)):
        heights.add(_chroma_shifts(name)[1])
    return num_rows % 2 == 0 and picture.height % 4 == 0 and len(heights) == 1


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
    width, height = size
    return chain(
        picture,
        ("pad", f"w={width}:h={height}:x=0:y=0"),
        ("fillborders", f"right={width - picture.width}:bottom={height - picture.height}:mode=smear"),
    )


def choose_pixel_format(spec: EncoderSpec, source: str) -> str:
    """Return the pixel format that keeps the most of the source's among those players expect.

    A format the encoder takes as it is stays. Sources that are not planar YUV (RGB, grey, palettes,
    alpha) become 4:2:0, since few players decode anything else.
    """
    try:
        formats = av.Codec(spec.library, "w").video_formats or []
    except ValueError as error:
        raise EncoderError(f"{spec.library} is not in this FFmpeg build; see 'semvid doctor'") from error
    names = list(spec.handed_as) or [
        one.name for one in formats if one.name.startswith("yuv") and "a" not in one.name
    ]
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
