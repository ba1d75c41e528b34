"""Decodes coded video in memory, to see what an encoder made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, cast

import av

from semvid.core.coded import CodedPacket, software_decoder
from semvid.media.writing.video_track import packet_of

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext


def decoded(
    coding_format: str,
    packets: Iterable[CodedPacket],
    extradata: bytes | None = None,
    options: Mapping[str, str] | None = None,
) -> Iterator[VideoFrame]:
    """Yield the pictures of packets; none is taken before it is needed.

    Args:
        coding_format: FFmpeg's name of the bitstream format.
        packets: From a key frame on.
        extradata: Parameter sets, where they are not in the packets.
        options: For FFmpeg's decoder.
    """
    decoder = cast("VideoCodecContext", av.CodecContext.create(software_decoder(coding_format), "r"))
    decoder.extradata = extradata
    decoder.options = dict(options or {})
    # Several threads would take packets ahead.
    decoder.thread_count = 1
    for packet in chain(map(packet_of, packets), [None]):
        yield from decoder.decode(packet)
