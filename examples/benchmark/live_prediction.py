"""Measure how far off it is what the page of a live stream says a plain encode would need.

    python examples/benchmark/live_prediction.py [--sequences dog,cows] [--bitrate 500] [--seconds 8]

DAVIS sequences are played as by ``live_quality.py``: once with a map, and at three bit rates without. Where
the object, by its truth mask, has the PSNR of the encode with the map is the bit rate that plain needs
(interpolated, logarithmic); the prediction is the mean over the frames.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np
from common import save, table
from live_quality import RATE, load, score, stream
from numpy.typing import NDArray

import semvid
from semvid.core.config import LiveConfig, MapsConfig
from semvid.core.rate import Bitrate
from semvid.streaming.stream import LiveStream

SEQUENCES = "blackswan,breakdance,camel,car-shadow,cows,dog,drift-straight,horsejump-high,parkour,soapbox"
PLAIN_RATES = (0.8, 1.4, 2.4)
"""Times the bit rate of the encode with the map."""


def encode(
    pictures: list[NDArray[np.uint8]],
    masks: list[NDArray[np.bool_]],
    kbps: float,
    strength: float,
    seconds: int,
) -> tuple[float, float, float]:
    """Return PSNR of the object, kilobits per second, and the mean predicted saving."""
    savings: list[float] = []
    feed = LiveStream.feed

    def watched(self: LiveStream, *arguments: Any, **options: Any) -> Any:
        packets = feed(self, *arguments, **options)
        savings.append(self.saving or 0.0)
        return packets

    config = LiveConfig(
        rate=Bitrate(round(1000 * kbps)),
        maps=MapsConfig(model=LiveConfig().maps.chosen_model, threads=1),
        allocation=semvid.AllocationConfig(strength=strength),
    )
    LiveStream.feed = watched  # type: ignore[method-assign]
    try:
        packets, _, _ = stream(pictures, config, RATE * seconds)
    finally:
        LiveStream.feed = feed  # type: ignore[method-assign]
    taken = sum(8 * len(one.data) for one in packets) / seconds / 1000
    return score(packets, pictures, masks)[0], taken, float(np.mean(savings))


def main() -> None:
    """Write ``results/live_prediction.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", default=SEQUENCES)
    parser.add_argument("--bitrate", type=int, default=500, help="kilobits a second")
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for sequence in arguments.sequences.split(","):
        pictures, masks = load(sequence)
        mapped = encode(pictures, masks, arguments.bitrate, 1.0, arguments.seconds)
        plain = [
            encode(pictures, masks, arguments.bitrate * times, 0.0, arguments.seconds)
            for times in PLAIN_RATES
        ]
        needed = math.exp(
            np.interp(mapped[0], [one[0] for one in plain], [math.log(one[1]) for one in plain])
        )
        predicted = mapped[1] / (1 - mapped[2])
        found[sequence] = {
            "mapped_psnr": mapped[0], "mapped_kbps": mapped[1],
            "plain": [{"psnr": one[0], "kbps": one[1]} for one in plain],
            "needed_kbps": needed, "predicted_kbps": predicted, "ratio": predicted / needed,
        }  # fmt: skip
    logs = [math.log(one["ratio"]) for one in found.values()]
    together = {
        "geometric_mean_ratio": math.exp(sum(logs) / len(logs)),
        "typical_error": math.exp(sum(map(abs, logs)) / len(logs)) - 1,
    }
    settings = {"bitrate_kbps": arguments.bitrate, "seconds": arguments.seconds}
    save("live_prediction", {**settings, "sequences": found, "together": together})
    rows = [
        [
            name,
            *(f"{one[key]:.0f}" for key in ("mapped_kbps", "needed_kbps", "predicted_kbps")),
            f"{one['ratio']:.2f}",
        ]
        for name, one in found.items()
    ]
    print(table(["sequence", "kbit/s", "plain needs", "predicted", "ratio"], rows))
    print({name: round(value, 3) for name, value in together.items()})


if __name__ == "__main__":
    main()
