"""Motion-JPEG: every frame is a semantic JPEG, encoded on all cores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from semvid.codecs.base.codec import LiveOptions
from semvid.codecs.base.coding import Encoder, PreparedFrame, Target
from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.rates import check_rates
from semvid.codecs.jpeg.budget import Budget
from semvid.codecs.jpeg.codec import MJPEG
from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.motion_encoder import JpegEncoder
from semvid.codecs.jpeg.planes import planes_of
from semvid.codecs.jpeg.tuning import TUNINGS
from semvid.core.config import JPEG_QUALITY, AllocationConfig, CompressConfig, ImageConfig
from semvid.core.conversion import Colours, converted
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Quality, Size
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame
from semvid.media.alpha import Flattener
from semvid.media.colour import colours_of
from semvid.media.reading.packets import measure_streams

if TYPE_CHECKING:
    from av import VideoFrame

_PACKET_OVERHEAD, _FILE_OVERHEAD = 32, 4096
"""Bytes of a container, at most; both for ``Size``."""
_FIRST_LIVE_QUALITY = 50


class JpegCoding:
    """See ``Coding``.

    Args:
        config: Options.
        live: Those of a live stream, where bit rate and delay come from; None = a file.

    Raises:
        ConfigError: An option is not for Motion-JPEG.
    """

    name = coding_format = "mjpeg"
    keeps_region = False

    def __init__(self, config: CompressConfig, live: LiveOptions | None = None) -> None:
        self._rate = config.rate or JPEG_QUALITY
        check_rates(config, MJPEG, (Quality, Bitrate, Size))
        for option, value in (("preset", config.preset), ("encoder_options", config.encoder_options)):
            if value:
                raise ConfigError(f"`{option}` is not for `codec=mjpeg`; give `Quality`, `Bitrate` or `Size`")
        if live is None and config.allocation.match is not None:
            raise ConfigError(
                "`match` is not for `codec=mjpeg`: its `Quality` is that of what matters already, and with "
                "`Bitrate` or `Size` the size is known; leave it out"
            )
        if config.probe is not None:
            raise ConfigError(
                f"`probe={config.probe}` has no effect: `codec=mjpeg` measures nothing; leave it out"
            )
        usual = AllocationConfig()
        limits = (config.allocation.finest, config.allocation.coarsest)
        if limits != (usual.finest, usual.coarsest):
            raise ConfigError(
                "`finest` and `coarsest` limit quantizer offsets, and `codec=mjpeg` has none; give `strength`"
            )
        self._config, self._live, self._tuning = config, live, TUNINGS[config.tune or ImageConfig().tune]
        self._choice = Choice(
            quality=self._rate.value if isinstance(self._rate, Quality) else JPEG_QUALITY.value,
            background_weight=config.allocation.background_weight,
            strength=config.allocation.strength,
            mends_borders=False,
        )
        self._flattener = Flattener()
        self._encoder: JpegEncoder | None = None

    @property
    def quality(self) -> float:
        """Of what matters, on libjpeg's scale; the mean if it changed."""
        return self._choice.quality if self._encoder is None else self._encoder.mean_quality

    def reweigh(self, allocation: AllocationConfig) -> None:
        """See ``Coding``."""
        self._choice = replace(self._choice, strength=allocation.strength)
        if self._encoder is not None:
            self._encoder.choice = self._choice

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

    def open(self, first: PreparedFrame, target: Target) -> Encoder:
        """See ``Coding``."""
        if target.source is not None:
            refuse_private_colours(first.decoded, target.source.side_data, target.source.path)
        budget, most_pending = self._budget(first, target), None
        if self._live is not None:
            most_pending = max(int(self._live.latency_ms / 1000 * self._live.frame_rate), 1) - 1
            # What is compiled on first use takes seconds: not in the threads, where frames would pile up.
            _compile(self._choice)
        self._encoder = JpegEncoder(
            self._choice, self._tuning, budget, first, target, self._flattener, most_pending=most_pending
        )
        return self._encoder

    def _budget(self, first: PreparedFrame, target: Target) -> Budget | None:
        if self._live is not None:
            return Budget(self._live.bitrate / 8 / self._live.frame_rate, None, _FIRST_LIVE_QUALITY)
        rate, num_frames, info = self._rate, None, target.source
        frame_rate = float(target.frame_rate or 25)
        if isinstance(rate, Bitrate):
            share = rate.bits_per_second / 8 / frame_rate
        elif isinstance(rate, Size):
            assert info is not None  # noqa: S101 - only files have a size
            num_frames, other_bytes, num_packets = measure_streams(info, self._config.drop)
            left = rate.num_bytes - other_bytes - _PACKET_OVERHEAD * num_packets - _FILE_OVERHEAD
            share = left / num_frames
        else:
            return None
        coder = PictureCoder(planes_of(first.picture), first.importance, self._tuning)
        smallest = len(coder.encode(replace(self._choice, quality=1)))
        if share < smallest:
            if isinstance(rate, Size):
                asked, needed = rate.num_bytes, rate.num_bytes + (smallest - share) * (num_frames or 1)
            else:
                asked, needed = rate.bits_per_second, 8 * smallest * frame_rate
            raise ConfigError(
                f"{setting(type(rate).__name__, asked)} is out of reach; this video needs "
                f"about {needed:.0f}: allow more, or shrink the picture"
            )
        _, quality = fill_size(coder.encode, self._choice, int(share))
        return Budget(share, num_frames, quality)


def _compile(choice: Choice) -> None:
    """Have the kernels compiled, by coding a small picture."""
    planes = planes_of(av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuvj420p"))
    PictureCoder(planes, np.zeros((1, 1), np.float32)).encode(choice)


def _format_for(picture: VideoFrame) -> str:
    """Keep the chroma sampling of YUV; everything else becomes 4:2:0, which players expect."""
    for sampling in ("422", "444"):
        if picture.format.name.startswith(("yuv" + sampling, "yuvj" + sampling)):
            return f"yuvj{sampling}p"
    return "yuvj420p"
