"""The files of a live sink: whether they can be written, and how the next one is named."""

from __future__ import annotations

import glob
import itertools
from pathlib import Path

from semvid.core.errors import OutputExistsError
from semvid.media.writing.output import check_place
from semvid.streaming.base.address import Address
from semvid.streaming.sinks.sink_address import is_segmented


def check_files(address: Address, *, overwrite: bool, option: str) -> None:
    """Refuse a sink whose files cannot or must not be written.

    Args:
        address: From ``parse_sink``.
        overwrite: Existing files may be replaced.
        option: The option that names it, for messages.

    Raises:
        OutputError: A file that cannot or must not be written.
    """
    if address.kind != "file":
        return
    check_place(Path(address.url), None, overwrite=overwrite, option=option)
    if is_segmented(address.url) and not overwrite:
        existing = _existing(Path(address.url))
        if existing is not None:
            raise OutputExistsError(
                f"{existing} exists; pass `overwrite=True` to overwrite segments or choose another `{option}`"
            )


def _existing(path: Path) -> str | None:
    """Return a file that exists already; for segments, any of them."""
    if not is_segmented(str(path)):
        return str(path) if path.exists() else None
    head, _, tail = str(path).rpartition("%")
    pattern = f"{glob.escape(head)}[0-9]*{glob.escape(tail[tail.index('d') + 1 :])}"
    return next(glob.iglob(pattern), None)


def next_free(name: str) -> str:
    """Return the name of the next file of a recording: ``NAME-2.mkv`` and so on."""
    path = Path(name)
    for number in itertools.count(2):
        candidate = path.with_stem(f"{path.stem}-{number}")
        if _existing(candidate) is None:
            return str(candidate)
    raise AssertionError
