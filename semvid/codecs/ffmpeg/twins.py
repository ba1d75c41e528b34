"""Encodes pictures beside a run with its options, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from semvid.codecs.base.coding import Target
from semvid.codecs.base.decoding import decoded
from semvid.codecs.base.self_test import RATE
from semvid.codecs.ffmpeg.option_text import without
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.luma import LumaArray, luma_of
from semvid.core.types import Frame, QuantizerOffsets

_FOR_THE_RUN = frozenset({
    "b", "bitrate", "maxrate", "minrate", "bufsize", "vbv-maxrate", "vbv-bufsize", "vbv-init", "crf",
    "pass", "stats", "slow-firstpass", "passlogfile", "level", "level-idc",
    "csv", "recon", "dump-yuv", "analysis-save", "analysis-load",
})  # fmt: skip
"""Options that hold for its size, or write or read its files."""


def options_at(spec: EncoderSpec, options: Mapping[str, str], crf: float) -> dict[str, str]:
    """Return the options of a run without its rate and its files, at another CRF."""
    return {**without(options, spec.nested_options, _FOR_THE_RUN), "crf": f"{crf:g}"}


def encode_beside(
    spec: EncoderSpec,
    options: Mapping[str, str],
    frames: Sequence[Frame],
    offsets: QuantizerOffsets | None = None,
    *,
    codes_fields: bool = False,
) -> tuple[StreamParameters, Iterator[CodedPacket]]:
    """Code frames as they are asked for; parameter sets are in the packets.

    Args:
        spec: The encoder.
        options: FFmpeg's, with a CRF.
        frames: All alike.
        offsets: Of all frames; None = no map.
        codes_fields: Interlaced video is coded as such.
    """
    first = frames[0]
    preparer = FramePreparer(spec, float(options["crf"]), first, codes_fields=codes_fields, minds_alpha=True)
    encoder = spec.open(options, preparer, first=first.picture, target=Target(RATE))

    def packets() -> Iterator[CodedPacket]:
        for frame in frames:
            yield from encoder.encode(preparer.prepare(frame, offsets))
        yield from encoder.flush()

    return encoder.parameters, packets()


def luma_at(
    pts: int, coding_format: str, packets: Iterable[CodedPacket], extradata: bytes | None = None
) -> LumaArray | None:
    """Return the luma of one picture; None if it cannot be decoded.

    Args:
        pts: Of the picture; what comes after it in decoding order is not taken.
        coding_format: As for ``decoded``, as is the rest.
        packets: From a key frame on.
        extradata: Parameter sets, where they are not in the packets.
    """

    def needed() -> Iterator[CodedPacket]:
        for packet in packets:
            yield packet
            if packet.pts == pts:
                return

    pictures = decoded(coding_format, needed(), extradata)
    return next((luma_of(one)[0] for one in pictures if one.pts == pts), None)
