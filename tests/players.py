"""What a player shows of a file: by PyAV, and by FFmpeg's command for a second opinion."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@dataclass(frozen=True)
class Shown:
    """All in seconds from the first thing shown of the file."""

    pictures: list[Fraction]
    """When each frame is shown."""
    end: Fraction
    """When the last one is no longer shown."""
    sound: Fraction | None
    """When the sound begins."""
    sound_end: Fraction | None


def ffmpeg(*arguments: str | Path) -> str:
    """Run FFmpeg's command; return what it writes."""
    command = [FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def played(path: Path) -> Shown:
    """Decode all of a file; edit lists and priming are applied by the demuxer and the decoders."""
    pictures: list[tuple[Fraction, Fraction]] = []
    sound: list[tuple[Fraction, Fraction]] = []
    with av.open(str(path)) as container:
        streams = [container.streams.video[0], *container.streams.audio[:1]]
        for packet in container.demux(streams):
            for frame in packet.decode():
                base = packet.stream.time_base
                start = (frame.pts if frame.pts is not None else -(10**9)) * base
                if isinstance(frame, av.VideoFrame):
                    pictures.append((start, start + (frame.duration or 0) * base))
                else:
                    sound.append((start, start + Fraction(frame.samples, frame.sample_rate)))
        track = container.streams.video[0]
        end = max(end for _, end in pictures)
        if track.duration and track.start_time is not None:
            end = (track.start_time + track.duration) * track.time_base
    first = min(pictures[0][0], sound[0][0]) if sound else pictures[0][0]
    return Shown(
        [start - first for start, _ in pictures], end - first,
        sound[0][0] - first if sound else None, sound[-1][1] - first if sound else None,
    )  # fmt: skip


def played_by_ffmpeg(path: Path, kind: str = "v") -> list[Fraction]:
    """When FFmpeg's command shows each frame of the first video stream, or plays each of sound (``a``)."""
    text = ffmpeg("-i", path, "-map", f"0:{kind}:0", "-fps_mode", "passthrough", "-enc_time_base", "demux",
                  "-f", "framemd5", "-") if kind == "v" else ffmpeg(
                  "-i", path, "-map", "0:a:0", "-f", "framemd5", "-")  # fmt: skip
    base = Fraction(1)
    times = []
    for line in text.splitlines():
        if line.startswith("#tb 0:"):
            base = Fraction(line.split(":")[1].strip())
        elif line and not line.startswith("#"):
            times.append(int(line.split(",")[2]) * base)
    return times
