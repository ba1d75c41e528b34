"""Measure whether VP9 with a map is worth it: libvpx reads maps only in its realtime mode.

    python examples/benchmark/vp9_modes.py [--sequences 10]

DAVIS as in ``davis.py`` (same scores, CRFs and sizes), in rows of a mode, a speed (cpu-used) and a map or
none. Its "good" mode takes no map, and can have the pre-filter by one. No speed of it is as fast as
realtime at 5, the slowest that reads maps; good at 5 comes nearest. Every row is compared with plain good
at 5 and at 2, and with plain realtime at 5. ``seconds`` is processor time of ``compress``: decoding,
analysis, network and encoder. Finished encodes are kept in the result file, so an interrupted run goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import data_folder, load, save, table
from davis import CRFS, bd_rate, config_for, luma_frames, pack_sequence, score

import semvid

ANCHORS = ("good 5", "good 2", "realtime 5")
ROWS = (
    *ANCHORS, "realtime 5, truth", "realtime 5, msroi", "good 5, truth 0.5", "good 5, msroi 0.5",
)  # fmt: skip
"""Mode and speed, then what the map is, with the pre-filter's strength where it is one."""


def config_of(row: str, crf: float, masks: Path) -> semvid.CompressConfig:
    """Return the options of a row."""
    way, _, source = row.partition(", ")
    mode, speed = way.split()
    name, _, prefilter = source.partition(" ")
    setting = f"{name}@prefilter={prefilter}" if prefilter else name or "plain"
    config = config_for("vp9", crf, setting, masks)
    if mode == "realtime":
        return replace(config, preset=speed)
    return replace(config, preset=speed, encoder_options={"deadline": "good"}, probe="none" if name else None)


def measure(num_sequences: int) -> dict[str, Any]:
    """Encode and score everything that is not yet in the result file."""
    davis = data_folder() / "davis"
    sequences = sorted(one.name for one in (davis / "JPEGImages").iterdir())[:num_sequences]
    points: dict[str, list[dict[str, float]]] = load("vp9_modes").get("points", {})
    with tempfile.TemporaryDirectory() as work:
        clip, coded = Path(work) / "clip.mkv", Path(work) / "coded.mkv"
        for sequence in sequences:
            wanted = [row for row in ROWS if f"{row}/{sequence}" not in points]
            if not wanted:
                continue
            pack_sequence(davis / "JPEGImages" / sequence, clip)
            source, folder = luma_frames(clip), davis / "Annotations" / sequence
            masks = [cv2.imread(str(one), cv2.IMREAD_GRAYSCALE) > 127 for one in sorted(folder.glob("*.png"))]
            for row in wanted:
                curve = []
                for crf in CRFS["vp9"]:
                    started = time.process_time()
                    result = semvid.compress(clip, coded, config_of(row, crf, folder))
                    seconds = round(time.process_time() - started, 2)
                    scores = score(source, luma_frames(coded), masks)
                    curve.append({"crf": crf, "bytes": result.video_bytes, "seconds": seconds, **scores})
                points[f"{row}/{sequence}"] = curve
                save("vp9_modes", {"points": points})
            print(sequence, flush=True)
    return points


def summarise(points: dict[str, Any]) -> str:
    """Make the table: means over the sequences that have all rows."""
    names = {key.partition("/")[2] for key in points}
    sequences = sorted(one for one in names if all(f"{row}/{one}" in points for row in ROWS))

    def seconds(row: str) -> float:
        return float(np.mean([one["seconds"] for name in sequences for one in points[f"{row}/{name}"]]))

    rows = []
    for row in ROWS:
        cells = [row, f"{seconds(row) / seconds('realtime 5'):.2f}"]
        for anchor in ANCHORS:
            changes = [
                [bd_rate(points[f"{anchor}/{one}"], points[f"{row}/{one}"], metric) for one in sequences]
                for metric in ("object_psnr", "psnr")
            ]
            cells.append(
                " / ".join(f"{np.mean(one):+.1f}" for one in changes) + f" % ({max(changes[0]):+.1f})"
            )
        rows.append(cells)
    header = [f"{len(sequences)} sequences", "time"]
    header += [f"against {one}: object / whole (worst object)" for one in ANCHORS]
    return table(header, rows)


def main() -> None:
    """Run what is missing, write ``results/vp9_modes.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=10)
    print(summarise(measure(parser.parse_args().sequences)))


if __name__ == "__main__":
    main()
