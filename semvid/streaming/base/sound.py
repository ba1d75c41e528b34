"""The sound of a live stream: uncompressed, on one grid without gaps, until a sink codes it.

Sources come back with other codecs and rates, drift, and fall silent; a container, once begun, allows none of
that. Uncompressed chunks of fixed length hide it, and each sink encodes them for its container. Imports only
PyAV: ``push`` uses it in its own process.
"""

from __future__ import annotations

import threading
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.filter import Graph

from semvid.core.records import dataclass

if TYPE_CHECKING:
    from av import AudioFrame

SOUND_RATE = 48_000
"""Samples a second."""
SOUND_LAYOUT = "stereo"
CHUNK_SAMPLES = 960
"""A fiftieth of a second."""
CHUNK_TICKS = 1800
"""The same in the time base of a live stream, 1/90000 s."""
_CHUNK_BYTES = CHUNK_SAMPLES * 2 * 2
_TICKS_BASE = Fraction(1, 90_000)
_TICKS_PER_SAMPLE = Fraction(CHUNK_TICKS, CHUNK_SAMPLES)
_MOST_CHUNKS = 3000
"""Limit of waiting chunks: a minute of sound."""
# Sound that is off by less is stretched by at most 2 %, which is inaudible; more is cut or padded.
_RESAMPLER = "{rate}:async={most_stretch}:min_hard_comp=0.1:first_pts={first}"
_MOST_STRETCH = SOUND_RATE // 50


@dataclass(frozen=True, slots=True)
class SoundChunk:
    """20 ms of sound."""

    samples: bytes
    """``CHUNK_SAMPLES`` pairs (left, right) of signed 16-bit numbers, in the byte order of the machine."""
    pts: int
    """When it begins, in units of 1/90000 s: a multiple of ``CHUNK_TICKS``, one more than the one before."""


SILENCE = bytes(_CHUNK_BYTES)


class SoundTrack:
    """Turns what a source decodes into chunks without gaps, from 0 on. Any thread may call any method.

    FFmpeg's resampler keeps sound and timestamps together: a drift of the clocks is stretched away, gaps are
    filled with silence, overlaps are cut.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunks: deque[SoundChunk] = deque(maxlen=_MOST_CHUNKS)
        self._next_chunk = 0
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()

    def add(self, frame: AudioFrame, ticks: int) -> None:
        """Add sound of the source.

        Args:
            frame: Decoded; any rate, sample format and layout. Its timestamps are overwritten.
            ticks: When its first sample is heard, in units of 1/90000 s.

        Raises:
            av.FFmpegError: It cannot be converted.
        """
        with self._lock:
            end = ticks + Fraction(frame.samples, frame.sample_rate) / _TICKS_BASE
            if end <= self._next_chunk * CHUNK_TICKS:
                # Its time was given to silence already.
                return
            kind = (frame.sample_rate, frame.format.name, frame.layout.name)
            if self._graph is None or kind != self._kind:
                self._graph, self._kind = _resampler(frame, self._next_chunk * CHUNK_TICKS), kind
            frame.pts, frame.time_base = ticks, _TICKS_BASE
            self._graph.push(frame)
            self._pull(self._graph)

    def fill(self, ticks: int) -> None:
        """Put silence where nothing came, up to a time; sound that comes later for it is dropped."""
        with self._lock:
            while (self._next_chunk + 1) * CHUNK_TICKS <= ticks:
                # Less than a chunk waits in the resampler: not worth a separate cut.
                self._graph = None
                self._append(SILENCE)

    def take(self) -> list[SoundChunk]:
        """Return what is ready, the oldest first, and forget it."""
        with self._lock:
            chunks = list(self._chunks)
            self._chunks.clear()
            return chunks

    def _pull(self, graph: Graph) -> None:
        while True:
            try:
                ready: Any = graph.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            self._append(bytes(ready.planes[0])[:_CHUNK_BYTES])

    def _append(self, samples: bytes) -> None:
        self._chunks.append(SoundChunk(samples, self._next_chunk * CHUNK_TICKS))
        self._next_chunk += 1


def _resampler(frame: AudioFrame, first: int) -> Graph:
    """Build the graph that makes chunks from ``first`` on, in units of 1/90000 s."""
    graph = Graph()
    # The resampler counts it in input samples, contrary to FFmpeg's manual.
    first_sample = round(first * _TICKS_BASE * frame.sample_rate)
    resample = _RESAMPLER.format(rate=SOUND_RATE, most_stretch=_MOST_STRETCH, first=first_sample)
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=_TICKS_BASE,
        ),
        graph.add("aresample", resample),
        graph.add("aformat", f"sample_fmts=s16:channel_layouts={SOUND_LAYOUT}:sample_rates={SOUND_RATE}"),
        graph.add("asetnsamples", f"n={CHUNK_SAMPLES}:p=0"),
        graph.add("abuffersink"),
    ).configure()
    return graph


class SoundCoder:
    """Codes chunks for one container, through an encoder of that container's stream.

    Args:
        container: Output that has not been started.
        codec: FFmpeg's name of the encoder.
        bitrate: Bits a second.
    """

    def __init__(self, container: Any, codec: str, bitrate: int) -> None:
        self._container = container
        self._stream = container.add_stream(codec, rate=SOUND_RATE, layout=SOUND_LAYOUT)
        self._stream.codec_context.bit_rate = bitrate
        self._next: int | None = None

    def write(self, samples: bytes, pts: int) -> None:
        """Code and mux a chunk; chunks that went missing before it become silence.

        Args:
            samples: See ``SoundChunk``.
            pts: In units of 1/90000 s from the beginning of the container; what an encoder prepends must
                not lie before it, so the first ones are left out.

        Raises:
            av.FFmpegError: As FFmpeg does.
        """
        if self._next is None:
            if pts < 2 * CHUNK_TICKS:
                return
            self._next = pts
        while self._next < pts:
            self._code(SILENCE, self._next)
        self._code(samples, pts)

    def finish(self) -> None:
        """Mux what the encoder still holds. Raises as FFmpeg does."""
        if self._next is not None:
            self._container.mux(self._stream.encode(None))

    def _code(self, samples: bytes, pts: int) -> None:
        frame = av.AudioFrame(format="s16", layout=SOUND_LAYOUT, samples=CHUNK_SAMPLES)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
        frame.pts = round(pts / _TICKS_PER_SAMPLE)
        self._next = pts + CHUNK_TICKS
        self._container.mux(self._stream.encode(frame))
