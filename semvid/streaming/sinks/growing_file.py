"""A video file that grows in memory, for a browser: to play it as it comes, or to keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from semvid.codecs.registry import codec_of_format
from semvid.core.coded import CodedPacket
from semvid.core.records import dataclass
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.sinks.mux import Muxer, SoundFormat

_MP4 = {"movflags": "+empty_moov+default_base_moof+frag_discont", "flush_packets": "1"}
_CLUSTERS = {"live": "1", "cluster_time_limit": "100", "flush_packets": "1"}


@dataclass(frozen=True, slots=True)
class FileKind:
    """A container that browsers know."""

    muxer: str
    media_type: str
    suffix: str
    sound_codec: str
    played: Mapping[str, str]
    """Options of the muxer for what is played at once."""
    kept: Mapping[str, str]
    """For files."""


_IN_MP4 = FileKind(
    "mp4", "video/mp4", ".mp4", "aac",
    {**_MP4, "movflags": _MP4["movflags"] + "+frag_every_frame"},
    {**_MP4, "movflags": _MP4["movflags"] + "+frag_keyframe", "frag_duration": "200000"},
)  # fmt: skip
_IN_WEBM = FileKind("webm", "video/webm", ".webm", "libopus", _CLUSTERS, _CLUSTERS)
_IN_MATROSKA = FileKind("matroska", "video/x-matroska", ".mkv", "aac", _CLUSTERS, _CLUSTERS)
_KINDS = {"h264": _IN_MP4, "hevc": _IN_MP4, "vp9": _IN_MP4, "av1": _IN_MP4, "vp8": _IN_WEBM}


def file_kind(coding_format: str) -> FileKind:
    """Return the container for a bitstream format, as FFmpeg names it."""
    return _KINDS.get(coding_format, _IN_MATROSKA)


def is_played(coding_format: str) -> bool:
    """Return whether any browser plays the format as it comes: Motion-JPEG none does."""
    return coding_format in _KINDS


class GrowingFile:
    """Puts packets into a container, whose bytes are taken as they come.

    Args:
        kind: The container.
        sound_bitrate: Bits a second of the sound; 0 = there is none.
        is_kept: It is a file, whose times begin at 0 and which ends where the format changes. Else a new
            header comes there, and times are the stream's.

    Attributes:
        has_ended: The format changed: the file can take no more.
    """

    def __init__(self, kind: FileKind, *, sound_bitrate: int = 0, is_kept: bool) -> None:
        self._kind, self._is_kept = kind, is_kept
        self._sound = SoundFormat(kind.sound_codec, sound_bitrate) if sound_bitrate else None
        self._muxer: Muxer | None = None
        self._written = _Written()
        self._format = b""
        self._last_dts = self._offset = 0
        self.has_ended = False

    def write(self, item: CodedPacket | SoundChunk) -> None:
        """Add a packet, the first of which must be a key frame, or sound.

        Raises:
            av.FFmpegError, OSError, ValueError: The container cannot hold it.
        """
        if isinstance(item, CodedPacket):
            self._write_picture(item)
        elif self._muxer is not None and self._sound is not None and not self.has_ended:
            self._muxer.write_sound(item.samples, item.pts - self._offset)

    def _write_picture(self, packet: CodedPacket) -> None:
        if self._muxer is not None and packet.dts <= self._last_dts:
            # A container would be broken by it.
            return
        if packet.is_keyframe:
            found = codec_of_format(packet.codec).describe_key_frame(packet.data)
            if self._muxer is not None and found != self._format:
                self.close()
                if self._is_kept:
                    self.has_ended = True
            self._format = found
        if self.has_ended:
            return
        if self._muxer is None:
            self._offset = packet.dts if self._is_kept else 0
            options = self._kind.kept if self._is_kept else self._kind.played
            self._muxer = Muxer(self._written, self._kind.muxer, options, packet, self._sound)
        self._last_dts = packet.dts
        self._muxer.write(replace(packet, pts=packet.pts - self._offset, dts=packet.dts - self._offset))

    def take(self) -> bytes:
        """Return what was written since the last call."""
        return self._written.take()

    def close(self) -> None:
        """Write what completes it; raises as ``write``."""
        muxer, self._muxer = self._muxer, None
        if muxer is not None:
            muxer.close()


class _Written:
    """What FFmpeg writes to; it cannot seek, so FFmpeg does not."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def codec_text(header: bytes) -> str:
    """Return how browsers name the video format of a file (RFC 6381), from its first bytes.

    Args:
        header: Of an MP4 file, with the box that describes the decoder, or of a WebM file.

    Raises:
        ValueError: It is of another kind.
    """
    for name, text in ((b"avcC", _avc), (b"hvcC", _hevc), (b"vpcC", _vp9), (b"av1C", _av1)):
        place = header.find(name)
        if place >= 0:
            return text(header[place + 4 : place + 32])
    if b"V_VP8" in header:
        return "vp8"
    raise ValueError("the header is of no format that browsers know")


def _avc(box: bytes) -> str:
    # ISO/IEC 14496-15, 5.3.3.1: version, profile, compatibility, level.
    return f"avc1.{box[1:4].hex()}"


def _hevc(box: bytes) -> str:
    # ISO/IEC 14496-15, E.3: the flags of compatibility are told from the last bit to the first.
    space, is_high, profile = box[1] >> 6, box[1] >> 5 & 1, box[1] & 31
    compatible = int(f"{int.from_bytes(box[2:6], 'big'):032b}"[::-1], 2)
    constraints = "".join(f".{one:X}" for one in box[6:12].rstrip(b"\0"))
    return (
        f"hev1.{'ABC'[space - 1] if space else ''}{profile}.{compatible:X}."
        f"{'H' if is_high else 'L'}{box[12]}{constraints}"
    )


def _vp9(box: bytes) -> str:
    # VP Codec ISO Media File Format Binding: version and flags, profile, level, depth in four bits.
    return f"vp09.{box[4]:02d}.{box[5]:02d}.{box[6] >> 4:02d}"


def _av1(box: bytes) -> str:
    # AV1 Codec ISO Media File Format Binding, section 5.
    profile, level = box[1] >> 5, box[1] & 31
    is_high, is_deep, is_deeper = box[2] >> 7, box[2] >> 6 & 1, box[2] >> 5 & 1
    depth = 12 if is_deep and is_deeper else 10 if is_deep else 8
    return f"av01.{profile}.{level:02d}{'H' if is_high else 'M'}.{depth:02d}"
