"""Measure maps on domains that no network was tuned to: 24 short clips with known truth, made on the spot.

    python examples/benchmark/generality.py [--sources msroi,msroi-fast,spectral] [--sheet FILE.png]

Meetings, screens, sports from far, night cameras, cartoons, and what a drone sees: four clips each, 480x270,
24 frames, drawn and pasted from open pictures that no network learned from (``scenes_*.py``). IoU is of the
maps over time, as ``compress`` makes them, at 0.5 and at the threshold that ``saliency.py`` chose on the
training pack's validation split. BD-rate is of x264 as in ``davis.py``. Nothing may be chosen by these clips.
Finished clips are kept in the result file: for new weights, remove it first.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import data_folder, load, save, table
from davis import bd_rate, luma_frames, rate_curve, temporal_config
from scene_stage import Photographs, Stage
from scenes_cartoons import CARTOONS
from scenes_from_far import FROM_FAR
from scenes_on_screens import SCREENS
from scenes_photographed import PHOTOGRAPHED

import semvid
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

SCENES = {**PHOTOGRAPHED, **SCREENS, **CARTOONS, **FROM_FAR}
NUM_FRAMES = 24
NUM_EXTREMES = 6
CODEC = "x264"


def make_scenes() -> Iterator[tuple[str, str, list[Stage]]]:
    """Yield domain, name and frames of every clip."""
    photographs = Photographs(data_folder())
    for domain, makers in SCENES.items():
        for index, maker in enumerate(makers):
            draw = maker(photographs, np.random.default_rng(index))
            yield domain, maker.__name__, [draw(frame) for frame in range(NUM_FRAMES)]


def write_scene(stages: list[Stage], clip: Path, folder: Path) -> list[np.ndarray]:
    """Write the frames without loss, and the masks as maps; return the masks."""
    with av.open(str(clip), "w") as writer:
        stream = writer.add_stream("ffv1", rate=24)
        stream.height, stream.width = stages[0].rgb.shape[:2]
        stream.pix_fmt = "yuv420p"
        for one in stages:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(one.rgb, format="rgb24")))
        writer.mux(stream.encode())
    folder.mkdir(exist_ok=True)
    for index, one in enumerate(stages):
        cv2.imwrite(str(folder / f"{index:05d}.png"), np.where(one.truth > 127, 255, 0).astype(np.uint8))
    return [one.truth > 127 for one in stages]


def maps_over_time(clip: Path, source: str) -> list[FloatArray]:
    """Return the maps of a clip as ``compress`` makes them."""
    name, _, settings = source.partition("@")
    temporal = temporal_config(dict(one.split("=") for one in settings.split(":") if one))
    maps = open_source(semvid.MapsConfig(model=name, threads=1), None)
    with VideoReader(clip) as reader:
        frames = only_frames(reader.read())
        return [one.importance for one in Analyser(maps, temporal).run(frames)]  # type: ignore[union-attr, misc]


def mean_iou(maps: list[FloatArray], masks: list[np.ndarray], threshold: float) -> float:
    """Mean over frames."""
    scores = []
    for values, mask in zip(maps, masks, strict=True):
        predicted = stretched(values, *mask.shape) > threshold
        union = int((predicted | mask).sum())
        scores.append(int((predicted & mask).sum()) / union if union else 1.0)
    return float(np.mean(scores))


def measure(sources: list[str], result: str) -> dict[str, Any]:
    """Measure what is not yet in the result file."""
    thresholds = {
        name: one["davis"]["threshold"] for name, one in load("saliency").get("results", {}).items()
    }
    clips: dict[str, dict[str, Any]] = load(result).get("clips", {})
    with tempfile.TemporaryDirectory() as work:
        clip, coded, folder = Path(work) / "clip.mkv", Path(work) / "coded.mkv", Path(work) / "masks"
        for domain, name, stages in make_scenes():
            row = clips.setdefault(name, {"domain": domain, "iou": {}, "curves": {}})
            wanted = [one for one in ("plain", "truth", *sources) if one not in row["curves"]]
            if not wanted:
                continue
            masks = write_scene(stages, clip, folder)
            row["area"] = float(np.mean(masks))
            luma = luma_frames(clip)
            for source in wanted:
                row["curves"][source] = rate_curve(clip, coded, CODEC, source, luma, masks, folder)
                if source in {"plain", "truth"}:
                    continue
                maps = maps_over_time(clip, source)
                chosen = thresholds[source.partition("@")[0]]
                row["iou"][source] = [mean_iou(maps, masks, 0.5), mean_iou(maps, masks, chosen)]
            save(result, {"clips": clips})
            print(name, {key: round(one[1], 2) for key, one in row["iou"].items()}, flush=True)
    return clips


def rates(row: dict[str, Any], source: str) -> list[float]:
    """BD-rate of the object and of the whole frame, in percent."""
    curves = row["curves"]
    return [bd_rate(curves["plain"], curves[source], metric) for metric in ("object_psnr", "psnr")]


def summarise(clips: dict[str, Any], sources: list[str]) -> str:
    """Make the tables: by domain, and the clips at both ends."""
    domains = {domain: [one for one in clips.values() if one["domain"] == domain] for domain in SCENES}
    header = ["domain", "truth: object", "whole"]
    for source in sources:
        header += [f"{source}: IoU at 0.5", "at the threshold", "object", "whole"]

    def cells(rows: list[dict[str, Any]]) -> list[str]:
        texts = [f"{value:+.1f} %" for value in np.mean([rates(row, "truth") for row in rows], 0)]
        for source in sources:
            texts += [f"{value:.2f}" for value in np.mean([row["iou"][source] for row in rows], 0)]
            texts += [f"{value:+.1f} %" for value in np.mean([rates(row, source) for row in rows], 0)]
        return texts

    rows = [[name, *cells(of_domain)] for name, of_domain in domains.items()]
    parts = [table(header, [*rows, ["all", *cells(list(clips.values()))]])]
    for source in sources:
        ordered = sorted(clips, key=lambda name: rates(clips[name], source)[0])
        lines = []
        for name in [*ordered[:NUM_EXTREMES], *ordered[-NUM_EXTREMES:]]:
            (inside, whole), best = rates(clips[name], source), rates(clips[name], "truth")
            iou = clips[name]["iou"][source]
            figures = [f"{value:+.1f} %" for value in (inside, whole, *best)]
            lines.append([f"{clips[name]['domain']}: {name}", f"{iou[1]:.2f}", *figures])
        ends = [
            np.mean([rates(clips[name], source)[0] for name in part])
            for part in (ordered[:NUM_EXTREMES], ordered[-NUM_EXTREMES:])
        ]
        parts.append(
            table([source, "IoU at the threshold", "object", "whole", "truth: object", "whole"], lines)
        )
        parts.append(f"{source}: the six best {ends[0]:+.1f} %, the six worst {ends[1]:+.1f} %")
    return "\n\n".join(parts)


def draw_sheet(path: Path, source: str) -> None:
    """Write a picture of a frame of every clip: with its truth, and its map."""
    tiles = []
    with tempfile.TemporaryDirectory() as work:
        for _, _, stages in make_scenes():
            masks = write_scene(stages, Path(work) / "clip.mkv", Path(work) / "masks")
            maps = maps_over_time(Path(work) / "clip.mkv", source)
            middle = NUM_FRAMES // 2
            picture = cv2.cvtColor(stages[middle].rgb, cv2.COLOR_RGB2BGR)
            heat = cv2.applyColorMap(
                np.rint(255 * stretched(maps[middle], *picture.shape[:2])).astype(np.uint8),
                cv2.COLORMAP_INFERNO,
            )
            edges, _ = cv2.findContours(masks[middle].astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            for one in (picture, heat):
                cv2.drawContours(one, edges, -1, (255, 255, 0), 1)
            tiles.append(np.hstack([picture, heat]))
    rows = [np.hstack(tiles[index : index + 2]) for index in range(0, len(tiles), 2)]
    cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    """Run what is missing, write ``results/generality.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sources", default="msroi,msroi-fast,spectral")
    parser.add_argument("--result", default="generality", help="name of the result")
    parser.add_argument("--sheet", type=Path, help="only write a picture of all clips with the first source")
    arguments = parser.parse_args()
    sources = arguments.sources.split(",")
    if arguments.sheet:
        draw_sheet(arguments.sheet, sources[0])
        return
    print(summarise(measure(sources, arguments.result), sources))


if __name__ == "__main__":
    main()
