"""Reports of results, made in a thread one after another, beside the results."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from semvid.batch.jobs.records import Entry
from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.results import ImageResult, Result
from semvid.products.report.make import make_report, write_report
from semvid.products.still_report.make import write_image_report

_SUFFIX = ".report.html"


class Reports:
    """Makes reports that were asked for. It is closed with the program: a report is made again soon."""

    def __init__(self) -> None:
        self._asked: queue.Queue[tuple[Entry, CompressConfig | ImageConfig]] = queue.Queue()
        self._states: dict[int, str] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def begin(self, entry: Entry, config: CompressConfig | ImageConfig) -> None:
        """Have a report made of a job that is done.

        Args:
            entry: The job.
            config: How it was compressed.

        Raises:
            ConfigError: It is not done, or its file is gone; or a picture was copied.
        """
        if entry.state != "done" or not entry.output.exists():
            raise ConfigError(f"{entry.output.name} is not there; a report needs the file that was made")
        if not entry.source.exists():
            raise ConfigError(f"{entry.source.name} is not there any more; a report compares with it")
        if isinstance(config, ImageConfig) and (entry.result or {}).get("quality") is None:
            raise ConfigError(f"{entry.source.name} was copied without loss; there is nothing to compare")
        with self._lock:
            self._states[entry.id] = "making"
            self._asked.put((entry, config))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="semvid-reports", daemon=True)
                self._thread.start()

    def state_of(self, job: int, output: Path) -> str:
        """Return ``""`` (not asked for), ``making``, ``done``, or why there is none.

        Args:
            job: Its number.
            output: What it made.
        """
        return self._states.get(job) or ("done" if _is_current(output) else "")

    def forget(self, job: int) -> None:
        """Take note that a job is out of the list: another may get its number."""
        with self._lock:
            self._states.pop(job, None)

    def _run(self) -> None:
        while True:
            entry, config = self._asked.get()
            try:
                _make(entry, config)
                state = "done"
            except SemvidError as error:
                state = str(error)
            except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
                state = f"{type(error).__name__}: {error}"
            with self._lock:
                if entry.id in self._states:
                    self._states[entry.id] = state


def place_of(output: Path) -> Path:
    """Return where the report of a result is."""
    return output.with_name(output.name + _SUFFIX)


def _is_current(output: Path) -> bool:
    """Return whether there is a report of this very output, and not of one that had its name before."""
    try:
        return place_of(output).stat().st_mtime_ns >= output.stat().st_mtime_ns
    except OSError:
        return False


def _make(entry: Entry, config: CompressConfig | ImageConfig) -> None:
    place = place_of(entry.output)
    if isinstance(config, ImageConfig):
        told = entry.result or {}
        sizes = told["source_bytes"], told["output_bytes"]
        still = ImageResult(entry.source, entry.output, told["quality"], *sizes, ())
        write_image_report(place, still, config, overwrite=True)
    else:
        write_report(place, make_report(_result_of(entry, config), config), overwrite=True)


def _result_of(entry: Entry, config: CompressConfig) -> Result:
    told = entry.result or {}
    known = {name: told[name] for name in _KEPT if name in told}
    return Result(
        source=entry.source, output=entry.output, codec=config.codec,
        elapsed_seconds=told.get("seconds", 0.0), **known,
    )  # fmt: skip


_KEPT = (
    "quality", "num_frames", "duration_seconds", "source_bytes", "output_bytes", "video_bytes",
    "plain_bytes_estimate", "is_input_damaged", "plain_bytes", "saving", "saving_error", "map_left_out",
    "measure", "score", "rest_score", "num_scored", "gain_db", "num_missing_frames",
)  # fmt: skip
