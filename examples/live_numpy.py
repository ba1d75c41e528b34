"""Feed pictures of your own to the live encoder, and get its packets at once.

    python examples/live_numpy.py [OUT.h264]

Anything that makes ``(h, w, 3)`` arrays will do: a robot's camera, a renderer, a simulation.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import semvid

FRAME_RATE = 30


def pictures(count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield a bright ball that flies over a textured wall."""
    random = np.random.default_rng(0)
    wall = np.repeat(np.repeat(random.integers(60, 120, (45, 80, 3), np.uint8), 8, 0), 8, 1)
    y, x = np.mgrid[0:360, 0:640]
    for index in range(count):
        picture = wall.copy()
        centre = 60 + 520 * index / count, 180 + 120 * np.sin(index / 12)
        picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 40**2] = (250, 220, 40)
        yield picture


def main() -> None:
    """Write a raw H.264 stream, which every player plays."""
    output = Path(sys.argv[1] if len(sys.argv) > 1 else "ball.h264")
    config = semvid.LiveConfig(rate=semvid.Bitrate(500_000), frame_rate=FRAME_RATE)
    delays = []
    with semvid.LiveStream(config) as stream, output.open("wb") as file:
        for index, picture in enumerate(pictures(90)):
            started = time.monotonic()
            for packet in stream.feed_array(picture, index / FRAME_RATE):
                file.write(packet.data)
            delays.append(time.monotonic() - started)
        # Some encoders hold frames back.
        for packet in stream.flush():
            file.write(packet.data)
    print(
        f"{output}: {output.stat().st_size:,} bytes, "
        f"a packet {1000 * np.median(delays):.1f} ms after its picture"
    )


if __name__ == "__main__":
    main()
