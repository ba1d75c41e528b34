"""Turns frames into importance: maps of key frames, carried along motion to all others."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from semvid.core.config import TemporalConfig
from semvid.core.map_source import MapSource
from semvid.core.types import AnalysedFrame, FloatArray, Frame, Span
from semvid.importance.files.map_sink import MapSink
from semvid.temporal.motion import open_estimator
from semvid.temporal.plan import Planner, Step
from semvid.temporal.propagate import MapPropagator
from semvid.temporal.settle import MapSettler

if TYPE_CHECKING:
    from av import Packet

WARM_UP_SECONDS = Fraction(4)
"""Before a part, for what is remembered from frame to frame. With so much the maps differ from those of the
whole video by less than a fifth of what they flicker, or, where the network sees other frames than it does
there, by what it changes each time it looks; from the first cut on by nothing
(``examples/benchmark/spans.py``)."""


class Analyser:
    """The state between frames of one video.

    Args:
        source: Makes the maps.
        temporal: How maps follow from frame to frame.
        span: The part of the video that counts. Frames before it warm up what is remembered from frame to
            frame, and are not recorded. None = all.

    Attributes:
        settings: How maps follow from frame to frame, with the source's defaults filled in.
        recorder: Receives every map; the map as it was kept is used. Set it before the first frame.
    """

    def __init__(self, source: MapSource, temporal: TemporalConfig, span: Span | None = None) -> None:
        self._source = source
        self.recorder: MapSink | None = None
        self._span = span or Span()
        every = source.map_every if temporal.map_every is None else temporal.map_every
        smoothing = source.smoothing if temporal.smoothing is None else temporal.smoothing
        movement = source.movement if temporal.movement is None else temporal.movement
        self.settings = {
            "map_every": every, "smoothing": smoothing, "movement": movement, "motion": temporal.motion,
        }  # fmt: skip
        follows = every > 1 or smoothing > 0 or movement > 0
        self._motion = open_estimator(temporal.motion) if follows else None
        self._planner = Planner(every, self._motion, find_own_motion=movement > 0)
        self._propagator = MapPropagator(smoothing, movement)
        # Maps drawn by hand or by a detector are exact: only maps that are followed may be settled.
        self._settler = MapSettler() if follows else None

    def run(self, items: Iterable[Frame | Packet[Any]]) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Analyse the frames among ``items``; pass everything else through in order.

        A network on a GPU is shown several frames at once; then as many are held back. Otherwise nothing
        looks ahead.
        """
        look_ahead = getattr(self._source, "look_ahead", None)
        batch_size = getattr(self._source, "batch_size", 1)
        if look_ahead is None or batch_size == 1:
            for item in items:
                yield self.update(item) if isinstance(item, Frame) else item
            return
        for batch in _batches(items, batch_size):
            steps = {item.index: self._planner.update(item) for item in batch if isinstance(item, Frame)}
            keys = [item for item in batch if isinstance(item, Frame) and steps[item.index].is_key]
            if keys:
                look_ahead(keys)
            for item in batch:
                yield self._analyse(item, steps.pop(item.index)) if isinstance(item, Frame) else item

    def update(self, frame: Frame) -> AnalysedFrame:
        """Analyse the next frame."""
        return self._analyse(frame, self._planner.update(frame))

    def finish(self, num_frames: int) -> list[str]:
        """Return sentences for the user; call it after the last frame."""
        notices = [self._source.finish(num_frames), self._motion.notice if self._motion else None]
        return [one for one in notices if one]

    def importance(self, frame: Frame) -> FloatArray:
        """Return the importance of the next frame, upright, as it steers the encoder.

        Call it or ``update`` for a frame, not both.
        """
        return self._propagate(frame, self._planner.update(frame))

    def _propagate(self, frame: Frame, step: Step) -> FloatArray:
        values = self._propagator.update(step, self._source.update(frame).values if step.is_key else None)
        if self.recorder is None:
            return values
        if self._settler is not None and self.recorder.wants_settled:
            values = self._settler.update(values, frame.upright_size, is_cut=step.is_cut)
        if frame.pts not in self._span:
            return values
        return self.recorder.record(frame, values, is_cut=step.is_cut)

    def _analyse(self, frame: Frame, step: Step) -> AnalysedFrame:
        coded = frame.as_coded(self._propagate(frame, step))
        return AnalysedFrame(frame, coded, step.is_cut)


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
