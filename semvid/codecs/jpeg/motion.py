"""Motion-JPEG: every frame is a semantic JPEG, encoded on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, cast

from av.video.reformatter import ColorRange, Colorspace

from semvid.codecs.base.coding import Encoder, PreparedFrame
from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.rates import check_kind
from semvid.codecs.base.side_data import SideDataKeeper
from semvid.codecs.jpeg.budget import Budget
from semvid.codecs.jpeg.choice import Counts
from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.fixed_rate import LONGEST_GAP, FixedRate, choose_rate
from semvid.codecs.jpeg.planes import planes_of
from semvid.codecs.jpeg.writer import insert_segments, with_pixel_aspect
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.config import JPEG_QUALITY, AllocationConfig, CompressConfig
from semvid.core.conversion import Colours, converted
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Quality, Size
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, VideoInfo
from semvid.media.alpha import Flattener
from semvid.media.colour import HDR_TRANSFERS, colours_of, is_convertible, matrix_name
from semvid.media.fields import FIELD_ORDERS, field_order
from semvid.media.probe import measure_streams
from semvid.media.reading.packets import shown_times
from semvid.media.side_data import side_data_bytes
from semvid.media.stills.picture_tags import PictureTags
from semvid.media.writing.carry import copied_streams
from semvid.media.writing.display_matrix import display_matrix_of

if TYPE_CHECKING:
    from av import VideoFrame

_LAG = 16
"""Frames from one whose statistics are used to the one that uses them: so many may be in the making at once,
and files are the same whatever the number of cores."""
_PACKET_OVERHEAD, _FILE_OVERHEAD = 32, 4096
"""Bytes of a container, at most; both for ``Size``."""


class JpegCoding:
    """See ``Coding``.

    Raises:
        ConfigError: An option is not for Motion-JPEG.
    """

    name = coding_format = "mjpeg"

    def __init__(self, config: CompressConfig) -> None:
        self._rate = config.rate or JPEG_QUALITY
        check_kind(self._rate, (Quality, Bitrate, Size), self.name)
        for option, value in (("preset", config.preset), ("encoder_options", config.encoder_options)):
            if value:
                raise ConfigError(f"`{option}` is not for `codec=mjpeg`; give `Quality`, `Bitrate` or `Size`")
        usual = AllocationConfig()
        limits = (config.allocation.finest, config.allocation.coarsest)
        if limits != (usual.finest, usual.coarsest):
            raise ConfigError(
                "`finest` and `coarsest` limit quantizer offsets, and `codec=mjpeg` has none; give `strength`"
            )
        self._config = config
        self._choice = Choice(
            quality=self._rate.value if isinstance(self._rate, Quality) else JPEG_QUALITY.value,
            background_weight=config.allocation.background_weight,
            strength=config.allocation.strength,
        )
        self._flattener = Flattener()
        self._encoder: _JpegEncoder | None = None

    @property
    def quality(self) -> float:
        """Of what matters, on libjpeg's scale; the mean if it changed."""
        return self._choice.quality if self._encoder is None else self._encoder.mean_quality

    def codes_fields(self, picture: VideoFrame) -> bool:
        """See ``Coding``."""
        return False

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """Convert to what JPEG says samples mean: BT.601, full range."""
        source = self._flattener.flatten(analysed.frame.picture)
        picture = converted(
            source, _format_for(source), source=colours_of(source),
            target=Colours(Colorspace.ITU601, ColorRange.JPEG),
        )  # fmt: skip
        return PreparedFrame(analysed.frame.picture, picture, analysed.importance)

    def open(self, first: PreparedFrame, info: VideoInfo, suffix: str) -> Encoder:
        """See ``Coding``."""
        refuse_private_colours(first.decoded, info.side_data, info.path)
        self._encoder = _JpegEncoder(
            self._choice, self._budget(first, info), first, info, suffix, self._flattener
        )
        return self._encoder

    def _budget(self, first: PreparedFrame, info: VideoInfo) -> Budget | None:
        rate, num_frames = self._rate, None
        if isinstance(rate, Bitrate):
            share = rate.bits_per_second / 8 / float(info.frame_rate or 25)
        elif isinstance(rate, Size):
            num_frames, other_bytes, num_packets = measure_streams(
                info, [one.index for one in copied_streams(info, self._config.drop)]
            )
            left = rate.num_bytes - other_bytes - _PACKET_OVERHEAD * num_packets - _FILE_OVERHEAD
            share = left / num_frames
        else:
            return None
        coder = PictureCoder(planes_of(first.picture), first.importance)
        smallest = len(coder.encode(replace(self._choice, quality=1)))
        if share < smallest:
            if isinstance(rate, Size):
                asked, needed = rate.num_bytes, rate.num_bytes + (smallest - share) * (num_frames or 1)
            else:
                asked, needed = rate.bits_per_second, 8 * smallest * float(info.frame_rate or 25)
            raise ConfigError(
                f"{setting(type(rate).__name__, asked)} is out of reach; this video needs "
                f"about {needed:.0f}: allow more, or shrink the picture"
            )
        _, quality = fill_size(coder.encode, self._choice, int(share))
        return Budget(share, num_frames, quality)


class _JpegEncoder:
    """See ``Encoder``."""

    def __init__(
        self,
        choice: Choice,
        budget: Budget | None,
        first: PreparedFrame,
        info: VideoInfo,
        suffix: str,
        flattener: Flattener,
    ) -> None:
        self._flattener = flattener
        self._choice, self._budget = choice, budget
        self._keeper = SideDataKeeper("mjpeg", suffix.lower())
        self._keeper.begin(first.decoded, info.side_data)
        self.notices = self._keeper.notices
        self._aspect = info.sample_aspect_ratio
        self._counts: deque[Sequence[Counts]] = deque()
        self._pending: deque[tuple[VideoFrame, bytes, Future[tuple[bytes, Sequence[Counts]]]]] = deque()
        self._qualities = 0.0
        self._num_frames = 0
        self._pool = ThreadPoolExecutor(os.cpu_count(), "semvid-jpeg")
        rate = info.frame_rate or Fraction(25)
        self._grid: FixedRate | None = None
        self._span = Fraction(0)
        self._start: Fraction | None = None
        self._last_jpeg = b""
        if suffix.lower() == ".avi":
            times, end = shown_times(info)
            self._span = (end - times[0]) * info.time_base
            self._grid = FixedRate(choose_rate(times, info.time_base, rate))
            rate = self._grid.rate
        self.parameters = self._describe(first, info, rate)
        self._tell_losses(first.decoded, suffix.lower())

    def _describe(self, first: PreparedFrame, info: VideoInfo, rate: Fraction) -> StreamParameters:
        order = field_order(first.decoded)
        on_grid = self._grid is not None
        return StreamParameters(
            coding_format="mjpeg",
            time_base=1 / rate if on_grid else cast(Fraction, first.decoded.time_base),
            size=(first.picture.width, first.picture.height),
            pixel_format=first.picture.format.name,
            frame_rate=rate,
            color_range=ColorRange.JPEG,
            color_primaries=first.decoded.color_primaries,
            color_trc=first.decoded.color_trc,
            color_matrix=Colorspace.ITU601,
            field_order=0 if order is None else FIELD_ORDERS[order],
            sample_aspect_ratio=info.sample_aspect_ratio or None,
            display_matrix=None if on_grid else display_matrix_of(first.decoded),
            boxes=tuple(self._keeper.boxes),
            tags=self._keeper.tags,
        )

    def _tell_losses(self, decoded: VideoFrame, suffix: str) -> None:
        if decoded.format.components[0].bits > 8:
            self.notices.append(f"mjpeg has 8 bits per sample; {decoded.format.name} is rounded")
        coded = _format_for(decoded)
        if not decoded.format.name.startswith((coded[:7], coded[:7].replace("j", ""), "gray")):
            self.notices.append(f"mjpeg does not code {decoded.format.name}; converted to {coded}")
        if not is_convertible(decoded):
            self.notices.append(
                f"colours coded as {matrix_name(decoded.colorspace)} are not converted, and come out wrong; "
                "use `codec=x264`, which keeps them as they are"
            )
        if suffix == ".avi" and decoded.color_trc in HDR_TRANSFERS:
            self.notices.append("mjpeg in .avi cannot say that its colours are HDR; write to .mov or .mkv")

    @property
    def mean_quality(self) -> float:
        """Of all frames so far."""
        return self._qualities / self._num_frames if self._num_frames else self._choice.quality

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        """See ``Encoder``."""
        self._keeper.look(prepared.decoded)
        if self._flattener.found:
            self._keeper.lose_transparency()
        packets = self._finish_one() if len(self._pending) == _LAG else []
        quality = self._budget.next_quality() if self._budget else self._choice.quality
        self._qualities += quality
        self._num_frames += 1
        known = self._counts.popleft() if self._counts else ()
        job = partial(_code, prepared, replace(self._choice, quality=quality), known)
        icc = next((data for name, data in side_data_bytes(prepared.decoded) if name == "ICC_PROFILE"), b"")
        self._pending.append((prepared.picture, icc, self._pool.submit(job)))
        return packets

    def flush(self) -> list[CodedPacket]:
        """See ``Encoder``."""
        packets = []
        while self._pending:
            packets += self._finish_one()
        if self._grid is not None:
            before = self._grid.last_index
            index = self._grid.end((self._start or 0) + self._span)
            if index is not None:
                packets += self._on_grid(self._last_jpeg, before, index)
            self.notices += self._grid.notices
        return packets

    def close(self) -> None:
        """See ``Encoder``."""
        self._pool.shutdown(cancel_futures=True)

    def _finish_one(self) -> list[CodedPacket]:
        picture, icc, future = self._pending.popleft()
        jpeg, counts = future.result()
        self._counts.append(counts)
        if self._budget:
            self._budget.spend(len(jpeg))
        if self._aspect:
            jpeg = with_pixel_aspect(jpeg, self._aspect)
        jpeg = insert_segments(jpeg, PictureTags(icc=icc))
        time_base = cast(Fraction, picture.time_base)
        if self._grid is None:
            return [self._packet(jpeg, picture.pts or 0, time_base, picture.duration)]
        seconds = (picture.pts or 0) * time_base
        self._start = seconds if self._start is None else self._start
        before, index = self._grid.last_index, self._grid.place(seconds)
        if index is None:
            return []
        packets = self._on_grid(self._last_jpeg, before, index - 1) if index - before > LONGEST_GAP else []
        self._last_jpeg = jpeg
        return [*packets, self._packet(jpeg, index, 1 / self._grid.rate)]

    def _on_grid(self, jpeg: bytes, before: int, last: int) -> list[CodedPacket]:
        """Repeat a frame at ``last``, and on the way there where it is too far for the muxer to fill."""
        assert self._grid is not None  # noqa: S101 - only called with one
        places = [*range(before + LONGEST_GAP, last, LONGEST_GAP), last]
        return [self._packet(jpeg, one, 1 / self._grid.rate) for one in places]

    def _packet(self, jpeg: bytes, pts: int, time_base: Fraction, duration: int = 0) -> CodedPacket:
        return CodedPacket(jpeg, "mjpeg", pts, pts, duration, is_keyframe=True, time_base=time_base)


def _code(prepared: PreparedFrame, choice: Choice, known: Sequence[Counts]) -> tuple[bytes, Sequence[Counts]]:
    import torch

    # Frames share the cores already.
    torch.set_num_threads(1)
    coder = PictureCoder(planes_of(prepared.picture), prepared.importance)
    return coder.encode(choice, known), coder.counts


def _format_for(picture: VideoFrame) -> str:
    """Keep the chroma sampling of YUV; everything else becomes 4:2:0, which players expect."""
    for sampling in ("422", "444"):
        if picture.format.name.startswith(("yuv" + sampling, "yuvj" + sampling)):
            return f"yuvj{sampling}p"
    return "yuvj420p"
