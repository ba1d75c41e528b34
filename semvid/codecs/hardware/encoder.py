"""A hardware encoder of FFmpeg: told its quality in its own options, given pictures in its own formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import av
from av.codec.hwaccel import HWAccel

from semvid.codecs.base.coding import Target
from semvid.codecs.ffmpeg.encoder import VideoEncoder
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.hardware.spec import HardwareSpec
from semvid.core.coded import CodedPacket
from semvid.core.conversion import Colours, converted
from semvid.core.errors import EncoderError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.codeccontext import VideoCodecContext


class HardwareEncoder(VideoEncoder):
    """One video in the making; see ``VideoEncoder``.

    Args:
        spec: The encoder.
        options: From ``spec.options``.
        preparer: Knows the coded format; it makes the pictures that ``encode`` takes.
        first: First frame, as decoded.
        target: The stream.

    Raises:
        EncoderError: It cannot be used.
    """

    def __init__(
        self,
        spec: HardwareSpec,
        options: Mapping[str, str],
        preparer: FramePreparer,
        *,
        first: VideoFrame,
        target: Target,
    ) -> None:
        self._device = spec.family.device
        self._handed_as = spec.handed_as[preparer.pixel_format]
        self._colours = Colours(preparer.color_matrix, preparer.color_range)
        others = {key: value for key, value in options.items() if key != "crf"}
        told = {**spec.quality(float(options["crf"])), **others}
        VideoEncoder.__init__(self, spec, told, preparer, first=first, target=target)

    def _create(self) -> VideoCodecContext:
        if self._device is None:
            return VideoEncoder._create(self)
        try:
            made = av.CodecContext.create(self._spec.library, "w", hwaccel=HWAccel(self._device))
        except (av.FFmpegError, NotImplementedError) as error:
            raise EncoderError(
                f"{self._spec.library} finds no {self._device} device ({error}); see 'semvid doctor'"
            ) from error
        return cast("VideoCodecContext", made)

    def encode(self, picture: VideoFrame) -> list[CodedPacket]:
        """See ``VideoEncoder``."""
        # Left to itself PyAV would convert by what the format's name suggests.
        handed = converted(picture, self._handed_as, source=self._colours, target=self._colours)
        return VideoEncoder.encode(self, handed)
