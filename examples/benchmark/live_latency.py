"""Measure a live stream over the loopback network: delay, drops, bit rate, memory.

    python examples/benchmark/live_latency.py [--minutes 10] [--bitrate 800] [--busy N]
        [--codec av1 --result live_latency_av1]

FFmpeg plays a 720p clip (30 frames a second, as it is, again and again, with a tone) as MPEG-TS over UDP;
semvid reads it, maps it with ``msroi-fast``, codes it with x264 superfast (or ``--codec``) at the bit rate
and writes MPEG-TS, sound included, to another UDP port, or Matroska where MPEG-TS does not carry the codec.
The delay is from a frame decoded to its packet coded, the encoder's own delay included, of every frame; the
first ten seconds, in which the encoder finds its rate, do not count for the bit rate. ``--busy`` runs
processes beside it that do nothing but work, to see the load cut in steps.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import subprocess
import tempfile
import time
from array import array
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from common import data_folder, save, table

from semvid.core.coded import CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.events import Notice
from semvid.core.rate import Bitrate
from semvid.streaming.base.types import LiveStatus, Snapshot
from semvid.streaming.live import open_session

SECONDS_PER_RATE = 10.0


class Tap:
    """A sink that only adds up sizes, so that the memory measured is not its own."""

    name, state, num_reconnections, last_error = "tap", "open", 0, ""

    def __init__(self) -> None:
        self.first: float | None = None
        self.slots: Counter[int] = Counter()

    def offer(self, packet: CodedPacket) -> None:
        """Take a packet."""
        now = time.monotonic()
        self.first = self.first or now
        self.slots[int((now - self.first) / SECONDS_PER_RATE)] += 8 * len(packet.data)

    def close(self) -> None:
        """Nothing to do."""


def work() -> None:
    """Keep a core busy."""
    while True:
        sum(range(10_000))


def play(port: int, folder: Path, minutes: float) -> subprocess.Popen[bytes]:
    """Start the source. FFmpeg plays a file it loops too fast by a tenth, so the loops are made before."""
    clip, long = data_folder() / "clips" / "dog_720p.mp4", folder / "long.ts"
    loops = str(int(60 * minutes / 9) + 2)
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", loops, "-i", str(clip),
         "-f", "lavfi", "-i", "sine=frequency=300:beep_factor=4:sample_rate=44100", "-map", "0:v",
         "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-shortest", str(long)], check=True,
    )  # fmt: skip
    return subprocess.Popen(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-re", "-i", str(long), "-c", "copy", "-f", "mpegts",
         f"udp://127.0.0.1:{port}?pkt_size=1316"],
    )  # fmt: skip


def resident_mb() -> float:
    """Return the memory this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def measure(minutes: float, bitrate_kbps: int, num_busy: int, codec: str) -> dict[str, Any]:
    """Stream for some minutes."""
    config = LiveConfig(codec=codec, rate=Bitrate(1000 * bitrate_kbps), latency_ms=80)
    busy = [multiprocessing.Process(target=work, daemon=True) for _ in range(num_busy)]
    for one in busy:
        one.start()
    folder = tempfile.TemporaryDirectory()
    player = play(23_450, Path(folder.name), minutes)
    tap, notices, memory = Tap(), [], []
    latencies = array("d")
    started = time.monotonic()
    try:
        sink = "udp://127.0.0.1:23451" if codec in {"x264", "x265"} else str(Path(folder.name) / "live.mkv")
        session = open_session("udp://127.0.0.1:23450", sink, config, more_sinks=[tap])
        with closing(session.run()) as events:
            session.record_latencies(latencies)
            status = None
            for event in events:
                if isinstance(event, Notice):
                    notices.append((round(time.monotonic() - started, 1), event.message))
                    print(notices[-1], flush=True)
                elif isinstance(event, LiveStatus):
                    status = event
                    if round(event.seconds) % 30 == 0:
                        memory.append(resident_mb())
                        print(event, f"{memory[-1]:.0f} MB", flush=True)
                elif isinstance(event, Snapshot) and time.monotonic() - started > 60 * minutes:
                    break
    finally:
        player.kill()
        player.wait()
        folder.cleanup()
        for one in busy:
            one.terminate()
    assert status is not None
    slots = np.array([tap.slots[index] for index in range(1, max(tap.slots))]) / SECONDS_PER_RATE / 1000
    return {
        "codec": codec, "minutes": minutes, "bitrate_kbps": bitrate_kbps, "num_busy": num_busy,
        "num_frames": status.num_frames, "num_dropped": status.num_dropped,
        "num_repeated": status.num_repeated,
        "latency_ms": {str(q): float(1000 * np.percentile(latencies, q)) for q in (50, 95, 99, 100)},
        "kbps_per_10_s": {
            "lowest": float(slots.min()), "mean": float(slots.mean()), "highest": float(slots.max()),
        },
        "memory_mb": memory, "notices": notices, "maps_per_second": status.maps_per_second,
    }  # fmt: skip


def main() -> None:
    """Write ``results/RESULT.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--bitrate", type=int, default=800)
    parser.add_argument("--codec", default=LiveConfig().codec)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--result", default="live_latency", help="name of the result")
    arguments = parser.parse_args()
    found = measure(arguments.minutes, arguments.bitrate, arguments.busy, arguments.codec)
    save(arguments.result, found)
    delays, rates = found["latency_ms"], found["kbps_per_10_s"]
    rows = [[
        f"{found['num_frames']}", f"{found['num_dropped']}", f"{delays['50']:.1f}", f"{delays['99']:.1f}",
        f"{delays['100']:.0f}", f"{rates['lowest']:.0f} to {rates['highest']:.0f}",
        f"{min(found['memory_mb'], default=0):.0f} to {max(found['memory_mb'], default=0):.0f}",
    ]]  # fmt: skip
    print(
        table(["frames", "dropped", "median ms", "99 % ms", "worst ms", "kbit/s per 10 s", "memory MB"], rows)
    )


if __name__ == "__main__":
    main()
