"""Put coded packets into a container as they come. Loads PyAV alone: ``push`` runs it in its own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import av

from semvid.codecs.registry import codec_of_format
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.records import dataclass
from semvid.media.writing.video_track import add_video_track, packet_of
from semvid.streaming.base.sound import SoundCoder

if TYPE_CHECKING:
    from av.container import OutputContainer


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How a container codes sound."""

    codec: str
    """FFmpeg's name of the encoder."""
    bitrate: int
    """Bits a second."""


class Muxer:
    """An open output of one video stream, and one of sound where there is any.

    What the stream is is read from the first packet, which must be a key frame with its parameter sets.

    Args:
        target: Where to: a path or URL for FFmpeg, or an object with ``write(bytes)``.
        container_format: FFmpeg's name of the muxer.
        options: For the muxer.
        first: The first key frame, which is not written yet.
        sound: How chunks of sound will be coded; None = there will be none.
        io_open: Opens the files of ``target``, as ``av.open`` has it; None = FFmpeg does.

    Raises:
        av.FFmpegError, OSError, ValueError: It cannot be opened, or the packet is no key frame.
    """

    def __init__(
        self,
        target: Any,
        container_format: str,
        options: Mapping[str, str],
        first: CodedPacket,
        sound: SoundFormat | None = None,
        *,
        io_open: Callable[..., Any] | None = None,
    ) -> None:
        codec = codec_of_format(first.codec)
        if not codec.describe_key_frame(first.data):
            raise ValueError("the first key frame has no parameter sets")
        self._container: OutputContainer = av.open(
            target, "w", format=container_format, container_options=dict(options), io_open=io_open
        )
        try:
            parameters = StreamParameters(first.codec, first.time_base, codec.elementary(first.data))
            self._video = add_video_track(self._container, parameters)
            self._sound = None if sound is None else SoundCoder(self._container, sound.codec, sound.bitrate)
            self._container.start_encoding()
        except BaseException:
            self._container.close()
            raise

    def write(self, packet: CodedPacket) -> None:
        """Write one packet. Raises as FFmpeg does."""
        self._container.mux(packet_of(packet, self._video))

    def write_sound(self, samples: bytes, pts: int) -> None:
        """Code and write a chunk of sound; ``pts`` in ``coded.TIME_BASE``. Raises as FFmpeg does."""
        if self._sound is not None:
            self._sound.write(samples, pts)

    def close(self) -> None:
        """Write what completes the container. Raises as FFmpeg does; closed it is anyway."""
        try:
            if self._sound is not None:
                self._sound.finish()
        finally:
            self._container.close()
