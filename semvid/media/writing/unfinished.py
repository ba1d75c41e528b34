"""A container that appears under its name only when it is complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

from av.container import OutputContainer
from av.error import FFmpegError

from semvid.core.interrupts import finished_step
from semvid.media.names import ffmpeg_name
from semvid.media.writing.claim import Claim


class UnfinishedContainer:
    """A context manager: leaving it before the claim is published removes the temporary file.

    Args:
        output: Where to write.
        opened: Opens the container of the name it gets.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: Another run is writing to this name, or it cannot be written to.
    """

    def __init__(self, output: Path, opened: Callable[[str], OutputContainer], *, overwrite: bool) -> None:
        self.output = output
        self._claim = Claim(output, overwrite=overwrite)
        try:
            self._temporary = self._claim.temporary()
            self.container = opened(ffmpeg_name(self._temporary))
        except BaseException:
            self._claim.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            finished_step(self.container.close)
        except (FFmpegError, OSError):
            if error is None:
                raise
        finally:
            finished_step(self._claim.release)
