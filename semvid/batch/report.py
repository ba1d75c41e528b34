"""Writes one page about all jobs of a batch; it needs no network and no other files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from semvid.batch.events import BatchEnded
from semvid.batch.jobs.records import Entry, State
from semvid.batch.sources import Fault
from semvid.core.errors import OutputError
from semvid.core.text import encodable, visible
from semvid.media.writing.claim import Claim
from semvid.media.writing.output import check_place
from semvid.products.report.page import fill_page

_MARK = b'<meta name="generator" content="semvid batch">'
_MARK_WITHIN = 4096
"""Bytes of a page that has the mark."""
_ORDER: tuple[State, ...] = ("failed", "running", "waiting", "cancelled", "skipped", "done")
"""What needs the reader comes first."""


class BatchReport:
    """A page that is written when a batch ends, however it ends, over that of an earlier run.

    Args:
        path: Where; ends in .html.
        overwrite: Whether another file that is there may be replaced, too.
        words: Puts a message of the library into the user's words.

    Raises:
        OutputError: It cannot be written there.
    """

    def __init__(self, path: Path, *, overwrite: bool, words: Callable[[str], str] = str) -> None:
        if path.suffix.lower() != ".html":
            raise OutputError(f"'{path.suffix or path.name}' is not a page; end `report` in .html")
        check_place(path, None, overwrite=overwrite or _is_ours(path), option="report")
        self.path, self._words = path, words

    def write(self, jobs: Iterable[Entry], faults: Sequence[Fault], ended: BatchEnded) -> int:
        """Write the page, all at once; returns its size in bytes.

        Args:
            jobs: All of the batch.
            faults: What could not be taken for one.
            ended: What became of them.

        Raises:
            OutputError: It cannot be written.
        """
        page = render_batch(jobs, faults, ended, self.path, self._words)
        with Claim(self.path, overwrite=True) as claim:
            # Names that are not UTF-8 may be in it.
            return claim.write(encodable(page).encode())


def render_batch(
    jobs: Iterable[Entry],
    faults: Sequence[Fault],
    ended: BatchEnded,
    path: Path,
    words: Callable[[str], str] = str,
) -> str:
    """Return the page; for the arguments see ``BatchReport``."""
    known = sorted(jobs, key=lambda one: (_ORDER.index(one.state), os.fspath(one.source)))
    base = _common([one.source for one in known])
    folder = Path(os.path.abspath(path)).parent
    rows: list[list[Any]] = [
        [visible(str(one.path)), "", "", "failed", words(one.message), None, None, "", None] for one in faults
    ]
    rows += [_row(one, base, folder, words) for one in known]
    data = {
        "semvid": version("semvid"),
        "made": time.strftime("%Y-%m-%d %H:%M"),
        "folder": visible(str(base)),
        "elapsed_seconds": ended.elapsed_seconds,
        "is_stopped": ended.is_stopped,
        "rows": rows,
    }
    return fill_page(
        "batch/report.html",
        f"{visible(base.name)}: semvid batch",
        ("products/report/common.js", "batch/report.js"),
        data,
        styles=("batch/report.css",),
        name="batch",
    )


def _row(one: Entry, base: Path, folder: Path, words: Callable[[str], str]) -> list[Any]:
    """Return what the page shows of a job: names, link, state, reason, bytes, codec, seconds."""
    result = one.result or {} if one.state == "done" else {}
    name = visible(os.path.relpath(one.source, base)) if one.source != base else one.source.name
    has_output = one.state == "done"
    return [
        name,
        visible(one.output.name) if has_output and one.output.name != one.source.name else "",
        _link(one.output, folder) if has_output else "",
        one.state,
        words(one.reason) if one.reason else "",
        result.get("source_bytes"),
        result.get("output_bytes"),
        result.get("codec", ""),
        result.get("seconds"),
    ]


def _link(output: Path, folder: Path) -> str:
    """Return a link to a file that holds if page and file are moved together."""
    try:
        way = Path(os.path.relpath(output, folder)).as_posix()
    except ValueError:
        # On another drive.
        return output.as_uri()
    # A name may hold a colon, before which browsers see a protocol.
    return "./" + quote(os.fsencode(way))


def _common(paths: Sequence[Path]) -> Path:
    folders = [os.fspath(one.parent) for one in paths]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:
        # There are none, or they are on several drives.
        return Path(os.path.sep)


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _MARK in file.read(_MARK_WITHIN)
    except OSError:
        return False
