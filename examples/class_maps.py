"""Draw what MS-ROI sees in pictures: importance, and every class map.

    python examples/class_maps.py [PICTURE ...] [-o class-maps.jpg] [--model msroi]

Without pictures, photographs that scikit-image ships. This made the picture in the model card.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

import semvid
from semvid.models.architecture import CHANNELS
from semvid.models.predictor import MsRoiPredictor
from semvid.models.registry import open_predictor
from semvid.models.rule import importance

CELL = (200, 150)

Picture = NDArray[np.uint8]


def shipped_pictures() -> list[Picture]:
    """Return an astronaut, a cat, a cup, and the three small in one wide picture with a caption."""
    astronaut, cat, cup = skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee()
    scene = np.full((360, 640, 3), (70, 95, 80), np.uint8)
    for place, one in ((30, astronaut), (260, cat), (470, cup)):
        scene[60:200, place : place + 140] = cv2.resize(one, (140, 140), interpolation=cv2.INTER_AREA)
    cv2.putText(scene, "three small things", (60, 310), cv2.FONT_HERSHEY_DUPLEX, 1.6, (240, 240, 230), 2)
    return [astronaut, cat, cup, scene]


def row(picture: Picture, predictor: MsRoiPredictor, focus: semvid.FocusConfig) -> Picture:
    """Lay a picture, its importance and its maps side by side."""
    size = predictor.input_size(picture.shape[1], picture.shape[0])
    maps = predictor.class_maps(cv2.resize(picture, size, interpolation=cv2.INTER_AREA)[None])[0]
    cells = [cv2.resize(picture, CELL, interpolation=cv2.INTER_AREA)]
    for values in (importance(maps, focus), *maps):
        grey = cv2.convertScaleAbs(cv2.resize(values, CELL, interpolation=cv2.INTER_CUBIC), alpha=255)
        cells.append(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1])
    return np.hstack(cells)


def main() -> None:
    """Read, predict, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path, nargs="*")
    parser.add_argument("-o", "--output", type=Path, default=Path("class-maps.jpg"))
    parser.add_argument("--model", default="msroi")
    arguments = parser.parse_args()
    focus = semvid.FocusConfig()
    predictor = open_predictor(arguments.model, focus, "cpu")
    assert isinstance(predictor, MsRoiPredictor)
    pictures = []
    for path in arguments.pictures:
        found = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
        if found is None:
            raise SystemExit(f"{path} cannot be read as a picture")
        pictures.append(np.asarray(found, np.uint8))
    rows = [row(one, predictor, focus) for one in pictures or shipped_pictures()]
    header = np.zeros((30, rows[0].shape[1], 3), np.uint8)
    for index, name in enumerate(("picture", "importance", *CHANNELS)):
        place = (index * CELL[0] + 8, 21)
        cv2.putText(header, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    Image.fromarray(np.vstack([header, *rows])).save(arguments.output)
    print(arguments.output)


if __name__ == "__main__":
    main()
