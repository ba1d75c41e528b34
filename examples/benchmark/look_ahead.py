"""Compare maps that follow from the past with maps that wait for the next key frame.

    python examples/benchmark/look_ahead.py [--model msroi] [--result NAME]

On clips with masks (``training2``: a road of cars, a tennis player, and small synthetic scenes):

exact: the masks themselves are the maps of key frames, every 5th frame. Mean IoU of the carried maps with the
    masks of the frames between, at half. What is lost there is lost by carrying.
network: the network's maps, every 10th frame (every 5th of the synthetic clips, which have 6). Mean IoU at
    the threshold that is best for each variant, and flicker, the mean change along motion.

The two shares in ``temporal/propagate.py`` were chosen on these very clips; what look-ahead gains elsewhere
is in ``temporal.py`` and ``davis.py``. Variants are settings of ``TemporalConfig``; ``causal`` is what live
streams do.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from common import data_folder, save, table
from numpy.typing import NDArray

import semvid
from semvid.core.config import FocusConfig, TemporalConfig
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray, ImportanceMap
from semvid.engine.analysis import Analyser
from semvid.importance.predictor import NetworkSource
from semvid.models.registry import open_predictor
from semvid.temporal.motion import OpticalFlow
from semvid.temporal.warp import halve, trust, warp

VARIANTS = {
    "causal": TemporalConfig(look_ahead=0),
    "look-ahead": TemporalConfig(),
}
THRESHOLDS = np.linspace(0.1, 0.8, 15)
UNFIT = {"judo"}
"""Its four masks are of four different people."""
SHADOWED = {"tennis"}
"""Its masks have the player's long shadow, too."""


@dataclass
class Clip:
    """Frames of one clip, and the masks of some."""

    group: str
    pictures: list[NDArray[np.uint8]]
    masks: list[FloatArray | None]

    def frames(self) -> Iterator[semvid.Frame]:
        """Make the frames anew."""
        for index, planes in enumerate(self.pictures):
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            picture.pts = index
            yield semvid.Frame(picture, index)


class Exact:
    """Gives the mask of a frame as its map."""

    smoothing, movement, map_every = 0.0, 0.0, 5

    def __init__(self, masks: list[FloatArray | None]) -> None:
        self._masks = masks

    def update(self, frame: semvid.Frame) -> ImportanceMap:
        """Return the mask."""
        mask = self._masks[frame.index]
        assert mask is not None
        return ImportanceMap(mask)

    def finish(self, num_frames: int) -> None:
        """Nothing to tell."""


def load() -> Iterator[Clip]:
    """Read the clips."""
    folder = data_folder() / "training2"
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (folder / "index.jsonl").read_text().splitlines():
        row = json.loads(line)
        if (
            row["file"].startswith(("synth/", "video/"))
            and row.get("movers") != 0
            and row["clip"] not in UNFIT
        ):
            rows[row["clip"]].append(row)
    with tarfile.open(folder / "synth.tar") as synthetic, tarfile.open(folder / "video.tar") as video:
        for name, of_clip in rows.items():
            archive = synthetic if name.startswith("synth") else video
            label = next((one for one in ("mover", "salient") if one in of_clip[0]["labels"]), None)
            if label is None:
                continue
            clip = Clip("synth" if name.startswith("synth") else name, [], [])
            for row in sorted(of_clip, key=lambda one: int(one["frame"])):
                bgr = _read(archive, row["file"], cv2.IMREAD_COLOR)
                height, width = (side // 2 * 2 for side in bgr.shape[:2])
                even = np.ascontiguousarray(bgr[:height, :width])
                clip.pictures.append(np.asarray(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), np.uint8))
                mask = row["labels"].get(label)
                clip.masks.append(None if mask is None else _mask(archive, mask, name))
            yield clip


def _mask(archive: tarfile.TarFile, file: str, clip: str) -> FloatArray:
    mask = np.float32(_read(archive, file, cv2.IMREAD_GRAYSCALE)) / 255
    return without_shadow(mask) if clip in SHADOWED else mask


def _read(archive: tarfile.TarFile, name: str, flags: int) -> NDArray[Any]:
    file = archive.extractfile(name)
    assert file is not None
    data = np.frombuffer(io.BytesIO(file.read()).getvalue(), np.uint8)
    return np.asarray(cv2.imdecode(data, flags))


def without_shadow(mask: FloatArray) -> FloatArray:
    """Keep what is thick, and what is near to it."""
    thick = cv2.morphologyEx((mask > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    near = cv2.dilate(thick, np.ones((9, 5), np.uint8))
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(near)
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return np.asarray(mask * (labels == largest), np.float32)


def maps_of(clip: Clip, source: Any, temporal: TemporalConfig) -> list[FloatArray]:
    """Analyse a clip as ``compress`` does."""
    analyser = Analyser(source, temporal)
    return [one.importance for one in analyser.run(clip.frames())]  # type: ignore[union-attr, misc]


def iou(values: FloatArray, mask: FloatArray, threshold: float) -> float:
    """Overlap of what is above the threshold with the mask."""
    wide = cv2.resize(values, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) > threshold
    true = mask > 0.5
    union = int((wide | true).sum())
    return int((wide & true).sum()) / union if union else 1.0


def flicker(thumbnails: list[NDArray[np.uint8]], maps: list[FloatArray]) -> float:
    """Mean change along the motion, where that explains the frame."""
    motion, changes = OpticalFlow(), []
    for before, now, a, b in zip(thumbnails, thumbnails[1:], maps, maps[1:], strict=False):
        flow = motion.between(now, before)
        shape = flow.shape[:2]
        believed = trust(halve(now), halve(before), flow)
        change = np.abs(fitted(b, *shape) - warp(fitted(a, *shape), flow))
        changes.append(float((believed * change).sum() / max(float(believed.sum()), 1e-6)))
    return float(np.mean(changes))


def main() -> None:
    """Print the tables, and write ``results/RESULT.json`` if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument("--result", default="look_ahead", help="name of the result")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    network = NetworkSource(open_predictor(arguments.model, FocusConfig(), "cpu", 1))
    scores: dict[str, dict[str, dict[str, Any]]] = {one: {} for one in VARIANTS}
    for clip in load():
        every = 5 if clip.group == "synth" else 10
        for name, temporal in VARIANTS.items():
            row = scores[name].setdefault(clip.group, {"exact": [], "network": [], "flicker": []})
            if all(one is not None for one in clip.masks):
                carried = maps_of(clip, Exact(clip.masks), temporal)
                last = (len(carried) - 1) // 5 * 5
                between = [index for index in range(last) if index % 5]
                row["exact"] += [iou(carried[one], clip.masks[one], 0.5) for one in between]  # type: ignore[arg-type]
            followed = semvid.TemporalConfig(map_every=every, look_ahead=temporal.look_ahead)
            maps = maps_of(clip, network, followed)
            row["flicker"].append(flicker([one.thumbnail for one in clip.frames()], maps))
            for values, mask in zip(maps, clip.masks, strict=True):
                if mask is not None:
                    row["network"].append([iou(values, mask, one) for one in THRESHOLDS])
    found = {
        name: {
            group: {
                "exact_iou": float(np.mean(row["exact"])) if row["exact"] else None,
                "network_iou": float(np.mean(row["network"], axis=0).max()),
                "flicker": float(np.mean(row["flicker"])),
            }
            for group, row in groups.items()
        }
        for name, groups in scores.items()
    }
    rows = [["clips", "variant", "exact IoU", "network IoU", "flicker"]]
    for group in next(iter(found.values())):
        for name, groups in found.items():
            one = groups[group]
            exact = "" if one["exact_iou"] is None else f"{one['exact_iou']:.3f}"
            rows.append([group, name, exact, f"{one['network_iou']:.3f}", f"{one['flicker']:.4f}"])
    print(table(rows[0], rows[1:]))
    save(arguments.result, found)


if __name__ == "__main__":
    main()
