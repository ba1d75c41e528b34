"""Re-encodes sound, in time with the original."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, cast

import av
from av import AudioFrame, Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.filter import Graph

from semvid.core.records import dataclass
from semvid.core.text import Loss, counted
from semvid.media.filter_chain import Step
from semvid.media.writing.container_trial import global_header, written_by
from semvid.media.writing.even_sound import WHY, Offset

_ENCODERS = {
    "aac": "aac", "opus": "libopus", "mp3": "libmp3lame", "ac3": "ac3", "eac3": "eac3",
    "flac": "flac", "alac": "alac", "pcm": "pcm_s16le",
}  # fmt: skip
_RATE_PER_CHANNEL = {"aac": 80_000, "opus": 64_000, "mp3": 96_000, "ac3": 96_000, "eac3": 96_000}
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_SMALLEST_GAP = 0.02
"""Seconds. Smaller gaps are the rounding of old containers; larger ones become silence."""
_CHUNK_SAMPLES = 1024
"""Samples per packet if the encoder accepts any number."""


@dataclass(frozen=True, slots=True)
class SoundTarget:
    """How sound will be encoded."""

    codec: str
    """As in ``audio``."""
    encoder: str
    rate: int
    layout: str
    sample_format: str
    bitrate: int | None
    """Bits a second; None = the codec is lossless."""

    @property
    def num_channels(self) -> int:
        """Channels of ``layout``."""
        return int(av.AudioLayout(self.layout).nb_channels)

    def __str__(self) -> str:
        name = self.codec.upper() if self.codec != "opus" else "Opus"
        return f"{name}, {self.bitrate / 1000:g} kbit/s" if self.bitrate else name


def canonical_name(codec: str) -> str:
    """FFmpeg's name of the format that ``audio`` makes."""
    return str(av.Codec(_ENCODERS[codec], "w").canonical_name)


def choose_target(codec: str, source: AudioCodecContext, bitrate: int | None) -> SoundTarget | None:
    """Return how to encode sound, as close to the source as the encoder can; None = it cannot.

    Args:
        codec: As in ``audio``.
        source: Decodes what it is now.
        bitrate: Bits a second; None = what is usual.
    """
    encoder = av.Codec(_ENCODERS[codec], "w")
    rates = sorted(encoder.audio_rates or [source.sample_rate])
    rate = next((one for one in rates if one >= source.sample_rate), rates[-1])
    formats = [one.name for one in encoder.audio_formats or []] or [source.format.name]
    kin = [source.format.name, source.format.name.removesuffix("p"), source.format.name + "p"]
    sample_format = next((one for one in kin if one in formats), formats[0])
    layouts = [source.layout.name, _USUAL_LAYOUTS.get(source.channels, "stereo"), "stereo"]
    for layout in layouts:
        try:
            channels = int(av.AudioLayout(layout).nb_channels)
        except ValueError:
            continue
        bits = bitrate or (channels * _RATE_PER_CHANNEL[codec] if codec in _RATE_PER_CHANNEL else None)
        target = SoundTarget(codec, encoder.name, rate, layout, sample_format, bits)
        context = encoder.create("audio")
        try:
            _describe(context, target)
            context.open()
        except (FFmpegError, ValueError):
            continue
        return target
    return None


def holds_sound(muxer: str, target: SoundTarget) -> bool:
    """Whether a container takes such sound."""

    def write(container: OutputContainer) -> None:
        add_sound(container, target)
        container.start_encoding()

    return written_by(muxer, write) is not None


def add_sound(container: OutputContainer, target: SoundTarget) -> AudioStream:
    """Add the stream of such sound to an output that has not been started."""
    stream = cast(AudioStream, container.add_stream(target.encoder, rate=target.rate))
    _describe(stream.codec_context, target)
    global_header(stream)
    return stream


def _describe(context: AudioCodecContext, target: SoundTarget) -> None:
    context.sample_rate, context.layout, context.format = target.rate, target.layout, target.sample_format
    context.time_base = Fraction(1, target.rate)
    if target.bitrate:
        context.bit_rate = target.bitrate


class SoundConverter:
    """Decodes one stream and encodes it again.

    The first sample keeps its time. Gaps in the source become silence and overlaps are cut, because an
    encoder counts samples and knows no gaps.

    Args:
        source: The stream to decode; nothing else may decode it.
        stream: From ``add_sound``.
        target: The same that was given to it.
        is_even: The container has no timestamps: sound that does not begin at 0 gets silence before it.
        is_cut: Of a part of a video: samples before 0 are left out.
        length: Seconds from which on they are too; None = none are.
    """

    def __init__(
        self,
        source: AudioStream,
        stream: AudioStream,
        target: SoundTarget,
        *,
        is_even: bool = False,
        is_cut: bool = False,
        length: Fraction | None = None,
    ) -> None:
        self._source, self.stream, self._target = source, stream, target
        self._is_even, self._is_cut, self._length = is_even, is_cut, length
        self._lead_in = Fraction(0)
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()
        self._expected = Fraction(0)
        self._fifo = AudioFifo()
        self._next_sample: int | None = None
        self._num_bad_packets = 0

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return the packets that a packet of the source becomes."""
        try:
            frames = self._source.decode(packet)
        except FFmpegError:
            self._num_bad_packets += 1
            return []
        return [coded for frame in frames for coded in self._add(frame)]

    def finish(self) -> list[Packet[Any]]:
        """Return the remaining packets."""
        packets = []
        try:
            for frame in self._source.decode(None):
                packets += self._add(frame)
        except FFmpegError:
            self._num_bad_packets += 1
        self._end_graph()
        packets += self._code(is_last=True)
        return packets + (self.stream.encode(None) if self._next_sample is not None else [])

    @property
    def notices(self) -> list[str]:
        """A sentence for what went wrong."""
        where = f"stream {self._source.index} (audio, {self._source.codec_context.codec.canonical_name})"
        if self._next_sample is None:
            return [Loss(f"{where} is empty in the output: none of its sound could be decoded")]
        found: list[str] = []
        if self._num_bad_packets:
            bad = counted(self._num_bad_packets, "packet")
            found.append(Loss(f"{where} is damaged: {bad} could not be decoded"))
        if self._is_even and (words := str(Offset(late=self._lead_in))):
            found.append(f"{where} is heard {words}: {WHY}; write to .mov or .mkv")
        return found

    def _add(self, frame: AudioFrame) -> list[Packet[Any]]:
        # All but the first frame of a packet may have no time, and the graph keeps to one time base.
        pts, time_base = frame.pts, frame.time_base
        start = self._expected if pts is None or not time_base else pts * time_base
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = round(start * frame.sample_rate)
        self._expected = start + Fraction(frame.samples, frame.sample_rate)
        steps = []
        if self._is_cut:
            if self._expected <= 0 or (self._length is not None and start >= self._length):
                return []
            steps.append(_trim(frame, self._length))
        kind = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._graph is None or kind != self._kind:
            self._end_graph()
            self._graph = _resampler(frame, self._target, steps, from_zero=self._is_even and not self._kind)
            self._kind = kind
        self._graph.push(frame)
        self._pull(self._graph)
        return self._code(is_last=False)

    def _end_graph(self) -> None:
        if self._graph is not None:
            self._graph.push(None)
            self._pull(self._graph)
            self._graph = None

    def _pull(self, graph: Graph) -> None:
        while True:
            try:
                ready: Any = graph.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            if self._next_sample is None:
                self._next_sample = round(ready.pts * ready.time_base * self._target.rate)
            ready.pts = None
            self._fifo.write(ready)

    def _code(self, *, is_last: bool) -> list[Packet[Any]]:
        if self._next_sample is None:
            return []
        size = self.stream.codec_context.frame_size or _CHUNK_SAMPLES
        packets = []
        while (frame := self._fifo.read(size, partial=is_last)) is not None:
            frame.sample_rate, frame.time_base = self._target.rate, Fraction(1, self._target.rate)
            frame.pts = self._next_sample
            self._next_sample += frame.samples
            coded = self.stream.encode(frame)
            for packet in coded:
                self._lead_in = max(self._lead_in, Fraction(-(packet.pts or 0), self._target.rate))
            packets += coded
        return packets


def _trim(frame: AudioFrame, length: Fraction | None) -> Step:
    """Return the filter that leaves out samples outside of a part."""
    end = "" if length is None else f":end_pts={round(length * frame.sample_rate)}"
    return "atrim", f"start_pts=0{end}"


def _resampler(frame: AudioFrame, target: SoundTarget, steps: Sequence[Step], *, from_zero: bool) -> Graph:
    start = ":first_pts=0" if from_zero else ""
    graph = Graph()
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format.name, layout=frame.layout.name,
            time_base=frame.time_base,
        ),
        *(graph.add(name, options) for name, options in steps),
        graph.add("aresample", f"{target.rate}:async=1:min_hard_comp={_SMALLEST_GAP}{start}"),
        graph.add(
            "aformat",
            f"sample_fmts={target.sample_format}:channel_layouts={target.layout}:sample_rates={target.rate}",
        ),
        graph.add("abuffersink"),
    ).configure()  # fmt: skip
    return graph
