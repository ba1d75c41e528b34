"""A thousand small AV1 encodes in one process: memory, threads and descriptors.

    python examples/benchmark/many_encodes.py [--encodes 1000]

SVT-AV1 is called in this process, with threads and memory of its own. Encodes are with a map and without, of
8 and 10 bits, whole, broken off in the middle, and refused for an option. Resident memory, threads and
descriptors are read after each. Wanted: the last quarter has at most 5 % more memory than the second
(medians), and no more threads and descriptors at most. Writes ``results/many_encodes.json``; exits with 1 if
not.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import psutil
from common import save

import semvid
from semvid.core.errors import ConfigError

_SIZE, _NUM_FRAMES = (192, 128), 8
_MOST_GROWTH = 1.05
_KINDS = ("mapped", "plain", "broken off", "mapped, 10 bits", "broken off at once", "refused", "matched size")


def make_inputs(folder: Path) -> None:
    """Write a clip of 8 bits, one of 10, and a map."""
    width, height = _SIZE
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.integers(0, 255, (height, width + 64, 3), np.uint8), (0, 0), 2)
    for name, pixel_format in (("8.mkv", "yuv420p"), ("10.mkv", "yuv420p10le")):
        with av.open(str(folder / name), "w") as writer:
            stream = writer.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
            for index in range(_NUM_FRAMES):
                picture = np.ascontiguousarray(noise[:, 4 * index : 4 * index + width])
                writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            writer.mux(stream.encode())
    mask = np.zeros((height, width), np.uint8)
    mask[:, width // 2 :] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)


def encode(kind: str, folder: Path) -> None:
    """Do one of them."""
    allocation = {
        "plain": semvid.AllocationConfig(strength=0), "matched size": semvid.AllocationConfig(match="size"),
    }.get(kind, semvid.AllocationConfig())  # fmt: skip
    config = semvid.CompressConfig(
        codec="av1", preset="12", maps=semvid.MapsConfig(path=folder / "mask.png"), allocation=allocation,
        encoder_options={"keyint": "none"} if kind == "refused" else {}, overwrite=True,
        probe=None if kind in {"plain", "matched size"} else "none",
    )  # fmt: skip
    source = folder / ("10.mkv" if "10 bits" in kind else "8.mkv")
    events = semvid.compress_events(source, folder / "out.mkv", config)
    stop_after = {"broken off at once": 1, "broken off": _NUM_FRAMES // 2}.get(kind)
    try:
        for event in events:
            if stop_after and isinstance(event, semvid.Progress) and event.num_frames == stop_after:
                break
    except ConfigError:
        assert kind == "refused"
    finally:
        events.close()
    assert sorted(one.name for one in folder.iterdir() if one.name.startswith(".")) == []


def main() -> int:
    """Encode, write the result, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encodes", type=int, default=1000)
    num_encodes = parser.parse_args().encodes
    process, done, started = psutil.Process(), Counter[str](), time.monotonic()
    looks = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_inputs(folder)
        for index in range(num_encodes):
            kind = _KINDS[index % len(_KINDS)]
            encode(kind, folder)
            done[kind] += 1
            looks.append((process.memory_info().rss / 2**20, process.num_threads(), process.num_fds()))
            if index % 100 == 99:
                print(index + 1, *looks[-1], flush=True)
    quarter = num_encodes // 4
    memory, threads, descriptors = zip(*looks, strict=True)
    result = {
        "encodes": dict(done), "seconds": round(time.monotonic() - started, 1),
        "mib_every_tenth": [round(one, 1) for one in memory[:: max(num_encodes // 10, 1)]],
        "mib_second_quarter": round(statistics.median(memory[quarter : 2 * quarter]), 1),
        "mib_last_quarter": round(statistics.median(memory[-quarter:]), 1),
        "threads_at_most": [max(threads[: 2 * quarter]), max(threads[2 * quarter :])],
        "descriptors_at_most": [max(descriptors[: 2 * quarter]), max(descriptors[2 * quarter :])],
    }  # fmt: skip
    print(result)
    save("many_encodes", result)
    is_flat = result["mib_last_quarter"] <= _MOST_GROWTH * result["mib_second_quarter"]
    pairs = result["threads_at_most"], result["descriptors_at_most"]
    return int(not (is_flat and all(later <= before for before, later in pairs)))


if __name__ == "__main__":
    sys.exit(main())
