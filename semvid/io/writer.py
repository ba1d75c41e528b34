"""Write one output file: temporary name beside the target, verified, then renamed over it."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import av
from av.error import FFmpegError

from semvid.errors import OutputError
from semvid.io.containers import CONTAINERS, holds
from semvid.io.header_patch import ROOM, prefer_google_boxes, state_pixel_aspect
from semvid.io.ledger import Ledger
from semvid.io.output import publish, temporary_beside
from semvid.io.probe import codec_name, is_cover_art, reason
from semvid.io.side_data import MODE_TAGS
from semvid.io.tags import portable

if TYPE_CHECKING:
    from av import Packet
    from av.container import OutputContainer
    from av.stream import AttachmentStream, Stream
    from av.video.stream import VideoStream

    from semvid.io.reader import VideoReader

_MP4_LIKE = {"mp4", "mov"}
_MATROSKA = {"matroska", "webm"}


class VideoWriter:
    """An output that appears under its name only when it is complete.

    Use as a context manager: leaving it without ``commit()`` removes the temporary file.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.bytes_written = 0
        self._suffix = output.suffix.lower()
        self._temporary = temporary_beside(output)
        self._copies: dict[int, Stream] = {}
        self._ledger = Ledger(output)
        self._video_index = 0
        self._pixel_aspect: Fraction | None = None
        try:
            muxer = CONTAINERS[self._suffix]
            # Spherical and stereo-3D boxes are younger than the standard FFmpeg keeps to by itself.
            options = {"movflags": "+faststart", "strict": "unofficial"} if muxer in _MP4_LIKE else {}
            self.container: OutputContainer = av.open(
                str(self._temporary), "w", format=muxer, container_options=options
            )
        except BaseException:
            self._temporary.unlink(missing_ok=True)
            raise

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.container.close()
        except (FFmpegError, OSError):
            if error is None:
                raise
        finally:
            self._temporary.unlink(missing_ok=True)

    def copy_streams(self, reader: VideoReader, encoded: VideoStream, drop: Collection[str]) -> list[str]:
        """Mirror every other stream of the input, with metadata and chapters.

        Must be called once, after the encoded stream was added and before the first packet.

        Args:
            reader: The open input.
            encoded: The output stream with the encoded video.
            drop: Kinds of streams to leave out.

        Returns:
            A sentence for each stream that cannot be carried over.
        """
        notices = []
        source, main = reader.container, reader.stream
        self._video_index = encoded.index
        # How samples are stored is for the encoder of the new ones to say.
        encoded.metadata.update({k: v for k, v in portable(main.metadata).items() if k not in MODE_TAGS})
        self._pixel_aspect = self._aspect_to_patch(encoded)
        if self._pixel_aspect is not None:
            encoded.metadata["title"] = encoded.metadata.get("title", "") + ROOM
        encoded.disposition = main.disposition
        for stream in source.streams:
            if stream.index == main.index or stream.type in drop or _is_rewritten(stream):
                continue
            label = f"stream {stream.index} ({stream.type}, {codec_name(stream)})"
            obstacle = self._obstacle(stream)
            if obstacle is not None:
                notices.append(f"{label} is left out: {obstacle}")
            elif stream.type == "attachment":
                self._attach(cast("AttachmentStream", stream))
            else:
                copy = self.container.add_stream_from_template(stream)
                copy.metadata.update(portable(stream.metadata))
                copy.disposition = stream.disposition
                self._copies[stream.index] = copy
        self.container.metadata.update(portable(source.metadata))
        self.container.set_chapters(source.chapters())
        return notices

    def _obstacle(self, stream: Stream) -> str | None:
        """Why a stream that no one watches or hears cannot come along, or None."""
        if stream.type == "attachment":
            is_matroska = CONTAINERS[self._suffix] == "matroska"
            return None if is_matroska else f"{self._suffix} holds no attachments"
        if stream.type not in {"video", "audio", "subtitle"} or stream.codec_context is None:
            return "FFmpeg cannot copy it without knowing its format"
        if is_cover_art(stream) and not holds(self._suffix, [codec_name(stream)]):
            return f"{self._suffix} cannot hold this cover picture"
        return None

    def _attach(self, stream: AttachmentStream) -> None:
        self.container.add_attachment(
            stream.metadata.get("filename", f"attachment-{stream.index}"),
            stream.mimetype or "application/octet-stream",
            stream.data,
        )

    def start(self) -> None:
        """Write the header; from here on streams are fixed.

        Raises:
            OutputError: The container refuses this combination of streams.
        """
        try:
            self.container.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise self._failure(error) from error

    def copy(self, packet: Packet[Any]) -> None:
        """Write a packet of a mirrored stream; others are dropped, as ``copy_streams`` announced."""
        stream = self._copies.get(packet.stream.index)
        if stream is None:
            return
        if packet.dts is None:
            if not is_cover_art(stream):
                return
            packet.pts = packet.dts = 0
        packet.stream = stream
        self._mux(packet)

    def write(self, packet: Packet[Any]) -> None:
        """Write a packet of the encoded stream."""
        self._mux(packet)

    def _mux(self, packet: Packet[Any]) -> None:
        size = packet.size
        self._ledger.note(packet)
        try:
            self.container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error
        self.bytes_written += size

    def commit(self) -> int:
        """Finish the file, read it back, and give it its name.

        Returns:
            Its size in bytes.

        Raises:
            OutputError: The disk is full, or what was written cannot be read back.
        """
        try:
            self.container.close()
            self._patch_header()
            self._ledger.check(self._temporary, self._video_index)
            return publish(self._temporary, self.output)
        except (FFmpegError, OSError) as error:
            raise self._failure(error) from error

    def _aspect_to_patch(self, encoded: VideoStream) -> Fraction | None:
        aspect = encoded.codec_context.sample_aspect_ratio
        return aspect if aspect and aspect != 1 and CONTAINERS[self._suffix] in _MATROSKA else None

    def _patch_header(self) -> None:
        if CONTAINERS[self._suffix] in _MP4_LIKE:
            prefer_google_boxes(self._temporary)
        if self._pixel_aspect is not None:
            state_pixel_aspect(self._temporary, self._pixel_aspect)

    def _failure(self, error: Exception) -> OutputError:
        if isinstance(error, OutputError):
            return error
        return OutputError(f"{self.output} cannot be written: {reason(error)}; nothing was left behind")


def _is_rewritten(stream: Stream) -> bool:
    """Tell the tracks FFmpeg writes anew from chapters and from the timecode tag."""
    return stream.type == "data" and ("timecode" in stream.metadata or stream.name == "bin_data")
