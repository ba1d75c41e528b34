"""Edits that a studio keeps in a file for another day."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from semvid.core.checked import Malformed, parse_json
from semvid.core.decoding import read_text
from semvid.core.errors import ConfigError
from semvid.importance.edits.edits import Edits, edits_from
from semvid.media.writing.output import write_whole

_UNREAD = "unread"
MOST_BYTES = 2**24
"""Of the file."""


def kept_edits(path: Path) -> Edits:
    """Return the edits that ``keep_edits`` wrote; none if there is no such file.

    What cannot be read, as what a later semvid wrote, is put aside under another name, so that nothing
    overwrites it.
    """
    try:
        with path.open("rb") as file:
            return edits_from(parse_json(read_text(file, MOST_BYTES)))
    except Malformed:
        with suppress(OSError):
            path.replace(path.with_name(f"{path.name}.{_UNREAD}"))
    except OSError:
        pass
    return Edits()


def keep_edits(path: Path, edits: Edits) -> None:
    """Write edits to a file.

    Raises:
        ConfigError: They are larger than what is read back.
        OutputError: The file cannot be written.
    """
    data = json.dumps(edits.to_plain()).encode()
    if len(data) > MOST_BYTES:
        raise ConfigError(
            f"the edits take {len(data)} bytes, and {MOST_BYTES} are the most; undo some, or paint with "
            "fewer points"
        )
    write_whole(path, data, overwrite=True)
