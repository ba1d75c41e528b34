"""Make sheets for people who judge without knowing what they see: semvid against mozjpeg at equal bytes.

    python examples/benchmark/still_sheet.py FOLDER [--pictures 12] [--rates 0.35,0.7,1.2] [--source DIR]

FOLDER gets ``NN.png``, one for each picture and rate: the source, and A and B, the same part of each at 150
%, once where importance is highest and once where it is lowest. Which is which is drawn by lot, and told in
``key.json`` alone. Write down, for each sheet, which of A and B is better in the upper row, in the lower
row, and as a whole, and only then open the key. Pictures are the 24 of Kodak, or those of DIR.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from common import data_folder
from jpeg_coders import anchor_at, mozjpeg
from PIL import Image
from still_scores import decode

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

PART = (320, 200)
"""Pixels of the parts that are shown."""
SHOWN = (480, 300)


def largest_within(rgb: np.ndarray, target: int) -> bytes:
    """Return mozjpeg's finest file that is not larger."""
    low, high = 1, 100
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(mozjpeg(rgb, middle)) <= target else (low, middle)
    return mozjpeg(rgb, low)


def places(importance: np.ndarray) -> list[tuple[slice, slice]]:
    """Return the part that matters most, and the one that matters least."""
    means = cv2.boxFilter(importance, -1, PART)
    half_width, half_height = PART[0] // 2, PART[1] // 2
    inside = means[half_height:-half_height, half_width:-half_width]
    found = []
    for place in (inside.argmax(), inside.argmin()):
        top, left = np.unravel_index(int(place), inside.shape)
        found.append((slice(int(top), int(top) + PART[1]), slice(int(left), int(left) + PART[0])))
    return found


def main() -> None:
    """Write the sheets and the key."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--rates", default="0.35,0.7,1.2")
    parser.add_argument("--source", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    source = arguments.source or data_folder() / "kodak"
    rng, key = np.random.default_rng(), {}
    paths = sorted(one for one in source.iterdir() if one.suffix in {".png", ".jpg"})
    for path in paths[: arguments.pictures]:
        picture = read_picture(path)
        rgb, values = np.ascontiguousarray(picture.pixels), picture_importance(picture, MapsConfig())
        importance = cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        coder = PictureCoder(planes_from_rgb(rgb, "4:2:0"), values)
        for rate in map(float, arguments.rates.split(",")):
            theirs = largest_within(rgb, len(anchor_at(rgb, rate)))
            ours, _ = fill_size(coder.encode, Choice(), len(theirs))
            coded = {"mozjpeg": theirs, "semvid": ours}
            names = [str(one) for one in rng.permutation(sorted(coded))]
            number = f"{len(key) + 1:02}"
            key[number] = {"picture": path.name, "A": names[0], "B": names[1], "bits per pixel": rate,
                           "bytes": {name: len(one) for name, one in coded.items()}}  # fmt: skip
            pictures = [rgb, *(decode(coded[name]) for name in names)]
            sheet = Image.new("RGB", (3 * SHOWN[0], 2 * SHOWN[1]))
            for row, place in enumerate(places(importance)):
                for column, (label, shown) in enumerate(zip(("source", "A", "B"), pictures, strict=True)):
                    part = cv2.resize(shown[place], SHOWN, interpolation=cv2.INTER_CUBIC)
                    cv2.putText(part, label, (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 0), 2)
                    sheet.paste(Image.fromarray(part), (column * SHOWN[0], row * SHOWN[1]))
            sheet.save(arguments.folder / f"{number}.png")
    (arguments.folder / "key.json").write_text(json.dumps(key, indent=1) + "\n")
    print(f"{len(key)} sheets in {arguments.folder}")


if __name__ == "__main__":
    main()
