"""Decodes a finished file, as a player would, to be sure that every frame of it can be shown.

That is done when the file is complete, not while packets are written: only so the header, the container's own
form of packets and all that was patched into it are what is decoded. FFmpeg decodes on all cores then, so it
takes about as long as decoding beside the encoder would, on cores that the encoder leaves little of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from av.error import FFmpegError
from av.video.stream import VideoStream

from semvid.core.errors import OutputError
from semvid.core.text import counted, reason
from semvid.core.threads import thread_budget
from semvid.media.ffmpeg_log import end_threads
from semvid.media.reach import open_local
from semvid.media.writing.ledger import carries_time

_STRICT = {"err_detect": "explode"}
"""Without it FFmpeg's decoders hide most of what is wrong."""


def decode_all(written: Path, place: int, num_frames: int, output: Path) -> Iterator[int]:
    """Decode all frames of a video.

    Args:
        written: The file.
        place: Of the video, among the streams of the file that carry time.
        num_frames: That it must have.
        output: What to call the file in messages.

    Yields:
        The number of frames so far.

    Raises:
        OutputError: A frame is missing, or cannot be decoded.
    """
    count, seconds = 0, 0.0
    try:
        with open_local(written) as container:
            stream = [one for one in container.streams if carries_time(one)][place]
            assert isinstance(stream, VideoStream)  # noqa: S101 - it was written as one
            stream.thread_type, stream.codec_context.thread_count = "AUTO", thread_budget().helper
            stream.codec_context.options = dict(_STRICT)
            try:
                for picture in container.decode(stream):
                    if picture.is_corrupt:
                        raise _undecodable(output, "it is marked as damaged", count, num_frames, seconds)
                    count += 1
                    seconds = float(picture.time or 0)
                    yield count
            finally:
                end_threads(stream.codec_context)
    except FFmpegError as error:
        raise _undecodable(output, reason(error), count, num_frames, seconds) from error
    if count != num_frames:
        raise _undecodable(output, "the others are missing", count, num_frames, seconds)


def _undecodable(output: Path, why: str, count: int, num_frames: int, seconds: float) -> OutputError:
    return OutputError(
        f"{output} was made, but only {count} of {counted(num_frames, 'frame')} decode, to {seconds:.3f} s "
        f"({why}), so it was removed; encode with other options, and report this as a fault of semvid"
    )
