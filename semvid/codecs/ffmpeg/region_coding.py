"""Coding with FFmpeg's encoders that take quantizer offsets per region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np
from av.video.frame import PictureType

from semvid.codecs.base.codec import LiveOptions, Pass
from semvid.codecs.base.coding import Encoder, PreparedFrame, Target
from semvid.codecs.base.dolby_vision import refuse_private_colours
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.live import live_options, predicted_saving
from semvid.codecs.ffmpeg.map_watch import WatchRunner
from semvid.codecs.ffmpeg.mapless import mapless_notice
from semvid.codecs.ffmpeg.obedience import MapWatch
from semvid.codecs.ffmpeg.option_trial import check_obedience
from semvid.codecs.ffmpeg.prefilter import Prefilter
from semvid.codecs.ffmpeg.prepare import FramePreparer, can_code_fields
from semvid.codecs.ffmpeg.rated import rated_options
from semvid.codecs.ffmpeg.spec import EncoderSpec, PictureEncoder
from semvid.core.coded import CodedPacket
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.errors import ConfigError
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame

if TYPE_CHECKING:
    from av import VideoFrame

_NO_MAP = np.zeros((1, 1), np.float32)


class RegionCoding:
    """Coding with an FFmpeg encoder that takes quantizer offsets per region; see ``Coding``.

    Args:
        spec: The encoder.
        options: FFmpeg's.
        crf: Constant rate factor that offsets are scaled for.
        allocation: How strongly importance moves the quantizer.
        given: The user's own among the options.
        is_live: Every picture comes out as it goes in.
        remainder: What the quality is beyond the CRF, of an encoder that takes whole numbers: the map adds it
            where it changes the quantizer.
        is_kept: Somebody will see what is coded.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        options: Mapping[str, str],
        crf: float,
        allocation: AllocationConfig,
        *,
        given: Mapping[str, str] | None = None,
        is_live: bool = False,
        remainder: float = 0.0,
        is_kept: bool = True,
    ) -> None:
        self.name, self.coding_format = spec.name, spec.coding_format
        self._crf, self._remainder, self._is_kept = crf, remainder, is_kept
        self._spec, self._options, self._given, self._is_live = spec, options, given or {}, is_live
        # Live the strength may rise later: libx265 4.2 crashes if only some pictures carry offsets.
        self._mode = None if is_live else spec.mapless_mode(self._given)
        steers = spec.reads_map and self._mode is None
        self._only_softens = allocation.strength > 0 and not steers
        self._has_map = steers and (is_live or allocation.strength > 0)
        self._preparer: FramePreparer | None = None
        self._encoder: PictureEncoder | None = None
        self.reweigh(allocation)

    @classmethod
    def of_file(cls, spec: EncoderSpec, config: CompressConfig, part: Pass | None = None) -> Self:
        """Return the way of coding a file, or one of two passes over it.

        Raises:
            ConfigError: An option is not one the encoder has.
            MapIgnoredError: The encoder would silently ignore the map.
        """
        options, crf, remainder = rated_options(spec, config, part)
        return cls(
            spec, options, crf, config.allocation,
            given=config.encoder_options, remainder=remainder, is_kept=part is None or part.number > 1,
        )  # fmt: skip

    @classmethod
    def of_live_stream(cls, spec: EncoderSpec, options: LiveOptions, allocation: AllocationConfig) -> Self:
        """Return the way of coding a live stream; raises as ``of_file`` does."""
        return cls(spec, live_options(spec, options), spec.crf.default, allocation, is_live=True)

    @property
    def quality(self) -> float:
        """See ``Coding``."""
        is_searched = "crf" not in self._options and self._encoder is not None
        mean = self._encoder.mean_quantizer if is_searched and self._encoder else None
        return self._crf + self._remainder if mean is None else mean

    @property
    def keeps_region(self) -> bool:
        """See ``Coding``."""
        return self._allocation.keeps_region

    def codes_fields(self, picture: VideoFrame) -> bool:
        """See ``Coding``."""
        return self._options.get("profile") != "baseline" and can_code_fields(self._spec, picture)

    def reweigh(self, allocation: AllocationConfig) -> None:
        """See ``Coding``."""
        self._allocation = allocation
        spec = self._spec
        if self._preparer is not None and self._preparer.codes_fields and spec.field_block_size is not None:
            spec = replace(spec, block_size=spec.field_block_size)
        self._allocator = OffsetAllocator(spec, allocation, self.quality)
        octaves = (spec.crf_steps(self.quality) - spec.crf_steps(spec.crf.default)) / 6
        softening = EncoderSpec.softening(spec, allocation)
        self._prefilter = Prefilter(softening * 2 ** (octaves / 2)) if softening else None

    def prepare(self, analysed: AnalysedFrame) -> PreparedFrame:
        """See ``Coding``."""
        if self._preparer is None:
            spec = self._spec
            if self._is_live and spec.live_levels is not None:
                spec = replace(spec, max_levels=spec.live_levels)
            self._preparer = FramePreparer(
                spec,
                self._crf,
                analysed.frame,
                remainder=self._remainder,
                codes_fields=not self._is_live and self.codes_fields(analysed.frame.picture),
                minds_alpha=not self._is_live,
            )
            self.reweigh(self._allocation)
            if self._prefilter is not None and self._preparer.codes_fields:
                raise ConfigError(
                    f"{setting('prefilter', self._allocation.prefilter)} is not for interlaced video, whose "
                    "lines are of two times; add `deinterlace=bwdif`, or leave it out"
                )
        if self._has_map and analysed.importance is None:
            analysed = replace(analysed, importance=_NO_MAP)
        elif self._allocation.strength == 0 and not self._is_live:
            # Maps may be made all the same, to be saved.
            analysed = replace(analysed, importance=None)
        # What softening alone saves is measured, or not told.
        offsets, predicted = (None, None) if self._only_softens else self._allocator.update(analysed)
        picture = self._preparer.prepare(analysed.frame, offsets)
        if self._prefilter is not None and analysed.importance is not None:
            picture = self._prefilter.apply(picture, analysed.importance)
        if analysed.wants_key:
            picture.pict_type = PictureType.I
        blocks, saving = self._allocator.blocks, None
        if self._is_live and offsets is not None and blocks is not None:
            saving = predicted_saving(blocks, offsets.values)
        return PreparedFrame(
            analysed.frame.picture, picture, predicted=predicted, offsets=self._preparer.in_force,
            saving=saving,
        )  # fmt: skip

    def open(self, first: PreparedFrame, target: Target) -> Encoder:
        """See ``Coding``."""
        assert self._preparer is not None  # noqa: S101 - first has been prepared
        if target.source is not None:
            refuse_private_colours(first.decoded, target.source.side_data, target.source.path)
        untried, is_watched = None, self._has_map and target.is_seen
        if is_watched:
            untried = check_obedience(self._spec, self._options, self._preparer.pixel_format, self._given)
        encoder = self._spec.open(self._options, self._preparer, first=first.decoded, target=target)
        self._encoder = encoder
        watch = self._watch(encoder.parameters.extradata) if is_watched and self._is_kept else None
        if self._is_live:
            # What a live stream does not keep is told when it begins, whatever its encoder.
            return _RegionStream(encoder, watch, [])
        softened = [self._softened(self._prefilter)] if self._prefilter is not None else []
        if self._mode is not None and self._only_softens:
            softened.append(mapless_notice(self._spec, self._mode))
        notices = [*self._preparer.conversions, *softened, *filter(None, [untried]), *encoder.notices]
        encoder.notices[:] = notices
        return _RegionStream(encoder, watch, encoder.notices)

    def _softened(self, prefilter: Prefilter) -> str:
        if self._spec.reads_map or self._allocation.prefilter is not None:
            return prefilter.notice
        return f"{self.name} takes no map here, so {prefilter.notice}; `prefilter=0` turns it off"

    def _watch(self, extradata: bytes | None) -> WatchRunner:
        assert self._preparer is not None  # noqa: S101 - the first frame has been prepared
        given = " ".join(f"{key}={value}" for key, value in self._given.items())
        watch = MapWatch(
            self._spec,
            self._options,
            self._crf,
            extradata,
            f"check {setting('encoder_options', given)}" if given else "see 'semvid doctor'",
            codes_fields=self._preparer.codes_fields,
            is_live=self._is_live,
        )
        needs_key = self._is_live and self._spec.lacks_live_keys
        return WatchRunner(watch, is_live=self._is_live, needs_key=needs_key)


class _RegionStream:
    """Unpacks prepared frames for the encoder, and has it watched."""

    def __init__(self, encoder: PictureEncoder, watch: WatchRunner | None, notices: list[str]) -> None:
        self.parameters, self.notices, self._encoder = encoder.parameters, notices, encoder
        self._watch = watch

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        self._encoder.look(prepared.decoded)
        if self._watch is not None and self._watch.ask(prepared):
            prepared.picture.pict_type = PictureType.I
        packets = self._encoder.encode(prepared.picture)
        if self._watch is not None:
            self.notices += self._watch.look(packets)
        return packets

    def flush(self, *, is_end: bool = True) -> list[CodedPacket]:
        packets = self._encoder.flush()
        if self._watch is not None:
            self.notices += self._watch.look(packets, is_last=True, is_end=is_end)
        return packets

    def close(self) -> None:
        self._encoder.close()
        if self._watch is not None:
            self._watch.close()
