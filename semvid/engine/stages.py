"""The steps from decoding to writing: each changes the items it knows and passes the others on in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, TypeAlias, TypeVar

from semvid.core.prefetch import prefetch
from semvid.core.threads import thread_budget
from semvid.core.types import Frame, VideoInfo
from semvid.media.reading.reader import VideoReader

Items: TypeAlias = Generator[Any, None, None]
"""Frames, packets of other streams, and events."""
Stage: TypeAlias = Callable[[Items], Items]
Item = TypeVar("Item")

_MOST_AHEAD, _FEWEST_AHEAD = 32, 4
"""Frames between two threads. Many let the stages before the encoder work in the gaps it leaves, at a low
priority, which takes a tenth off the time of an encode on two cores."""
_BYTES_AHEAD = 64 * 2**20
_MOST_DECODED = 8
"""Of them between the decoder, which is steady, and the analysis, in which others wait."""


@contextmanager
def pipeline(reader: VideoReader, *stages: Stage, while_decoding: Sequence[Stage] = ()) -> Iterator[Items]:
    """Decode in a separate thread and pass the items through the stages. All are closed at the end.

    Args:
        reader: The video.
        stages: In this thread, unless they move those before them to another.
        while_decoding: Before them, in the thread that decodes: it has time where later stages take longer.
    """
    with ExitStack() as stack:
        items: Items = reader.read()
        for stage in (*while_decoding, in_thread("decode", reader.info, _MOST_DECODED), *stages):
            # The last is closed first, and with it the threads that use those before it.
            items = stack.enter_context(closing(stage(items)))
        yield items


def applied(items: Iterable[Any], *stages: Stage) -> Items:
    """Pass items through the stages, in the calling thread."""
    passed: Items = (item for item in items)
    for stage in stages:
        passed = stage(passed)
    return passed


def each(kind: type[Item], make: Callable[[Item], Iterable[object]]) -> Stage:
    """Return a stage that replaces each item of one kind by what is made of it."""

    def run(items: Items) -> Items:
        for item in items:
            if isinstance(item, kind):
                yield from make(item)
            else:
                yield item

    return run


def bytes_per_frame(info: VideoInfo) -> int:
    """Return how much memory a decoded frame takes, roughly."""
    bits = 16 if any(depth in info.pixel_format for depth in ("10", "12", "14", "16")) else 8
    return max(info.width * info.height * 3 // 2 * bits // 8, 1)


def in_thread(name: str, info: VideoInfo, most_ahead: int = _MOST_AHEAD) -> Stage:
    """Return a stage that runs all stages before it in a separate thread, at most so many frames ahead.

    In a run that may use one thread they stay in the calling one: see ``ThreadBudget``.
    """
    if not thread_budget().has_stage_threads:
        return lambda items: items
    ahead = min(max(_BYTES_AHEAD // bytes_per_frame(info), _FEWEST_AHEAD), most_ahead)
    return lambda items: prefetch(items, ahead, f"semvid-{name}")


def with_thumbnails(items: Items) -> Items:
    """Make the thumbnails of frames here instead of where they are first asked for."""
    for item in items:
        if isinstance(item, Frame):
            _ = item.thumbnail
        yield item


def only_frames(items: Items) -> Generator[Frame, None, None]:
    """Leave out the packets of other streams."""
    return (item for item in items if isinstance(item, Frame))
