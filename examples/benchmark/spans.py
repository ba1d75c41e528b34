"""How far the maps of a part differ from those of the whole video, by how much before it is looked at.

A clip of three scenes, with two cuts, is put together from the ordinary clips. Parts begin in the middle of
a scene and end in the next one. Up to the cut the mean difference of their maps from those of the whole run
is compared with the run's own flicker: the mean change from frame to frame along the true motion, of all
frames, and of those alone that the network was run on. From the cut on there must be no difference.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from contextlib import closing
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
from common import clips, save, table
from temporal import flicker, true_flows

from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.types import Frame, ImportanceMap, Span
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.engine.warm_up import WARM_UP_SECONDS
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

SCENES = {"juggle_720p.mp4": 10, "cars_432p_audio.mp4": 20, "dog_720p.mp4": 2}
"""Seconds of each."""
RATE = 25
BEGINNINGS = {0: (5, 6, 7, 8), 1: (14, 15, 16, 17)}
"""Seconds into each scene at which parts begin."""
WARM_UPS = (0, 1, 2, 4, 8)
"""Seconds."""
BEHIND_CUT = 10
"""Frames of a part that are of the next scene."""


def make_clip(path: Path) -> None:
    """Put the scenes together."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    found = {one.name: one for one in clips()}
    for name, seconds in SCENES.items():
        command += ["-t", str(seconds), "-i", str(found[name])]
    scaled = "".join(
        f"[{index}:v]fps={RATE},scale=640:360,setsar=1,trim=end_frame={seconds * RATE}[v{index}];"
        for index, seconds in enumerate(SCENES.values())
    )
    joined = "".join(f"[v{index}]" for index in range(len(SCENES)))
    graph = f"{scaled}{joined}concat=n={len(SCENES)}"
    command += ["-filter_complex", graph, "-c:v", "libx264", "-preset", "veryfast", "-crf", "16", str(path)]
    subprocess.run(command, check=True)


def maps_of(
    clip: Path, model: str, span: Span, warm_up: Fraction
) -> dict[int, tuple[np.ndarray, bool, bool]]:
    """Return maps, whether each begins a scene, and whether the network was run for it, by pts."""
    maps = {}
    source = open_source(MapsConfig(model=model), None)
    shown: list[int] = []
    update = source.update

    def watched(frame: Frame) -> ImportanceMap:
        shown.append(frame.pts)
        return update(frame)

    source.update = watched
    with closing(source), VideoReader(clip, span=span, warm_up=warm_up) as reader:
        analyser = Analyser(source, TemporalConfig(), span, reader.info.frame_rate)
        for analysed in analyser.run(only_frames(reader.read())):
            if analysed.frame.pts in span and analysed.importance is not None:
                maps[analysed.frame.pts] = np.array(analysed.importance), analysed.is_cut
    return {pts: (*one, pts in shown) for pts, one in maps.items()}


def pictures_of(clip: Path) -> dict[int, np.ndarray]:
    """Return grey pictures by pts."""
    with VideoReader(clip) as reader:
        return {one.pts: np.array(one.luma) for one in reader.read() if isinstance(one, Frame)}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of the absolute difference of two maps."""
    if a.shape != b.shape:
        b = cv2.resize(b, a.shape[::-1])
    return float(np.abs(a - b).mean())


def measure(model: str) -> dict[str, object]:
    """Compare parts with the whole."""
    with tempfile.TemporaryDirectory() as work:
        clip = Path(work) / "scenes.mp4"
        make_clip(clip)
        whole, pictures = maps_of(clip, model, Span(), Fraction(0)), pictures_of(clip)
        times = sorted(whole)
        first = [sum(list(SCENES.values())[:one]) * RATE for one in range(len(SCENES))]
        cuts = [times[one] for one in first[1:]]
        if not all(whole[one][1] for one in cuts):
            raise SystemExit("a cut was not found")
        own: list[float] = []
        at_keys: list[float] = []
        apart: dict[int, list[float]] = {one: [] for one in WARM_UPS}
        behind: dict[int, float] = dict.fromkeys(WARM_UPS, 0.0)
        for scene, cut in enumerate(cuts):
            for start in BEGINNINGS[scene]:
                shown = times[first[scene] + start * RATE : first[scene + 1]]
                span = Span(shown[0], times[times.index(cut) + BEHIND_CUT])
                flows = true_flows([pictures[one] for one in shown])
                changes = [
                    flicker([whole[a][0], whole[b][0]], [flow])
                    for (a, b), flow in zip(pairwise(shown), flows, strict=True)
                ]
                own.append(float(np.mean(changes)))
                at_keys.append(
                    float(np.mean([x for x, one in zip(changes, shown[1:], strict=True) if whole[one][2]]))
                )
                for warm_up in WARM_UPS:
                    part = maps_of(clip, model, span, Fraction(warm_up))
                    apart[warm_up].append(
                        float(np.mean([difference(whole[one][0], part[one][0]) for one in shown]))
                    )
                    rest = [difference(whole[one][0], part[one][0]) for one in part if one >= cut]
                    behind[warm_up] = max(behind[warm_up], *rest)
                print(
                    scene,
                    start,
                    round(own[-1], 5),
                    round(at_keys[-1], 5),
                    {one: round(apart[one][-1], 5) for one in WARM_UPS},
                    flush=True,
                )
    return {
        "model": model,
        "cuts": len(cuts),
        "flicker": float(np.mean(own)),
        "flicker at key frames": float(np.mean(at_keys)),
        "parts": {
            str(one): {
                "mean": float(np.mean(apart[one])),
                "worst share": float(np.max(np.divide(apart[one], own))),
                "worst share at key frames": float(np.max(np.divide(apart[one], at_keys))),
                "behind the cut": behind[one],
            }
            for one in WARM_UPS
        },
    }


def main() -> None:
    """Measure, write ``results/spans.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    results = measure(arguments.model)
    save("spans", results)
    print(
        f"flicker of the whole run: {results['flicker']:.5f}, at key frames "
        f"{results['flicker at key frames']:.5f}; semvid warms up for {WARM_UP_SECONDS} s"
    )
    print(table(
        ["warm-up", "mean difference", "of flicker, worst part", "of that at key frames", "behind the cut"],
        [[f"{name} s", f"{one['mean']:.5f}", f"x{one['worst share']:.2f}",
          f"x{one['worst share at key frames']:.2f}", f"{one['behind the cut']:g}"]
         for name, one in results["parts"].items()],
    ))  # fmt: skip


if __name__ == "__main__":
    main()
