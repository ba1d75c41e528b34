"""The sequences that the rate model is fitted to and tested on: small, short, and as unlike as could be had.

Films, phones, a signer, screens, drawings, night, noise, and cut-outs that move over photographs. Each
belongs to a group of relatives: a model that was fitted to one of them is never tested on another.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from common import data_folder
from generality import SCENES
from numpy.typing import NDArray
from scene_stage import Photographs, Stage, grainy

Pixels = NDArray[np.uint8]
"""``(h, w, 3)`` RGB."""

NUM_FRAMES, _LONGEST = 40, 480
_SCENE_FRAMES = 32
_CLIP_STARTS = (0.0, 0.6)
"""Where two stretches of an ordinary clip begin, as shares of its length."""
_ODD = {
    "bt709_full_range.mp4": 0, "cover_png.mp4": 0, "nasa_13013.mp4": 0, "sample.avi": 40, "sample.flv": 0,
    "sample_sef_slow_motion.mp4": 0, "sample_with_colr_mdcv_and_clli.mp4": 0, "portrait_4k60.mp4": 0,
    "test_non_zero_start.mp4": 0, "video_1.mp4": 0,
}  # fmt: skip
"""Files, and the first frame."""
_RELATIVES = {"film": "clip-bunny_720p_audio"}
"""Scenes that show what a clip shows."""
_CUT_OUTS = 8


@dataclass
class Sequence:
    """A short video without sound."""

    name: str
    group: str
    """Its relatives."""
    frames: list[Pixels]
    masks: list[NDArray[np.bool_]] | None = None
    """What matters; None = unknown."""


def sequences() -> Iterator[tuple[str, Callable[[], Sequence]]]:
    """Yield the names of all sequences, and how to make each."""
    data = data_folder()
    for folder in sorted((data / "davis" / "JPEGImages").iterdir()):
        yield f"davis-{folder.name}", lambda folder=folder: _davis(folder)
    for clip in sorted((data / "clips").iterdir()):
        for share in _CLIP_STARTS:
            name = f"{clip.stem.partition('_')[0]}-{share:g}"
            yield name, lambda clip=clip, share=share, name=name: _stretch(clip, share, name)
    for file, first in _ODD.items():
        yield (
            f"odd-{file}",
            lambda file=file, first=first: Sequence(
                f"odd-{file}", f"odd-{file}", _film(data / "odd" / file, first)
            ),
        )
    archive = data / "training2" / "video.tar"
    for name, first in (
        ("cdnet_highway", 0),
        ("cdnet_highway", 300),
        ("tennis", 0),
        ("tennis", 30),
        ("judo", 0),
    ):
        yield f"{name}-{first}", lambda name=name, first=first: _archived(archive, name, first)
    for domain, makers in SCENES.items():
        for index, maker in enumerate(makers):
            yield (
                f"scene-{maker.__name__}",
                lambda domain=domain, maker=maker, index=index: _scene(domain, maker, index),
            )
    for index in range(_CUT_OUTS):
        yield f"cutout-{index}", lambda index=index: _moving_cut_out(index)


def write_sequence(sequence: Sequence, clip: Path) -> None:
    """Write the frames without loss."""
    with av.open(str(clip), "w") as writer:
        stream = writer.add_stream("ffv1", rate=25)
        stream.height, stream.width = sequence.frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for one in sequence.frames:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        writer.mux(stream.encode())


def _davis(folder: Path) -> Sequence:
    frames = [_shrunk(cv2.imread(str(one), cv2.IMREAD_COLOR_RGB)) for one in sorted(folder.glob("*.jpg"))]
    masks = []
    for one in sorted((folder.parents[1] / "Annotations" / folder.name).glob("*.png")):
        mask = cv2.resize(cv2.imread(str(one), 0), frames[0].shape[1::-1], interpolation=cv2.INTER_AREA)
        masks.append(mask > 127)
    return Sequence(f"davis-{folder.name}", f"davis-{folder.name}", frames, masks)


def _stretch(clip: Path, share: float, name: str) -> Sequence:
    with av.open(str(clip)) as container:
        num_frames = sum(1 for _ in container.decode(video=0))
    first = min(round(share * num_frames), num_frames - NUM_FRAMES)
    return Sequence(name, f"clip-{clip.stem}", _film(clip, first))


def _film(path: Path, first: int) -> list[Pixels]:
    with av.open(str(path)) as container:
        wanted = islice(container.decode(video=0), first, first + NUM_FRAMES)
        return [_shrunk(one.to_ndarray(format="rgb24")) for one in wanted]


def _archived(archive: Path, name: str, first: int) -> Sequence:
    with tarfile.open(archive) as opened:
        members = sorted(one.name for one in opened if f"/{name}/" in one.name and one.name.endswith(".jpg"))
        frames = []
        for member in members[first : first + NUM_FRAMES]:
            file = opened.extractfile(member)
            assert file is not None
            data = np.frombuffer(file.read(), np.uint8)
            frames.append(_shrunk(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)))
    return Sequence(f"{name}-{first}", name, frames)


def _scene(domain: str, maker: Callable[..., Callable[[int], Stage]], index: int) -> Sequence:
    draw = maker(Photographs(data_folder()), np.random.default_rng(index))
    stages = [draw(frame) for frame in range(_SCENE_FRAMES)]
    masks = [one.truth > 127 for one in stages]
    group = _RELATIVES.get(maker.__name__, f"scenes: {domain}")
    return Sequence(f"scene-{maker.__name__}", group, [one.rgb for one in stages], masks)


def _moving_cut_out(index: int) -> Sequence:
    """A thing that moves over a photograph, before a camera that may move too."""
    folder, rng = data_folder() / "training", np.random.default_rng(100 + index)
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    stills = [one for one in rows if one["source"] in {"osie", "scene500"} and one["width"] >= _LONGEST // 2]
    things = [json.loads(line) for line in (folder / "cutouts.jsonl").read_text().splitlines()]
    still, thing = stills[int(rng.integers(len(stills)))], things[int(rng.integers(len(things)))]
    canvas = _picture(folder / still["shard"], still["file"], cv2.IMREAD_COLOR_RGB)
    canvas = cv2.resize(canvas, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    rgba = cv2.cvtColor(
        _picture(folder / "cutouts.tar", thing["file"], cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA
    )
    height, width = canvas.shape[:2]
    pan, step = rng.normal(0, 1.5, 2) * (index % 3), rng.normal(0, 3, 2)
    grain, size = float(rng.choice([0, 1, 2.5, 5])), float(rng.uniform(0.3, 0.7)) * 270
    frames, masks = [], []
    for frame in range(_SCENE_FRAMES):
        centre = (width / 2 + pan[0] * frame, height / 2 + pan[1] * frame)
        stage = Stage(canvas, centre)
        place = (centre[0] + step[0] * (frame - 16), centre[1] + step[1] * (frame - 16) / 3)
        stage.paste(rgba, place, size, matters=True)
        frames.append(grainy(stage.rgb, rng, grain) if grain else stage.rgb)
        masks.append(stage.truth > 127)
    return Sequence(f"cutout-{index}", "cut-outs", frames, masks)


def _picture(archive: Path, name: str, flags: int) -> Pixels:
    with tarfile.open(archive) as opened:
        file = opened.extractfile(name)
        assert file is not None
        return np.asarray(cv2.imdecode(np.frombuffer(file.read(), np.uint8), flags), np.uint8)


def _shrunk(rgb: Pixels) -> Pixels:
    """Make it 480 pixels wide at most, and its sides even."""
    height, width = rgb.shape[:2]
    scale = min(1, _LONGEST / max(width, height))
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    return rgb if size == (width, height) else np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
