"""Search the plain encode of a given size: what the maps have to be measured against."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from semvid.codecs.opening import open_coding
from semvid.codecs.registry import find_encoder
from semvid.core.config import AllocationConfig, CompressConfig, TemporalConfig
from semvid.core.errors import OutputError
from semvid.core.events import Event, Progress
from semvid.core.types import Result
from semvid.media.writing.claim import Claim
from semvid.media.writing.output import scratch_folder
from semvid.products.compress import compress

_CLOSE = math.log2(1.01)
_MOST_TRIES = 6
_STEPS_PER_OCTAVE = {"x264": 6.0, "x265": 6.0, "vp8": 10.0, "vp9": 10.0, "mjpeg": -25.0}
"""Steps of CRF, or of JPEG quality, that halve the size, roughly: only the first guess needs them."""


def plain_encode_of_size(
    source: Path | str,
    output: Path | str,
    config: CompressConfig,
    wanted: Result,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Result:
    """Encode without a map, by the same encoder with the same options, to the size of another encode.

    The video streams are made equally large, within 1 % or as closely as six tries or whole steps of
    quality come.

    Args:
        source: The video.
        output: Where the plain encode goes.
        config: Of the encode to match; what it says of maps is ignored.
        wanted: What that encode became.
        on_event: Called with ``Progress`` of every try.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, nothing is left behind.
    """
    output = Path(output)
    with scratch_folder() as folder, Claim(output, overwrite=True) as claim:
        best = _search(Path(source), folder, output.suffix, plain_config(config), wanted, on_event)
        try:
            temporary = claim.temporary()
            shutil.copyfile(best.output, temporary)
            claim.publish(temporary)
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(
                f"{output} cannot be written: {error.strerror or error}; nothing was left behind"
            ) from error
    return replace(best, output=output)


def plain_config(config: CompressConfig) -> CompressConfig:
    """Take all that concerns maps out of a config: what is left is a plain encode that loads no network."""
    return replace(
        config,
        model="spectral",
        maps=None,
        maps_hold=False,
        boxes=None,
        device="auto",
        save_maps=None,
        temporal=TemporalConfig(),
        allocation=replace(AllocationConfig(), strength=0),
        overwrite=True,
    )


class _Scale:
    """The quality scale of one encoder, and which of its steps were tried."""

    def __init__(self, config: CompressConfig) -> None:
        self._config = config
        self._name = open_coding(config).name
        if self._name == "mjpeg":
            self._lowest, self._highest, self._is_whole = 1.0, 100.0, True
        else:
            crf = find_encoder(config.codec).crf
            self._lowest, self._highest, self._is_whole = crf.lowest, crf.highest, not crf.takes_fractions
        self._sizes: dict[float, float] = {}
        """Quality -> binary logarithm of the size."""

    def config(self, quality: float) -> CompressConfig:
        """Return the config of a plain encode of this quality."""
        if self._name == "mjpeg":
            return replace(self._config, quality=round(quality), bitrate=None, target_size=None)
        return replace(self._config, crf=quality)

    def round(self, quality: float) -> float:
        """Return the nearest quality the encoder takes."""
        limited = min(max(quality, self._lowest), self._highest)
        return float(round(limited)) if self._is_whole else round(limited, 2)

    def update(self, quality: float, num_bytes: int, wanted: int) -> float | None:
        """Take the size of a try; return the quality to try next, None = this is as close as it gets."""
        self._sizes[quality] = math.log2(max(num_bytes, 1) / max(wanted, 1))
        if abs(self._sizes[quality]) < _CLOSE:
            return None
        above = [one for one, size in self._sizes.items() if size > 0]
        below = [one for one, size in self._sizes.items() if size <= 0]
        if above and below:
            large, small = min(above, key=self._sizes.__getitem__), max(below, key=self._sizes.__getitem__)
            share = self._sizes[large] / (self._sizes[large] - self._sizes[small])
            guess = large + share * (small - large)
        else:
            guess = quality + _STEPS_PER_OCTAVE[self._name] * self._sizes[quality]
            if self._is_whole and self.round(guess) == quality:
                guess = quality + math.copysign(1, guess - quality)
        guess = self.round(guess)
        return None if guess in self._sizes else guess


def _search(
    source: Path,
    folder: Path,
    suffix: str,
    config: CompressConfig,
    wanted: Result,
    on_event: Callable[[Event], None],
) -> Result:
    def forward(event: Event) -> None:
        if isinstance(event, Progress):
            on_event(event)

    scale = _Scale(config)
    quality: float | None = scale.round(wanted.quality)
    best: Result | None = None
    for number in range(_MOST_TRIES):
        if quality is None:
            break
        tried = compress(source, folder / f"{number}{suffix}", scale.config(quality), on_event=forward)
        if best is None or _distance(tried, wanted) < _distance(best, wanted):
            if best is not None:
                best.output.unlink()
            best = tried
        else:
            tried.output.unlink()
        quality = scale.update(quality, tried.video_bytes, wanted.video_bytes)
    assert best is not None  # noqa: S101 - there is at least one try
    return best


def _distance(result: Result, wanted: Result) -> float:
    return abs(math.log(max(result.video_bytes, 1) / max(wanted.video_bytes, 1)))
