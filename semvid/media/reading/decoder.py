"""The decoder of a video stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av

from semvid.core.types import VideoInfo

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def decoder_of(stream: VideoStream, info: VideoInfo) -> VideoCodecContext:
    """Return the decoder that gives all there is: FFmpeg's own for VP8 and VP9 skip what is transparent."""
    library = _WITH_ALPHA.get(info.codec)
    if library is None or ("alpha_mode", "1") not in info.side_data:
        return stream.codec_context
    return cast("VideoCodecContext", av.CodecContext.create(library, "r"))
