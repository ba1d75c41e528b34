"""The trial of the page: one at a time, in a thread, and where it stands."""

from __future__ import annotations

import math
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from semvid.core.closing import Closing
from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.errors import SemvidError
from semvid.core.events import Notice, Progress, Stage
from semvid.core.text import visible
from semvid.studio.clip import part_of
from semvid.studio.still_trial import AsGood, StillTrial, still_trial_events
from semvid.studio.trial import Estimate, Side, Trial, TrialEvent, estimate_whole, trial_events

_FOLDER = "tried"
RESULT_SECONDS = 8.0
"""So much of a result is shown beside its source."""


class Trials(Closing):
    """Makes what is played side by side: two encodes of some seconds, or a result and its source.

    What is begun ends what was begun before. Its methods may be called from any thread.

    Args:
        make_work: Makes a folder of ours; its files are removed when the next trial begins, and at the end.
    """

    def __init__(self, make_work: Callable[[str], Path]) -> None:
        self._make_work = make_work
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def begin(
        self, source: Path, config: CompressConfig, middle: float, seconds: float, plays: Collection[str]
    ) -> dict[str, Any]:
        """Begin a trial of some seconds of a video; arguments are those of ``trial_events``.

        Returns:
            See ``status``.

        Raises:
            OutputError: There is no room for it.
        """

        def work(folder: Path, running: _Running) -> Generator[TrialEvent, None, None]:
            trial = yield from trial_events(source, config, middle, folder, seconds=seconds, plays=plays)
            running.show(
                _told_of_trial(trial), {"ours": trial.mapped.clip.path, "theirs": trial.plain.clip.path}
            )
            running.told["estimate"] = _told_of(
                trial.estimate or (yield from estimate_whole(source, config, trial))
            )

        return self._start(work)

    def begin_result(
        self, source: Path, output: Path, middle: float, start_of_output: float
    ) -> dict[str, Any]:
        """Begin to make clips of a result and of its source.

        Args:
            source: What was compressed.
            output: What came of it.
            middle: The moment, in seconds of the output.
            start_of_output: Where the output begins in the source, in seconds.
        """

        def work(folder: Path, running: _Running) -> Generator[TrialEvent, None, None]:
            start = max(middle - RESULT_SECONDS / 2, 0.0)
            clips = {}
            for name, path, begin in (
                ("ours", output, start), ("theirs", source, start + start_of_output)
            ):  # fmt: skip
                yield Stage(f"a clip of {visible(path.name)} for the browser")
                clips[name] = part_of(path, folder / name, begin, RESULT_SECONDS)
            told: dict[str, Any] = {
                "kind": "result", "start": start, "map_words": "", "estimate": None, "match": "",
                "ours": {"label": visible(output.name), "bytes": output.stat().st_size, "is_transcode": True},
                "theirs": {
                    "label": visible(source.name), "bytes": source.stat().st_size, "is_transcode": True
                },
            }  # fmt: skip
            told["frame_seconds"] = clips["theirs"].frame_seconds
            told["has_sound"] = clips["theirs"].has_sound
            running.show(told, {name: one.path for name, one in clips.items()})

        return self._start(work)

    def begin_still(self, source: Path, config: ImageConfig, name: str) -> dict[str, Any]:
        """Begin to try a photograph; arguments are those of ``still_trial_events``.

        Args:
            source: The photograph.
            config: How it would be compressed.
            name: Its ``id``, told as ``still``.
        """

        def work(folder: Path, running: _Running) -> Generator[TrialEvent, None, None]:
            running.told = {"kind": "still", "still": name}
            for event in still_trial_events(source, config, folder, running.check):
                if isinstance(event, StillTrial):
                    sides = {"ours": event.mapped} | ({"theirs": event.plain} if event.plain else {})
                    clips = {"source": event.source} | {side: one.path for side, one in sides.items()}
                    running.show(running.told | _told_of_still(event), clips)
                elif isinstance(event, AsGood):
                    told = {"measure": event.measure, "bytes": event.num_bytes}
                    running.told = running.told | {"as_good": told}
                else:
                    yield event

        return self._start(work)

    def _start(self, work: Work) -> dict[str, Any]:
        # Of two that are begun at once the second ends the first.
        with self._lock:
            self.cancel()
            folder = self._make_work(_FOLDER)
            for old in folder.iterdir():
                shutil.rmtree(old, ignore_errors=True)
            running = self._running = _Running(folder, work)
            running.thread.start()
        return running.status()

    def status(self) -> dict[str, Any]:
        """Return where the trial stands, as JSON.

        ``state`` is ``none``, ``running``, ``done``, ``failed`` or ``cancelled``; clips can be played as soon
        as there are ``ours`` and ``theirs``.
        """
        running = self._running
        return {"id": None, "state": "none"} if running is None else running.status()

    def clip(self, name: str, side: str) -> Path | None:
        """Return a clip of a trial; None = there is none (any more)."""
        running = self._running
        return None if running is None or running.name != name else running.clips.get(side)

    def cancel(self) -> None:
        """End the trial that runs, and wait until it has ended; its clips stay if there are any."""
        running = self._running
        if running is not None:
            running.is_cancelled = True
            if running.thread.ident is not None:
                running.thread.join()

    def close(self) -> None:
        """End it, and remove the clips."""
        with self._lock:
            self.cancel()
            if self._running is not None:
                shutil.rmtree(self._running.folder, ignore_errors=True)


class _Running:
    """A trial in its thread."""

    def __init__(self, folder: Path, work: Work) -> None:
        self.name = secrets.token_hex(8)
        self.folder = folder / self.name
        self._work = work
        self.state, self.stage, self.failure = "running", "", ""
        self.share: float | None = None
        self.notices: list[str] = []
        self.told: dict[str, Any] = {}
        self.clips: dict[str, Path] = {}
        self.is_cancelled = False
        self.thread = threading.Thread(target=self._run, name="semvid-trial", daemon=True)

    def show(self, told: dict[str, Any], clips: dict[str, Path]) -> None:
        """Give away what can be played now."""
        self.clips = clips
        self.told = told

    def check(self) -> None:
        """Break off in the middle of a step.

        Raises:
            SemvidError: The trial was called off.
        """
        if self.is_cancelled:
            raise SemvidError("the trial was called off")

    def status(self) -> dict[str, Any]:
        """See ``Trials.status``."""
        return {
            "id": self.name, "state": self.state, "stage": self.stage, "share": self.share,
            "failure": self.failure, "notices": list(self.notices), **self.told,
        }  # fmt: skip

    def _run(self) -> None:
        try:
            self.folder.mkdir()
            with closing(self._work(self.folder, self)) as events:
                for event in events:
                    if self.is_cancelled:
                        self.state = "cancelled"
                        return
                    self._hear(event)
            self.state = "done"
        except SemvidError as error:
            self.state, self.failure = ("cancelled", "") if self.is_cancelled else ("failed", str(error))
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.state, self.failure = "failed", f"{type(error).__name__}: {error}"

    def _hear(self, event: TrialEvent) -> None:
        match event:
            case Stage():
                self.stage, self.share = event.name, None
            case Progress():
                total = event.num_frames_from_header
                self.share = min(event.num_frames / total, 1.0) if total else None
            case Notice():
                if event.message not in self.notices:
                    self.notices.append(event.message)


Work = Callable[[Path, _Running], Generator[TrialEvent, None, None]]


def _told_of(estimate: Estimate) -> dict[str, Any]:
    return {
        "bytes": estimate.output_bytes, "seconds": estimate.seconds, "quality": estimate.quality,
        "is_rough": estimate.is_rough,
    }  # fmt: skip


def _told_of_trial(trial: Trial) -> dict[str, Any]:
    return {
        "kind": "map", "start": trial.start_seconds, "duration": trial.duration_seconds,
        "match": trial.match, "saving": trial.saving, "map_words": trial.map_words,
        "estimate": None if trial.estimate is None else _told_of(trial.estimate),
        "frame_seconds": trial.plain.clip.frame_seconds, "has_sound": trial.plain.clip.has_sound,
        "ours": _told_of_side(trial.mapped, "With the map"),
        "theirs": _told_of_side(trial.plain, "Without the map"),
    }  # fmt: skip


def _told_of_still(trial: StillTrial) -> dict[str, Any]:
    told: dict[str, Any] = {
        "width": trial.size[0], "height": trial.size[1], "source_bytes": trial.source_bytes,
        "important_share": trial.important_share, "theirs": None, "as_good": None,
    }  # fmt: skip
    for name, side in (("ours", trial.mapped), ("theirs", trial.plain)):
        if side is not None:
            scores = {key: None if math.isnan(one) else one for key, one in side.scores.items()}
            told[name] = {"bytes": side.num_bytes, "quality": side.quality, "scores": scores}
    return told


def _told_of_side(side: Side, label: str) -> dict[str, Any]:
    return {
        "label": label, "bytes": side.video_bytes, "quality": side.quality,
        "is_transcode": side.clip.is_transcode, "format": side.clip.coding_format,
    }  # fmt: skip
