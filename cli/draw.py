"""Draws the library's events: a Rich progress line with a small picture above it, or JSON lines."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from semvid.cli.fitting import FittingProgress
from semvid.cli.flags import to_flags, told
from semvid.cli.preview import PreviewPane, preview_size
from semvid.cli.streams import emit, say
from semvid.core import interrupts
from semvid.core.events import Chosen, Done, Event, Notice, Preview, Reported, Stage, Started, Tried
from semvid.core.events import Progress as ProgressEvent
from semvid.core.results import Result, Trial
from semvid.core.text import counted, encodable, visible

_JSON_INTERVAL_SECONDS = 0.5
_UNITS = ("B", "kB", "MB", "GB", "TB")
_MESSAGES = {"message", "notices", "detail", "map_failure"}
"""Keys of JSON that hold what the library says."""


class ProgressDrawer:
    """Shows a progress bar on stderr and the result line on stdout.

    Args:
        quiet_result: Do not print the result line.
        has_preview: Show a small picture above the bar, on terminals that can show one.

    Attributes:
        preview_size: ``(width, height)`` in pixels of the pictures to request; None = no pictures.
    """

    def __init__(self, *, quiet_result: bool, has_preview: bool = False) -> None:
        self._quiet_result = quiet_result
        self._stderr = Console(stderr=True, highlight=False)
        self.preview_size = preview_size(self._stderr) if has_preview else None
        self._pane = PreviewPane()
        self._bar = FittingProgress(self._stderr, self._pane)
        self._task = self._bar.begin("opening")
        self._started = time.monotonic()
        self._has_table = False
        self._chosen: Chosen | None = None

    def __enter__(self) -> ProgressDrawer:
        if self._stderr.is_terminal:
            self._bar.start()
        return self

    def _show_trial(self, trial: Trial) -> None:
        """Add a line to the table of trials."""
        if not self._has_table:
            self._has_table = True
            self._stderr.print(trial_header(trial), markup=False, soft_wrap=True)
        self._stderr.print(trial_line(trial), markup=False, soft_wrap=True)

    def tell_estimate(self) -> None:
        """Print what an encode would come to, after a dry run."""
        self._hide()
        if self._chosen is not None and not self._quiet_result:
            say(estimate_line(self._chosen))

    def _hide(self) -> None:
        # Stopping a bar that never started prints an empty line.
        if self._bar.live.is_started:
            self._bar.stop()

    def __exit__(self, *error: object) -> None:
        self._hide()

    def _begin(self, description: str) -> None:
        """Show the bar again, for another pass."""
        self._pane.picture = None
        self._bar.begin(description, self._task)
        self._started = time.monotonic()
        if self._stderr.is_terminal and not self._bar.live.is_started:
            self._bar.start()

    def draw(self, event: Event) -> None:
        """Show one event."""
        interrupts.check()
        if isinstance(event, Started):
            self._bar.update(self._task, description=visible(event.info.path.name))
            self._started = time.monotonic()
        elif isinstance(event, ProgressEvent):
            elapsed = max(time.monotonic() - self._started, 1e-9)
            self._bar.update(
                self._task,
                completed=event.num_frames,
                total=event.num_frames_from_header,
                frames=counted(event.num_frames, "frame"),
                speed=f"{event.num_frames / elapsed:.0f} fps",
                size=format_bytes(event.output_bytes) if event.output_bytes else "",
            )
        elif isinstance(event, Preview):
            # The thread that redraws the bar draws it: this one must keep feeding the encoder.
            self._pane.picture = event.picture
        elif isinstance(event, Stage):
            self._begin(event.name)
        elif isinstance(event, Tried):
            self._show_trial(event.trial)
        elif isinstance(event, Chosen):
            self._chosen = event
        elif isinstance(event, Notice):
            self._stderr.print(f"note: {told(event.message)}", markup=False, soft_wrap=True)
        elif isinstance(event, Done):
            self._hide()
            if not self._quiet_result:
                say(result_line(event.result))
        elif isinstance(event, Reported):
            self._hide()
            if not self._quiet_result:
                say(f"{event.output}: report, {format_bytes(event.output_bytes)}")


class JsonPrinter:
    """Prints events as JSON objects, one per line; progress at most twice a second, and no pictures.

    Args:
        job: The job as plain JSON values, printed with ``Started``; None = there is none.
    """

    def __init__(self, job: Mapping[str, Any] | None = None) -> None:
        self._job = job
        self._last_progress = 0.0

    def print(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Preview):
            return
        if isinstance(event, ProgressEvent):
            now = time.monotonic()
            if now - self._last_progress < _JSON_INTERVAL_SECONDS:
                return
            self._last_progress = now
        record = {"event": type(event).__name__.lower(), **dataclasses.asdict(event)}
        if isinstance(event, Started):
            record["job"] = self._job
        emit(to_json(record))


def to_json(record: Any) -> str:
    """Return a record as JSON that every parser takes: paths as text, fractions as ``"30000/1001"``, no NaN.

    File names that are not UTF-8 are escaped, since JSON cannot hold them.
    """
    return json.dumps(_plain(record), allow_nan=False)


def _plain(value: Any, is_message: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one, key in _MESSAGES) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, is_message) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return encodable(to_flags(value) if is_message else str(value))


def result_line(result: Result) -> str:
    """Sum up a result in one line."""
    seconds = result.elapsed_seconds
    sizes = f"{format_bytes(result.source_bytes)} -> {format_bytes(result.output_bytes)}"
    is_measured = result.plain_bytes is not None
    plain = result.plain_bytes if is_measured else result.plain_bytes_estimate
    about = "" if plain is None else f"{'' if is_measured else 'about '}{format_bytes(plain)}"
    if result.map_left_out:
        compared = "; without a map, which would have saved nothing"
    elif result.saving is not None:
        error = math.ceil(result.saving_error or 0)
        told = change(-result.saving) + (f" ±{error}" if error else "")
        compared = f"; a plain encode as good where it matters: {about} ({told})"
    else:
        against = change(result.output_bytes / max(result.source_bytes, 1) - 1)
        compared = f" ({against})" + (about and f", plain encode {about}")
        if result.gain_db is not None:
            compared += f"; {result.gain_db:+.1f} dB against it where it matters"
    score = "" if result.score is None else f", {result.measure} {result.score:.2f}"
    if result.rest_score is not None:
        score += f" (rest {result.rest_score:.2f})"
    if result.num_scored is not None and result.num_scored < result.num_frames:
        score += f" in {result.num_scored} of {result.num_frames}"
    return (
        f"{result.output}: {sizes}{compared}{score}, {counted(result.num_frames, 'frame')} in "
        f"{seconds:.1f} s ({result.num_frames / max(seconds, 1e-9):.0f} fps)"
    )


def change(share: float) -> str:
    """Say by how much a size changed, in whole percent."""
    return f"{share:+.0%}" if round(100 * share) else "0%"


def trial_header(trial: Trial) -> str:
    """Return the headings of ``trial_line`` for this and similar trials."""
    scores = f"{'score':>8}{'rest':>8}" if trial.score is not None else ""
    return f"{'':>12}{'CRF':>7}{'file':>10}{'off by':>9}{scores}{'time':>9}"


def trial_line(trial: Trial) -> str:
    """Describe a trial in one line of a table."""
    kind = "whole video" if trial.is_whole else "parts" if trial.has_map else "no map"
    if trial.score is None:
        off = f"{trial.missed_by:+.1%}" if trial.has_map else ""
        scores = ""
    else:
        off = f"{trial.missed_by:+.2f}"
        scores = f"{trial.score:>8.2f}" + ("" if trial.rest is None else f"{trial.rest:>8.2f}")
    size = format_bytes(trial.output_bytes)
    return f"{kind:>12}{trial.quality:>7.2f}{size:>10}{off:>9}{scores}{trial.seconds:>7.1f} s"


def estimate_line(chosen: Chosen) -> str:
    """Sum up what an encode would come to."""
    trial = chosen.trial
    against = f" ({trial.missed_by:+.1%} against {chosen.aim})"
    if trial.score is not None:
        against = f", score {trial.score:.2f} ({trial.missed_by:+.2f} against {chosen.aim})"
    return (
        f"estimated: CRF {trial.quality:g}, {format_bytes(trial.output_bytes)}{against}, "
        f"{chosen.expected_seconds:.0f} s; nothing was written"
    )


def format_bytes(count: int) -> str:
    """Format a size in decimal units with three digits, as file managers do."""
    power = min(int(math.log(count, 1000)), len(_UNITS) - 1) if count > 0 else 0
    return f"{count / 1000**power:.3g} {_UNITS[power]}"
