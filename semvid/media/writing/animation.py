"""Animated GIF and WebP, with the timestamps of the video they were drawn from."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
from av import Packet, VideoFrame
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.stream import VideoStream

from semvid.core.errors import OutputError
from semvid.core.records import dataclass
from semvid.media.drawing import Bgr
from semvid.media.writing.claim import writing
from semvid.media.writing.output import UnfinishedContainer


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a format can hold, and how FFmpeg writes it."""

    name: str
    """Also FFmpeg's name of the muxer."""
    encoder: str
    options: dict[str, str]
    """Options of the encoder."""
    ticks: int
    """Ticks per second."""
    longest: int
    """Maximum number of ticks that a picture is shown."""
    most_side: int
    """Pixels."""


_KINDS = {
    ".gif": _Kind("GIF", "gif", {}, 100, 2**16 - 1, 2**16 - 1),
    # One picture at a time: FFmpeg's libwebp_anim keeps all of them until the end.
    ".webp": _Kind("WebP", "libwebp", {"quality": "80"}, 1000, 2**24 - 1, 16383),
}
SUFFIXES = tuple(_KINDS)
_GIF_END = b";"
_MOST_REPEATS = 1000
"""Limit for a picture shown longer than the format can say: a week in a GIF. Broken timestamps make years."""


class Animation(UnfinishedContainer):
    """A ``.gif`` or ``.webp``, complete after ``finish()``. Holds one picture at a time.

    Attributes:
        num_frames: Pictures so far. The file holds fewer if pictures repeat, because those are merged.
    """

    def __init__(self, output: Path, *, overwrite: bool) -> None:
        self._kind = _KINDS[output.suffix.lower()]
        muxer = self._kind.name.lower()
        super().__init__(
            output, lambda name: av.open(name, "w", format=muxer, options={"loop": "0"}), overwrite=overwrite
        )
        self.num_frames = 0
        self._time_base = Fraction(1, self._kind.ticks)
        self._stream: VideoStream | None = None
        self._palette: Graph | None = None
        self._shown: Bgr | None = None
        self._since = 0
        """When ``_shown`` was written, in ticks."""
        self._held: list[Packet[Any]] = []
        """Its packet, until its duration is known."""

    def add(self, drawn: Bgr, start: Fraction) -> None:
        """Take the next picture, shown from ``start`` seconds on.

        Raises:
            OutputError: It is too large for the format, or the disk is full.
        """
        self.num_frames += 1
        if self._shown is not None and np.array_equal(self._shown, drawn):
            return
        tick = round(start * self._kind.ticks)
        if self._shown is not None:
            # At least one tick later; the following pictures are not moved, so times do not drift.
            tick = max(tick, self._since + 1)
            self._go_on_until(tick)
        self._write(drawn, tick)

    def finish(self, end: Fraction) -> int:
        """Show the last picture until ``end``, in seconds; name the file, and return its size in bytes.

        Raises:
            OutputError: It cannot be written.
        """
        tick = max(round(end * self._kind.ticks), self._since + 1)
        self._go_on_until(tick)
        with writing(self.output):
            self._end(tick)
            self.container.close()
            return self._claim.publish(self._temporary)

    def _go_on_until(self, tick: int) -> None:
        """Repeat the picture as often as the format needs for its duration."""
        assert self._shown is not None  # noqa: S101 - readers raise if there is no frame
        if (tick - self._since) // self._kind.longest > _MOST_REPEATS:
            raise OutputError(
                f"{self._kind.name} shows a picture for {self._kind.longest / self._kind.ticks:g} s at most, "
                f"and one should be shown for {float((tick - self._since) * self._time_base):g} s; "
                "write to .mp4 or .mkv"
            )
        while tick - self._since > self._kind.longest:
            self._write(self._shown, self._since + self._kind.longest)

    def _write(self, drawn: Bgr, tick: int) -> None:
        with writing(self.output):
            if self._stream is None:
                self._stream = self._open(drawn)
            # What both formats take: FFmpeg's libwebp takes no RGB without a fourth channel.
            opaque = np.asarray(cv2.cvtColor(drawn, cv2.COLOR_BGR2BGRA), np.uint8)
            picture = av.VideoFrame.from_ndarray(opaque, format="bgra")
            picture.pts, picture.time_base = tick, self._time_base
            if self._palette is not None:
                self._palette.push(picture)
                picture = cast(VideoFrame, self._palette.pull())
            packets = self._stream.encode(picture)
            self._mux_held(tick)
            self._held = packets
        self._shown, self._since = drawn, tick

    def _open(self, drawn: Bgr) -> VideoStream:
        kind, (height, width) = self._kind, drawn.shape[:2]
        if max(width, height) > kind.most_side:
            raise OutputError(
                f"{kind.name} takes {kind.most_side} pixels a side at most, and the drawing has "
                f"{width}x{height}; choose a smaller `height`, or end `output` in .mkv"
            )
        stream = cast(VideoStream, self.container.add_stream(kind.encoder, options=kind.options))
        stream.width, stream.height = width, height
        stream.time_base = stream.codec_context.time_base = self._time_base
        stream.pix_fmt = "bgra"
        if kind.name == "GIF":
            stream.pix_fmt = "pal8"
            self._palette = _palette_graph(width, height, self._time_base)
        return stream

    def _end(self, tick: int) -> None:
        assert self._stream is not None  # noqa: S101 - see _go_on_until
        self._held += self._stream.encode(None)
        self._mux_held(tick)
        if self._kind.name == "GIF":
            # Its muxer takes durations from the next packet: the byte that ends the file sets the last one.
            last = av.Packet(_GIF_END)
            last.pts = last.dts = tick
            last.time_base, last.stream = self._time_base, self._stream
            self.container.mux(last)

    def _mux_held(self, tick: int) -> None:
        """Write the waiting picture, now that the time of the next one is known."""
        for packet in self._held:
            packet.duration = tick - self._since
            self.container.mux(packet)
        self._held = []


def _palette_graph(width: int, height: int, time_base: Fraction) -> Graph:
    """Give every picture the 256 colours that suit it best.

    Ordered dithering hides the steps between them, and unlike error diffusion does not crawl from picture to
    picture.
    """
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=VideoFormat("bgra"), time_base=time_base)
    split, sink = graph.add("split"), graph.add("buffersink")
    generate = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
    source.link_to(split)
    split.link_to(generate, 0)
    split.link_to(use, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
