"""A codec as somebody would add one: FFmpeg's MPEG-4, which takes no map, from pictures blurred where they
do not matter. ``TOY`` and a line in the registry is all that there is to it.
"""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction

import av
import cv2
import numpy as np

from semvid.codecs.base.codec import QualityScale, refuse_preset
from semvid.codecs.base.coding import PreparedFrame, Target
from semvid.codecs.base.rates import check_kind
from semvid.codecs.base.self_test import RATE, compare_halves
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.rate import Crf
from semvid.core.types import AnalysedFrame, Frame

_HEADER_STARTS = (b"\0\0\1\xb0", b"\0\0\1\xb6")


class ToyCodec:
    name, also_called, library, packages, coding_format = "toy", ("mpeg4",), "mpeg4", ("av",), "mpeg4"
    scale = QualityScale(2, 31, 5, takes_fractions=False, steps_per_octave=4.0)
    obedient_presets, default_preset, takes_offsets, not_live = (), "", False, None
    has_two_passes = takes_peak = leaves_out_losing_maps = False
    quick_pair = None
    needs_pre_roll = False

    def is_fast(self, preset):
        return False

    def softening(self, allocation):
        return 0.0

    def steers(self, config):
        return config.allocation.strength > 0

    def elementary(self, key_frame):
        return "m4v", key_frame

    def describe_key_frame(self, key_frame):
        start, end = (key_frame.find(one) for one in _HEADER_STARTS)
        return key_frame[start:end] if 0 <= start < end else b""

    def coding(self, config, part=None):
        check_kind(config.rate or Crf(5), (Crf,), self.name)
        return ToyCoding((config.rate or Crf(5)).value, config.allocation.strength)

    def live_presets(self, options):
        refuse_preset(self.name, options)
        return ()

    def load_live(self):
        pass

    def live_coding(self, options, allocation):
        return ToyCoding(8, allocation.strength)

    def self_test(self):
        return compare_halves(self.name, self.library, _code_halves)


class ToyCoding:
    name = coding_format = "mpeg4"
    keeps_region = False

    def __init__(self, quality, strength):
        self.name, self.quality, self.strength = "toy", quality, strength

    def codes_fields(self, picture):
        return False

    def prepare(self, analysed):
        samples = analysed.frame.picture.to_ndarray(format="yuv420p")
        height = analysed.frame.picture.height
        if analysed.importance is not None and self.strength > 0:
            luma = samples[:height]
            matters = cv2.resize(np.ascontiguousarray(analysed.importance), luma.shape[::-1])
            blurred = cv2.GaussianBlur(luma, (0, 0), 2)
            samples[:height] = np.rint(blurred + matters * (luma.astype(np.float32) - blurred))
        picture = av.VideoFrame.from_ndarray(samples, format="yuv420p")
        picture.pts, picture.time_base = analysed.frame.picture.pts, analysed.frame.picture.time_base
        return PreparedFrame(analysed.frame.picture, picture)

    def open(self, first, target):
        return ToyEncoder(first.picture, target, self.quality)

    def reweigh(self, allocation):
        self.strength = allocation.strength


class ToyEncoder:
    def __init__(self, first, target, quality):
        self.notices = []
        self._codec = codec = av.CodecContext.create("mpeg4", "w")
        codec.width, codec.height, codec.pix_fmt = first.width, first.height, "yuv420p"
        # MPEG-4 has 16 bits for a time base.
        codec.time_base = codec.framerate = (target.frame_rate or Fraction(25)).limit_denominator(1000)
        codec.time_base, codec.gop_size = 1 / codec.framerate, 12
        codec.options = {"qmin": f"{quality:g}", "qmax": f"{quality:g}"}
        if target.suffix:
            codec.flags |= av.codec.context.Flags.global_header
        codec.open()
        self.parameters = StreamParameters(
            "mpeg4", first.time_base, size=(first.width, first.height), pixel_format="yuv420p",
            frame_rate=codec.framerate, extradata=codec.extradata,
        )  # fmt: skip
        self._pts = []

    def encode(self, prepared):
        picture = prepared.picture
        self._pts.append(picture.pts)
        picture.pts, picture.time_base = len(self._pts) - 1, self._codec.time_base
        return self._coded(self._codec.encode(picture))

    def flush(self, *, is_end=True):
        return self._coded(self._codec.encode(None))

    def _coded(self, packets):
        return [
            CodedPacket(
                bytes(one), "mpeg4", self._pts[one.pts], self._pts[one.pts], 0, one.is_keyframe,
                self.parameters.time_base,
            )
            for one in packets
        ]  # fmt: skip

    def close(self):
        pass


def _code_halves(frames: list[Frame], mark: bool):
    height, width = frames[0].luma.shape
    importance = np.zeros((height, width), np.float32)
    importance[:, : width // 2] = 1
    coding = ToyCoding(5, 1.0)
    prepared = [coding.prepare(AnalysedFrame(one, importance if mark else None, False)) for one in frames]
    with closing(coding.open(prepared[0], Target(RATE, suffix=".mkv"))) as encoder:
        packets = [one for picture in prepared for one in encoder.encode(picture)]
        return encoder.parameters, packets + encoder.flush()


TOY = ToyCodec()
