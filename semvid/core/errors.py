"""Everything semvid raises on purpose.

Every message is one line that names the value, the limit and the remedy, with options in backticks as Python
has them; the command line shows its flags instead. Leaves also inherit the builtin a caller would expect, so
``except FileNotFoundError`` keeps working::

    SemvidError                      exit code 1
    ├── ConfigError(ValueError)                2   an option is out of range or unknown
    │   └── MapIgnoredError                    2   an encoder or mode that would ignore the map
    ├── InputError                             3   the input cannot be read as a video
    │   ├── InputMissingError(FileNotFoundError)
    │   └── NoVideoStreamError
    ├── OutputError(OSError)                   4   the output cannot be written
    │   └── OutputExistsError(FileExistsError)
    ├── MapError(ValueError)                   5   a map or box file does not fit the video
    ├── EncoderError(RuntimeError)             6   the encoder is missing or failed
    ├── ModelError                             7   a network cannot be loaded or run
    ├── MissedError                            8   what was asked for cannot be reached
    ├── BatchStoppedError                    130   a batch was ended early (or 143, 129: docs/exit-codes.md)
    └── ReportError                            1   the video is whole, but its report could not be made
        └── ReportInterruptedError           130   or was interrupted (or 143, 129)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from semvid.core.results import Trial


class SemvidError(Exception):
    """Root of all errors semvid raises on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigError(SemvidError, ValueError):
    """An option is unknown, out of range, or contradicts another."""

    exit_code: ClassVar[int] = 2


class MapIgnoredError(ConfigError):
    """The chosen encoder or mode would silently ignore the importance map."""


class InputError(SemvidError):
    """The input exists but cannot be read as a video."""

    exit_code: ClassVar[int] = 3


class InputMissingError(InputError, FileNotFoundError):
    """The input does not exist."""


class NoVideoStreamError(InputError):
    """The input has no video stream that can be decoded."""


class OutputError(SemvidError, OSError):
    """The output cannot be written. No partial output is left behind."""

    exit_code: ClassVar[int] = 4


class OutputExistsError(OutputError, FileExistsError):
    """The output exists and overwriting was not asked for."""


class MapError(SemvidError, ValueError):
    """A map or box file does not fit the video.

    Attributes:
        path: The map source at fault.
        frame: Zero-based video frame at fault, or None when the whole file is.
    """

    exit_code: ClassVar[int] = 5

    def __init__(self, message: str, *, path: Path, frame: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.frame = frame


class EncoderError(SemvidError, RuntimeError):
    """The encoder is missing from this FFmpeg build, or failed."""

    exit_code: ClassVar[int] = 6


class ModelError(SemvidError):
    """A network cannot be loaded or run: its file, its shape, or the device."""

    exit_code: ClassVar[int] = 7


class MissedError(SemvidError):
    """No encode is as large or as good as was asked for. Nothing was written.

    Attributes:
        best: The closest that was tried; None = nothing was.
    """

    exit_code: ClassVar[int] = 8

    def __init__(self, message: str, *, best: Trial | None = None) -> None:
        super().__init__(message)
        self.best = best


class BatchStoppedError(SemvidError):
    """The user ended a batch before all was done; the same call goes on with it."""

    exit_code: ClassVar[int] = 130


class ReportError(SemvidError):
    """The report of a run could not be made; its output is complete and stays."""


class ReportInterruptedError(ReportError):
    """The user stopped the report."""

    exit_code: ClassVar[int] = 130
