"""What is in a file, as a player shows it: the facts that ``keeps.py`` compares before and after.

Times count from the first picture shown, edit lists applied. Facts have names such as ``video.times``,
``audio0.language`` or ``tag.title``; ``differences`` says which a second file lacks or has otherwise.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import ColorRange
from makers import FFMPEG
from PIL import Image

from semvid.media.side_data import side_data

Facts = dict[str, Any]

_LAST_SOUND = 0.025
"""Seconds: few containers can tell how much of the last coded block of sound is padding."""
_AUDIBLE = 0.03
"""Of full scale; the tones of the inputs have 0.12."""

_MADE_ANEW = re.compile(
    r"^(encoder|duration|bps|number_of_|_statistics|major_brand|minor_version|compatible_brands|handler_name|software"
    r"|vendor_id|writing|service_)", re.I,
)  # fmt: skip
"""Tags that tell how a file was made, not what it is."""


def read_facts(path: Path) -> Facts:
    """Read everything a person could miss."""
    facts: Facts = {}
    with av.open(f"file:{path}", metadata_errors="ignore") as container:
        covers = [one for one in container.streams.video if one.disposition & Disposition.attached_pic]
        best = container.streams.best("video")
        videos = [one for one in container.streams.video if one not in covers]
        # The one that is compressed comes first in the output.
        videos.sort(key=lambda one: best is None or one.index != best.index)
        origin = _origin(path, videos[0].index if videos else None)
        facts["covers"] = tuple((one.codec_context.width, one.codec_context.height) for one in covers)
        facts.update(_tags("tag", container.metadata))
        for index, one in enumerate(container.chapters()):
            times = (one["start"] * one["time_base"] - origin, one["end"] * one["time_base"] - origin)
            facts[f"chapter{index}"] = tuple(round(float(seconds), 3) for seconds in times)
            facts.update(_tags(f"chapter{index}", one["metadata"]))
        for kind, streams in (
            ("video", videos), ("audio", container.streams.audio), ("subtitle", container.streams.subtitles),
            ("data", container.streams.data), ("attachment", container.streams.attachments),
        ):  # fmt: skip
            for index, stream in enumerate(streams):
                if _is_made_anew(stream, bool(container.chapters())):
                    continue
                name = kind if kind == "video" and index == 0 else f"{kind}{index}"
                facts.update(_stream_facts(name, stream))
    for stream_index, name in _numbered(facts):
        facts.update(_content(path, stream_index, name, origin))
    facts.update(_side_data(path))
    return {key: value for key, value in facts.items() if not key.endswith(".index")}


def _numbered(facts: Mapping[str, Any]) -> list[tuple[int, str]]:
    return [(value, key.removesuffix(".index")) for key, value in facts.items() if key.endswith(".index")]


def _origin(path: Path, stream_index: int | None) -> Fraction:
    """When the first picture is shown: a lead of silence before it is no difference anyone sees or hears."""
    if stream_index is None:
        return Fraction(0)
    with av.open(f"file:{path}", metadata_errors="ignore") as container:
        first = next(iter(_decoded(container, container.streams[stream_index])), None)
        return Fraction(0) if first is None else (first.pts or 0) * first.time_base


def _tags(prefix: str, metadata: Mapping[str, str]) -> Facts:
    facts = {}
    for key, value in metadata.items():
        # MP4 calls the title of a track its name, and FFmpeg says its place twice.
        name = re.sub(r"^name$", "title", key.lower()).removesuffix("-eng")
        if not _MADE_ANEW.match(key) and value not in {"und", ""}:
            # A place is the same with leading zeros.
            facts[f"{prefix}.{name}"] = (
                re.sub(r"(?<=[+-])0+(?=\d)", "", value) if "location" in name else value
            )
    return facts


def _is_made_anew(stream: Any, has_chapters: bool) -> bool:
    """Tell tracks that FFmpeg makes of a timecode tag and of chapters."""
    return stream.type == "data" and ("timecode" in stream.metadata or has_chapters)


def _stream_facts(name: str, stream: Any) -> Facts:
    facts: Facts = _tags(f"{name}.tag", stream.metadata)
    if stream.type == "attachment":
        facts[f"{name}.content"] = (stream.mimetype, hashlib.sha1(bytes(stream.data)).hexdigest())
        return facts
    facts[f"{name}.disposition"] = str(stream.disposition & ~Disposition.attached_pic)
    facts[f"{name}.exists"] = True
    codec = stream.codec_context
    if codec is None:
        return facts
    facts[f"{name}.index"] = stream.index
    # An mp4 says "MPEG-1 audio" and leaves the layer to the decoder.
    facts[f"{name}.codec"] = re.sub(r"^mp[23]$", "MPEG audio", codec.codec.canonical_name)
    if stream.type == "video":
        # WebM counts what is displayed in whole pixels.
        facts[f"{name}.aspect"] = round(codec.width * (stream.sample_aspect_ratio or 1))
    elif stream.type == "audio":
        facts[f"{name}.rate"], facts[f"{name}.channels"] = codec.sample_rate, codec.channels
    return facts


def _content(path: Path, stream_index: int, name: str, origin: Fraction) -> Facts:
    """What decoding a stream shows."""
    facts: Facts = {}
    with av.open(f"file:{path}", metadata_errors="ignore") as container:
        stream = container.streams[stream_index]
        kind = stream.type  # a closed container's streams cannot be asked
        if kind == "subtitle":
            facts[f"{name}.events"] = _events(container, stream, origin)
            return facts
        if kind == "data":
            facts[f"{name}.packets"] = sum(bool(one.size) for one in container.demux(stream))
            return facts
        shown = list(_decoded(container, stream))
    if not shown:
        return facts
    starts = [float((one.pts or 0) * one.time_base - origin) for one in shown]
    if kind == "audio":
        facts.update(_audible(name, shown, starts))
        return facts
    first = shown[0]
    facts[f"{name}.frames"] = len(shown)
    facts[f"{name}.times"] = tuple(round(one, 3) for one in starts)
    facts[f"{name}.end"] = round(starts[-1] + _last_seconds(path, stream_index, shown), 3)
    facts[f"{name}.size"] = (first.width, first.height)
    facts[f"{name}.rotation"] = first.rotation % 360
    facts[f"{name}.bits"] = first.format.components[0].bits
    if len(first.format.components) > 1:
        facts[f"{name}.chroma"] = (first.format.chroma_width(64), first.format.chroma_height(64))
    if any(one.type.name == "STEREO3D" for one in side_data(first)):
        # Of the bitstream, where the container does not say it.
        facts["side data.stereo 3d"] = True
    facts[f"{name}.alpha"] = _is_transparent(first)
    facts[f"{name}.full_range"] = first.color_range == ColorRange.JPEG and not first.format.is_rgb
    facts[f"{name}.primaries"] = int(first.color_primaries)
    facts[f"{name}.transfer"] = int(first.color_trc)
    facts[f"{name}.interlaced"] = any(one.interlaced_frame for one in shown)
    return facts


def _audible(name: str, frames: Sequence[Any], starts: Sequence[float]) -> Facts:
    """From when to when something is heard: what codecs add before and after is silent."""
    loud = []
    for frame, start in zip(frames, starts, strict=True):
        samples = frame.to_ndarray()
        scale = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
        levels = np.abs(samples.astype(np.float64) - (128 if samples.dtype == np.uint8 else 0)) / scale
        if not frame.format.is_planar:
            levels = levels.reshape(-1, len(frame.layout.channels)).T
        found = np.flatnonzero(levels.max(0) > _AUDIBLE)
        if found.size:
            loud += [start + found[0] / frame.sample_rate, start + found[-1] / frame.sample_rate]
    if not loud:
        return {}
    return {f"{name}.start": round(loud[0], 3), f"{name}.seconds": round(loud[-1] - loud[0], 3)}


def _is_transparent(picture: Any) -> bool:
    if not re.search(r"yuva|rgba|bgra|argb|abgr|gbrap|^ya\d", picture.format.name):
        return False
    # Coded with loss, what is opaque may come back a little less so.
    return bool(picture.to_ndarray(format="rgba")[..., 3].min() < 250)


def _decoded(container: Any, stream: Any) -> Iterable[Any]:
    decoder = stream
    if stream.metadata.get("alpha_mode") == "1":
        # FFmpeg's own decoders skip the second layer.
        library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}[stream.codec_context.name]
        decoder = av.CodecContext.create(library, "r")
    for packet in container.demux(stream):
        try:
            yield from decoder.decode(packet)
        except av.error.FFmpegError:
            continue


def _last_seconds(path: Path, stream_index: int, shown: list[Any]) -> float:
    """How long the last frame is shown: what its packet says, else the container, else the step before it."""
    last = shown[-1]
    with av.open(f"file:{path}", metadata_errors="ignore") as container:
        stream = container.streams[stream_index]
        found = [one.duration for one in container.demux(stream) if one.size and one.pts == last.pts]
        if found and found[-1]:
            return float(found[-1] * (stream.time_base or 0))
    if len(shown) > 1:
        return float((last.pts - shown[-2].pts) * last.time_base)
    return 0.0


def _events(container: Any, stream: Any, origin: Fraction) -> tuple[Any, ...]:
    events = []
    for packet in container.demux(stream):
        if not packet.size or packet.pts is None:
            continue
        # Before the first picture nothing is shown.
        start = max(round(float(packet.pts * packet.time_base - origin), 2), 0.0)
        try:
            found = packet.decode()
        except av.error.FFmpegError:
            continue
        for one in found:
            words = getattr(one, "dialogue", None) or getattr(one, "text", None) or b""
            text = words.decode() if isinstance(words, bytes) else str(words)
            text = re.sub(r"<[^>]+>|\{[^}]+\}", "", text.replace("\\N", " ").replace("\n", " ")).strip()
            if text or getattr(one, "type", b"") == b"bitmap":
                events.append((start, text))
    return tuple(events)


_SIDE_DATA = re.compile(r"^ {6,}([A-Za-z0-9][A-Za-z0-9 .\-]+?)(?::|$)")


def _side_data(path: Path) -> Facts:
    """Kinds of side data of the main video stream, by FFmpeg's own dump."""
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin", "-i", f"file:{path}"], capture_output=True, check=False
    )
    facts: Facts = {}
    is_video = in_list = False
    for line in done.stderr.decode(errors="replace").splitlines():
        if line.lstrip().startswith("Stream #"):
            is_video, in_list = "Video:" in line and "attached pic" not in line, False
        elif line.strip() == "Side data:":
            in_list = True
        elif in_list and is_video and (found := _SIDE_DATA.match(line)):
            name = found[1].strip().lower()
            if name not in {"cpb properties", "displaymatrix"}:
                facts[f"side data.{name}"] = True
        elif in_list and not line.startswith(" " * 6):
            in_list = False
    return facts


def read_animation(path: Path) -> Facts:
    """Facts of a GIF or an animated WebP: how many frames, and how long all are shown."""
    with Image.open(path) as image:
        seconds = 0.0
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            seconds += image.info.get("duration", 0) / 1000
        return {"video.frames": getattr(image, "n_frames", 1), "video.end": round(seconds, 3)}


def differences(before: Facts, after: Facts, *, tolerance: float = 0.0021) -> list[str]:
    """Names of the facts that ``after`` lacks or has otherwise.

    Args:
        before: Of the source.
        after: Of the output.
        tolerance: In seconds; a tick of Matroska is 1 ms, and both ends are rounded.
    """
    return [
        key for key, value in before.items()
        if not _same(value, after.get(key), max(tolerance, _LAST_SOUND if key.endswith(".seconds") else 0))
    ]  # fmt: skip


def _same(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, float) and isinstance(b, float | int):
        return abs(a - b) <= tolerance
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    return bool(a == b)
