"""Coding with FFmpeg's encoders that take quantizer offsets per region."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from semvid.codecs.base.coding import Encoder, PreparedFrame
from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.base.rates import check_kind
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.encoder import VideoEncoder
from semvid.codecs.ffmpeg.obedience import MapWatch
from semvid.codecs.ffmpeg.option_trial import check_obedience
from semvid.codecs.ffmpeg.prepare import FramePreparer, can_code_fields
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket
from semvid.core.config import CompressConfig
from semvid.core.rate import Crf
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, VideoInfo

if TYPE_CHECKING:
    from av import VideoFrame


class RegionCoding:
    """Coding with an FFmpeg encoder that takes quantizer offsets per region.

    Args:
        spec: The encoder.
        config: Options.

    Raises:
        ConfigError: An option is not one the encoder has.
        MapIgnoredError: The encoder would silently ignore the map.
    """

    def __init__(self, spec: EncoderSpec, config: CompressConfig) -> None:
        if config.rate is not None:
            check_kind(config.rate, (Crf,), spec.name)
        self.name, self.coding_format = spec.name, spec.coding_format
        self.quality = config.rate.value if isinstance(config.rate, Crf) else spec.crf.default
        self._spec, self._config = spec, config
        self._options = spec.options(self.quality, config.preset, config.encoder_options)
        self._extra = config.encoder_options
        self._has_map = config.allocation.strength > 0
        self._allocator = OffsetAllocator(spec, config.allocation)
        self._preparer: FramePreparer | None = None

    def codes_fields(self, picture: VideoFrame) -> bool:
        """See ``Coding``."""
        return self._options.get("profile") != "baseline" and can_code_fields(self._spec, picture)

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """See ``Coding``."""
        if self._preparer is None:
            self._preparer = FramePreparer(
                self._spec,
                self.quality,
                analysed.frame,
                codes_fields=self.codes_fields(analysed.frame.picture),
                minds_alpha=True,
            )
            if self._preparer.codes_fields and self._spec.field_block_size is not None:
                blocks = replace(self._spec, block_size=self._spec.field_block_size)
                self._allocator = OffsetAllocator(blocks, self._config.allocation)
        offsets, ratio = self._allocator.update(analysed)
        picture = self._preparer.prepare(analysed.frame, offsets)
        return PreparedFrame(
            analysed.frame.picture, picture, predicted_rate_ratio=ratio, offsets=self._preparer.in_force
        )

    def open(self, first: PreparedFrame, info: VideoInfo, suffix: str) -> Encoder:
        """See ``Coding``."""
        assert self._preparer is not None  # noqa: S101 - first has been prepared
        refuse_private_colours(first.decoded, info.side_data, info.path)
        untried = None
        if self._has_map:
            untried = check_obedience(self._spec, self._options, self._preparer.pixel_format, self._extra)
        encoder = VideoEncoder(
            self._spec,
            self._options,
            self._preparer,
            first=first.decoded,
            frame_rate=info.frame_rate,
            sample_aspect_ratio=info.sample_aspect_ratio,
            suffix=suffix,
            side_data=info.side_data,
        )
        encoder.notices[:0] = [*self._preparer.conversions, *filter(None, [untried])]
        watch = None
        if self._has_map:
            given = " ".join(f"{key}={value}" for key, value in self._extra.items())
            watch = MapWatch(
                self._spec,
                self._options,
                self.quality,
                encoder.parameters.extradata,
                f"check {setting('encoder_options', given)}" if given else "see 'semvid doctor'",
                codes_fields=self._preparer.codes_fields,
            )
        return _RegionStream(encoder, watch)


class _RegionStream:
    """Unpacks prepared frames for the encoder."""

    def __init__(self, encoder: VideoEncoder, watch: MapWatch | None) -> None:
        self.parameters, self.notices, self._encoder = encoder.parameters, encoder.notices, encoder
        self._watch = watch

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        self._encoder.look(prepared.decoded)
        if self._watch is not None and prepared.offsets is not None:
            self._watch.ask(prepared.picture, prepared.offsets)
        return self._watched(self._encoder.encode(prepared.picture))

    def flush(self) -> list[CodedPacket]:
        return self._watched(self._encoder.flush(), is_last=True)

    def _watched(self, packets: list[CodedPacket], *, is_last: bool = False) -> list[CodedPacket]:
        if self._watch is not None and (work := self._watch.look(packets, is_last=is_last)) is not None:
            self.notices += filter(None, [self._watch.conclude(work())])
        return packets

    def close(self) -> None:
        """Nothing runs by itself."""
