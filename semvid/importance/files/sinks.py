"""Chooses where the maps of a video go: one sink for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from av.error import FFmpegError

from semvid.core.config import MapFormat
from semvid.core.errors import OutputError
from semvid.importance.files.array_sink import ArraySink
from semvid.importance.files.map_sink import FileSink, MapSink, SinkContext
from semvid.importance.files.offset_sink import OffsetSink
from semvid.importance.files.offset_text import write_kvazaar, write_svtav1
from semvid.importance.files.picture_sink import PictureSink
from semvid.importance.files.sidecar_sink import SidecarSink
from semvid.importance.files.video_sink import SaliencySink, VideoSink
from semvid.media.probe import reason
from semvid.media.writing.claim import Claim
from semvid.media.writing.folder import picture_folder

_SINKS: Mapping[str, Callable[[Path, SinkContext], FileSink]] = {
    "video": VideoSink,
    "x264mod": SaliencySink,
    "sidecar": SidecarSink,
    "npz": ArraySink,
    "kvazaar": lambda path, context: OffsetSink(path, context, write_kvazaar),
    "svtav1": lambda path, context: OffsetSink(path, context, write_svtav1),
}


def open_sink(
    kind: MapFormat, output: Path, context: SinkContext, *, overwrite: bool
) -> AbstractContextManager[MapSink]:
    """Return a context manager: on success the output gets its name, on failure nothing is left behind."""
    if kind == "png":
        return _folder_sink(output, overwrite)
    return _file_sink(output, overwrite, lambda temporary: _SINKS[kind](temporary, context))


@contextmanager
def _folder_sink(output: Path, overwrite: bool) -> Iterator[MapSink]:
    with picture_folder(output, overwrite=overwrite) as folder:
        yield PictureSink(folder)


@contextmanager
def _file_sink(output: Path, overwrite: bool, make: Callable[[Path], FileSink]) -> Iterator[MapSink]:
    with Claim(output, overwrite=overwrite) as claim:
        temporary = claim.temporary()
        try:
            with closing(make(temporary)) as sink:
                yield sink
                sink.finish()
            claim.publish(temporary)
        except (FFmpegError, OSError) as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(
                f"{output} cannot be written: {reason(error)}; nothing was left behind"
            ) from error
