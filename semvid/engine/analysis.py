"""Turns frames into importance: maps of key frames, carried along motion to all others."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from fractions import Fraction
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from semvid.core.config import TemporalConfig
from semvid.core.map_source import MapSource
from semvid.core.types import AnalysedFrame, FloatArray, Frame, Span
from semvid.importance.files.map_sink import MapSink
from semvid.importance.predictor import NetworkSource
from semvid.temporal.between import Between
from semvid.temporal.cadence import frames_between_maps
from semvid.temporal.motion import open_estimator
from semvid.temporal.plan import Planner, Step
from semvid.temporal.propagate import MapPropagator
from semvid.temporal.settle import MapSettler

if TYPE_CHECKING:
    from av import Packet

_LOOK_AHEAD = 16
"""Frames: enough for the next key frame of a network, and two thirds of a second."""
_MOST_BYTES = 400 * 2**20
_MOST_APART = 4
"""Frames from one whose motion is followed to the next, where little moves."""
_LIGHT_SPARING = 1.4
"""With ``effort="light"``: how many times as long a network waits,"""
_LIGHT_PIXELS = 0.5
"""what share of its pixels it sees,"""
_LIGHT_APART = 2
"""and frames from one whose motion is followed to the next, where much moves. All that keeps 96 % of what the
object gains (``davis.py --codecs x264:superfast``)."""


def lighten(source: MapSource) -> None:
    """Have a network look at fewer pixels, if it can."""
    if isinstance(source, NetworkSource):
        source.pixel_share = _LIGHT_PIXELS


def look_ahead_of(temporal: TemporalConfig, frame_bytes: int = 1) -> int:
    """Return the most frames of a file that may wait for a later map.

    Args:
        temporal: What was asked for.
        frame_bytes: Of a decoded frame. Where nothing was asked for, the frames that wait take 400 MiB at
            most: all 16 of 2160p in 10 bits, and fewer of what is larger.
    """
    if temporal.look_ahead is not None:
        return temporal.look_ahead
    return min(_LOOK_AHEAD, max(_MOST_BYTES // frame_bytes, 1))


class Analyser:
    """The state between frames of one video.

    Args:
        source: Makes the maps.
        temporal: How maps follow from frame to frame.
        span: The part of the video that counts. Frames before it warm up what is remembered from frame to
            frame, and are not recorded. None = all.
        frame_rate: Frames a second; None = unknown.

    Attributes:
        settings: How maps follow from frame to frame, with the source's defaults filled in.
        recorder: Receives every map; the map as it was kept is used. Set it before the first frame.
    """

    def __init__(
        self,
        source: MapSource,
        temporal: TemporalConfig,
        span: Span | None = None,
        frame_rate: Fraction | None = None,
    ) -> None:
        self._source = source
        self.recorder: MapSink | None = None
        self._span = span or Span()
        is_light, every = temporal.effort == "light", temporal.map_every or source.map_every
        # Other sources and users mean what they say.
        if temporal.map_every is None and isinstance(source, NetworkSource):
            every = frames_between_maps(every, frame_rate, _LIGHT_SPARING if is_light else 1)
        smoothing = source.smoothing if temporal.smoothing is None else temporal.smoothing
        movement = source.movement if temporal.movement is None else temporal.movement
        follows = every > 1 or smoothing > 0 or movement > 0
        self._motion = open_estimator(temporal.motion) if follows else None
        # Where each frame has a map of its own, nothing is carried.
        look_ahead = look_ahead_of(temporal) if every > 1 else 0
        # Vectors of the decoder lead from frame to frame, and none may be passed over.
        may_pass = temporal.motion == "flow" and look_ahead > every
        most_apart = min(_MOST_APART, 1 + look_ahead - every) if may_pass else 1
        self._planner = Planner(
            every, self._motion, find_own_motion=movement > 0, find_way_back=look_ahead > 0,
            most_apart=most_apart, least_apart=_LIGHT_APART if is_light else 1,
        )  # fmt: skip
        # Frames that are passed over wait for the next one that is not.
        self._propagator = MapPropagator(smoothing, movement, look_ahead - most_apart + 1)
        self._between = Between()
        self.settings = {
            "map_every": every, "smoothing": smoothing, "movement": movement, "look_ahead": look_ahead,
            "motion": temporal.motion,
        }  # fmt: skip
        self._maps: deque[FloatArray] = deque()
        self._is_cut: deque[bool] = deque()
        # Maps drawn by hand or by a detector are exact: only maps that are followed may be settled.
        self._settler = MapSettler() if follows or not source.is_exact else None

    def run(self, items: Iterable[Frame | Packet[Any]]) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Analyse the frames among ``items``; pass everything else through in order.

        As many frames are held back as may wait for a later map. A network on a GPU is shown several frames
        at once; then as many more are.
        """
        held: deque[Frame | Packet[Any]] = deque()
        for item, step in self._planned(items):
            held.append(item)
            if step is not None and isinstance(item, Frame):
                self._is_cut.append(step.is_cut)
                if step.is_passed:
                    self._between.pass_over()
                else:
                    fresh = self._source.update(item).values if step.is_key else None
                    self._between.follow(step.flow)
                    self._maps.extend(self._between.fill(self._propagator.update(step, fresh)))
            yield from self._released(held)
        self._maps.extend(self._between.fill(self._propagator.finish()))
        self._maps.extend(self._between.finish())
        yield from self._released(held)

    def _planned(
        self, items: Iterable[Frame | Packet[Any]]
    ) -> Generator[tuple[Frame | Packet[Any], Step | None], None, None]:
        items = iter(items)
        # Decoding begins: whoever is asked for the size of batches may still be opening a network.
        first = list(islice(items, 1))
        look_ahead = getattr(self._source, "look_ahead", None)
        batch_size = getattr(self._source, "batch_size", 1)
        if look_ahead is None:
            batch_size = 1
        for batch in _batches(chain(first, items), batch_size):
            steps = [self._planner.update(one) if isinstance(one, Frame) else None for one in batch]
            keys = [frame for frame, step in zip(batch, steps, strict=True) if step and step.is_key]
            if keys and look_ahead is not None and batch_size > 1:
                look_ahead(keys)
            yield from zip(batch, steps, strict=True)

    def _released(
        self, held: deque[Frame | Packet[Any]]
    ) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Take what need not wait for a map any more."""
        while held and (self._maps or not isinstance(held[0], Frame)):
            item = held.popleft()
            if isinstance(item, Frame):
                is_cut = self._is_cut.popleft()
                values = self._recorded(item, self._maps.popleft(), is_cut=is_cut)
                yield AnalysedFrame(item, item.as_coded(values), is_cut)
            else:
                yield item

    def finish(self, num_frames: int) -> list[str]:
        """Return sentences for the user; call it after the last frame."""
        notices = [self._source.finish(num_frames), self._motion.notice if self._motion else None]
        return [one for one in notices if one]

    def _recorded(self, frame: Frame, values: FloatArray, *, is_cut: bool) -> FloatArray:
        if self.recorder is None:
            return values
        if self._settler is not None and self.recorder.wants_settled:
            values = self._settler.update(values, frame.upright_size, is_cut=is_cut)
        if frame.pts not in self._span:
            return values
        return self.recorder.record(frame, values, is_cut=is_cut)


def _batches(
    items: Iterable[Frame | Packet[Any]], num_frames: int
) -> Generator[list[Frame | Packet[Any]], None, None]:
    """Group items so that every group but the last holds ``num_frames`` frames of one geometry."""
    batch: list[Frame | Packet[Any]] = []
    sizes: list[tuple[int, int]] = []
    for item in items:
        if isinstance(item, Frame):
            if len(sizes) == num_frames or (sizes and item.upright_size != sizes[0]):
                yield batch
                batch, sizes = [], []
            sizes.append(item.upright_size)
        batch.append(item)
    if batch:
        yield batch
