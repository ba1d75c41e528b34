"""The studio: one folder, and the videos of it that are open. Threads of the page's server share it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from semvid.core.closing import Closing
from semvid.core.errors import InputError
from semvid.studio.folder import Root, kind_of
from semvid.studio.videos import OpenVideo

_MOST_OPEN = 8
"""Videos; what was not looked at for longest is closed, and opened again when it is asked for."""


class Studio(Closing):
    """All that is open.

    Args:
        root: The folder.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._videos: OrderedDict[str, OpenVideo] = OrderedDict()

    def open(self, path: str) -> OpenVideo:
        """Open a video of the folder.

        Raises:
            InputError: It is not in the folder, or is no video.
        """
        found = self.root.resolve(path)
        if kind_of(found.name) != "video":
            raise InputError(f"{found.name} is not a video by its name; choose another file")
        return self.open_file(found)

    def open_file(self, path: Path) -> OpenVideo:
        """Open a video that is known to be in the folder."""
        video = OpenVideo(path, self.root.shown(path))
        with self._lock:
            video = self._videos.setdefault(video.id, video)
            self._videos.move_to_end(video.id)
            while len(self._videos) > _MOST_OPEN:
                self._videos.popitem(last=False)
        return video

    def video(self, name: str) -> OpenVideo:
        """Return an open video.

        Args:
            name: Its ``id``.

        Raises:
            KeyError: None that is open has it.
        """
        with self._lock:
            self._videos.move_to_end(name)
            return self._videos[name]

    def close(self) -> None:
        """Close all videos."""
        with self._lock:
            self._videos.clear()
