"""Estimates what a map saves while a video is encoded: short parts are encoded twice, by a fast preset.

Once with the map and once without. Both begin with a key frame and end without frames to look ahead at, so
what that changes cancels out of their ratio, and parts need nothing before and behind them. The rate model
says how the rest compares with the parts, and frames that are key frames are compared with those.

How near that comes is measured by ``examples/benchmark/savings.py``; what was tried instead is in
``docs/performance.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.codec import QuickPair
from semvid.codecs.base.coding import Coding, Encoder, Target
from semvid.codecs.registry import find_codec
from semvid.core.coded import CodedPacket
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.errors import SemvidError
from semvid.core.events import Measured
from semvid.core.records import dataclass
from semvid.core.types import AnalysedFrame, Span, VideoInfo
from semvid.engine.samples import ERROR_OF_MODEL, CodedFrames, CodingLog
from semvid.engine.stages import Items

_SHARE_OF_FAST = 0.08
"""Frames that are encoded twice where the encode is about as fast as they are."""
_PART, _SHORTEST = 48, 16
"""Frames of a part, at least, and of the only one of a short video: fewer tell too much of its beginning."""
_MOST_PARTS = 24


@dataclass(frozen=True, slots=True)
class QuickPart:
    """A part that was encoded twice."""

    pts: NDArray[np.int64]
    """``(n,)``, rising."""
    plain: NDArray[np.float64]
    """``(n,)`` bytes of its frames without the map."""
    mapped: NDArray[np.float64]
    """``(n,)`` bytes with it."""
    is_key: NDArray[np.bool_]
    """``(n,)`` in either."""


def expected_frames(info: VideoInfo, span: Span) -> int | None:
    """Return how many frames a part of a video has, by its header; None = the header does not tell."""
    if span.is_all and info.num_frames_from_header is not None:
        return info.num_frames_from_header
    if info.duration_seconds is None or info.frame_rate is None:
        return None
    end = info.duration_seconds if span.end is None else span.end * info.time_base
    return max(round((end - span.start * info.time_base) * info.frame_rate), 1)


def quick_parts(num_frames: int | None, share: float, num_whole: int | None = None) -> Iterator[range]:
    """Yield the parts to encode twice, by the numbers of their frames: each amid what it stands for.

    Args:
        num_frames: From ``expected_frames``; None = unknown: parts go on without end.
        share: Of the frames.
        num_whole: Frames of the whole video, if this is a part of it; None = it is the whole. Of a long one
            no more frames are encoded twice in all parts together than otherwise.
    """
    if num_whole is not None:
        share = min(share, _MOST_PARTS * _PART / num_whole)
    numbers: Iterator[int] = count()
    if num_frames is None:
        slot, length = _PART / share, _PART
    else:
        num_parts = min(max(int(share * num_frames / _PART), 1), _MOST_PARTS)
        slot = num_frames / num_parts
        length = min(max(round(share * slot), _SHORTEST), num_frames)
        if num_parts == _MOST_PARTS:
            length = _PART
        numbers = iter(range(num_parts))
    for number in numbers:
        first = max(round((number + 0.5) * slot - length / 2), 0)
        yield range(first, first + length)


def plain_bytes(
    coded: CodedFrames, predicted: NDArray[np.float64], parts: Sequence[QuickPart], pair: QuickPair
) -> float:
    """Estimate the bytes of a plain encode by parts.

    Args:
        coded: All frames of the encode with the map.
        predicted: ``(n,)`` predicted ratio of each of them, plain by mapped.
        parts: At least one.
        pair: How they were encoded.
    """
    own, expected, keys = np.zeros(2), 0.0, np.zeros(2)
    for part in parts:
        sizes, inter = np.stack([part.plain, part.mapped]), ~part.is_key
        ratios = predicted[np.clip(np.searchsorted(coded.pts, part.pts), 0, len(predicted) - 1)]
        keys += sizes[:, part.is_key].sum(1)
        own += sizes[:, inter].sum(1)
        expected += float((part.mapped * ratios)[inter].sum())
    correction = own[0] / expected if expected else keys[0] / keys[1]
    like_parts = (coded.sizes * predicted)[~coded.is_key].sum() * correction
    like_parts += coded.sizes[coded.is_key].sum() * keys[0] / keys[1]
    total = float(coded.sizes.sum())
    return total * math.exp(pair.shift + pair.slope * math.log(like_parts / total))


def likeliest(*estimates: tuple[float, float]) -> tuple[float, float]:
    """Join estimates of one number that are off independently: each counts by the square of its error.

    Args:
        estimates: Each with its error, above 0.

    Returns:
        The mean, and its error.
    """
    weights = [error**-2 for _, error in estimates]
    mean = sum(weight * value for weight, (value, _) in zip(weights, estimates, strict=True)) / sum(weights)
    return mean, sum(weights) ** -0.5


def error_of(pair: QuickPair, num_frames: int) -> float:
    """Return by how many points of the saving, in percent, so many frames of parts are off on average."""
    return math.hypot(pair.error, pair.sampling_error * math.sqrt(_PART / num_frames))


class QuickProbe:
    """A stage before ``Coding.prepare`` that encodes parts twice as they pass.

    Args:
        config: Of the encode.
        pair: How its codec does it.
        target: The stream.
        num_frames: As for ``quick_parts``, like ``num_whole``.
        num_whole: See there.

    Attributes:
        failure: Why there is nothing to conclude from; None = nothing went wrong.
    """

    def __init__(
        self,
        config: CompressConfig,
        pair: QuickPair,
        target: Target,
        num_frames: int | None,
        num_whole: int | None = None,
    ) -> None:
        codec = find_codec(config.codec)
        self._is_fast = codec.is_fast(config.preset)
        mapped = replace(
            config,
            # A preset that is as fast is its own best likeness.
            preset=config.preset if self._is_fast else pair.preset,
            encoder_options=config.encoder_options if self._is_fast else _joined(pair, config),
            save_maps=None,
        )
        plain = replace(mapped, allocation=AllocationConfig(strength=0), probe=None)
        self._configs, self._pair = (plain, mapped), pair
        self._target = replace(target, is_seen=False)
        share = _SHARE_OF_FAST if self._is_fast else pair.share
        self._parts = quick_parts(num_frames, share, num_whole)
        self._next, self._index = next(self._parts, None), 0
        self._both: list[_Half] = []
        self._done: list[QuickPart] = []
        self.failure: SemvidError | None = None

    def run(self, items: Items) -> Items:
        """Encode the parts among the frames that pass, and pass on everything."""
        try:
            for item in items:
                if isinstance(item, AnalysedFrame):
                    self._take(item)
                yield item
            self._end()
        finally:
            self._close()

    def conclude(self, log: CodingLog) -> Measured | None:
        """Estimate how large a plain encode would be; None = no part has come."""
        if self.failure is not None or not self._done:
            return None
        coded, predicted = log.coded(), log.predicted_ratios()
        num_frames = sum(len(one.pts) for one in self._done)
        total, error = float(coded.sizes.sum()), error_of(self._pair, num_frames)
        if predicted is None:
            plain = plain_bytes(coded, np.ones(len(coded.pts)), self._done, self._pair)
        else:
            # The model counts for more where there are few frames.
            plain = plain_bytes(coded, predicted, self._done, self._pair)
            saving, error = likeliest(
                (1 - total / plain, error), (1 - total / float(coded.sizes @ predicted), ERROR_OF_MODEL)
            )
            plain = total / (1 - saving)
        return Measured(round(plain), len(self._done), num_frames, error)

    def _take(self, frame: AnalysedFrame) -> None:
        part, index = self._next, self._index
        self._index += 1
        if part is None or index < part.start or self.failure is not None:
            return
        try:
            if not self._both:
                self._both = [_Half(find_codec(one.codec).coding(one)) for one in self._configs]
            for half in self._both:
                half.encode(frame, self._target)
        except SemvidError as error:
            self.failure = error
            self._close()
            return
        if index == part.stop - 1:
            self._end()
            self._next = next(self._parts, None)

    def _end(self) -> None:
        """Keep what came of the part, unless it broke off early."""
        if not self._both:
            return
        try:
            (pts, plain, plain_keys), (_, mapped, keys) = (half.finish() for half in self._both)
        except SemvidError as error:
            self.failure = error
        else:
            if len(pts) >= _SHORTEST and len(plain) == len(mapped):
                self._done.append(QuickPart(pts, plain, mapped, plain_keys | keys))
        self._close()

    def _close(self) -> None:
        for half in self._both:
            half.close()
        self._both = []


def _joined(pair: QuickPair, config: CompressConfig) -> dict[str, str]:
    """Return the encoder's options of a pair: the user's win, in lists of options too."""
    joined = {**pair.options, **config.encoder_options}
    for key in pair.options.keys() & config.encoder_options.keys():
        if "=" in pair.options[key]:
            joined[key] = f"{pair.options[key]}:{config.encoder_options[key]}"
    return joined


class _Half:
    """One of the two encodes of a part."""

    def __init__(self, coding: Coding) -> None:
        self._coding = coding
        self._encoder: Encoder | None = None
        self._packets: list[CodedPacket] = []

    def encode(self, frame: AnalysedFrame, target: Target) -> None:
        prepared = self._coding.prepare(frame)
        if self._encoder is None:
            self._encoder = self._coding.open(prepared, target)
        self._packets += self._encoder.encode(prepared)

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return times, bytes, and which are key frames, in order of presentation."""
        assert self._encoder is not None  # noqa: S101 - a part has a frame
        self._packets += self._encoder.flush()
        shown = sorted(self._packets, key=lambda one: one.pts)
        return (
            np.array([one.pts for one in shown], np.int64),
            np.array([len(one.data) for one in shown], np.float64),
            np.array([one.is_keyframe for one in shown], np.bool_),
        )

    def close(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
