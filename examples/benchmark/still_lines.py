"""Compare coders of JPEG on letters and lines, at equal bytes (``semvid/codecs/jpeg/lines.py``).

    python examples/benchmark/still_lines.py [--photographs FOLDER] [--pictures 2] [--crops FOLDER]

Drawn are screens, slides, plots, scanned pages and comics, and captions on the first photographs of FOLDER,
as for ``still_fit.py``; further ones are compared as they are. Sizes are those of libjpeg-turbo at some
qualities. Gains over it are those of letters, lines and six pixels around them; of photographs, of what
matters, and of the whole. "before" is semvid with the tuning for photographs alone. All are sequential, with
the chroma sampling that semvid chooses. ``--crops`` writes the middle of each at twice its size: source,
libjpeg-turbo, mozjpeg, semvid.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from common import save, table
from jpeg_coders import at_size, mozjpeg, plain, shrunk
from PIL import Image
from still_fit import photographs
from still_lines_material import drawings, with_captions
from still_scores import Judge, Scores, average, decode

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.lines import drawn_share, still_coder
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.codecs.jpeg.sampling import choose_sampling
from semvid.codecs.jpeg.tuning import PERCEPTUAL
from semvid.core.config import MapsConfig
from semvid.importance.registry import importance_of
from semvid.media.stills.picture import read_picture

QUALITIES = (50, 75, 90)
COLUMNS = (
    "region_ssimulacra2", "region_psnr_hvs_m", "region_psnr_hvs", "region_psnr", "ssimulacra2", "psnr_hvs_m",
)  # fmt: skip
CODERS = "before", "mozjpeg", "semvid"
CROP = 140, 100


def material(folder: Path | None, count: int) -> Iterator[tuple[str, np.ndarray, np.ndarray | None]]:
    """Yield kinds, pictures, and where there are letters and lines; None = in no known place."""
    paths = photographs(folder, 2 * count)[0] if folder else []
    for kind, sheet in chain(*(drawings(seed) for seed in range(1, count + 1)), with_captions(paths[:count])):
        yield kind, sheet.rgb(), sheet.region()
    for path in paths[count:]:
        yield "photograph", shrunk(read_picture(path).pixels), None


def compare(rgb: np.ndarray, region: np.ndarray | None, crops: Path | None) -> Iterator[dict[str, Scores]]:
    """Yield gains over libjpeg-turbo by coder, at each size."""
    rgb = np.ascontiguousarray(rgb)
    values, _ = importance_of(rgb, MapsConfig())
    stretched = np.clip(cv2.resize(values, rgb.shape[1::-1]), 0, 1)
    judge = Judge(rgb, stretched, has_slow=False, region=region)
    sampling = choose_sampling(rgb)
    planes = planes_from_rgb(rgb, sampling)
    coders = {
        "before": PictureCoder(planes, values, PERCEPTUAL),
        "semvid": still_coder(planes, values, "perceptual"),
    }
    for quality in QUALITIES:
        anchor = plain(rgb, quality, sampling)
        base = judge.score(anchor)
        files = {
            name: fill_size(coder.encode, Choice(quality), len(anchor))[0] for name, coder in coders.items()
        }
        found: dict[str, Scores | None] = {name: judge.score(one) for name, one in files.items()}
        other = partial(mozjpeg, rgb, sampling=sampling)
        found["mozjpeg"] = at_size(judge, other, len(anchor))
        if crops is not None:
            near = min(range(1, 101), key=lambda one: abs(len(other(one)) - len(anchor)))
            show(crops / f"{quality}.png", rgb, anchor, other(near), files["semvid"])
        yield {
            name: {key: one[key] - base[key] for key in COLUMNS}
            for name, one in found.items()
            if one is not None
        }


def show(path: Path, rgb: np.ndarray, *files: bytes) -> None:
    """Write the middle of each side by side."""
    top, left = (rgb.shape[0] - CROP[1]) // 2, (rgb.shape[1] - CROP[0]) // 2
    parts = [one[top : top + CROP[1], left : left + CROP[0]] for one in (rgb, *map(decode, files))]
    path.parent.mkdir(parents=True, exist_ok=True)
    large = [cv2.resize(one, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST) for one in parts]
    Image.fromarray(np.hstack(large)).save(path)


def main() -> None:
    """Measure, write ``results/still_lines.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--pictures", type=int, default=2)
    parser.add_argument("--crops", type=Path)
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, Scores]]] = {}
    drawn: dict[str, list[float]] = {}
    for number, (kind, rgb, region) in enumerate(material(arguments.photographs, arguments.pictures)):
        crops = arguments.crops / f"{kind}-{number}" if arguments.crops else None
        found.setdefault(kind, []).extend(compare(rgb, region, crops))
        drawn.setdefault(kind, []).append(drawn_share(planes_from_rgb(rgb, "grey")))
        print(kind, f"{drawn[kind][-1]:.2f}", flush=True)
    rows = {
        kind: {
            name: average([one[name] for one in lines if name in one])
            for name in ("before", "mozjpeg", "semvid")
        }
        for kind, lines in found.items()
    }
    save("still_lines", {"pictures": arguments.pictures, "drawn": drawn, "kinds": rows})
    cells = [
        [kind, name, *(f"{gains[key]:+.2f}" for key in COLUMNS)]
        for kind, one in rows.items()
        for name, gains in one.items()
    ]
    print(table(["kind", "coder", *COLUMNS], cells))


if __name__ == "__main__":
    main()
