"""The files of one live output: their names, every failed write raised, and what was written read back.

FFmpeg's HLS muxer reports no error of a disk at all, and others lose those of their last bytes. So FFmpeg
writes through here.
"""

from __future__ import annotations

import glob
import io
import itertools
import os
from pathlib import Path
from typing import IO, Any, BinaryIO

import av
from av.error import FFmpegError

from semvid.core.errors import OutputError, OutputExistsError
from semvid.core.text import counted
from semvid.media.names import ffmpeg_name
from semvid.media.writing.output import check_place
from semvid.streaming.sinks.sink_address import is_segmented

_TEMPORARY = ".tmp"
"""The suffix FFmpeg appends while it writes a segment or playlist."""


class DiskFile:
    """A file that FFmpeg writes to; a write is complete or raises.

    Args:
        path: Replaced if it exists.
        disk: Notified when the file is closed.

    Raises:
        OSError: It cannot be created; so do all methods when the disk fails.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path, self._disk = path, disk
        self._file: IO[bytes] = path.open("wb", buffering=0)
        self.seek, self.tell = self._file.seek, self._file.tell

    def write(self, data: bytes) -> int:
        """Write all of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        return len(data)

    def close(self) -> None:
        """Sync to the disk; some disks report errors only then."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
            size = os.fstat(self._file.fileno()).st_size
        finally:
            self._file.close()
        self._disk.closed(self, self._path, size)


class Disk:
    """Opens the files of one output, and checks each that is complete.

    Args:
        target: As FFmpeg takes it: a file, a playlist, or a pattern for segments.
        container_format: FFmpeg's name of the muxer.

    Attributes:
        num_read_back: Pictures in the complete files.
    """

    def __init__(self, target: str, container_format: str) -> None:
        self.num_read_back = 0
        self._target = Path(target)
        self._format = container_format
        self._sizes: dict[Path, int] = {}
        self._complete: list[Path] = []
        self._opened: list[Path] = []
        self._open: set[DiskFile] = set()
        self._head = b""

    def open(self, url: str, flags: int = 0, options: object = None) -> DiskFile:
        """Open a file of the output; FFmpeg calls it for every segment and playlist."""
        path = Path(url.removeprefix("file:"))
        file = DiskFile(path, self)
        self._opened.append(_final(path))
        self._open.add(file)
        return file

    def close(self) -> None:
        """Close what FFmpeg left open. Raises ``OSError`` when the disk does not have it."""
        while self._open:
            self._open.pop().close()

    def closed(self, file: DiskFile, path: Path, size: int) -> None:
        """Note a complete file; FFmpeg is about to give it its final name."""
        self._open.discard(file)
        path = _final(path)
        self._sizes[path] = size
        if path.suffix != ".m3u8":
            self._complete.append(path)

    def check_complete(self) -> None:
        """Read back the segments that have become complete.

        Raises:
            OutputError: One is not there, or not as it was written.
        """
        if self._format in {"hls", "segment"}:
            complete, self._complete = self._complete, []
            for path in complete:
                self._check_segment(path)

    def check_all(self, num_written: int) -> None:
        """Read back what has not been read back yet, now that everything is closed.

        Args:
            num_written: Pictures that must be there, in all files together.

        Raises:
            OutputError: Something is missing.
        """
        self.check_complete()
        if self._format == "hls":
            self._check_playlist()
        elif self._format != "segment":
            self.num_read_back = count_pictures(self._target)
        if self.num_read_back != num_written:
            raise OutputError(
                f"{self._target} is not whole: {self.num_read_back} of {counted(num_written, 'picture')} can "
                "be read back; check the disk"
            )

    def rest(self) -> str:
        """Say what can be played of an output that failed; a single file of which nothing can is removed."""
        paths = dict.fromkeys(one for one in self._opened if one.suffix != ".m3u8" and one.exists())
        num_pictures = sum(self._count_in(one) for one in paths)
        if self._target in paths and not num_pictures:
            self._target.unlink()
            return "nothing of it could be played, so it was removed"
        return (
            f"about {counted(num_pictures, 'picture of it is', 'pictures of it are')} there and can be played"
        )

    def _check_segment(self, path: Path) -> None:
        size = path.stat().st_size if path.exists() else None
        if size != self._sizes[path]:
            raise OutputError(
                f"{path} is not as it was written: {'gone' if size is None else f'{size} bytes'} instead of "
                f"{self._sizes[path]} bytes; let nothing else write there, and check the disk"
            )
        if path.name.endswith("init.mp4"):
            self._head = path.read_bytes()
            return
        num_pictures = self._count_in(path)
        if not num_pictures:
            raise OutputError(f"{path} has no picture that can be read back; check the disk")
        self.num_read_back += num_pictures

    def _count_in(self, path: Path) -> int:
        return count_pictures(io.BytesIO(self._head + path.read_bytes()) if self._head else path)

    def _check_playlist(self) -> None:
        lines = self._target.read_text().splitlines() if self._target.exists() else []
        if lines[:1] != ["#EXTM3U"] or "#EXT-X-ENDLIST" not in lines:
            raise OutputError(f"the playlist {self._target} does not end; check the free space and the disk")
        names = [one for one in lines if one and not one.startswith("#")]
        for path in (self._target.with_name(one) for one in names):
            if not path.exists() or path.stat().st_size != self._sizes.get(path):
                raise OutputError(
                    f"the playlist {self._target} lists {path.name}, which is not whole; check the disk"
                )


def count_pictures(source: Path | BinaryIO) -> int:
    """Return the number of pictures that can be read from a file; 0 if it cannot be opened."""
    target: Any = ffmpeg_name(source) if isinstance(source, Path) else source
    try:
        with av.open(target) as container:
            num_pictures = 0
            for packet in container.demux(container.streams.video[0]):
                num_pictures += packet.size > 0
            return num_pictures
    except (FFmpegError, OSError, IndexError):
        return 0


def _final(path: Path) -> Path:
    return path.with_suffix("") if path.suffix == _TEMPORARY else path


def check_files(url: str, *, overwrite: bool, option: str) -> None:
    """Refuse a file, or segments, that cannot or must not be written.

    Args:
        url: As ``parse_sink`` gives it.
        overwrite: Existing files may be replaced.
        option: The option that names it, for messages.

    Raises:
        OutputError: It cannot or must not be written.
    """
    check_place(Path(url), None, overwrite=overwrite, option=option)
    if is_segmented(url) and not overwrite and (existing := _existing(Path(url))):
        raise OutputExistsError(
            f"{existing} exists; pass `overwrite=True` to overwrite segments or choose another `{option}`"
        )


def _existing(path: Path) -> str | None:
    """Return a file that exists already; for segments, any of them."""
    if not is_segmented(str(path)):
        return str(path) if path.exists() else None
    head, _, tail = str(path).rpartition("%")
    pattern = f"{glob.escape(head)}[0-9]*{glob.escape(tail[tail.index('d') + 1 :])}"
    return next(glob.iglob(pattern), None)


def next_free(name: str) -> str:
    """Return the name of the next file of a recording: ``NAME-2.mkv`` and so on."""
    path = Path(name)
    candidates = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return next(str(one) for one in candidates if _existing(one) is None)
