"""The maps of an open video: quick looks first, then exactly those of ``semvid maps``, in a thread."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import semvid
from semvid.core.checked import Malformed, parse_json
from semvid.core.config import ExportConfig, MapsConfig
from semvid.core.decoding import read_text
from semvid.core.errors import MapError, SemvidError
from semvid.core.plain import to_plain
from semvid.core.prefetch import step_back
from semvid.core.types import AnalysedFrame, FloatArray, Frame, to_grey
from semvid.engine.run import open_run
from semvid.engine.stages import only_frames, pipeline, with_thumbnails
from semvid.importance.files.map_sink import MapSink, SinkContext
from semvid.importance.files.sidecar import SUFFIX, SidecarReader
from semvid.importance.files.sinks import open_sink
from semvid.media.writing.output import write_whole
from semvid.studio.folder import Root, shortened
from semvid.studio.looks import Looker, Looks
from semvid.studio.map_store import Grey, MapStore
from semvid.studio.videos import OpenVideo

_NUM_LOOKS = 24
"""Quick looks spread over a video."""
_MOST_CUTS_BYTES = 2**22


class _Cancelled(Exception):  # noqa: N818 - no error
    pass


class Making:
    """Makes the maps of a video, keeps them, and hands them out. Any thread may ask.

    Args:
        video: The video.
        root: Where its sidecar is kept.
        looker: Has the networks.
        maps: The model and its focus.
    """

    def __init__(self, video: OpenVideo, root: Root, looker: Looker, maps: MapsConfig) -> None:
        self._video, self._root, self.maps = video, root, maps
        self._looks = Looks(looker)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._reset()

    def _reset(self) -> None:
        self._store, self._cuts = MapStore(), list[int]()
        self._is_done = self._is_stopped = False
        self._failure = ""

    @property
    def sidecar(self) -> Path:
        """Where the maps are kept once all are made."""
        told = json.dumps([semvid.__version__, to_plain(self.maps)], sort_keys=True)
        mark = hashlib.sha256((self._video.id + told).encode()).hexdigest()[:12]
        return self._root.work / "maps" / f"{shortened(self._video.path.name)}-{mark}{SUFFIX}"

    def beside(self, suffix: str, *, makes_folder: bool = False) -> Path:
        """Return a file of the video, whatever its settings.

        Raises:
            OutputError: Its folder cannot be made.
        """
        if makes_folder:
            self._root.make_work(self.sidecar.parent.name)
        return self.sidecar.with_name(f"{shortened(self._video.path.name)}-{self._video.id}{suffix}")

    @property
    def is_done(self) -> bool:
        """Whether all maps are made, and kept in ``sidecar``."""
        return self._is_done

    def start(self) -> None:
        """Begin in a thread, if that is not done and not under way."""
        with self._lock:
            if self._is_done or (self._thread is not None and not self._is_stopped):
                return
            # Of a thread that was begun while another was being stopped.
            self._stop.set()
            before, self._stop = self._thread, threading.Event()
            self._reset()
            arguments = self._stop, before
            self._thread = threading.Thread(target=self._run, args=arguments, name="semvid-maps", daemon=True)
            self._thread.start()

    def stop(self, *, wait: bool = False) -> None:
        """End the making; what was made so far can still be seen, and ``start`` begins anew."""
        with self._lock:
            self._stop.set()
            self._is_stopped = not self._is_done
            thread = self._thread
        if wait and thread is not None:
            thread.join()

    def change(self, maps: MapsConfig) -> None:
        """Make other maps, if they are others."""
        if maps == self.maps:
            return
        self.stop()
        with self._lock:
            self.maps = maps
            self._is_done, self._is_stopped = False, True
        self.start()

    def status(self) -> dict[str, Any]:
        """Return how far it is, as JSON values."""
        classes = self._looks.classes(self.maps.focus.threshold)
        return {
            "made": len(self._store), "total": self._video.num_frames, "is_done": self._is_done,
            "is_stopped": self._is_stopped, "failure": self._failure,
            "classes": [asdict(one) for one in classes], "cuts": [*self._cuts],
            "sidecar": self._root.shown(self.sidecar) if self._is_done else None,
        }  # fmt: skip

    def get(self, index: int, *, look: bool = True) -> tuple[Grey | None, str]:
        """Return the map of a frame, and which it is.

        Args:
            index: Of the frame.
            look: Look at the frame now if there is no map of it yet.

        Returns:
            ``(rows, cols)`` importance times 255, or None; and ``exact`` (that of ``semvid maps``), ``quick``
            (of this frame alone) or ``none``.

        Raises:
            SemvidError: The frame cannot be decoded, or the network not be loaded.
        """
        exact = self._store.get(int(self._video.pts[index]))
        if exact is not None:
            return exact, "exact"
        maps = self.maps
        if look and not self._looks.has(index, maps):
            self._looks.look(index, self._video.pictures.frame(index), maps)
        quick = self._looks.get(index, maps)
        return quick, "none" if quick is None else "quick"

    def nearest(self, index: int) -> tuple[Grey | None, str]:
        """Return a map that is there, of this frame or of its key frame, without looking: see ``get``."""
        found = self.get(index, look=False)
        return found if found[0] is not None else self.get(self._video.pictures.key_before(index), look=False)

    def _run(self, stop: threading.Event, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        maps, sidecar, store, cuts = self.maps, self.sidecar, self._store, self._cuts
        step_back()
        failure = ""
        try:
            kept = self._read(sidecar, stop)
            if kept is not None:
                with self._lock:
                    if not stop.is_set():
                        self._store, self._cuts = kept
            self._look_around(maps, stop)
            if kept is None:
                self._make(maps, sidecar, store, cuts, stop)
        except _Cancelled:
            return
        except SemvidError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            failure = f"the maps cannot be made ({type(error).__name__}: {error}); choose another file"
        with self._lock:
            if not stop.is_set():
                self._failure, self._is_done = failure, not failure

    def _read(self, sidecar: Path, stop: threading.Event) -> tuple[MapStore, list[int]] | None:
        """Read maps and cuts that an earlier studio kept; None = they are not there, or not whole."""
        store = MapStore()
        try:
            with closing(SidecarReader(sidecar)) as reader:
                for one in reader.maps():
                    _check(stop)
                    store.add(one.pts, one.grey)
            with _cuts_beside(sidecar).open("rb") as file:
                cuts = parse_json(read_text(file, _MOST_CUTS_BYTES)).items()
            return store, [one.whole(0, self._video.num_frames - 1) for one in cuts]
        except (MapError, Malformed, OSError):
            return None

    def _look_around(self, maps: MapsConfig, stop: threading.Event) -> None:
        pictures = self._video.pictures
        for index in spread(self._video.num_frames, _NUM_LOOKS):
            _check(stop)
            key = pictures.key_before(index)
            if not self._looks.has(key, maps):
                self._looks.look(key, pictures.frame(key), maps)

    def _make(
        self, maps: MapsConfig, sidecar: Path, store: MapStore, cuts: list[int], stop: threading.Event
    ) -> None:
        config = ExportConfig(maps=maps)
        self._root.make_work(sidecar.parent.name)
        with open_run(self._video.path, config.temporal) as run:
            run.open_maps(config.maps)
            context = SinkContext(run.reader.info, run.made_by)
            # Another studio may make the same: the last one stays.
            own = sidecar.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
            with open_sink("sidecar", own, context, overwrite=True) as sink:

                def took(pts: int, grey: Grey, *, is_cut: bool) -> None:
                    _check(stop)
                    if is_cut:
                        cuts.append(self._video.index_at(pts))
                    store.add(pts, grey)

                run.record(_Told(sink, took))
                early = only_frames, with_thumbnails
                with pipeline(run.reader, run.analyse, while_decoding=early) as items:
                    num_frames = sum(isinstance(one, AnalysedFrame) for one in items)
                list(run.finish(num_frames, "got maps", "what could be decoded has maps", []))
        write_whole(_cuts_beside(sidecar), json.dumps(cuts).encode(), overwrite=True)
        own.replace(sidecar)


class _Told(MapSink):
    """Passes maps on to a sink, and tells of each as it was stored."""

    wants_settled = True

    def __init__(self, sink: MapSink, took: Any) -> None:
        self._sink, self._took = sink, took
        self.output = sink.output

    @property
    def bytes_written(self) -> int:
        return self._sink.bytes_written

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        stored = self._sink.record(frame, importance, is_cut=is_cut)
        self._took(frame.pts, to_grey(stored), is_cut=is_cut)
        return stored


def _cuts_beside(sidecar: Path) -> Path:
    """Return where the scene cuts are kept: the format of sidecars has none."""
    return sidecar.with_suffix(".cuts.json")


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise _Cancelled


def spread(num_frames: int, most: int) -> Iterator[int]:
    """Yield ``most`` frames, or all, spread evenly, coarsely first: the first, the middle, the quarters."""
    count = min(num_frames, most)
    bits = max(count - 1, 1).bit_length()
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < count:
            yield round(place * (num_frames - 1) / max(count - 1, 1))
