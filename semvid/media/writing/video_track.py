"""The coded video of a container, from the values that describe it. Loads PyAV alone."""

from __future__ import annotations

import io
from typing import Any

import av
from av import Packet
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from semvid.core.coded import CodedPacket, StreamParameters
from semvid.media.writing.stream_template import stream_header


def packet_of(coded: CodedPacket, stream: VideoStream | None = None) -> Packet[Any]:
    """Return a packet to mux into a stream, or for a decoder."""
    if stream is None or coded.origin is None:
        packet: Packet[Any] = av.Packet(coded.data)
    else:
        # Only here: muxing empties it.
        packet = coded.origin
    if stream is not None:
        packet.stream = stream
    packet.time_base = coded.time_base
    packet.pts, packet.dts, packet.duration = coded.pts, coded.dts, coded.duration
    packet.is_keyframe = coded.is_keyframe
    return packet


def add_video_track(container: OutputContainer, parameters: StreamParameters) -> VideoStream:
    """Add a stream, for packets that are coded elsewhere, to an output that has not been started."""
    demuxer, header = parameters.elementary or ("mov", stream_header(parameters))
    with av.open(io.BytesIO(header), "r", format=demuxer) as template:
        # The decoder's parameters as they are: an encoder of that name need not exist.
        stream: VideoStream = container.add_stream_from_template(template.streams.video[0], opaque=True)
    stream.time_base = parameters.time_base
    stream.metadata.update(parameters.tags)
    if parameters.display_matrix is not None:
        stream.set_display_matrix(parameters.display_matrix)
    if parameters.elementary is None:
        _describe(stream.codec_context, parameters)
    return stream


def _describe(codec: VideoCodecContext, parameters: StreamParameters) -> None:
    """Say what a header of QuickTime does not, or says otherwise."""
    codec.width, codec.height = parameters.size
    codec.pix_fmt = parameters.pixel_format
    codec.framerate = parameters.frame_rate
    codec.bit_rate, codec.bits_per_coded_sample = parameters.bit_rate, 0
    codec.extradata = parameters.extradata
    codec.reorder_depth = parameters.reorder_depth
    codec.color_range, codec.colorspace = parameters.color_range, parameters.color_matrix
    codec.color_primaries, codec.color_trc = parameters.color_primaries, parameters.color_trc
    codec.field_order = parameters.field_order
    if parameters.sample_aspect_ratio is not None:
        codec.sample_aspect_ratio = parameters.sample_aspect_ratio
    if parameters.codec_tag is not None:
        codec.codec_tag = parameters.codec_tag
