"""Find where finer chroma pays: the threshold of ``semvid/codecs/jpeg/sampling.py``.

    python examples/benchmark/still_sampling.py FOLDER [--pictures 12]

FOLDER has photographs, as for ``still_fit.py``. Compared are 4:2:0 at some qualities and 4:4:4 at the same
bytes, no map, by SSIMULACRA 2: of photographs, of photographs with some lines of red letters, and of
drawings and screens made here of rectangles, lines and letters in any colours. For each picture the loss is
told by which semvid chooses.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import save, table
from jpeg_coders import shrunk
from PIL import Image, ImageDraw, ImageFont
from still_fit import photographs
from still_scores import Judge

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.sampling import chroma_loss
from semvid.media.stills.picture import read_picture

QUALITIES = (50, 80, 93)
SIZE = (448, 320)
LINES = (1, 3, 9)
LETTERS = 34


def words(rng: np.random.Generator) -> str:
    """Some letters."""
    return "".join(chr(int(one)) for one in rng.integers(ord("a"), ord("z"), LETTERS))


def drawing(rng: np.random.Generator) -> np.ndarray:
    """Rectangles, lines and letters in any colours."""

    def colour() -> tuple[int, ...]:
        return tuple(map(int, rng.integers(0, 256, 3)))

    picture = Image.new("RGB", SIZE, colour())
    draw = ImageDraw.Draw(picture)
    for number in range(40):
        x, y, right, bottom = (int(one) for one in rng.integers(0, SIZE[1], 4))
        if number % 4 == 0:
            draw.rectangle((min(x, right), min(y, bottom), max(x, right), max(y, bottom)), fill=colour())
        elif number % 4 == 1:
            draw.line((x, y, right, bottom), fill=colour(), width=2)
        else:
            draw.text(
                (x, y), words(rng), fill=colour(), font=ImageFont.load_default(size=12 + number % 3 * 4)
            )
    return np.asarray(picture)


def screen(rng: np.random.Generator, is_coloured: bool) -> np.ndarray:
    """Lines of letters on a plain ground, black or in colours."""
    picture = Image.new("RGB", SIZE, (250, 250, 250))
    colours = [(20, 20, 20), (20, 20, 200), (200, 20, 20), (0, 120, 0)]
    draw = ImageDraw.Draw(picture)
    for y in range(6, SIZE[1], 16):
        colour = colours[int(rng.integers(0, 4)) if is_coloured else 0]
        draw.text((6, y), words(rng) + words(rng), fill=colour, font=ImageFont.load_default(size=12))
    return np.asarray(picture)


def lettered(rgb: np.ndarray, num_lines: int, rng: np.random.Generator) -> np.ndarray:
    """Write red letters on a photograph."""
    picture = Image.fromarray(rgb)
    for number in range(num_lines):
        place = 10, 10 + 32 * number
        ImageDraw.Draw(picture).text(
            place, words(rng), fill=(230, 0, 0), font=ImageFont.load_default(size=20)
        )
    return np.asarray(picture)


def material(folder: Path, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield kinds and pictures."""
    rng = np.random.default_rng(4)
    for path in photographs(folder, count)[0]:
        rgb = shrunk(read_picture(path).pixels)[: SIZE[1], : SIZE[0]]
        yield "photograph", rgb
        for num_lines in LINES:
            yield f"{num_lines} red lines", lettered(rgb, num_lines, rng)
    for _ in range(count):
        yield "drawing", drawing(rng)
        yield "black text", screen(rng, is_coloured=False)
        yield "coloured text", screen(rng, is_coloured=True)


def gains_of(rgb: np.ndarray) -> list[float]:
    """Return what SSIMULACRA 2 gains by 4:4:4 at each quality."""
    rgb = np.ascontiguousarray(rgb)
    judge = Judge(rgb, np.zeros(rgb.shape[:2], np.float32), has_slow=False)
    coarse, fine = (PictureCoder(planes_from_rgb(rgb, sampling), None) for sampling in ("4:2:0", "4:4:4"))
    gains = []
    for quality in QUALITIES:
        first = coarse.encode(Choice(quality))
        second, _ = fill_size(fine.encode, Choice(quality - 5), len(first))
        gains.append(judge.score(second)["ssimulacra2"] - judge.score(first)["ssimulacra2"])
    return gains


def main() -> None:
    """Measure, write ``results/still_sampling.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=12)
    arguments = parser.parse_args()
    found: dict[str, list[list[float]]] = {}
    for kind, rgb in material(arguments.folder, arguments.pictures):
        found.setdefault(kind, []).append([chroma_loss(rgb), *gains_of(rgb)])
    rows = {}
    for kind, lines in found.items():
        values = np.array(lines)
        rows[kind] = {
            "loss": [values[:, 0].min(), values[:, 0].max()],
            "gains": dict(zip(map(str, QUALITIES), values[:, 1:].mean(axis=0).tolist(), strict=True)),
        }
    save("still_sampling", {"pictures": arguments.pictures, "kinds": rows})
    cells = [
        [
            kind,
            f"{one['loss'][0]:.1f} to {one['loss'][1]:.1f}",
            *(f"{gain:+.1f}" for gain in one["gains"].values()),
        ]
        for kind, one in rows.items()
    ]
    print(table(["kind", "loss", *(f"gain at {quality}" for quality in QUALITIES)], cells))


if __name__ == "__main__":
    main()
