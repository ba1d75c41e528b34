"""Encodes pictures with the options of a run but without the map, for comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av

from semvid.codecs.ffmpeg.encoder import VideoEncoder
from semvid.codecs.ffmpeg.option_text import without
from semvid.codecs.ffmpeg.option_trial import FILES, RATES
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket
from semvid.core.luma import LumaArray, luma_of
from semvid.core.types import Frame
from semvid.media.writing.video_track import bare_packet

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext


def code_plain(
    spec: EncoderSpec,
    options: Mapping[str, str],
    crf: float,
    pictures: Sequence[VideoFrame],
    wanted: Collection[int],
    *,
    codes_fields: bool,
) -> dict[int, LumaArray]:
    """Return the luma of decoded pictures, by ``pts``.

    Args:
        spec: The encoder.
        options: Of the run; rates and files are left out.
        crf: To code at.
        pictures: In the coded format, with all that the encoder may look ahead at.
        wanted: ``pts`` of those to return; coding ends with the last of them.
        codes_fields: Interlaced video is coded as such.
    """
    options = without(options, spec.nested_options, RATES | FILES | {"crf"})
    # Encoders of several threads would code pictures after the last wanted one that nobody takes.
    options |= {"crf": f"{crf:g}", "threads": "1"}
    first = Frame(pictures[0], 0)
    preparer = FramePreparer(spec, crf, first, codes_fields=codes_fields, minds_alpha=True)
    encoder = VideoEncoder(
        spec,
        options,
        preparer,
        first=pictures[0],
        frame_rate=Fraction(25),
        sample_aspect_ratio=None,
        suffix="",
    )

    def packets() -> Iterable[CodedPacket]:
        for index, picture in enumerate(pictures):
            yield from encoder.encode(preparer.prepare(Frame(picture, index), None))
        yield from encoder.flush()

    return decode_luma(spec, None, packets(), wanted)


def decode_luma(
    spec: EncoderSpec, extradata: bytes | None, packets: Iterable[CodedPacket], wanted: Collection[int]
) -> dict[int, LumaArray]:
    """Decode packets until all wanted pictures are there, or no packet is left.

    Args:
        spec: The encoder they are from.
        extradata: Its parameters, where they are not in the packets.
        packets: From a key frame on.
        wanted: ``pts`` of pictures.
    """
    decoder = cast("VideoCodecContext", av.VideoCodecContext.create(spec.coding_format, "r"))
    if extradata:
        decoder.extradata = extradata
    decoder.thread_count = 1
    left = set(wanted)
    found: dict[int, LumaArray] = {}

    def take(decoded: Iterable[VideoFrame]) -> None:
        for picture in decoded:
            if picture.pts in left:
                left.remove(picture.pts)
                found[picture.pts] = luma_of(picture)[0].copy()

    for packet in packets:
        left_to_come = left - {packet.pts}
        take(decoder.decode(bare_packet(packet)))
        if packet.pts in wanted and not left_to_come - set(found):
            break
    take(decoder.decode(None))
    return found
