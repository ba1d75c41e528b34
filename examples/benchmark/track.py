"""Measure how well one mask is followed: the truth of the first frame is given, the others are compared.

    OPENBLAS_NUM_THREADS=1 python examples/benchmark/track.py [--model msroi] [--materials FOLDER]
        [--only-materials]

Maps as ``compress --track MASK.png`` makes them. Mean IoU with the masks over all frames but the first, at
0.5 and at the threshold that is best on the materials for training: a tennis player (32 frames; the mask has
the shadow, too) and 40 clips of cut-outs (6 frames), each half. DAVIS-2016, 10 sequences of 32 frames, was
used for no choice. Cost: processor time of all analysis of a frame, decoding left out, everything on one
thread; the first frame, which sets the network up, is left out.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from common import data_folder, save, table
from davis import pack_sequence
from PIL import Image
from temporal import SCORING, write_video

import semvid
from semvid.engine.analysis import Analyser
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

NUM_FRAMES = 32
NUM_CUTOUTS = 40
THRESHOLDS = np.linspace(0.1, 0.9, 17)
MIDDLE = 8
"""Index of 0.5."""


@dataclass
class Clip:
    """A video, and the masks of its frames; None where there is none."""

    name: str
    path: Path
    masks: list[np.ndarray | None]


def follow(clip: Clip, mask: Path, model: str) -> tuple[list[np.ndarray], float]:
    """Return the maps of a clip, and the processor time of a frame in ms."""
    maps = semvid.MapsConfig(track=(semvid.Mark(path=mask),), model=model, device="cpu", threads=1)
    with VideoReader(clip.path) as reader:
        frames = [one for one in reader.read() if isinstance(one, semvid.Frame)][:NUM_FRAMES]
    for one in frames:
        one.half_luma  # noqa: B018 - plain allocation needs it anyway
    found, seconds = [], 0.0
    analysed = Analyser(open_source(maps, len(frames)), semvid.TemporalConfig()).run(frames)
    for index in range(len(frames)):
        started = time.process_time()
        one = next(analysed)
        seconds += (time.process_time() - started) * (index > 0)
        found.append(one.frame.upright(one.importance))
    return found, 1000 * seconds / (len(frames) - 1)


def score(clip: Clip, model: str, work: Path) -> tuple[np.ndarray, float]:
    """Return the mean IoU at all thresholds, and the cost of a frame in ms."""
    assert clip.masks[0] is not None
    mask = work / "mask.png"
    Image.fromarray(clip.masks[0]).save(mask)
    maps, cost = follow(clip, mask, model)
    rows = []
    for values, grey in list(zip(maps, clip.masks, strict=False))[1:]:
        if grey is not None:
            true = grey > 127
            found = cv2.resize(values, true.shape[::-1])[None] > THRESHOLDS[:, None, None]
            union = (found | true).sum((1, 2))
            rows.append(np.where(union > 0, (found & true).sum((1, 2)) / np.maximum(union, 1), 1.0))
    return np.mean(rows, 0), cost


def materials(folder: Path, work: Path) -> Iterator[Clip]:
    """Write the clips that constants may be chosen on."""
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    cutouts = sorted({one["clip"] for one in rows if one["file"].startswith("synth/")})
    chosen = ["tennis", *cutouts]
    with tarfile.open(folder / "video.tar") as videos, tarfile.open(folder / "synth.tar") as synthetic:

        def read(tar: tarfile.TarFile, name: str) -> Image.Image:
            return Image.open(io.BytesIO(tar.extractfile(name).read()))

        num_cutouts = 0
        for name in chosen:
            frames = sorted((one for one in rows if one.get("clip") == name), key=lambda one: one["frame"])
            frames = frames[:NUM_FRAMES]
            tar, channel = (videos, "salient") if name == "tennis" else (synthetic, "mover")
            if channel not in frames[0]["labels"] or num_cutouts == NUM_CUTOUTS:
                continue
            masks = [np.asarray(read(tar, one["labels"][channel]).convert("L")) for one in frames]
            if masks[0].max() < 255:
                continue
            num_cutouts += name != "tennis"
            pictures = [np.asarray(read(tar, one["file"]).convert("RGB"))[..., ::-1] for one in frames]
            path = work / f"{name.replace('/', '-')}.mkv"
            write_video(path, pictures, 12)
            yield Clip(name, path, masks)


def davis(work: Path) -> Iterator[Clip]:
    """Pack the sequences of DAVIS."""
    folder = data_folder() / "davis"
    for pictures in sorted((folder / "JPEGImages").iterdir()):
        path = work / f"{pictures.name}.mkv"
        pack_sequence(pictures, path)
        files = sorted((folder / "Annotations" / pictures.name).glob("*.png"))
        masks = [cv2.resize(cv2.imread(str(one), 0), SCORING, interpolation=cv2.INTER_AREA) for one in files]
        yield Clip(pictures.name, path, masks)


def main() -> None:
    """Measure, write ``results/track.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="msroi")
    parser.add_argument("--materials", type=Path, default=None, help="default: in the test material")
    parser.add_argument("--only-materials", action="store_true", help="do not look at DAVIS")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = arguments.materials or data_folder() / "training2"
        known = {one.name: score(one, arguments.model, work)[0] for one in materials(folder, work)}
        tennis, cutouts = known.pop("tennis"), np.mean(list(known.values()), 0)
        best = int(np.argmax(tennis + cutouts))
        at = f"at {THRESHOLDS[best]:.2f}"
        rows = [("tennis", tennis), ("cut-outs", cutouts)]
        print(table(["materials", "at 0.5", at],
                    [[one, f"{row[MIDDLE]:.3f}", f"{row[best]:.3f}"] for one, row in rows]))  # fmt: skip
        if arguments.only_materials:
            return
        found = {one.name: score(one, arguments.model, work) for one in davis(work)}
    sequences = {
        key: {"iou_at_half": float(row[MIDDLE]), "iou": float(row[best]), "ms": cost}
        for key, (row, cost) in found.items()
    }
    mean = {
        key: float(np.mean([one[key] for one in sequences.values()])) for key in ("iou_at_half", "iou", "ms")
    }
    save("track", {
        "model": arguments.model, "threshold": float(THRESHOLDS[best]),
        "materials": {"tennis": float(tennis[MIDDLE]), "cutouts": float(cutouts[MIDDLE])},
        "sequences": sequences, "mean": mean,
    })  # fmt: skip
    rows = [*sequences.items(), ("mean", mean)]
    print(table(["sequence", "IoU at 0.5", at, "ms of processor a frame"], [
        [key, f"{one['iou_at_half']:.3f}", f"{one['iou']:.3f}", f"{one['ms']:.1f}"] for key, one in rows
    ]))  # fmt: skip


if __name__ == "__main__":
    main()
