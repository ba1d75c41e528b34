"""The studio: one folder, the videos of it that are open, and the photographs that were chosen.

Threads of the page's server share it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from semvid.core.closing import Closing
from semvid.core.errors import InputError, SemvidError
from semvid.core.records import dataclass
from semvid.studio.editing import Editing
from semvid.studio.folder import Root, kind_of
from semvid.studio.looks import Looker
from semvid.studio.making import Making
from semvid.studio.map_store import Grey
from semvid.studio.profiles import Profiles
from semvid.studio.runs import Runs
from semvid.studio.stills import Stills
from semvid.studio.videos import OpenVideo, identity
from semvid.studio.wishes import Wishes

_MOST_OPEN = 6
"""Videos; what was not looked at for longest is closed, and opened again when it is asked for."""


@dataclass(slots=True)
class Opened:
    """A video, and what is done with it on the page."""

    video: OpenVideo
    making: Making
    """Its maps."""
    wishes: Wishes
    editing: Editing
    """What was corrected in them."""
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def map_of(self, index: int) -> tuple[Grey | None, str]:
        """Return the map of a frame as it is seen, with edits; see ``Making.get``."""
        return self.editing.of(index, *self.making.get(index))

    def map_near(self, index: int) -> tuple[Grey | None, str]:
        """Return a map that is there, with edits; see ``Making.nearest``."""
        return self.editing.of(index, *self.making.nearest(index))

    def change(self, change: Callable[[Wishes], Wishes]) -> None:
        """Change what is wanted; maps are made anew if they have to be, and edited again.

        Args:
            change: Returns others for those there are.
        """
        # Of two that come at once the second changes what the first left.
        with self._changing:
            self.wishes = change(self.wishes)
            self.making.change(self.wishes.maps)
            self.editing.again()

    @property
    def id(self) -> str:
        """See ``OpenVideo``."""
        return self.video.id


class Studio(Closing):
    """All that is open.

    Args:
        root: The folder.
        profiles: That can be chosen for an encode; None = there are none.
        show_file: Opens the folder of a file on the desktop; None = there is no desktop.

    Attributes:
        stills: Photographs that were chosen.
        runs: What encodes; it is started by whoever serves the page.
    """

    def __init__(
        self, root: Root, profiles: Profiles | None = None, show_file: Callable[[Path], None] | None = None
    ) -> None:
        self.root = root
        self.looker = Looker()
        self.runs = Runs(root, profiles or Profiles(), show_file)
        wishes = Wishes.of(self.runs.profiles.read_still("", root.folder))
        self.stills = Stills(root, self.looker, wishes)
        self._lock = threading.RLock()
        self._opened: OrderedDict[str, Opened] = OrderedDict()

    def warm_up(self) -> None:
        """Open the usual network in a thread, so that the first map comes sooner."""

        def open_network() -> None:
            # Who needs it is told what is wrong with it.
            with suppress(SemvidError):
                self.looker.warm_up(Wishes().maps.chosen_model)

        threading.Thread(target=open_network, name="semvid-warm-up", daemon=True).start()

    def open(self, path: str) -> Opened:
        """Open a video of the folder, and begin to make its maps.

        Raises:
            InputError: It is not in the folder, or is no video.
            ConfigError: A file of defaults beside it is wrong.
        """
        found = self.root.resolve(path)
        if kind_of(found.name) != "video":
            raise InputError(f"{found.name} is not a video by its name; choose another file")
        return self.open_file(found)

    def open_file(self, path: Path) -> Opened:
        """Open a video that is known to be in the folder, and begin to make its maps.

        The making of maps of other videos ends: there is one at a time.
        """
        name = identity(path)
        with self._lock:
            known = self._opened.get(name)
        if known is None:
            wishes = Wishes.of(self.runs.profiles.read("", path.parent))
            video = OpenVideo(path, self.root.shown(path))
            making = Making(video, self.root, self.looker, wishes.maps)
            known = Opened(video, making, wishes, Editing(video, making))
        with self._lock:
            one = self._opened.setdefault(name, known)
            self._opened.move_to_end(name)
            others = [other for other in self._opened.values() if other is not one]
            while len(self._opened) > _MOST_OPEN:
                self._opened.popitem(last=False)
        for other in others:
            other.making.stop()
            other.editing.stop()
            other.video.rest()
        one.making.start()
        one.editing.again()
        return one

    def opened(self, name: str) -> Opened:
        """Return an open video.

        Args:
            name: Its ``id``.

        Raises:
            KeyError: None that is open has it.
        """
        with self._lock:
            self._opened.move_to_end(name)
            return self._opened[name]

    def video(self, name: str) -> OpenVideo:
        """Return an open video alone: see ``opened``."""
        return self.opened(name).video

    def close(self) -> None:
        """End the making of maps and what encodes, and close all videos."""
        self.runs.close()
        self.stills.close()
        with self._lock:
            every = [*self._opened.values()]
            self._opened.clear()
        for one in every:
            one.editing.stop(wait=True)
            one.making.stop(wait=True)
            one.video.rest()
