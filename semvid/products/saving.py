"""What an encode with a map saves: found out in the way that ``CompressConfig.probe`` says."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from semvid.codecs.base.coding import Coding, Target
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.events import Event, Measured, Notice
from semvid.core.rate import Bitrate
from semvid.core.results import Result
from semvid.engine.samples import ERROR_OF_MODEL, CodingLog
from semvid.engine.stages import Stage
from semvid.media.reading.reader import VideoReader

if TYPE_CHECKING:
    from semvid.engine.quick import QuickProbe


class Saving:
    """What one encode saves.

    Args:
        coding: The encode.
        config: Its options.
        target: The stream.
        reader: The source.
        sees_frames: Frames go through the stages of this run, and do not only come out of a recording.
        num_whole: Frames of the whole video, if this is an encode of a part: of all parts together as many
            frames are encoded again as of a video in one piece. None = it is the whole.

    Attributes:
        stages: To put before frames are prepared.
        measured: A plain encode, once it was measured in full, or quickly; None = it is not known.
    """

    def __init__(
        self,
        coding: Coding,
        config: CompressConfig,
        target: Target,
        reader: VideoReader,
        *,
        sees_frames: bool,
        num_whole: int | None = None,
    ) -> None:
        self._num_whole = num_whole
        self._config, self._reader, self._target = config, reader, target
        self._keeps_region = coding.keeps_region
        # There is no plain encode of the same quality to compare with at a bit rate.
        self._way = "none"
        if coding.keeps_region and not isinstance(config.rate, Bitrate):
            self._way = config.chosen_probe
        self._quick = self._open_quick() if self._way == "quick" and sees_frames else None
        self.stages: list[Stage] = [] if self._quick is None else [self._quick.run]
        self.measured: Measured | None = None
        self._is_quick = False

    def _open_quick(self) -> QuickProbe | None:
        pair = find_codec(self._config.codec).quick_pair
        if pair is None:
            return None
        # Runs that measure nothing need none of it.
        from semvid.engine.quick import QuickProbe, expected_frames

        num_frames = expected_frames(self._reader.info, self._reader.span)
        return QuickProbe(self._config, pair, self._target, num_frames, self._num_whole)

    def find(self, source: Path, log: CodingLog, suffix: str) -> Generator[Event, None, None]:
        """Find out how large a plain encode would be, after the encode.

        What the quick way has nothing to say of is measured in full: encoders that it is not known of, where
        a map may cost more than it saves, and videos that are not encoded but written as they were tried.

        Args:
            source: The video.
            log: What came out.
            suffix: Of the output.

        Yields:
            ``Measured``, and what ``measure_plain`` yields.
        """
        if self._quick is not None:
            self.measured = self._quick.conclude(log)
            self._is_quick = self.measured is not None
            if self._quick.failure is not None:
                yield Notice(f"what was saved is measured in full, since parts failed: {self._quick.failure}")
        if self.measured is not None:
            yield self.measured
        elif self._way != "none":
            from semvid.engine.probe import measure_plain

            self.measured = yield from measure_plain(
                source, self._reader.span, self._config, log, suffix, self._num_whole
            )

    def added_to(self, result: Result) -> Result:
        """Add to a result what was saved."""
        if not self._keeps_region:
            return result
        measured, estimate, plain, error = self.measured, result.plain_bytes_estimate, None, ERROR_OF_MODEL
        if measured is not None:
            plain = result.output_bytes - result.video_bytes + measured.plain_video_bytes
            error = measured.saving_error
        if self._is_quick:
            plain, estimate = None, plain
        compared = plain or estimate
        return replace(
            result,
            plain_bytes_estimate=estimate,
            plain_bytes=plain,
            saving=1 - result.output_bytes / compared if compared else None,
            saving_error=error if compared else None,
        )
