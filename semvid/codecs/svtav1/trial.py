"""Tries the library in a process of its own: with a layout other than the known one it may crash.

Run as ``python -m semvid.codecs.svtav1.trial`` it writes a line that says what is wrong, or nothing.
"""

from __future__ import annotations

import sys
from typing import cast

import av

from semvid.codecs.base.self_test import RATE, gain_db, texture_frames
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.svtav1.library import load_library
from semvid.codecs.svtav1.live_rate import LiveRate
from semvid.codecs.svtav1.priority import kept_priorities
from semvid.codecs.svtav1.segments import Segments
from semvid.codecs.svtav1.session import Packet, Session
from semvid.core.errors import SemvidError
from semvid.core.luma import LumaArray, luma_of, plane_of
from semvid.core.types import Frame

_WIDTH, _HEIGHT, _NUM_FRAMES = 256, 128, 4
_CRF, _PRESET = "22", "10"
_COARSER = 80
"""Quantizer indices by which one half is coarser: the other half then leads by about 8 dB."""
_LEAST_LEAD_DB = 3.0
_FINE, _COARSE = 20, 50
_MOST_SHARE = 0.7
"""Of the bytes at the finer quantizer: less than half of it is usual."""
_PICTURE = {
    "width": str(_WIDTH), "height": str(_HEIGHT), "fps-num": str(RATE.numerator), "fps-denom": "1",
    "input-depth": "8", "preset": _PRESET,
}  # fmt: skip


def find_fault() -> str:
    """Encode a small texture in five ways; returns what is wrong, or nothing."""
    frames = texture_frames(_WIDTH, _HEIGHT, _NUM_FRAMES)
    plain = _encode(frames, None)
    if plain != _encode_by_ffmpeg(frames):
        return "without a map, its output differs from that of FFmpeg's wrapper"
    coarse_right = bytes(int(col >= 2) for row in range(2) for col in range(4))
    # Coarsest first.
    halves = Segments(2, 4, bytes(1 - one for one in coarse_right), (_COARSER, 0))
    source = [frame.luma for frame in frames]
    lead = gain_db(source, _decode(plain), _decode(_encode(frames, halves)))
    fine, coarse = (_num_bytes_at(frames, quantizer) for quantizer in (_FINE, _COARSE))
    if coarse > _MOST_SHARE * fine:
        return f"told a coarser quantizer it wrote {coarse} bytes, where a finer one took {fine}"
    if lead < _LEAST_LEAD_DB:
        return f"with a map, the half marked as finer gained {lead:.1f} dB, and {_LEAST_LEAD_DB:g} is needed"
    return ""


def _num_bytes_at(frames: list[Frame], quantizer: int) -> int:
    """Encode as live, where the quantizers are told with the pictures."""
    session = Session(load_library(), _PICTURE | {**AV1.low_delay, **LiveRate.PARAMETERS})
    num_bytes = 0
    for number, frame in enumerate(frames):
        session.send(_planes(frame), number, is_key=not number, segments=None, quantizer=quantizer)
        num_bytes += sum(len(one.data) for one in session.packets())
    session.close()
    return num_bytes


def _planes(frame: Frame) -> tuple[LumaArray, LumaArray, LumaArray]:
    return plane_of(frame.picture, 0), plane_of(frame.picture, 1), plane_of(frame.picture, 2)


def _encode(frames: list[Frame], segments: Segments | None) -> list[bytes]:
    session = Session(load_library(), _PICTURE | {"crf": _CRF})
    packets: list[Packet] = []
    for number, frame in enumerate(frames):
        session.send(_planes(frame), number, is_key=False, segments=None if number else segments)
        packets += session.packets()
    packets += session.packets(is_end=True)
    session.close()
    return [one.data for one in packets]


def _encode_by_ffmpeg(frames: list[Frame]) -> list[bytes]:
    encoder = av.CodecContext.create("libsvtav1", "w")
    encoder.width, encoder.height, encoder.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = 1 / RATE, RATE
    encoder.options = {"preset": _PRESET, "crf": _CRF}
    with kept_priorities():
        encoder.open()
    packets = [packet for frame in frames for packet in encoder.encode(frame.picture)]
    return [bytes(one) for one in [*packets, *encoder.encode(None)]]


def _decode(packets: list[bytes]) -> list[LumaArray]:
    decoder = cast("av.VideoCodecContext", av.CodecContext.create("libdav1d", "r"))
    pictures = [one for packet in packets for one in decoder.decode(av.Packet(packet))]
    return [luma_of(one)[0].copy() for one in [*pictures, *decoder.decode(None)]]


if __name__ == "__main__":
    try:
        fault = find_fault()
    except SemvidError as error:
        fault = str(error)
    sys.stdout.write(fault)
