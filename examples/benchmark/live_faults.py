"""Break a live stream on purpose, and see it recover.

    python examples/benchmark/live_faults.py [--kills 10] [--parts starved]

1. The source, an HTTP server, is killed and restarted; the stream shows the last frame meanwhile. Told: the
   time from the new server to the first new frame, whether timestamps rise, the longest silence.
2. The sink, an RTMP server, is killed and restarted while a recording goes on.
3. The sink is stopped in mid-stream: it keeps its connection, and takes nothing for 20 seconds.
4. Processes that do nothing but work take the processor away; the load is cut in steps, and given back.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import multiprocessing
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
from common import data_folder, load, save

from semvid.core.coded import CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.events import Notice
from semvid.core.rate import Bitrate
from semvid.streaming.live import open_session
from semvid.streaming.session import LiveSession

BUSY = 24
"""Processes that take the processor away."""
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


class Tap:
    """A sink that remembers when packets came, and their timestamps."""

    name, state, num_reconnections, last_error = "tap", "open", 0, ""

    def __init__(self) -> None:
        self.packets: list[tuple[float, int]] = []

    def offer(self, packet: CodedPacket) -> None:
        """Take a packet."""
        self.packets.append((time.monotonic(), packet.pts))

    def close(self) -> None:
        """Nothing to do."""


def free_port() -> int:
    """Return a port nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def clip() -> Path:
    """Return what is played."""
    return data_folder() / "clips" / "dog_720p.mp4"


def serve_http(port: int) -> subprocess.Popen[bytes]:
    """Play the clip to whoever connects first."""
    return subprocess.Popen(
        [FFMPEG, "-v", "quiet", "-re", "-stream_loop", "-1", "-i", str(clip()), "-an", "-c", "copy",
         "-f", "mpegts", "-listen", "1", f"http://127.0.0.1:{port}/live.ts"],
    )  # fmt: skip


def receive_rtmp(port: int) -> subprocess.Popen[bytes]:
    """Take a stream and throw it away."""
    return subprocess.Popen(
        [FFMPEG, "-v", "quiet", "-listen", "1", "-i", f"rtmp://127.0.0.1:{port}/live/a", "-f", "null", "-"],
        stdin=subprocess.DEVNULL,
    )


def resident_mb() -> float:
    """Return the memory this process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


@contextlib.contextmanager
def running(session: LiveSession, notices: list[str]) -> Iterator[None]:
    """Run a stream on a thread."""

    def run() -> None:
        with closing(session.run()) as events:
            notices.extend(event.message for event in events if isinstance(event, Notice))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        session.stop()
        thread.join(15)
        if thread.is_alive():
            raise SystemExit("the stream hangs")


def wait_for(condition: Any, seconds: float) -> float:
    """Return how long it took; inf if it never came."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - started


def kill_source(kills: int) -> dict[str, Any]:
    """See part 1."""
    port, tap, notices, times = free_port(), Tap(), [], []
    server = serve_http(port)
    time.sleep(1)
    session = open_session(
        f"http://127.0.0.1:{port}/live.ts", None, LiveConfig(reconnect_seconds=0.5), more_sinks=[tap]
    )
    with running(session, notices):
        wait_for(lambda: session.status().num_frames > 60, 20)
        memory = resident_mb()
        for _ in range(kills):
            server.kill()
            server.wait()
            wait_for(lambda: session.status().source == "lost", 10)
            server = serve_http(port)
            times.append(wait_for(lambda: session.status().source == "playing", 20))
            time.sleep(1)
        status = session.status()
        grown = resident_mb() - memory
    server.kill()
    server.wait()
    pts = [one for _, one in tap.packets]
    whens = [one for one, _ in tap.packets]
    return {
        "kills": kills, "back_after_seconds": times, "num_reconnections": status.num_reconnections,
        "num_repeated": status.num_repeated,
        "timestamps_rise": all(a < b for a, b in itertools.pairwise(pts)),
        "longest_silence_seconds": max(b - a for a, b in itertools.pairwise(whens)),
        "memory_grown_mb": grown, "notices": notices,
    }  # fmt: skip


def kill_sink(kills: int) -> dict[str, Any]:
    """See part 2."""
    port, tap, notices, times = free_port(), Tap(), [], []
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.mkv"
        server = receive_rtmp(port)
        time.sleep(1)
        config = LiveConfig(realtime=True, loop=True, record=record, reconnect_seconds=0.5)
        address = f"rtmp://127.0.0.1:{port}/live/a"
        session = open_session(str(clip()), address, config, more_sinks=[tap])
        with running(session, notices):
            wait_for(lambda: session.status().num_frames > 60, 20)
            name = next(one for one in session.status().sinks if one.startswith("rtmp"))
            for _ in range(kills):
                server.kill()
                server.wait()
                wait_for(lambda: session.status().sinks[name] == "lost", 10)
                server = receive_rtmp(port)
                times.append(wait_for(lambda: session.status().sinks[name] == "open", 20))
                time.sleep(1)
            num_frames = session.status().num_frames
        server.kill()
        server.wait()
        with av.open(str(record)) as container:
            num_recorded = sum(1 for _ in container.decode(video=0))
    whens = [one for one, _ in tap.packets]
    return {
        "kills": kills, "back_after_seconds": times, "num_frames": num_frames, "num_recorded": num_recorded,
        "longest_silence_seconds": max(b - a for a, b in itertools.pairwise(whens)),
        "notices": notices,
    }  # fmt: skip


def slow_consumer() -> dict[str, Any]:
    """See part 3."""
    port, tap, notices = free_port(), Tap(), []
    server = receive_rtmp(port)
    time.sleep(1)
    config = LiveConfig(realtime=True, loop=True, rate=Bitrate(8_000_000))
    session = open_session(str(clip()), f"rtmp://127.0.0.1:{port}/live/a", config, more_sinks=[tap])
    with running(session, notices):
        wait_for(lambda: session.status().num_frames > 60, 20)
        memory = resident_mb()
        server.send_signal(signal.SIGSTOP)
        time.sleep(20)
        status = session.status()
        grown = resident_mb() - memory
    server.kill()
    server.wait()
    whens = [one for one, _ in tap.packets]
    return {
        "fps_out": status.fps_out, "latency_ms": status.latency_ms, "memory_grown_mb": grown,
        "notices": notices,
        "longest_silence_seconds": max(b - a for a, b in itertools.pairwise(whens[30:])),
    }  # fmt: skip


def work() -> None:
    """Keep a core busy."""
    while True:
        sum(range(10_000))


def starve() -> dict[str, Any]:
    """See part 4."""
    tap, notices, steps = Tap(), [], []
    session = open_session(str(clip()), None, LiveConfig(realtime=True, loop=True), more_sinks=[tap])
    with running(session, notices):
        wait_for(lambda: session.status().num_frames > 60, 20)
        busy = [multiprocessing.Process(target=work, daemon=True) for _ in range(BUSY)]
        for one in busy:
            one.start()
        for _ in range(20):
            time.sleep(1)
            steps.append(session.status().load_step)
        for one in busy:
            one.terminate()
        back = wait_for(lambda: session.status().load_step == 0, 150)
        status = session.status()
    return {
        "deepest_step": max(steps), "back_to_full_load_after_seconds": back, "num_frames": status.num_frames,
        "num_dropped": status.num_dropped, "notices": notices,
    }  # fmt: skip


def main() -> None:
    """Write ``results/live_faults.json``, print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--parts", default="source_killed,sink_killed,slow_consumer,starved")
    arguments = parser.parse_args()
    found: dict[str, Any] = load("live_faults")
    for name, run in (
        ("source_killed", lambda: kill_source(arguments.kills)),
        ("sink_killed", lambda: kill_sink(3)),
        ("slow_consumer", slow_consumer),
        ("starved", starve),
    ):
        if name not in arguments.parts.split(","):
            continue
        found[name] = run()
        print(name, found[name], flush=True)
    save("live_faults", found)


if __name__ == "__main__":
    main()
