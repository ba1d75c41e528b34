"""Joins parts of a video that were encoded separately, without encoding anything again."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import field
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, cast

from av import Packet
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from semvid.core.coded import CodedPacket
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, InputError
from semvid.core.records import dataclass
from semvid.media.probe import codec_name, main_video_stream, open_container
from semvid.media.reading.reader import VideoReader
from semvid.media.side_data import MODE_TAGS, stream_side_data
from semvid.media.writing.container_trial import add_copy
from semvid.media.writing.containers import MP4_LIKE
from semvid.media.writing.destination import check_output
from semvid.media.writing.durations import DurationKeeper
from semvid.media.writing.parameter_sets import without_words
from semvid.media.writing.writer import VideoWriter

_ROUNDING = Fraction(2, 1000)
"""Seconds: Matroska counts times and durations in thousandths."""
_MOST_REORDERED = 64
"""Packets that may follow the one that is shown last; more than any encoder reorders."""


@dataclass
class _Part:
    """What is known about a part before it is copied."""

    path: Path
    parameters: dict[str, object]
    """What must be the same in all parts, by name."""
    is_exact: bool
    """Times in it are exact but for all of them together: an edit list has ticks of its own."""
    time_base: Fraction
    times: list[int] = field(default_factory=list)
    """When each packet is shown, in coding order."""
    end: int = 0
    """End of the last packet."""


def concat(parts: Sequence[Path], output: Path, source: Path, config: CompressConfig) -> list[str]:
    """Join the parts of a video that ``compress`` made, and add the video's other streams.

    Times are exact if the parts are in the container that the output is in.

    Args:
        parts: Files that hold all of the video, in order. Only their main stream counts.
        output: Where to write: ``.mp4``, ``.m4v``, ``.mov``, ``.mkv`` or ``.webm``.
        source: The video. Its sound, subtitles, chapters and tags become what ``compress`` makes of them.
        config: As for ``compress``; ``audio``, ``drop``, ``strict``, ``verify`` and ``overwrite`` count.

    Returns:
        A sentence for everything that cannot be kept.

    Raises:
        InputError: The parts do not fit together.
        OutputError: The output cannot be written.
    """
    if not config.edit.is_all:
        raise ConfigError("parts are joined as they are, without an edit; edit what is compressed to them")
    if not parts:
        raise InputError("there are no parts to join; give all parts of the video, in order")
    looked = [_look(one) for one in parts]
    for before, part in pairwise(looked):
        _follow(before, part)
    with VideoReader(source) as reader, open_container(parts[0]) as first:
        template = main_video_stream(first, parts[0])
        manifest = check_output(output, reader.info, codec_name(template), config)
        reader.keep(manifest.read_streams)
        with VideoWriter(output, manifest, overwrite=config.overwrite) as writer:
            packets = reader.packets()
            # From here on the reader knows its clock.
            others = chain([next(packets)], packets)
            writer.add_video(_add_track(writer, template, reader.info.frame_rate))
            writer.copy_streams(reader)
            writer.start()
            with closing(_joined(looked, sums_up=output.suffix.lower() in MP4_LIKE)) as coded:
                _write_all(writer, reader.stream.index, others, coded)
            notices = [*manifest.notices, *writer.finish(), *reader.remarks("what could be read was joined")]
            writer.complete()
            if config.verify == "full":
                for _ in writer.decoded():
                    continue
            writer.commit()
            return notices + writer.notices


def _write_all(
    writer: VideoWriter, main: int, others: Iterator[Packet[Any]], coded: Iterator[CodedPacket]
) -> None:
    """Write everything in about the order of the source."""
    ahead = next(coded, None)
    for packet in others:
        if packet.stream.index != main:
            writer.copy(packet)
            continue
        while ahead is not None and _decoded(ahead) <= _decoded(packet):
            writer.write(ahead)
            ahead = next(coded, None)
    while ahead is not None:
        writer.write(ahead)
        ahead = next(coded, None)


def _add_track(writer: VideoWriter, template: VideoStream, frame_rate: Fraction | None) -> VideoStream:
    video = cast(VideoStream, add_copy(writer.container, template))
    video.time_base = template.time_base
    # As encoders are told; Matroska takes its durations from it.
    video.codec_context.framerate = frame_rate or Fraction(25)
    video.metadata.update({key: template.metadata[key] for key in MODE_TAGS if key in template.metadata})
    return video


def _decoded(packet: Packet[Any] | CodedPacket) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return (time or 0) * (packet.time_base or Fraction(0))


def _look(path: Path) -> _Part:
    """Read a part through, without decoding it."""
    with open_container(path) as container:
        stream = main_video_stream(container, path)
        codec = stream.codec_context
        time_base = stream.time_base or Fraction(1, 90_000)
        part = _Part(
            path,
            parameters={
                "container": container.format.name,
                "coding format": codec_name(stream),
                "size": f"{codec.width}x{codec.height}",
                "pixel format": codec.pix_fmt,
                "time base": time_base,
                "pixel aspect": stream.sample_aspect_ratio or Fraction(1),
                "colours": (codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc),
                "side data": stream_side_data(container, stream.index),
                "parameter sets": without_words(codec_name(stream), codec.extradata),
            },
            is_exact="mov" in container.format.name.split(","),
            time_base=time_base,
        )
        for packet in _packets_of(container, stream):
            if packet.pts is None:
                raise InputError(f"{path} is no part that semvid made: a packet of it has no timestamp")
            part.times.append(packet.pts)
            part.end = max(part.end, packet.pts + (packet.duration or 0))
        if not part.times:
            raise InputError(f"{path} is no part of a video: it has no frames")
        if part.is_exact and stream.duration and stream.start_time is not None:
            # The length of a track counts, not the durations in it, which are those of coding order.
            part.end = stream.start_time + stream.duration
    return part


def _packets_of(container: InputContainer, stream: Stream) -> Iterator[Packet[Any]]:
    return (one for one in container.demux(stream) if one.size)


def _follow(before: _Part, part: _Part) -> None:
    """Put a part where the one before it ends.

    Raises:
        InputError: It was coded in another way, or does not follow.
    """
    for name, value in before.parameters.items():
        if part.parameters[name] != value:
            raise InputError(
                f"{part.path} cannot be joined to {before.path}: they have not the same {name}; "
                "code all parts with the same options"
            )
    apart = before.end - min(part.times)
    if abs(apart) * part.time_base > _ROUNDING:
        start, end = float(min(part.times) * part.time_base), float(before.end * part.time_base)
        raise InputError(
            f"{part.path} begins at {start:g} s, but {before.path} ends at {end:g} s; "
            "give all parts of the video, in order"
        )
    if part.is_exact:
        part.times = [one + apart for one in part.times]
        part.end += apart


def _joined(parts: Sequence[_Part], *, sums_up: bool) -> Generator[CodedPacket, None, None]:
    """Yield the packets of all parts, timed as those of one encoder."""
    times = [one for part in parts for one in part.times]
    keeper = DurationKeeper(parts[0].time_base, sums_up=sums_up)
    for one in sorted(times):
        keeper.note(one)
    ready = _timed(parts, times)
    for _ in range(max(len(times) - _MOST_REORDERED, 0)):
        yield from keeper.pass_on([next(ready)])
    yield from keeper.finish(ready, parts[-1].end)


def _timed(parts: Sequence[_Part], times: Sequence[int]) -> Iterator[CodedPacket]:
    moments = iter(zip(times, decoding_times(times), strict=True))
    for part in parts:
        with open_container(part.path) as container:
            stream = main_video_stream(container, part.path)
            for packet in _packets_of(container, stream):
                pts, dts = next(moments)
                yield CodedPacket(
                    bytes(packet), codec_name(stream), pts, dts, packet.duration or 0,
                    bool(packet.is_keyframe), part.time_base, origin=packet,
                )  # fmt: skip


def decoding_times(times: Sequence[int]) -> list[int]:
    """Return when to decode packets so that each is there in time, as late as all of them can be.

    Args:
        times: When they are shown, in coding order, all different.
    """
    shown = sorted(times)
    ranks = {one: rank for rank, one in enumerate(shown)}
    delay = max(index - ranks[one] for index, one in enumerate(times))
    early = [shown[0] - (shown[delay] - one) for one in shown[:delay]]
    return early + shown[: len(shown) - delay]
