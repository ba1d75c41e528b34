"""What somebody corrects in the maps of an open video, followed through it in a thread."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.core.config import CompressConfig, ExportConfig, MapsConfig
from semvid.core.errors import ConfigError, MapError, SemvidError
from semvid.core.prefetch import step_back
from semvid.importance.edits.edits import Edits, checked
from semvid.importance.files.sidecar import SUFFIX, SidecarReader, TimedMap
from semvid.importance.tracking.edit_follower import painted
from semvid.media.writing.output import write_whole
from semvid.products.edited_frames import Followed
from semvid.products.edited_maps import edit_maps_events
from semvid.studio.kept_edits import keep_edits, kept_edits
from semvid.studio.making import Making
from semvid.studio.map_store import Grey, MapStore
from semvid.studio.videos import OpenVideo

_POLL_SECONDS = 0.1
_KEPT = ".edits.json"


class Editing:
    """The edits of a video, and the maps with them. Any thread may ask.

    A frame shows an edit that begins with it at once; the frames after it once it was followed there.

    Args:
        video: The video.
        making: Its maps as they are made.
    """

    def __init__(self, video: OpenVideo, making: Making) -> None:
        self._video, self._making = video, making
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._edits: Edits | None = None
        self._store = MapStore()
        self._followed: tuple[MapsConfig, Followed] | None = None
        """Of which maps, and what was found: by the last run that came to its end, else by the first."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_applied, self._failure = True, ""

    @property
    def sidecar(self) -> Path:
        """Where the maps with the edits are kept."""
        maps = self._making.sidecar
        return maps.with_name(f"{maps.name.removesuffix(SUFFIX)}.edited{SUFFIX}")

    def for_encode(self, config: CompressConfig) -> CompressConfig:
        """Return options with the maps as they were corrected; the same if nothing was.

        The maps are copied: an encode may wait in a queue while more is corrected.

        Raises:
            ConfigError: The edits are not followed through the whole video yet.
            OutputError: The maps cannot be copied.
        """
        edits = self.edits()
        if not edits.done:
            return config
        with self._lock:
            if not self._is_applied or self._failure:
                raise ConfigError(
                    self._failure or "what was corrected is still being followed; try again soon"
                )
        mark = hashlib.sha256(json.dumps(edits.to_plain()).encode()).hexdigest()[:12]
        copy = self.sidecar.with_name(f"{self.sidecar.name.removesuffix(SUFFIX)}-{mark}{SUFFIX}")
        if not copy.exists():
            try:
                data = self.sidecar.read_bytes()
                with closing(SidecarReader(self.sidecar)) as reader:
                    is_other = reader.header.edits != edits
            except (MapError, OSError):
                is_other = True
            if is_other:
                # Somebody paints on, or weighs anew, at this very moment.
                raise ConfigError("what was corrected has just changed; try again soon")
            write_whole(copy, data, overwrite=True)
        return replace(config, maps=MapsConfig(path=copy))

    def edits(self) -> Edits:
        """Return the edits, at first those that an earlier studio kept."""
        with self._lock:
            if self._edits is None:
                self._edits = kept_edits(self._making.beside(_KEPT))
            return self._edits

    def change(self, change: Callable[[Edits], Edits]) -> None:
        """Change the edits, and follow them anew.

        Args:
            change: Returns others for those there are.

        Raises:
            Malformed: There would be too many.
            ConfigError: One is out of range, or they are too large to be kept.
            OutputError: They cannot be kept.
        """
        # Two that come at once are both there afterwards.
        with self._changing:
            # As they are read back: those of the maps that follow them are compared with these.
            changed = checked(change(self.edits()))
            # They are there another day, also if nothing was followed yet.
            keep_edits(self._making.beside(_KEPT, makes_folder=True), changed)
            with self._lock:
                self._edits = changed
            self.again()

    def again(self) -> None:
        """Follow the edits anew, as when the maps are others."""
        self.edits()
        with self._lock:
            edits = self._edits or Edits()
            # Also of whoever began anew at this very moment.
            self._stop.set()
            before, self._stop = self._thread, threading.Event()
            self._store, self._failure = MapStore(), ""
            self._is_applied = not edits.done and not edits.undone
            if self._is_applied and not self.sidecar.exists():
                return
            arguments = edits, self._store, self._stop, before
            self._thread = threading.Thread(
                target=self._run, args=arguments, name="semvid-edits", daemon=True
            )
            self._thread.start()

    def stop(self, *, wait: bool = False) -> None:
        """End the following; ``again`` begins anew."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if wait and thread is not None:
            thread.join()

    def of(self, index: int, grey: Grey | None, kind: str) -> tuple[Grey | None, str]:
        """Return the map of a frame with the edits, as far as they were followed.

        Args:
            index: Of the frame.
            grey: The map as it was made; None = there is none.
            kind: Which it is: see ``Making.get``.
        """
        edits, pts = self.edits(), int(self._video.pts[index])
        followed = self._store.get(pts) if edits.done else None
        if followed is not None:
            return followed, kind
        begun = [one for one in edits.done if one.pts == pts]
        return (grey, kind) if grey is None or not begun else (painted(grey, begun), kind)

    def status(self) -> dict[str, Any]:
        """Return how far they are followed, as JSON values."""
        edits = self.edits()
        return {
            "num_done": len(edits.done), "num_undone": len(edits.undone),
            "frames": sorted({self._video.index_at(one.pts) for one in edits.done}),
            "followed": len(self._store), "total": self._video.num_frames,
            "is_applied": self._is_applied, "waits": not self._making.is_done, "failure": self._failure,
        }  # fmt: skip

    def _run(
        self, edits: Edits, store: MapStore, stop: threading.Event, before: threading.Thread | None
    ) -> None:
        if before is not None:
            before.join()
        step_back()
        while not self._making.is_done:
            if stop.wait(_POLL_SECONDS):
                return
        failure = ""

        def took(one: TimedMap) -> None:
            store.add(one.pts, one.grey)

        maps, sidecar, output = self._making.maps, self._making.sidecar, self.sidecar
        if self._making.maps != maps:
            # Others are wanted by now, and whoever wants them begins anew.
            return
        config, found = ExportConfig(overwrite=True, maps=maps), Followed(edits.by_frames(), store.get)
        with self._lock:
            earlier = self._followed[1] if self._followed and self._followed[0] == maps else None
        try:
            if self._is_kept(edits):
                with closing(SidecarReader(self.sidecar)) as reader:
                    for one in reader.maps():
                        took(one)
                self._applied(stop, "")
                return
            with closing(
                edit_maps_events(
                    self._video.path, sidecar, edits, output, config, took, found=found, earlier=earlier
                )
            ) as events:
                for _ in events:
                    if stop.is_set():
                        return
        except SemvidError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            failure = f"the edits cannot be followed ({type(error).__name__}: {error}); undo the last"
        finally:
            if found.is_whole or earlier is None:
                with self._lock:
                    self._followed = maps, found
        self._applied(stop, failure)

    def _is_kept(self, edits: Edits) -> bool:
        """Return whether an earlier day followed the same edits in the same maps, by the sidecar's name."""
        try:
            with closing(SidecarReader(self.sidecar)) as reader:
                return reader.header.edits == edits
        except (MapError, OSError):
            return False

    def _applied(self, stop: threading.Event, failure: str) -> None:
        with self._lock:
            if not stop.is_set():
                self._failure, self._is_applied = failure, not failure
