"""Checks during an encode whether the encoder follows the map.

If a decoder gives the quantizers, they are compared with the requested ones (``quantizers.py``): those of
VP9 in all pictures but key frames, which ignore maps, and those of x264 while it does not look ahead, in
live streams. Otherwise the error of a key frame is examined (``distortion.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from av.error import FFmpegError

from semvid.codecs.ffmpeg.distortion import LEAST_SHARE, Excerpt, share_in_error
from semvid.codecs.ffmpeg.quantizers import share_in_quantizers
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket
from semvid.core.errors import SemvidError
from semvid.core.types import QuantizerOffsets

if TYPE_CHECKING:
    from av import VideoFrame

_MOST_PICTURES = 300
"""Asked for until the watch ends without a verdict."""
_MOST_PACKETS = 96
"""Kept from one key frame on."""
_MOST_AHEAD = 128
"""Pictures kept until the encoder gives out the first of them."""
_ENOUGH = 4
"""Pictures whose quantizers are read at first; twice as many each time they do not say."""
_LEAST_SPREAD = 0.8
"""Standard deviation of the offsets of a picture that counts, in QP steps."""

Work = Callable[[], "float | None"]
"""Finds the share of the offsets that is in the pictures; it may take a while, on any thread."""


class MapWatch:
    """Compares the first pictures with the map.

    Args:
        spec: The encoder.
        options: Of the run.
        crf: That offsets are scaled for.
        extradata: The encoder's parameters, where they are not in the packets.
        remedy: What to do if the encoder does not follow.
        codes_fields: Interlaced video is coded as such.
        is_live: Every picture comes out as it goes in.

    Attributes:
        is_over: The check has ended.
        encodes: It codes pictures again, for which the encoder should not have to wait.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        options: Mapping[str, str],
        crf: float,
        extradata: bytes | None,
        remedy: str,
        *,
        codes_fields: bool = False,
        is_live: bool = False,
    ) -> None:
        self._remedy = remedy
        self._is_busy = self.is_over = False
        self._num_asked = self._num_misses = 0
        self._evidence: _Quantizers | _KeyFrames | _LiveKeyFrames
        self.encodes = spec.quantizers is None or (spec.quantizers.only_live and not is_live)
        if spec.quantizers is not None and not self.encodes:
            self._evidence = _Quantizers(partial(share_in_quantizers, spec, spec.quantizers, crf, extradata))
        else:
            judge = partial(share_in_error, spec, options, extradata, codes_fields=codes_fields)
            self._evidence = _LiveKeyFrames(judge) if is_live else _KeyFrames(judge)

    def ask(self, picture: VideoFrame, offsets: QuantizerOffsets) -> None:
        """Note what a picture is asked for, before it is encoded."""
        self._num_asked += 1
        if not self.is_over and not self._is_busy:
            self._evidence.ask(picture, offsets)

    def look(self, packets: list[CodedPacket], *, is_last: bool = False) -> Work | None:
        """Look at packets as they come from the encoder.

        Args:
            packets: In their order.
            is_last: No more will come.

        Returns:
            What to do next, and to ``conclude`` from, if they are enough for that.
        """
        if self.is_over or self._is_busy:
            return None
        work = self._evidence.look(packets, is_last=is_last)
        self._is_busy = work is not None
        self.is_over = is_last or (work is None and self._num_asked >= _MOST_PICTURES)
        return None if work is None else partial(_safely, work)

    def conclude(self, share: float | None) -> str | None:
        """Return a sentence, once, if the encoder does not follow the map."""
        self._is_busy = False
        # Far below zero it is no map that was left out: the pictures are of a kind that tells nothing.
        if share is None or share < -LEAST_SHARE:
            return None
        self._num_misses += share < LEAST_SHARE
        if share < LEAST_SHARE and self._num_misses < self._evidence.num_misses_needed:
            return None
        self.is_over = True
        if share >= LEAST_SHARE:
            return None
        return (
            f"the encoder did not follow the map: the first pictures show {max(share, 0):.0%} of the "
            f"requested offsets, so the result is close to a plain encode; {self._remedy}"
        )


def _safely(work: Work) -> float | None:
    """What cannot be coded or decoded here the check of the finished file will tell."""
    try:
        return work()
    except (FFmpegError, SemvidError):
        return None


class _Quantizers:
    """Waits for pictures whose quantizers a decoder tells."""

    num_misses_needed = 2
    """Looks that must find too little before anybody is told: a false alarm is worse than none."""

    def __init__(self, judge: Callable[..., float | None]) -> None:
        self._judge = judge
        self._asked: dict[int | None, QuantizerOffsets] = {}
        self._packets: list[CodedPacket] = []
        self._telling: dict[int | None, QuantizerOffsets] = {}
        self._enough = _ENOUGH

    def ask(self, picture: VideoFrame, offsets: QuantizerOffsets) -> None:
        self._asked[picture.pts] = offsets

    def look(self, packets: list[CodedPacket], *, is_last: bool) -> Work | None:
        for packet in packets:
            offsets = self._asked.pop(packet.pts, None)
            if packet.is_keyframe or len(self._packets) >= _MOST_PACKETS:
                self._packets, self._telling = [], {}
            elif self._packets and offsets is not None and is_spread(offsets):
                self._telling[packet.pts] = offsets
            if packet.is_keyframe or self._packets:
                self._packets.append(packet)
        if not self._telling or (len(self._telling) < self._enough and not is_last):
            return None
        self._enough *= 2
        return partial(self._judge, self._packets.copy(), self._telling.copy())


class _KeyFrames:
    """Waits for a key frame, with what the encoder saw until it gave it out."""

    num_misses_needed = 1

    def __init__(self, judge: Callable[[Excerpt, CodedPacket], float | None]) -> None:
        self._judge = judge
        self._excerpt: Excerpt | None = None
        self._has_begun = False

    def ask(self, picture: VideoFrame, offsets: QuantizerOffsets) -> None:
        # Where else a key frame comes is the encoder's secret until it comes.
        if offsets.is_cut or not self._has_begun:
            self._excerpt = Excerpt.begin(picture, offsets) if is_spread(offsets) else None
        elif self._excerpt is not None:
            self._excerpt.add(picture)
        self._has_begun = True
        if self._excerpt is not None and len(self._excerpt.pictures) >= _MOST_AHEAD:
            self._excerpt = None

    def look(self, packets: list[CodedPacket], *, is_last: bool) -> Work | None:
        for packet in packets:
            excerpt = self._excerpt
            if excerpt is None or packet.pts != excerpt.pictures[0].pts:
                continue
            self._excerpt = None
            if packet.is_keyframe:
                return partial(self._judge, excerpt, packet)
        return None


class _LiveKeyFrames:
    """Waits for a key frame of an encoder that gives out every picture at once: none is kept longer."""

    num_misses_needed = 1

    def __init__(self, judge: Callable[[Excerpt, CodedPacket], float | None]) -> None:
        self._judge = judge
        self._newest: tuple[VideoFrame, QuantizerOffsets] | None = None

    def ask(self, picture: VideoFrame, offsets: QuantizerOffsets) -> None:
        self._newest = picture, offsets

    def look(self, packets: list[CodedPacket], *, is_last: bool) -> Work | None:
        newest, self._newest = self._newest, None
        for packet in packets:
            if newest is not None and packet.is_keyframe and packet.pts == newest[0].pts:
                return partial(self._share, *newest, packet) if is_spread(newest[1]) else None
        return None

    def _share(self, picture: VideoFrame, offsets: QuantizerOffsets, packet: CodedPacket) -> float | None:
        excerpt = Excerpt.begin(picture, offsets)
        return None if excerpt is None else self._judge(excerpt, packet)


def is_spread(offsets: QuantizerOffsets) -> bool:
    """Tell whether offsets differ so much that it shows whether they are followed."""
    return float(offsets.values.std()) >= _LEAST_SPREAD
