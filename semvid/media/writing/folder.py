"""Folders of numbered pictures, which get their name when they are complete."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.core.errors import OutputError, OutputExistsError
from semvid.core.interrupts import shielded
from semvid.core.text import reason
from semvid.media.writing.claim import Claim, final_target, writing

_FRAME_NAME = "{:06d}.png"
_FRAME_PATTERN = re.compile(r"\d{6}\.png")


class PictureFolder:
    """One PNG per frame."""

    def __init__(self, folder: Path, output: Path) -> None:
        self.num_frames = self.bytes_written = 0
        self._folder, self._output = folder, output

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Take the next ``(h, w)`` grey or ``(h, w, 3)`` RGB picture."""
        path = self._folder / _FRAME_NAME.format(self.num_frames)
        with writing(self._output):
            Image.fromarray(picture).save(path, "PNG", compress_level=3)
            self.bytes_written += path.stat().st_size
        self.num_frames += 1


@contextmanager
def picture_folder(output: Path, *, overwrite: bool) -> Iterator[PictureFolder]:
    """Write pictures to a folder that appears under its name when it is complete.

    Args:
        output: The folder. What ``check_folder`` accepts in it is replaced, and nothing else.
        overwrite: Whether pictures in it may be replaced.

    Raises:
        OutputError: It cannot be written, or something appeared in it meanwhile; that stays as it is.
    """
    with Claim(output, overwrite=overwrite) as claim:
        for old in claim.left_aside():
            # Where there is a folder again this is an error, and the old one stays where it is.
            with contextlib.suppress(OSError):
                old.rename(claim.target)
        check_folder(output, overwrite=overwrite)
        with writing(output):
            replaced = _names_in(claim.target)
            temporary = claim.temporary_folder()
        # Not all errors in the block of the caller are of writing.
        yield PictureFolder(temporary, output)
        with writing(output):
            _publish(claim, temporary, replaced)


def _publish(claim: Claim, temporary: Path, replaced: frozenset[str]) -> None:
    """Replace the old folder by the new one, unless something else appeared in the old one."""
    aside = claim.aside()
    with shielded():
        with contextlib.suppress(FileNotFoundError):
            # Once moved aside, nothing new can appear in it: what it holds now is final.
            claim.target.rename(aside)
        try:
            strange = next(iter(_names_in(aside) - replaced), None)
            if strange is not None:
                raise OutputExistsError(
                    f"{strange} appeared in {claim.output} meanwhile; choose another `output`"
                )
            temporary.rename(claim.target)
            claim.count_as_published()
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                aside.rename(claim.target)
            raise
        if aside.exists():
            for name in replaced:
                (aside / name).unlink(missing_ok=True)
            # Not empty after all: another program had it open. Its files are not ours to delete.
            with contextlib.suppress(OSError):
                aside.rmdir()


def check_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but pictures semvid wrote.

    Raises:
        OutputExistsError: It holds pictures, and ``overwrite`` is false.
        OutputError: It is not a folder, holds something else, or cannot be made or read.
    """
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist; create it or choose another `output`")
    target = final_target(output)
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"the folder {target.parent} is not writable; choose another `output`")
    try:
        names = _names_in(target)
    except NotADirectoryError:
        raise OutputError(f"{output} is a file; choose another `output` for the folder") from None
    except OSError as error:
        raise OutputError(f"{output} cannot be used: {reason(error)}; choose another `output`") from error
    if names and not overwrite:
        raise OutputExistsError(
            f"{output} is not empty; pass `overwrite=True` to replace it or choose another `output`"
        )
    strange = next((name for name in sorted(names) if not _FRAME_PATTERN.fullmatch(name)), None)
    if strange is not None:
        raise OutputError(f"{output} holds {strange}, which semvid did not write; choose another folder")


def _names_in(folder: Path) -> frozenset[str]:
    """Return the contents of a folder; nothing if it does not exist."""
    try:
        return frozenset(os.listdir(folder))
    except FileNotFoundError:
        return frozenset()
