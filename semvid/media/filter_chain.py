"""Chains of FFmpeg filters for pictures of one size, format and time base."""

from __future__ import annotations

from av import VideoFrame
from av.filter import Graph

from semvid.core.threads import thread_budget

Step = tuple[str, str | None]
"""Name of a filter, and its options."""

TURNING: tuple[tuple[Step, ...], ...] = (
    (), (("transpose", "cclock"),), (("hflip", None), ("vflip", None)), (("transpose", "clock"),),
)  # fmt: skip
"""Filters that turn a picture, by number of counter-clockwise quarter turns."""


def chain(picture: VideoFrame, *steps: Step) -> Graph:
    """Return a graph that takes pictures of this one's size, format and time base; it is not pushed yet."""
    graph = Graph()
    graph.threads = thread_budget().helper
    graph.link_nodes(
        graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
        ),
        *(graph.add(name, options) for name, options in steps),
        graph.add("buffersink"),
    ).configure()
    return graph
