"""Draw where MS-ROI fails: pictures, and beside each its map, with a line where that is one half.

    python examples/benchmark/failures.py [-o failures.jpg] [--model msroi]

Single frames of scenes that are only drawn, and a photograph in the public domain that scikit-image ships.
This made the picture of failures in the model card.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import skimage.data
from generality import SCENES
from PIL import Image
from scene_stage import Photographs, Pixels
from scenes_cartoons import toon_drive
from scenes_from_far import herd, race, town
from scenes_on_screens import article
from scenes_photographed import Draw

import semvid
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.media.drawing import contour, heat
from semvid.models.architecture import CHANNELS
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import importance

CELL = (400, 225)
HEADER = 26
FRAME = 12
JPEG_QUALITY = 72
OPACITY = 0.65


class OnlyDrawn(Photographs):
    """In place of photographs of the training pack, which are not for showing."""

    def __init__(self) -> None:
        """Nothing is read."""

    def picture(self, name: str) -> NoReturn:
        """Refuse."""
        raise SystemExit(f"{name} of the training pack may not be shown; take a scene that is only drawn")

    foreground = picture


@dataclass(frozen=True)
class Failure:
    """What goes wrong, and where it can be seen.

    Attributes:
        line: One line for the reader.
        picture: Makes it.
        channel: A map of the network; None = importance.
    """

    line: str
    picture: Callable[[], Pixels]
    channel: str | None = None


def scene(maker: Callable[[Photographs, np.random.Generator], Draw]) -> Callable[[], Pixels]:
    """Return what draws the middle frame, the very one that ``generality.py`` measures."""
    seed = next(makers.index(maker) for makers in SCENES.values() if maker in makers)

    def draw() -> Pixels:
        one = maker(OnlyDrawn(), np.random.default_rng(seed))
        # Noise differs from frame to frame.
        return [one(frame).rgb for frame in range(FRAME + 1)][-1]

    return draw


FAILURES = (
    Failure("From above: roofs count, cars only here and there", scene(town)),
    Failure("Cartoon: sun and trees count more than the car", scene(toon_drive)),
    Failure("Herd: sheep in the crowd are lost", scene(herd)),
    Failure("Page: the picture counts, most words stay below one half", scene(article)),
    Failure("Map of text: rows of spectators pass for words", scene(race), "text"),
    Failure("No subject at all: some region is marked anyway", skimage.data.hubble_deep_field),
)


def tile(failure: Failure, predictor: MsRoiPredictor, focus: semvid.FocusConfig) -> Pixels:
    """Lay a picture and its map side by side, under a line of text; BGR."""
    picture = failure.picture()
    width, height = predictor.input_size(picture.shape[1], picture.shape[0])
    maps = predictor.class_maps(fitted(picture, height, width)[None])[0]
    found: FloatArray = (
        maps[CHANNELS.index(failure.channel)] if failure.channel else np.asarray(importance(maps, focus))
    )
    cells = []
    bgr = np.ascontiguousarray(picture[..., ::-1])
    for one in (bgr, contour(heat(bgr, found, OPACITY), found, 1)):
        scale = min(CELL[0] / one.shape[1], CELL[1] / one.shape[0])
        size = (round(one.shape[1] * scale), round(one.shape[0] * scale))
        cell = np.zeros((CELL[1], CELL[0], 3), np.uint8)
        cell[: size[1], : size[0]] = cv2.resize(one, size, interpolation=cv2.INTER_AREA)
        cells.append(cell)
    header = np.zeros((HEADER, 2 * CELL[0], 3), np.uint8)
    cv2.putText(
        header, failure.line, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.vstack([header, np.hstack(cells)])


def main() -> None:
    """Draw all of them, two in a row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("failures.jpg"))
    parser.add_argument("--model", default="msroi")
    arguments = parser.parse_args()
    focus = semvid.FocusConfig()
    predictor = open_predictor(arguments.model, focus, "cpu")
    if not isinstance(predictor, MsRoiPredictor):
        raise SystemExit(f"{arguments.model} has no maps of classes; give a network of the msroi family")
    tiles = [tile(one, predictor, focus) for one in FAILURES]
    rows = [np.hstack(tiles[index : index + 2]) for index in range(0, len(tiles), 2)]
    Image.fromarray(np.vstack(rows)[..., ::-1]).save(arguments.output, quality=JPEG_QUALITY)
    print(arguments.output)


if __name__ == "__main__":
    main()
