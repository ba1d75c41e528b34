"""Clips whose frames carry side data of any kind: packets bring it into a decoder of raw video."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from av.packet import PacketSideData, packet_sidedata_type_from_literal
from clips import RATE, pictures

import semvid
from semvid.core.events import Notice

WIDTH, HEIGHT = 192, 96


def _rationals(*values: tuple[int, int]) -> bytes:
    return struct.pack(f"={2 * len(values)}i", *(part for value in values for part in value))


MASTERING = _rationals(
    (34000, 50000), (16000, 50000), (13250, 50000), (34500, 50000), (7500, 50000), (3000, 50000),
    (15635, 50000), (16450, 50000), (1, 10000), (1000, 1),
) + struct.pack("=2i", 1, 1)  # fmt: skip
LIGHT_LEVEL = struct.pack("=2I", 1000, 400)
AMBIENT = _rationals((314, 1), (15635, 50000), (16450, 50000))
STEREO = struct.pack("=5I", 1, 0, 0, 0, 0) + _rationals((0, 1), (0, 1))
SPHERICAL = struct.pack("=I3i4II", 0, 10 << 16, 20 << 16, 30 << 16, 0, 0, 0, 0, 0)
CAPTIONS = bytes.fromhex("fc9420fc9420")
KINDS = {
    "stereo_3d": STEREO,
    "spherical": SPHERICAL,
    "mastering_display_metadata": MASTERING,
    "content_light_level": LIGHT_LEVEL,
    "ambient_viewing_environment": AMBIENT,
    "icc_profile": b"not quite a profile",
    "a53_cc": CAPTIONS,
    "afd": b"\x0a",
    "s12m_timecode": struct.pack("=4I", 1, 0x01020304, 0, 0),
}


def frames_with(
    kinds: Mapping[str, bytes], *, num_frames: int = 4, since: int = 0, alpha: bool = False
) -> list[av.VideoFrame]:
    """Return grey pictures that carry what packets call ``kinds`` from frame ``since`` on."""
    decoder = av.CodecContext.create("rawvideo", "r")
    decoder.width, decoder.height = WIDTH, HEIGHT
    decoder.pix_fmt = "yuva420p" if alpha else "yuv420p"
    flat = np.full(WIDTH * HEIGHT // 2, 128, np.uint8)
    frames = []
    for index, grey in enumerate(pictures(WIDTH, HEIGHT, num_frames)):
        samples = grey.tobytes() + flat.tobytes()
        if alpha:
            opacity = np.full((HEIGHT, WIDTH), 255, np.uint8)
            opacity[:, : WIDTH // 2] = 0
            samples += opacity.tobytes()
        packet = av.Packet(samples)
        for kind, data in kinds.items() if index >= since else ():
            carried = PacketSideData(packet_sidedata_type_from_literal(kind), len(data))
            memoryview(carried)[:] = data
            packet.set_sidedata(carried)
        (frame,) = decoder.decode(packet)
        frame.pts, frame.time_base = index, Fraction(1, RATE)
        frames.append(frame)
    return frames


def ffmpeg(*arguments: str | Path) -> None:
    """Run the packaged FFmpeg."""
    import subprocess

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


def lavfi(*filters: str, frames: int = 4) -> Sequence[str]:
    """Arguments that give FFmpeg a small moving picture."""
    graph = ",".join([f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE}", *filters])
    return ["-f", "lavfi", "-i", graph, "-frames:v", str(frames)]


def compress(source, output, **options):
    """Compress with a cheap map; return the notices."""
    notices = []
    semvid.compress(
        source, output, semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), **options),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    return notices
