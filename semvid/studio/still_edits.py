"""What somebody corrects in the map of a photograph that was chosen on the page."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from semvid.core.config import ImageConfig, MapsConfig
from semvid.importance.edits.edits import Edits
from semvid.importance.tracking.edit_follower import painted
from semvid.media.writing.output import write_whole
from semvid.studio.folder import Root, shortened
from semvid.studio.kept_edits import keep_edits, kept_edits
from semvid.studio.map_store import Grey

_FOLDER = "maps"
_KEPT = ".edits.json"


class StillEdits:
    """The edits of one photograph. Any thread may ask.

    Args:
        root: The folder of the studio; they are kept below its ``work``.
        name: Of the photograph's file.
        mark: Names the file and its contents.
    """

    def __init__(self, root: Root, name: str, mark: str) -> None:
        self._root, self._stem = root, f"{shortened(name)}-{mark}"
        self._lock, self._changing = threading.Lock(), threading.Lock()
        self._edits: Edits | None = None

    def edits(self) -> Edits:
        """Return the edits, at first those that an earlier studio kept."""
        with self._lock:
            if self._edits is None:
                self._edits = kept_edits(self._root.work / _FOLDER / (self._stem + _KEPT))
            return self._edits

    def change(self, change: Callable[[Edits], Edits]) -> None:
        """Change the edits, and keep them.

        Args:
            change: Returns others for those there are.

        Raises:
            Malformed: There would be too many.
            ConfigError: They are too large to be kept.
            OutputError: They cannot be kept.
        """
        # Two that come at once are both there afterwards.
        with self._changing:
            changed = change(self.edits())
            keep_edits(self._root.make_work(_FOLDER) / (self._stem + _KEPT), changed)
            with self._lock:
                self._edits = changed

    def of(self, grey: Grey) -> Grey:
        """Return ``(rows, cols)`` the map with the edits."""
        done = self.edits().done
        return painted(grey, done) if done else grey

    def for_encode(self, config: ImageConfig, map_of: Callable[[], Grey]) -> ImageConfig:
        """Return options with the map as it was corrected; the same if nothing was.

        Args:
            config: Without the edits.
            map_of: Makes the map as the options would have it.

        Raises:
            OutputError: The map cannot be written.
        """
        if not self.edits().done:
            return config
        _, data = cv2.imencode(".png", np.ascontiguousarray(self.of(map_of())))
        png = data.tobytes()
        # An encode may wait in a queue while more is corrected.
        mark = hashlib.sha256(png).hexdigest()[:12]
        path = self._root.make_work(_FOLDER) / f"{self._stem}-{mark}.png"
        write_whole(path, png, overwrite=True)
        return replace(config, maps=MapsConfig(path=path))

    def status(self) -> dict[str, Any]:
        """Return what ``Editing.status`` does of a video: here all edits show at once."""
        edits = self.edits()
        return {
            "num_done": len(edits.done), "num_undone": len(edits.undone), "frames": [0] if edits.done else [],
            "followed": 1, "total": 1, "is_applied": True, "waits": False, "failure": "",
        }  # fmt: skip
