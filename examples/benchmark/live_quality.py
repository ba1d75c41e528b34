"""Measure what maps buy in a live stream: object PSNR at the same bit rate, in real time.

    python examples/benchmark/live_quality.py [--sequences dog,parkour] [--bitrate 500] [--seconds 10]
        [--codec av1 --result live_quality_av1]

DAVIS sequences are played forwards and backwards at 30 frames a second of the wall clock, so that maps come
as late as they do live. Anchor and test have the same encoder settings (by default x264 superfast,
zerolatency, intra refresh, its own AQ on) and the same bit rate; only ``strength`` differs (0 and 1). PSNR is
of luma, from the squared error pooled over all frames; the object is the truth mask. The first second, in
which nobody has a map and the encoder finds its rate, counts too.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import av
import cv2
import numpy as np
from common import data_folder, save, table
from numpy.typing import NDArray

import semvid
from semvid.core.coded import TIME_BASE, CodedPacket, software_decoder
from semvid.core.config import LiveConfig, MapsConfig
from semvid.core.rate import Bitrate
from semvid.core.types import Frame
from semvid.importance.registry import open_source
from semvid.streaming.base.types import Captured
from semvid.streaming.stream import LiveStream

RATE = 30
SEQUENCES = "dog,parkour,blackswan"


def load(sequence: str) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.bool_]]]:
    """Return 4:2:0 planes as PyAV wants them, and truth masks, there and back."""
    davis = data_folder() / "davis"
    pictures, masks = [], []
    for path in sorted((davis / "JPEGImages" / sequence).glob("*.jpg")):
        bgr = cv2.imread(str(path))
        height, width = (side // 2 * 2 for side in bgr.shape[:2])
        pictures.append(cv2.cvtColor(bgr[:height, :width], cv2.COLOR_BGR2YUV_I420))
        mask = cv2.imread(str(davis / "Annotations" / sequence / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        masks.append(mask[:height, :width] > 127)
    return pictures + pictures[-2:0:-1], masks + masks[-2:0:-1]


def stream(
    pictures: list[NDArray[np.uint8]], config: LiveConfig, num_frames: int
) -> tuple[list[CodedPacket], tuple[float, float], float]:
    """Play in real time; returns packets, median and 99th percentile of delays in ms, and maps a second."""
    live = LiveStream(config, open_source(config.maps, None))
    packets: list[CodedPacket] = []
    start = time.monotonic()
    try:
        for index in range(num_frames):
            planes = pictures[index % len(pictures)]
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts, picture.time_base = round(index / RATE / TIME_BASE), TIME_BASE
            time.sleep(max(start + index / RATE - time.monotonic(), 0))
            luma = planes[: picture.height]
            packets += live.feed(
                Captured(Frame(picture, index, luma, 8), time.monotonic()), expected_rate=RATE
            )
            live.judge(0)
        return packets, live.meters.latencies(), live.mapper.maps_per_second
    finally:
        live.close()


def score(
    packets: list[CodedPacket], pictures: list[NDArray[np.uint8]], masks: list[NDArray[np.bool_]]
) -> tuple[float, float]:
    """Return PSNR of the object and of the whole frame."""
    codec = av.CodecContext.create(software_decoder(packets[0].codec), "r")
    decoded = [frame for one in packets for frame in codec.decode(av.Packet(one.data))] + codec.decode(None)
    inside = whole = 0.0
    num_inside = num_whole = 0
    for index, frame in enumerate(decoded):
        height, width = frame.height, frame.width
        plane = np.frombuffer(frame.planes[0], np.uint8).reshape(-1, frame.planes[0].line_size)[
            :height, :width
        ]
        error = (plane.astype(np.float64) - pictures[index % len(pictures)][:height]) ** 2
        mask = masks[index % len(masks)]
        inside, num_inside = inside + error[mask].sum(), num_inside + int(mask.sum())
        whole, num_whole = whole + error.sum(), num_whole + error.size
    return tuple(float(10 * np.log10(255**2 * n / e)) for e, n in ((inside, num_inside), (whole, num_whole)))


def fullest(packets: list[CodedPacket], config: LiveConfig) -> float:
    """Return the longest that bits wait for a line of the bit rate, in seconds."""
    rate, level, highest = config.rate.bits_per_second, 0.0, 0.0
    for packet in packets:
        level = max(level - rate / RATE, 0) + 8 * len(packet.data)
        highest = max(highest, level)
    return highest / rate


def main() -> None:
    """Write ``results/RESULT.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", default=SEQUENCES)
    parser.add_argument("--codec", default=LiveConfig().codec)
    parser.add_argument("--bitrate", type=int, default=500, help="kilobits a second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--model", default=LiveConfig().maps.chosen_model)
    parser.add_argument(
        "--background-weight", type=float, default=semvid.AllocationConfig().background_weight
    )
    parser.add_argument("--result", default="live_quality", help="name of the result")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for sequence in arguments.sequences.split(","):
        pictures, masks = load(sequence)
        scores = {}
        for strength in (0.0, 1.0):
            config = LiveConfig(
                codec=arguments.codec, rate=Bitrate(1000 * arguments.bitrate),
                maps=MapsConfig(model=arguments.model, threads=1),
                allocation=semvid.AllocationConfig(
                    strength=strength, background_weight=arguments.background_weight
                ),
            )  # fmt: skip
            packets, delay, maps = stream(pictures, config, RATE * arguments.seconds)
            kbps = sum(8 * len(one.data) for one in packets) / arguments.seconds / 1000
            scores[strength] = (
                *score(packets, pictures, masks),
                kbps,
                *delay,
                maps,
                fullest(packets, config),
            )
        plain, mapped = scores[0.0], scores[1.0]
        found[sequence] = {
            "object_gain_db": mapped[0] - plain[0], "whole_gain_db": mapped[1] - plain[1],
            "kbps_plain": plain[2], "kbps": mapped[2], "latency_ms": mapped[3], "latency_p99_ms": mapped[4],
            "maps_per_second": mapped[5], "fullest_seconds": max(plain[6], mapped[6]),
            "object_db": mapped[0], "whole_db": mapped[1],
        }  # fmt: skip
    settings = {
        "codec": arguments.codec, "bitrate_kbps": arguments.bitrate, "model": arguments.model,
        "background_weight": arguments.background_weight,
    }  # fmt: skip
    save(arguments.result, {**settings, "sequences": found})
    rows = [
        [
            name, f"{one['object_gain_db']:+.2f} dB", f"{one['whole_gain_db']:+.2f} dB",
            f"{one['kbps_plain']:.0f}", f"{one['kbps']:.0f}", f"{one['latency_ms']:.1f}",
            f"{one['maps_per_second']:.1f}",
        ]
        for name, one in found.items()
    ]  # fmt: skip
    print(table(["sequence", "object", "whole", "kbit/s plain", "kbit/s", "delay ms", "maps/s"], rows))


if __name__ == "__main__":
    main()
