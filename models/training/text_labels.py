"""Where there are words in pictures: ``python -m semvid.models.training.text_labels``.

No pack labels text, and words rendered while training show only what those look like. PP-OCRv4 (Apache-2.0)
finds and reads those of the world: signs, jerseys, captions. Its files are in the wheel of RapidOCR:
``pip download --no-deps rapidocr-onnxruntime==1.4.4``, unpack it, and give ``rapidocr_onnxruntime/models`` as
``--reader``. What it says is kept in the cache, one file a picture: the command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semvid.core.errors import SemvidError
from semvid.models.training.kept import keep
from semvid.models.training.pack import Example, Picture, load_pack
from semvid.models.training.taught import load_frames
from semvid.models.training.text_reader import TextReader


class Reader(Protocol):
    """Whoever finds words."""

    def words(self, picture: Picture, rows: int, cols: int) -> NDArray[np.uint8]:
        """See ``TextReader.words``."""


def words_file(cache: Path, name: str) -> Path:
    """Where the cache keeps the words of a picture, at the size of its labels."""
    return cache / "words" / f"{Path(name).stem}.npy"


def words_label(example: Example, cache: Path) -> NDArray[np.uint8] | None:
    """Return ``Example.words``; ``None`` if nobody looked."""
    path = words_file(cache, example.name)
    return np.asarray(np.load(path), np.uint8) if path.exists() else None


def fill_cache(examples: Iterable[Example], cache: Path, reader: Reader) -> None:
    """Write the file of every picture that has none."""
    for example in examples:
        path = words_file(cache, example.name)
        if not path.exists():
            found = reader.words(example.picture(), *example.labels.shape[1:])
            keep(path, partial(np.save, arr=found))


def main() -> None:
    """Fill the cache for the open rows of the pack, and for the frames that ``foreground`` kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--reader", type=Path, required=True, help="folder of PP-OCRv4's ONNX files")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what takes long to make")
    arguments = parser.parse_args()
    try:
        reader = TextReader(arguments.reader)
    except SemvidError as error:
        parser.error(str(error))
    rows = load_pack(arguments.pack, open_terms_only=True).examples
    # First what networks are scored with, and whole scenes before the lone objects of Caltech-101, which show
    # fewer words.
    ordered = sorted(rows, key=lambda one: (one.split == "train", one.source == "caltech101"))
    fill_cache([*load_frames(arguments.cache), *ordered], arguments.cache, reader)


if __name__ == "__main__":
    main()
