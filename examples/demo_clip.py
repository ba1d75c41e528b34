"""Make the demo clip: a few seconds of camera moves over photographs that scikit-image ships.

    python examples/demo_clip.py OUTPUT.mp4

Two scenes with a cut at 2.4 s: a push-in on the astronaut's portrait, and the cat with a cup that slides
past; hand-held shake and sensor noise, so that an encoder meets what it meets in real video.
The photographs (E. Collins by NASA; the cat Chelsea by S. van der Walt; a cup by R. Michaud) are in the
public domain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 360
RATE = 25
SCENE_FRAMES = (60, 60)

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """Where the camera looks on a photograph, in the photograph's pixels."""

    x: float
    y: float
    width: float

    @property
    def scale(self) -> float:
        """Frame pixels to a pixel of the photograph."""
        return WIDTH / self.width


def camera(photo: Picture, view: View) -> Picture:
    """Look at a photograph, sub-pixel exact."""
    scale = view.scale
    matrix = np.array([[scale, 0, WIDTH / 2 - scale * view.x], [0, scale, HEIGHT / 2 - scale * view.y]])
    return np.asarray(
        cv2.warpAffine(
            photo, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        ),
        np.uint8,
    )


def paste(scene: Picture, thing: Picture, x: float, y: float) -> Picture:
    """Lay a thing with a soft oval edge over the scene, centred at ``(x, y)``."""
    height, width = thing.shape[:2]
    rows, cols = np.mgrid[0:height, 0:width]
    radius = np.hypot((rows - height / 2) / (height / 2), (cols - width / 2) / (width / 2))
    alpha = np.clip((1 - radius) / 0.15, 0, 1).astype(np.float32)
    move = np.array([[1, 0, x - width / 2], [0, 1, y - height / 2]])
    moved = cv2.warpAffine(thing, move, (WIDTH, HEIGHT)).astype(np.float32)
    share = cv2.warpAffine(alpha, move, (WIDTH, HEIGHT))[..., None]
    return (scene * (1 - share) + moved * share).astype(np.uint8)


def scenes() -> Iterator[Picture]:
    """Yield the frames, ``(360, 640, 3)`` uint8 RGB."""
    rng = np.random.default_rng(11)
    astronaut, cat, coffee = skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee()
    cup = cv2.resize(coffee[60:340, 140:480], (170, 140), interpolation=cv2.INTER_AREA)
    shake = cv2.GaussianBlur(rng.normal(0, 6, (sum(SCENE_FRAMES), 2)), (1, 0), sigmaX=0.1, sigmaY=4)
    for index in range(sum(SCENE_FRAMES)):
        dx, dy = shake[index]
        if index < SCENE_FRAMES[0]:
            t = index / SCENE_FRAMES[0]
            view = View(256 - 26 * t + dx, 190 - 40 * t + dy, 500 - 150 * t)
            frame = camera(astronaut, view)
        else:
            t = (index - SCENE_FRAMES[0]) / SCENE_FRAMES[1]
            view = View(215 + 30 * t + dx, 150 - 10 * t + dy, 330 + 90 * t)
            frame = camera(cat, view)
            frame = paste(frame, cup, 90 + 160 * t, 285 - 10 * np.sin(3 * t))
        noisy = frame + rng.normal(0, 2.5, frame.shape)
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def write(path: Path) -> None:
    """Encode the frames nearly without loss."""
    reformatter = VideoReformatter()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "14", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in enumerate(scenes()):
            frame = reformatter.reformat(
                av.VideoFrame.from_ndarray(picture, format="rgb24"), format="yuv420p"
            )
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
