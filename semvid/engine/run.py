"""One pass over a video: how it begins and ends, whatever is done with its frames."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from semvid.core.config import EditConfig, MapsConfig, TemporalConfig
from semvid.core.events import Event, Notice, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.opencv_threads import one_opencv_thread
from semvid.core.types import AnalysedFrame, Frame, Span
from semvid.engine.analysis import Analyser, lighten, look_ahead_of
from semvid.engine.map_memory import MapMemory
from semvid.engine.pre_roll import Lead, PreRoll
from semvid.engine.preview import Previewer
from semvid.engine.stages import bytes_per_frame, each
from semvid.engine.warm_up import WARM_UP_SECONDS, warm_up_in_scene
from semvid.importance.files.map_sink import MapSink
from semvid.importance.predictor import NetworkSource
from semvid.importance.registry import describe_maps, open_source
from semvid.media.reading.reader import VideoReader

Yielded = TypeVar("Yielded")
Returned = TypeVar("Returned")
_NEIGHBOUR_SECONDS = Fraction(1, 5)
"""Before a part, so that a deinterlacer sees the frame before the first."""


class Run:
    """An open video, the stages that products share, and the notices at the end.

    Attributes:
        reader: Reads the video.
        num_left_out: Frames that a stage left out on purpose.
        made_by: What makes the maps, as in ``SinkContext``.
        has_network: A network makes them.
        analyse: The stage that adds importance to frames; none before ``open_maps``, or if none are wanted.
        preview: The stage that adds small pictures of frames now and then.
        pre_roll: The stages that leave out what is before the part.
    """

    def __init__(
        self,
        reader: VideoReader,
        temporal: TemporalConfig | None,
        previewer: Previewer,
        stack: ExitStack,
        pre_roll: PreRoll,
    ) -> None:
        self.reader, self._temporal, self._stack, self.pre_roll = reader, temporal, stack, pre_roll
        self.preview = each(AnalysedFrame, lambda one: filter(None, (previewer.look(one), one)))
        self.analyse = each(Frame, lambda frame: [AnalysedFrame(frame, None, is_cut=False)])
        self._analyser: Analyser | None = None
        self._memory: MapMemory | None = None
        self.num_left_out = 0
        self.has_network = False
        self.made_by: Mapping[str, Any] = {}

    def open_maps(
        self,
        config: MapsConfig,
        importance: ImportanceSource | None = None,
        memory: MapMemory | None = None,
    ) -> None:
        """Open the source of the maps: the caller's if there is one, else the configured one.

        Args:
            config: The configured one.
            importance: The caller's.
            memory: Has the maps of an earlier run, and then they are used; or gets those of this one.
        """
        self._memory = memory
        if memory is not None and memory.is_complete:
            self.analyse, self.has_network = memory.attach, memory.has_network
            return
        self._open_maps(config, importance)
        if memory is not None:
            analyse, keep = self.analyse, memory.keep(self.reader.span)
            self.analyse = lambda items: keep(analyse(items))

    def _open_maps(self, config: MapsConfig, importance: ImportanceSource | None) -> None:
        reader = self.reader
        info = reader.info
        maps = open_source(config, info.num_frames_from_header, importance, duration=info.duration_seconds)
        self._stack.enter_context(closing(maps))
        if importance is None and maps.made_by is not None and config.path is not None:
            from semvid.importance.files.same_edit import check_edit

            check_edit(config.path, maps.made_by, info.edit)
        self.has_network = isinstance(maps, NetworkSource)
        # Networks from elsewhere need not take fewer pixels.
        if importance is None and self._temporal is not None and self._temporal.effort == "light":
            lighten(maps)
        if not reader.span.is_all:
            if maps.counts_frames and self._temporal is not None:
                reader.count_frames()
            maps.begin_part(reader.locate())
        if self._temporal is not None:
            look_ahead = look_ahead_of(self._temporal, bytes_per_frame(reader.info))
            temporal = replace(self._temporal, look_ahead=look_ahead)
            self._analyser = Analyser(maps, temporal, reader.span, reader.info.frame_rate)
            self.analyse = self._analyser.run
            asked = config if importance is None else None
            self.made_by = describe_maps(asked, maps, self._analyser.settings, info.edit)

    def record(self, sink: MapSink) -> None:
        """Keep the maps; call it before the first frame."""
        assert self._analyser is not None  # noqa: S101 - maps are open
        self._analyser.recorder = sink

    def finish(self, num_frames: int, done: str, remedied: str, fields: list[str]) -> Iterator[Notice]:
        """Return notices about the video and its maps, after the last frame.

        Args:
            num_frames: Frames that came out at the end.
            done: See ``VideoReader.check_count``.
            remedied: What was done with a damaged video: see ``VideoReader.remarks``.
            fields: What was done with interlaced frames.
        """
        self.reader.check_count(num_frames + self.num_left_out, done)
        yield from map(Notice, (*self.reader.changes, *fields, *self.map_notices()))
        yield from map(Notice, self.reader.remarks(remedied))

    def map_notices(self) -> list[str]:
        """Return notices about the maps, after the last frame."""
        memory = self._memory
        if memory is not None and memory.is_complete:
            return [*memory.notices]
        notices = [] if self._analyser is None else self._analyser.finish(self.reader.num_frames)
        if memory is not None:
            memory.finish(notices, has_network=self.has_network)
        return notices


@contextmanager
def open_run(
    source: Path,
    temporal: TemporalConfig,
    preview_size: tuple[int, int] | None = None,
    *,
    span: Span | None = None,
    edit: EditConfig | None = None,
    has_maps: bool = True,
    warm_up: Fraction = WARM_UP_SECONDS,
    lead: Lead | None = None,
) -> Iterator[Run]:
    """Open a video, or a part of it.

    Args:
        source: The video.
        temporal: How maps follow from frame to frame.
        preview_size: The room for pictures of ``Preview``; None = none are made.
        span: The part; None = all.
        edit: What is done to the video before all else; ``span`` is a part of the result. None = nothing.
        has_maps: Whether maps are wanted.
        warm_up: Seconds that are read before a part for its maps.
        lead: What an encoder is to see of what is before it.
    """
    if span is not None and span.scene_seconds is not None:
        warm_up = warm_up_in_scene(span.scene_seconds, warm_up)
    if not has_maps:
        warm_up = _NEIGHBOUR_SECONDS
    warm_up = max(warm_up, lead.seconds) if lead else warm_up
    cool_down = 1 + (look_ahead_of(temporal) if has_maps else 0)
    vectors = temporal.motion == "vectors"
    with (
        one_opencv_thread(),
        VideoReader(
            source, span=span, edit=edit, warm_up=warm_up, cool_down=cool_down, export_vectors=vectors
        ) as reader,
        ExitStack() as stack,
    ):
        previewer = Previewer(preview_size, reader.info.sample_aspect_ratio)
        pre_roll = PreRoll(reader.span, reader.info.time_base, lead)
        yield Run(reader, temporal if has_maps else None, previewer, stack, pre_roll)


def passed_on(
    events: Generator[Event, None, Returned], is_passed: Callable[[Event], bool]
) -> Generator[Event, None, Returned]:
    """Look at every event of a run before it is passed on, or left out; return what the run returns."""
    return (yield from retold(events, lambda event: [event] if is_passed(event) else []))


def retold(
    events: Generator[Event, None, Returned], tell: Callable[[Event], Iterable[Event]]
) -> Generator[Event, None, Returned]:
    """Replace every event of a run by those that are told of it; return what the run returns."""
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                result: Returned = end.value
                return result
            yield from tell(event)


class ToldOnce:
    """Lets ``Started`` and every sentence of a notice pass once, where several runs make one output.

    Args:
        has_started: ``Started`` has passed already.
    """

    def __init__(self, *, has_started: bool = False) -> None:
        self._has_started, self._told = has_started, set[str]()

    def is_new(self, event: Event) -> bool:
        """Whether an event is to be passed on."""
        if isinstance(event, Started):
            is_new, self._has_started = not self._has_started, True
            return is_new
        if not isinstance(event, Notice):
            return True
        is_new = event.message not in self._told
        self._told.add(event.message)
        return is_new


def follow(
    events: Generator[Yielded, None, Returned], on_event: Callable[[Yielded], None] | None
) -> Returned:
    """Pass every event of a run to the caller, and return what the run returns."""
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                result: Returned = end.value
                return result
            if on_event is not None:
                on_event(event)
