"""Parses the SINK of a live stream and tells which codecs it carries. Nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from semvid.codecs.registry import CODECS, find_codec
from semvid.core.errors import ConfigError
from semvid.core.text import scheme_of, without_secrets
from semvid.streaming.base.address import Address, AddressKind

_TS = ("h264", "hevc")
_ANY: tuple[str, ...] = ()
"""Whatever there is."""
# A fragment is whole by itself: what was written before a crash plays.
_FRAGMENTS = {
    "movflags": "+frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "1000000",
    "flush_packets": "1",
}
_FLUSH = {"flush_packets": "1"}
# Sound comes later than its picture, by what its encoder needs. FFmpeg would hold pictures back for it, here
# it holds one.
_AT_ONCE = {"max_interleave_delta": "1"}
_MPEGTS = {**_FLUSH, "mpegts_flags": "+resend_headers"}
_FILES: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    ".mkv": ("matroska", _ANY, {**_FLUSH, "cluster_time_limit": "1000"}),
    ".webm": ("webm", ("vp8", "vp9", "av1"), {**_FLUSH, "cluster_time_limit": "1000"}),
    ".mp4": ("mp4", ("h264", "hevc", "vp9", "av1"), _FRAGMENTS),
    ".m4v": ("mp4", ("h264", "hevc"), _FRAGMENTS),
    ".mov": ("mov", ("h264", "hevc", "mjpeg"), _FRAGMENTS),
    ".ts": ("mpegts", _TS, _MPEGTS),
}
"""Suffix -> muxer, codecs, options."""
_NETWORK: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    # Our JPEG has optimal Huffman tables, which RTP leaves out.
    "rtsp": ("rtsp", ("h264", "hevc", "vp8"), {"rtsp_transport": "tcp"}),
    "rtmp": ("flv", ("h264", "hevc"), {"flvflags": "no_duration_filesize", **_FLUSH}),
    "udp": ("mpegts", _TS, _MPEGTS),
    "srt": ("mpegts", _TS, _MPEGTS),
    # MPEG-TS in RTP: players open it by its address alone, bare video would need an SDP file.
    "rtp": ("rtp_mpegts", _TS, dict(_FLUSH)),
}
_SOUND_CODECS = {"webm": "libopus"}
"""Muxer -> FFmpeg's encoder for sound, where it is not the one all others and all players take."""
_USUAL_SOUND_CODEC = "aac"
_SEGMENT_SECONDS = "4"
_HLS = {
    "hls_time": "2",
    "hls_list_size": "6",
    # Keep two more segments for players that are behind.
    "hls_flags": "delete_segments+independent_segments+temp_file",
    "hls_delete_threshold": "2",
}


def parse_sink(text: str, codec: str) -> Address:
    """Parse a SINK.

    Args:
        text: A file, ``NAME-%03d.ts`` (segments), ``NAME.m3u8`` (HLS), a URL, or ``-``.
        codec: What will be sent there, as users name it.

    Raises:
        ConfigError: It is of no known kind, or cannot carry the codec.
    """
    coding = find_codec(codec).coding_format
    scheme = scheme_of(text)
    if text == "-":
        muxer, options = ("mpegts", _MPEGTS) if coding in _TS else ("matroska", {**_FLUSH, "live": "1"})
        address = _address(text, "pipe", muxer, options | _AT_ONCE)
    elif scheme is not None:
        address = _network(text, scheme)
    else:
        address = _file(text, coding)
    if address.codecs and coding not in address.codecs:
        carried = [name for name, one in CODECS.items() if one.coding_format in address.codecs]
        raise ConfigError(
            f"{address.shown} cannot carry `codec={codec}`; "
            f"choose `codec={' or '.join(carried)}`, or a .mkv file"
        )
    return address


def _network(text: str, scheme: str) -> Address:
    known = _NETWORK.get(scheme.removesuffix("s") if scheme in {"rtmps", "rtsps"} else scheme)
    if known is None:
        names = ", ".join(f"{one}://" for one in _NETWORK if one != "srt")
        raise ConfigError(
            f"{without_secrets(text)} is not a sink; choose one of {names}, a file, or - for standard output"
        )
    muxer, codecs, options = known
    url = text
    if scheme in {"udp", "srt", "rtp"} and "pkt_size=" not in url:
        url += ("&" if "?" in url else "?") + "pkt_size=1316"
    address = _address(text, "network", muxer, options | _AT_ONCE, codecs)
    return replace(address, url=url, can_reconnect=True, takes_changes=muxer in {"mpegts", "rtp_mpegts"})


def _file(text: str, coding: str) -> Address:
    suffix = Path(text).suffix.lower()
    if suffix == ".m3u8":
        # Players expect HEVC in fragments of MP4.
        options = dict(_HLS) | ({"hls_segment_type": "fmp4"} if coding == "hevc" else {})
        return replace(_address(text, "file", "hls", options, _TS), takes_changes=coding != "hevc")
    if suffix not in _FILES:
        raise ConfigError(
            f"{text} is not a sink: its name must end in {', '.join(_FILES)} or .m3u8, "
            "or be a URL, or - for standard output"
        )
    muxer, codecs, options = _FILES[suffix]
    sound_codec = _SOUND_CODECS.get(muxer, _USUAL_SOUND_CODEC)
    if is_segmented(text):
        inner = ":".join(f"{name}={value}" for name, value in options.items() if name != "flush_packets")
        options = {
            "segment_time": _SEGMENT_SECONDS,
            "segment_format": muxer,
            "reset_timestamps": "1",
            "segment_format_options": inner,
        }
        muxer = "segment"
    elif "%" in text:
        raise ConfigError(f"{text} holds a % that is not a segment number; use %03d, or another name")
    address = _address(text, "file", muxer, options, codecs)
    return replace(address, sound_codec=sound_codec, takes_changes=suffix == ".ts")


def _address(
    text: str, kind: AddressKind, muxer: str, options: dict[str, str], codecs: tuple[str, ...] = ()
) -> Address:
    return Address(
        text, kind, text, muxer, MappingProxyType(options), codecs=codecs, sound_codec=_USUAL_SOUND_CODEC
    )


def is_segmented(text: str) -> bool:
    """Return whether a name stands for many files (``NAME-%03d.ts``)."""
    return text.count("%") == 1 and re.search(r"%0?\d*d", text) is not None
