"""Senders, receivers and coded packets for the tests of live streams. Everything stays on 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import imageio_ffmpeg
from clips import pictures

from semvid.codecs.svtav1.priority import kept_priorities
from semvid.core.coded import CodedPacket

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
ENCODERS = {
    "x264": ("libx264", "h264", {"preset": "ultrafast", "tune": "zerolatency"}),
    "x265": (
        "libx265",
        "hevc",
        {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "log-level=none"},
    ),
    "vp8": ("libvpx", "vp8", {"deadline": "realtime", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", "vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "av1": ("libsvtav1", "av1", {"preset": "12", "crf": "45"}),
    "mjpeg": ("mjpeg", "mjpeg", {}),
}
TICKS = 3000


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listens(port: int) -> bool:
    """Tell from the system's table, since a receiver takes one connection only."""
    wanted = f":{port:04X} 00000000:0000 0A"
    with open("/proc/net/tcp") as table:
        return any(wanted in line for line in table)


def until(condition: Callable[[], object], seconds: float = 60.0) -> bool:
    """Poll a condition; True as soon as it holds, False if it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return bool(condition())


@contextlib.contextmanager
def process(*arguments: str, **keywords) -> Iterator[subprocess.Popen]:
    """Run FFmpeg beside the test; it is killed at the end."""
    keywords = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **keywords}
    with subprocess.Popen([FFMPEG, "-v", "error", "-nostdin", *arguments], **keywords) as one:
        try:
            yield one
        finally:
            one.kill()


def sender(*output: str, seconds: float = 30, size: str = "160x96", options: tuple[str, ...] = ()):
    """Send a test picture in real time, 25 frames a second, a key frame every ten."""
    return process(
        "-re", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-t", f"{seconds}",
        "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", *options, *output,
    )  # fmt: skip


def coded_packets(
    codec: str = "x264", num_frames: int = 30, *, width: int = 160, height: int = 96, start: int = 900_000
) -> list[CodedPacket]:
    """Coded frames, 30 a second, a key frame every ten."""
    library, name, options = ENCODERS[codec]
    encoder = av.CodecContext.create(library, "w")
    encoder.width, encoder.height, encoder.gop_size = width, height, 10
    encoder.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 90_000), Fraction(30)
    if "crf" not in options:
        encoder.bit_rate = 300_000
    encoder.options = options
    with kept_priorities():
        encoder.open()
    packets = []
    for index, picture in enumerate(pictures(width, height, num_frames)):
        frame = av.VideoFrame(width, height, encoder.pix_fmt)
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        rows = frame.planes[0]
        padded = bytearray(rows.buffer_size)
        for row in range(height):
            padded[row * rows.line_size : row * rows.line_size + width] = picture[row].tobytes()
        rows.update(bytes(padded))
        frame.pts, frame.time_base = start + index * TICKS, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return [CodedPacket(bytes(one), name, one.pts, one.dts, TICKS, one.is_keyframe) for one in packets]


def endless(codec: str = "x264", start: int = 900_000) -> Iterator[CodedPacket]:
    """The same second of coded frames again and again, timestamps rising."""
    packets = coded_packets(codec, start=0)
    turn = start
    while True:
        for one in packets:
            yield CodedPacket(one.data, one.codec, one.pts + turn, one.dts + turn, TICKS, one.is_keyframe)
        turn += len(packets) * TICKS
