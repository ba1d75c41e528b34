"""Measure how far one painted mask carries: the outline of the first frame's truth is an edit, and no more.

    OPENBLAS_NUM_THREADS=1 python examples/benchmark/edits.py [--codec x264:veryfast]

DAVIS-2016, 10 sequences of 32 frames. The truth of frame 0 becomes polygons, as a lasso on a page sends them,
and ``edit_maps`` follows them through a sidecar in which nothing else matters. Mean IoU with the masks over
all frames, the first included, at 0.5; and object BD-rate against a plain encode, beside that of the truth
masks (see ``davis.py``, which tells how it encodes and scores).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from common import data_folder, load, save, table
from davis import bd_rate, luma_frames, pack_sequence, rate_curve, read_mask

import semvid
from semvid.core.geometry import motion_grid
from semvid.importance.files.sidecar import SidecarHeader, SidecarReader, SidecarWriter, TimedMap
from semvid.media.reading.packets import shown_frames

SEEN = 128
"""Grey level from which on a cell counts as marked."""
CLOSE = 2.0
"""Pixels by which a polygon may leave the outline."""


def painted(mask: np.ndarray) -> semvid.Edits:
    """Return the outlines of a mask as edits of the first frame."""
    rows, cols = mask.shape
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    edits = semvid.Edits()
    for outline in outlines:
        corners = cv2.approxPolyDP(outline, CLOSE, closed=True)[:, 0]
        if len(corners) > 2:
            points = tuple(((x + 0.5) / cols, (y + 0.5) / rows) for x, y in corners.tolist())
            edits = edits.added(semvid.Edit(0, semvid.Polygon(points), matters=True))
    return edits


def write_blank(clip: Path, output: Path) -> None:
    """Write maps in which nothing matters."""
    info = semvid.probe(clip)
    size = info.width, info.height
    grid = motion_grid(*size)
    with output.open("wb") as file:
        writer = SidecarWriter(file, SidecarHeader(size, grid, info.time_base, {}))
        for pts in shown_frames(info).pts.tolist():
            writer.write(TimedMap(pts, np.zeros(grid, np.uint8)))
        writer.finish()
        writer.close()


def overlap(maps: Path, masks: list[np.ndarray]) -> float:
    """Return the mean IoU over all frames."""
    reader = SidecarReader(maps)
    found = []
    for one, true in zip(reader.maps(), masks, strict=True):
        marked = cv2.resize(one.grey, true.shape[::-1], interpolation=cv2.INTER_LINEAR) >= SEEN
        union = (marked | true).sum()
        found.append((marked & true).sum() / union if union else 1.0)
    reader.close()
    return float(np.mean(found))


def measure(codec: str) -> dict[str, Any]:
    """Follow, encode and score what is not yet in the result file."""
    davis = data_folder() / "davis"
    known: dict[str, Any] = load("edits").get("sequences", {})
    with tempfile.TemporaryDirectory() as name:
        clip, blank, edited, coded = (
            Path(name) / one for one in ("clip.mkv", "blank.svmap", "edited.svmap", "coded.mkv")
        )
        for folder in sorted((davis / "JPEGImages").iterdir()):
            if f"{codec}/{folder.name}" in known:
                continue
            pack_sequence(folder, clip)
            frames = luma_frames(clip)
            truth = davis / "Annotations" / folder.name
            masks = [read_mask(one, frames[0].shape) for one in sorted(truth.glob("*.png"))]
            write_blank(clip, blank)
            config = semvid.ExportConfig(overwrite=True, maps=semvid.MapsConfig(device="cpu"))
            semvid.edit_maps(clip, blank, painted(masks[0]), edited, config)
            curves = [
                rate_curve(clip, coded, codec, source, frames, masks, maps)
                for source, maps in (("plain", truth), ("truth", truth), ("truth", edited))
            ]
            bd = [bd_rate(curves[0], one, "object_psnr") for one in curves[1:]]
            row = {"iou": overlap(edited, masks), "truth": bd[0], "painted": bd[1]}
            known[f"{codec}/{folder.name}"] = row
            save("edits", {"sequences": known})
            print(folder.name, row, flush=True)
    return {key: one for key, one in known.items() if key.startswith(f"{codec}/")}


def main() -> None:
    """Measure, write ``results/edits.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codec", default="x264:veryfast")
    found = measure(parser.parse_args().codec)
    mean = {key: float(np.mean([one[key] for one in found.values()])) for key in ("iou", "truth", "painted")}
    rows = [
        (key.rpartition("/")[2], f"{one['iou']:.2f}", f"{one['truth']:+.1f} %", f"{one['painted']:+.1f} %")
        for key, one in [*found.items(), ("/mean", mean)]
    ]
    print(table(("sequence", "IoU", "object, truth masks", "object, one painted mask"), rows))
    print(f"one mask has {mean['painted'] / mean['truth']:.0%} of what the truth masks save")


if __name__ == "__main__":
    main()
