"""Photographs that were chosen on the page: their pictures, their maps, and what is wanted of all of them."""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from semvid.core.closing import Closing
from semvid.core.config import ImageConfig, MapsConfig
from semvid.core.errors import ConfigError, InputError
from semvid.core.text import counted, visible
from semvid.importance.registry import frame_of
from semvid.media.stills.picture import read_picture
from semvid.media.stills.picture_file import open_picture
from semvid.studio.folder import Root, kind_of
from semvid.studio.looks import FoundClass, Looker, Looks
from semvid.studio.map_store import Grey
from semvid.studio.still_edits import StillEdits
from semvid.studio.videos import identity
from semvid.studio.wishes import Wishes

MOST_CHOSEN = 500
"""At the same time; the queue shows no more, either."""
_LEAST_EDGE, GALLERY_EDGE, _MOST_EDGE = 32, 320, 1920
"""Pixels of the longer side of pictures that are made."""
_QUALITY = 88
_MADE = re.compile(r"\.semvid(-\d+)?\.jpe?g$", re.IGNORECASE)
"""Names of outputs."""
_MOST_CACHED = 32 * 2**20
"""Bytes of pictures that are kept: those of the gallery take 10 kB each."""
_MOST_LOOKS = 32
"""Photographs whose maps are kept; each takes a third of a megabyte."""


class ChosenStill:
    """A photograph that was chosen.

    Args:
        path: Where it is.
        root: The folder of the studio.

    Attributes:
        shown: How the page calls it: its path from the folder of the studio.
        id: Names the file and its contents in requests: 16 hexadecimal digits.
        editing: What was corrected in its map.
    """

    def __init__(self, path: Path, root: Root) -> None:
        self.path, self.shown, self.id = path, root.shown(path), identity(path)
        self.editing = StillEdits(root, path.name, self.id)


class Stills(Closing):
    """All photographs that were chosen. Any thread may ask.

    Args:
        root: The folder of the studio.
        looker: Has the networks.
        wishes: See the attribute.

    Attributes:
        wishes: What is wanted of all of them.
    """

    def __init__(self, root: Root, looker: Looker, wishes: Wishes | None = None) -> None:
        self.wishes = wishes or Wishes()
        self._root, self._looker = root, looker
        self._lock = threading.Lock()
        # Large pictures take hundreds of megabytes, of which a thread may keep a part for the next one.
        self._decoder = ThreadPoolExecutor(1, "semvid-stills")
        self._chosen: dict[str, ChosenStill] = {}
        self._looks: OrderedDict[str, Looks] = OrderedDict()
        self._pictures: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._num_cached = 0

    def choose(self, paths: Sequence[str]) -> list[ChosenStill]:
        """Choose photographs of the folder, beside those that are chosen already.

        Args:
            paths: As for ``Root.resolve``.

        Raises:
            InputError: One is not in the folder, or no picture by its name.
            ConfigError: They would be too many.
        """
        found = [self._root.resolve(one) for one in paths]
        for path in found:
            if kind_of(path.name) != "still" or not path.is_file():
                raise InputError(f"{visible(path.name)} is not a picture by its name; choose another file")
        return self.choose_files(found)

    def choose_folder(self, path: str) -> list[ChosenStill]:
        """Choose all photographs of a folder, but not of the folders in it, nor what was made of others.

        Raises:
            InputError: It is no folder of ours, or has none.
            ConfigError: They would be too many.
        """
        stills = [one for one in self._root.list(path) if one.kind == "still"]
        listed = [one.path for one in stills if not _MADE.search(one.name)]
        if not listed:
            raise InputError(f"{visible(path) or 'this folder'} has no pictures; choose another folder")
        return self.choose(listed)

    def choose_files(self, paths: Sequence[Path]) -> list[ChosenStill]:
        """Choose photographs that are known to be in the folder; see ``choose``."""
        given = {one.id: one for one in (ChosenStill(path, self._root) for path in paths)}
        with self._lock:
            # A file that was changed is another.
            places = {one.path for one in given.values()}
            left = {
                name: one for name, one in self._chosen.items() if one.path not in places or name in given
            }
            if (number := len(left.keys() | given.keys())) > MOST_CHOSEN:
                raise ConfigError(
                    f"at most {counted(MOST_CHOSEN, 'photograph')} can be chosen at a time, and these would "
                    f"be {number}; take some out, or give their folder to semvid image"
                )
            # What is there already stays where it is.
            self._chosen = left | {name: one for name, one in given.items() if name not in left}
            return [self._chosen[name] for name in given]

    def chosen(self) -> list[ChosenStill]:
        """Return all that are chosen, in the order in which they were."""
        with self._lock:
            return [*self._chosen.values()]

    def get(self, name: str) -> ChosenStill:
        """Return one by its ``id``.

        Raises:
            KeyError: None that is chosen has it.
        """
        with self._lock:
            return self._chosen[name]

    def take_out(self, names: Collection[str]) -> None:
        """Choose some no longer; their files stay."""
        with self._lock:
            for name in names:
                self._chosen.pop(name, None)
                self._looks.pop(name, None)

    def describe(self, still: ChosenStill) -> dict[str, Any]:
        """Return what the page shows of one, as JSON values; the keys are those of an open video.

        Raises:
            InputError: It is not a picture, or is broken.
        """
        with _by_name(still), open_picture(still.path) as image:
            (width, height), coding = image.size, image.format
        data = self.jpeg(still, GALLERY_EDGE)
        # Only the decoded picture tells whether it is turned.
        with Image.open(io.BytesIO(data)) as small:
            if (small.width > small.height) != (width > height):
                width, height = height, width
        return {
            "kind": "still", "id": still.id, "name": visible(still.path.name), "path": still.shown,
            "width": width, "height": height, "num_frames": 1, "duration": 0.0, "fps": None, "codec": coding,
            "bytes": still.path.stat().st_size,
        }  # fmt: skip

    def jpeg(self, still: ChosenStill, edge: int) -> bytes:
        """Return one upright as a JPEG, with its colour profile.

        Args:
            still: The photograph.
            edge: Pixels that its longer side has at most, 32 to 1920.

        Raises:
            InputError: It cannot be decoded.
        """
        key = still.id, min(max(edge, _LEAST_EDGE), _MOST_EDGE)
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        with _by_name(still):
            data = self._decoder.submit(_small, still.path, key[1]).result()
        with self._lock:
            if key not in self._pictures:
                self._pictures[key] = data
                self._num_cached += len(data)
            while self._num_cached > _MOST_CACHED:
                self._num_cached -= len(self._pictures.popitem(last=False)[1])
        return data

    def map_of(self, still: ChosenStill) -> Grey:
        """Return ``(rows, cols)`` importance times 255 of one, with what was corrected.

        Raises:
            SemvidError: It cannot be decoded, or the network not be loaded.
        """
        return still.editing.of(self._seen(still))

    def classes(self, still: ChosenStill) -> list[FoundClass]:
        """Return the classes that were found in one; raises as ``map_of``."""
        self._seen(still)
        return self._looks_of(still).classes(self.wishes.maps.focus.threshold)

    def for_encode(self, still: ChosenStill, config: ImageConfig) -> ImageConfig:
        """Return options of one: what is wanted of all of them, and what was corrected in its map.

        Args:
            still: The photograph.
            config: The rest; its map, strength and background are replaced.

        Raises:
            SemvidError: The map cannot be made or written.
        """
        maps, allocation = self.wishes.maps, self.wishes.allocation
        # Photographs that were encoded in the same way are known by their options.
        config = replace(
            config, maps=replace(maps, focus=maps.focus.brief()), strength=allocation.strength,
            background_weight=allocation.background_weight,
        )  # fmt: skip
        return still.editing.for_encode(config, lambda: self._seen(still))

    def close(self) -> None:
        """Decode nothing more."""
        self._decoder.shutdown(cancel_futures=True)

    def _seen(self, still: ChosenStill) -> Grey:
        looks, maps = self._looks_of(still), self.wishes.maps
        if (found := looks.get(0, maps)) is None:
            with _by_name(still):
                self._decoder.submit(_look, still.path, looks, maps).result()
            found = looks.get(0, maps)
        if found is None:
            # Another model was chosen at this very moment.
            raise InputError(f"the map of {visible(still.path.name)} is being made anew; look again")
        return found

    def _looks_of(self, still: ChosenStill) -> Looks:
        with self._lock:
            looks = self._looks.setdefault(still.id, Looks(self._looker))
            self._looks.move_to_end(still.id)
            while len(self._looks) > _MOST_LOOKS:
                self._looks.popitem(last=False)
        return looks


def _small(path: Path, edge: int) -> bytes:
    picture = read_picture(path, edge).within(edge)
    file = io.BytesIO()
    image = Image.fromarray(picture.upright())
    image.save(file, "JPEG", quality=_QUALITY, icc_profile=picture.tags.icc or None)
    return file.getvalue()


def _look(path: Path, looks: Looks, maps: MapsConfig) -> None:
    if not looks.has(0, maps):
        looks.look(0, frame_of(read_picture(path).upright(), 0), maps)


@contextmanager
def _by_name(still: ChosenStill) -> Iterator[None]:
    """Have errors call a photograph as the page does, not by its whole path."""
    try:
        yield
    except InputError as error:
        raise type(error)(str(error).replace(str(still.path), visible(still.path.name))) from error
