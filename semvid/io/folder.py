"""Folders of numbered pictures, which appear under their name when they are complete."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.errors import OutputError, OutputExistsError
from semvid.io.probe import reason

_FRAME_NAME = "{:06d}.png"
_FRAME_PATTERN = re.compile(r"\d{6}\.png")


class PictureFolder:
    """One PNG a frame."""

    def __init__(self, folder: Path) -> None:
        self.num_frames = self.bytes_written = 0
        self._folder = folder

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Take the next ``(h, w)`` grey or ``(h, w, 3)`` RGB picture."""
        path = self._folder / _FRAME_NAME.format(self.num_frames)
        Image.fromarray(picture).save(path, "PNG", compress_level=3)
        self.bytes_written += path.stat().st_size
        self.num_frames += 1


@contextmanager
def picture_folder(output: Path) -> Iterator[PictureFolder]:
    """Write pictures to a folder that appears under its name when it is complete."""
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent))
    except OSError as error:
        raise OutputError(f"{output} cannot be created: {error.strerror or error}") from error
    try:
        yield PictureFolder(temporary)
        temporary.chmod(0o755)
        if output.exists():
            shutil.rmtree(output)
        temporary.replace(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {reason(error)}; nothing was left behind") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but pictures of ours."""
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist; create it or choose another -o")
    if not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output} is a file; choose another -o for the folder")
    names = [one.name for one in output.iterdir()]
    if names and not overwrite:
        raise OutputExistsError(f"{output} is not empty; pass -y to replace it or choose another -o")
    strange = next((name for name in names if not _FRAME_PATTERN.fullmatch(name)), None)
    if strange is not None:
        raise OutputError(f"{output} holds {strange}, which is no picture of semvid's; choose another folder")
