"""Measure what following motion does to maps: steadiness, accuracy, cost, and bits.

    python examples/benchmark/temporal.py [--model msroi] [--parts maps,pans,clips,cuts,bits]

maps: DAVIS, 10 sequences of 32 frames, for several settings: mean IoU with the masks, where validation
    material is best cut (``rule.py``) and at importance 0.5;
flicker, the mean absolute change of the map along the true motion; the share of frames the network saw; and
processor time of all analysis (decoding and encoding left out, the network on one thread). No true motion of
DAVIS is known; it is stood in for by dense inverse search at full size with refinement, where that predicts
the frame within 10 grey levels.
H.264: the same sequences as x264 codes them at CRF 18, since JPEG has no motion vectors.
pans: a window that moves over a frame of each sequence by a known way, so the motion is exact.
clips: cost and share of key frames on the six ordinary clips, the default against frame by frame.
cuts: all sequences in a row, and pans and flashes made from them: cuts found, missed, and false.
bits: BD-rate of x264 medium as in ``davis.py``, frame-by-frame maps against followed ones.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import clips, data_folder, load, save, table, validated_threshold
from davis import bd_rate, measure, pack_sequence, summarise, temporal_config

import semvid
from semvid.core.config import FocusConfig
from semvid.core.types import ImportanceMap
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.predictor import NetworkSource
from semvid.media.reading.reader import VideoReader
from semvid.models.registry import open_predictor
from semvid.temporal.cuts import SceneCutDetector

VARIANTS = {
    "frame by frame": "map_every=1:smoothing=0:movement=0",
    "every frame, followed": "map_every=1:movement=0",
    "at most every 4th": "map_every=4:movement=0",
    "at most every 8th": "map_every=8:movement=0",
    "at most every 10th": "map_every=10:movement=0",
    "at most every 16th": "map_every=16:movement=0",
    "every frame, own motion": "map_every=1",
    "at most every 8th, own motion": "map_every=8",
    "at most every 12th, own motion": "map_every=12",
    "default": "",
}
H264_VARIANTS = {"H.264, optical flow": "movement=0", "H.264, vectors": "movement=0:motion=vectors"}
SCORING = (427, 240)
METRICS = ("object_psnr", "psnr")


class CountingSource(NetworkSource):
    """Counts the maps that were asked for."""

    num_maps = 0

    def update(self, frame: semvid.Frame) -> ImportanceMap:
        """See ``NetworkSource``."""
        self.num_maps += 1
        return super().update(frame)


@dataclass
class Run:
    """Maps of one sequence and what they took."""

    maps: list[np.ndarray] = field(default_factory=list)
    num_keys: int = 0
    seconds: float = 0.0


def run_analysis(clip: Path, model: str, settings: str) -> Run:
    """Make the maps of a clip as ``compress`` makes them."""
    values = dict(one.split("=") for one in settings.split(":") if one)
    temporal = temporal_config(values)
    source = CountingSource(open_predictor(model, FocusConfig(), "cpu", 1))
    run = Run()
    with VideoReader(clip, export_vectors=temporal.motion == "vectors") as reader:
        analyser = Analyser(source, temporal, frame_rate=reader.info.frame_rate)
        frames = list(only_frames(reader.read()))
    NetworkSource.update(source, frames[0])  # the first run of a network sets it up
    for frame in frames:
        frame.half_luma  # noqa: B018 - plain allocation needs it anyway
    started = time.process_time()
    run.maps = [one.frame.upright(one.importance) for one in analyser.run(frames)]
    run.seconds = time.process_time() - started
    run.num_keys = source.num_maps
    return run


def true_flows(pictures: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Flow of every frame but the first to the one before at scoring size, and where it is to be believed."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flows = []
    for before, now in itertools.pairwise(pictures):
        full = search.calc(now, before, None)
        scale = np.float32([SCORING[0] / now.shape[1], SCORING[1] / now.shape[0]])
        flow = cv2.resize(full, SCORING, interpolation=cv2.INTER_AREA) * scale
        a, b = (cv2.resize(one, SCORING, interpolation=cv2.INTER_AREA) for one in (now, before))
        error = cv2.blur(cv2.absdiff(a, moved(b, flow).astype(np.uint8)), (5, 5))
        flows.append((flow, error < 10))
    return flows


def moved(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Fetch along a flow in pixels of ``values``."""
    y, x = np.mgrid[0 : values.shape[0], 0 : values.shape[1]].astype(np.float32)
    return cv2.remap(
        values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def flicker(maps: list[np.ndarray], flows: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean absolute change along the motion."""
    large = [cv2.resize(one, SCORING) for one in maps]
    changes = [
        np.abs(now - moved(before, flow))[is_believed].mean()
        for before, now, (flow, is_believed) in zip(large[:-1], large[1:], flows, strict=True)
    ]
    return float(np.mean(changes))


FIGURES = ("iou", "at_half", "flicker", "keys", "ms")


def mean_iou(maps: list[np.ndarray], masks: list[np.ndarray], threshold: float) -> float:
    """Mean over frames."""
    scores = []
    for values, mask in zip(maps, masks, strict=True):
        predicted = cv2.resize(values, SCORING) > threshold
        union = (predicted | mask).sum()
        scores.append((predicted & mask).sum() / union if union else 1.0)
    return float(np.mean(scores))


def sequences() -> Iterator[tuple[str, list[np.ndarray], list[np.ndarray]]]:
    """Names, grey pictures, and masks at scoring size."""
    davis = data_folder() / "davis"
    for folder in sorted((davis / "JPEGImages").iterdir()):
        pictures = [cv2.imread(str(one), cv2.IMREAD_GRAYSCALE) for one in sorted(folder.glob("*.jpg"))]
        masks = [
            cv2.resize(cv2.imread(str(one), 0), SCORING, interpolation=cv2.INTER_AREA) > 127
            for one in sorted((davis / "Annotations" / folder.name).glob("*.png"))
        ]
        yield folder.name, pictures, masks


def write_video(path: Path, pictures: list[np.ndarray], crf: int) -> None:
    """Code grey or BGR pictures with x264."""
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("libx264", rate=24, options={"crf": str(crf), "preset": "medium"})
        height, width = pictures[0].shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for one in pictures:
            form = "bgr24" if one.ndim == 3 else "gray"
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(one), format=form)))
        writer.mux(stream.encode())


def measure_maps(model: str, threshold: float) -> dict[str, Any]:
    """Score every variant on DAVIS."""
    rows: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as work:
        for name, pictures, masks in sequences():
            clip, coded = Path(work) / "clip.mkv", Path(work) / "coded.mkv"
            folder = data_folder() / "davis" / "JPEGImages" / name
            pack_sequence(folder, clip)
            write_video(coded, [cv2.imread(str(one)) for one in sorted(folder.glob("*.jpg"))], 18)
            flows = true_flows(pictures)
            for variant, settings in {**VARIANTS, **H264_VARIANTS}.items():
                run = run_analysis(coded if variant in H264_VARIANTS else clip, model, settings)
                row = rows.setdefault(
                    variant, {"iou": [], "at_half": [], "flicker": [], "keys": [], "ms": []}
                )
                row["iou"].append(mean_iou(run.maps, masks, threshold))
                row["at_half"].append(mean_iou(run.maps, masks, 0.5))
                row["flicker"].append(flicker(run.maps, flows))
                row["keys"].append(run.num_keys / len(run.maps))
                row["ms"].append(1000 * run.seconds / len(run.maps))
            print(name, {key: round(one["iou"][-1], 3) for key, one in rows.items()}, flush=True)
    return {name: {key: float(np.mean(one)) for key, one in row.items()} | {"sequences": row["iou"]}
            for name, row in rows.items()}  # fmt: skip


def measure_pans(model: str) -> dict[str, dict[str, float]]:
    """Flicker along a known pan."""
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as work:
        for index, folder in enumerate(sorted((data_folder() / "davis" / "JPEGImages").iterdir())):
            picture = cv2.imread(str(sorted(folder.glob("*.jpg"))[0]))
            dx, dy = ((1, 0), (3, 1), (6, -2), (0, 2), (-4, 1))[index % 5]
            width, height, count = 640, 360, 24
            left = 0 if dx >= 0 else picture.shape[1] - width
            top = 60 if dy >= 0 else picture.shape[0] - height
            window = [
                picture[top + dy * i : top + dy * i + height, left + dx * i : left + dx * i + width]
                for i in range(count)
            ]
            clip = Path(work) / "pan.mkv"
            write_video(clip, window, 12)
            step = np.float32([dx * SCORING[0] / width, dy * SCORING[1] / height])
            flow = np.broadcast_to(step, (SCORING[1], SCORING[0], 2)).astype(np.float32)
            inside = np.zeros(SCORING[::-1], bool)
            inside[10:-10, 15:-15] = True
            for variant in ("frame by frame", "default"):
                run = run_analysis(clip, model, VARIANTS[variant])
                row = found.setdefault(variant, {"flicker": []})
                row["flicker"].append(flicker(run.maps, [(flow, inside)] * (len(run.maps) - 1)))
    return {name: {key: float(np.mean(one)) for key, one in row.items()} for name, row in found.items()}


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """Shrink as ``Frame`` does."""
    half = cv2.resize(picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return cv2.resize(half, (240, 136), interpolation=cv2.INTER_AREA)


def measure_clips(model: str) -> dict[str, dict[str, float]]:
    """Share of key frames, and of the cost of frame-by-frame maps, of the default."""
    found = {}
    for clip in clips():
        alone, default = (run_analysis(clip, model, VARIANTS[one]) for one in ("frame by frame", "default"))
        share = default.seconds / alone.seconds
        found[clip.name] = {"keys": default.num_keys / len(default.maps), "share": share}
        print(clip.name, found[clip.name], flush=True)
    return found


def measure_cuts() -> dict[str, int]:
    """Count cuts found, missed and false."""
    shots = [[thumbnail(one) for one in pictures] for _, pictures, _ in sequences()]
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(
        ("true", "found", "false", "flashes", "false_at_flashes", "whip_pans", "false_in_pans"), 0
    )
    detector, index, starts, found = SceneCutDetector(), 0, set(), set()
    for shot in shots + shots[::-2]:
        starts.add(index)
        for one in shot:
            if detector.update(one):
                found.add(index)
            index += 1
    counts["true"], counts["found"], counts["false"] = len(starts), len(starts & found), len(found - starts)
    for shot in shots:
        detector = SceneCutDetector()
        for index, one in enumerate(shot):
            if index % 8 == 5:
                gain, lift = rng.uniform(1.2, 2), rng.uniform(20, 90)
                one = np.clip(one * gain + lift, 0, 255).astype(np.uint8)  # noqa: PLW2901
                counts["flashes"] += 1
            counts["false_at_flashes"] += detector.update(one) and index > 0
    for _, pictures, _ in sequences():
        detector, large = SceneCutDetector(), cv2.resize(pictures[0], (1200, 674))
        speed = int(rng.uniform(24, 72))
        for index in range(10):
            # Still, then at once at 10 to 30 % of the picture's width a frame, then still.
            x = speed * min(max(index - 2, 0), 5)
            is_cut = detector.update(np.ascontiguousarray(large[200:336, x : x + 240]))
            counts["false_in_pans"] += is_cut and index > 0
        counts["whip_pans"] += 1
    return counts


def main() -> None:
    """Measure, write ``results/temporal.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument(
        "--threshold", type=float, default=validated_threshold(), help="where maps are cut to masks"
    )
    parser.add_argument("--parts", default="maps,pans,clips,cuts,bits")
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    cv2.setNumThreads(1)
    threshold = arguments.threshold
    results = load("temporal")
    results["model"], results["threshold"] = arguments.model, threshold
    if "maps" in parts:
        results["maps"] = measure_maps(arguments.model, threshold)
    if "pans" in parts:
        results["pans"] = measure_pans(arguments.model)
    if "clips" in parts:
        results["clips"] = measure_clips(arguments.model)
    if "cuts" in parts:
        results["cuts"] = measure_cuts()
    save("temporal", results)
    base = results["maps"]["frame by frame"]
    header = ["maps", "IoU", "at 0.5", "flicker", "frames shown", "ms of processor a frame", "share"]
    print(table(header, [
        [name, f"{one['iou']:.3f}", f"{one['at_half']:.3f}",
         f"{100 * (one['flicker'] / base['flicker'] - 1):+.0f} %",
         f"{100 * one['keys']:.0f} %", f"{one['ms']:.2f}", f"{one['ms'] / base['ms']:.2f}"]
        for name, one in results["maps"].items()
    ]))  # fmt: skip
    print(table(
        ["clip", "frames shown to the network", "share of the cost"],
        [[name, f"{100 * one['keys']:.0f} %", f"{one['share']:.2f}"]
         for name, one in results["clips"].items()],
    ))  # fmt: skip
    pans = results["pans"]
    print(
        "flicker in pans:",
        f"{100 * (pans['default']['flicker'] / pans['frame by frame']['flicker'] - 1):+.0f} %",
    )
    print("cuts:", results["cuts"])
    if "bits" in parts:
        alone = VARIANTS["frame by frame"]
        settings = [f"{alone}:reluctance=0", alone, "map_every=1:movement=0", "movement=0"]
        sources = [*(f"{arguments.model}@{one}" for one in settings), arguments.model]
        points = measure(["x264"], sources, 10)
        print(summarise(points, ["x264"], sources))
        against = f"x264/{sources[0]}/"
        for source in sources[1:]:
            direct = [
                [bd_rate(points[key], points[key.replace(sources[0], source)], metric) for metric in METRICS]
                for key in points
                if key.startswith(against)
            ]
            print(source, "against frame by frame: object, whole", np.round(np.mean(direct, axis=0), 2), "%")


if __name__ == "__main__":
    main()
