"""A video that was opened on the page: what it is, and each of its frames as a picture."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.core.errors import InputError, InputMissingError
from semvid.core.geometry import square_size, turned_size
from semvid.core.text import reason, visible
from semvid.core.types import VideoInfo
from semvid.media.probe import probe
from semvid.media.reading.packets import ShownFrames, shown_frames
from semvid.studio.pictures import Pictures


class OpenVideo:
    """A video.

    Args:
        path: Where it is.
        shown: How the page calls it: its path from the folder of the studio.

    Attributes:
        id: Names the file and its contents in requests: 16 hexadecimal digits.
        info: What its header says.
        frames: When its frames are shown, by reading the file through without decoding.
        pictures: Its frames as pictures.

    Raises:
        InputError: It is not a video.
    """

    def __init__(self, path: Path, shown: str) -> None:
        self.path, self.shown = path, shown
        self.info: VideoInfo = probe(path)
        self.id = identity(path)
        self.frames: ShownFrames = shown_frames(self.info)
        self.pictures = Pictures(self.info, self.frames)

    @property
    def pts(self) -> NDArray[np.int64]:
        """``(n,)`` when each frame is shown, in ``info.time_base``; the position is its index."""
        return self.frames.pts

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self.frames.pts)

    @cached_property
    def quarter_turns(self) -> int:
        """Counter-clockwise quarter turns that bring coded pictures upright, 0..3."""
        return self.pictures.frame(0).quarter_turns

    def jpeg(self, index: int, width: int) -> bytes:
        """Return a frame, upright, as a JPEG ``width`` pixels wide, or as wide as it is.

        Raises:
            InputError: There is no such frame, or it cannot be decoded.
        """
        self.check_index(index)
        return self.pictures.jpeg(index, width, self.shown_size)

    @property
    def shown_size(self) -> tuple[int, int]:
        """``(width, height)`` of the upright picture in square pixels."""
        info = self.info
        turns = self.quarter_turns
        return square_size(turned_size((info.width, info.height), turns), info.sample_aspect_ratio, turns)

    def rest(self) -> None:
        """Close the file until it is needed again."""
        self.pictures.rest()

    def index_at(self, pts: int) -> int:
        """Return the frame that is shown at a time; the first before it begins."""
        return max(int(np.searchsorted(self.pts, pts, "right")) - 1, 0)

    def check_index(self, index: int) -> None:
        """Make sure that there is a frame.

        Raises:
            InputError: There is not.
        """
        if not 0 <= index < self.num_frames:
            raise InputError(
                f"frame {index} does not exist; {self.shown} has frames 0 to {self.num_frames - 1}"
            )

    def describe(self) -> dict[str, Any]:
        """Return what the page shows of it, as JSON values."""
        width, height = self.shown_size
        info = self.info
        return {
            "id": self.id, "name": self.path.name, "path": self.shown, "width": width, "height": height,
            "num_frames": self.num_frames, "duration": float(self.frames.end * info.time_base),
            "fps": None if info.frame_rate is None else float(info.frame_rate), "codec": info.codec,
            "bytes": info.size_bytes,
        }  # fmt: skip

    def seconds_of(self, index: int) -> Fraction:
        """Return when a frame is shown, from the beginning."""
        return int(self.pts[index]) * self.info.time_base


def identity(path: Path) -> str:
    """Return 16 hexadecimal digits for a file and its contents, as far as its size and time tell them.

    Raises:
        InputMissingError: It is not there any more.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise InputMissingError(
            f"{visible(path.name)} cannot be read: {reason(error)}; look again, it may have been moved"
        ) from error
    told = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]
