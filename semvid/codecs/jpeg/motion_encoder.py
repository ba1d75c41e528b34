"""Encodes prepared pictures of a Motion-JPEG on all cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, cast

from av.video.reformatter import ColorRange, Colorspace

from semvid.codecs.base.coding import PreparedFrame, Target
from semvid.codecs.base.side_data import SideDataKeeper
from semvid.codecs.jpeg.budget import Budget
from semvid.codecs.jpeg.choice import Counts
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.fixed_rate import LONGEST_GAP, FixedRate, choose_rate
from semvid.codecs.jpeg.planes import planes_of
from semvid.codecs.jpeg.tuning import Tuning
from semvid.codecs.jpeg.writer import insert_segments, with_pixel_aspect
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.threads import thread_budget
from semvid.media.alpha import Flattener
from semvid.media.colour import HDR_TRANSFERS, is_convertible, matrix_name
from semvid.media.fields import FIELD_ORDERS, field_order
from semvid.media.reading.packets import shown_frames
from semvid.media.side_data import display_matrix_of, side_data_bytes
from semvid.media.stills.picture_tags import PictureTags

if TYPE_CHECKING:
    from av import VideoFrame

_LAG = 16
"""Frames from one whose statistics are used to the one that uses them: so many may be in the making at once,
and files are the same whatever the number of cores."""


class JpegEncoder:
    """See ``Encoder``.

    Args:
        choice: How coefficients are chosen; may be changed between frames.
        tuning: What error means.
        budget: Sets the quality of every frame; None = that of ``choice``.
        first: The first frame.
        target: The stream.
        flattener: Prepared the pictures.
        most_pending: Frames of a live stream that may be in the making when ``encode`` returns, but always
            fewer than there are cores; None = it is none.
    """

    def __init__(
        self,
        choice: Choice,
        tuning: Tuning,
        budget: Budget | None,
        first: PreparedFrame,
        target: Target,
        flattener: Flattener,
        *,
        most_pending: int | None,
    ) -> None:
        self._flattener = flattener
        self.choice, self._tuning, self._budget = choice, tuning, budget
        threads = thread_budget()
        num_threads = threads.beside
        self._is_live = most_pending is not None
        self._most_pending = _LAG if most_pending is None else min(most_pending, num_threads - 1)
        suffix = target.suffix.lower()
        self._keeper = SideDataKeeper("mjpeg", suffix)
        self._keeper.begin(first.decoded, target.source.side_data if target.source else ())
        self.notices = self._keeper.notices
        self._aspect = target.sample_aspect_ratio
        self._counts: deque[Sequence[Counts]] = deque()
        self._pending: deque[tuple[VideoFrame, bytes, Future[tuple[bytes, Sequence[Counts]]]]] = deque()
        self._qualities = 0.0
        self._num_frames = 0
        self._pool = threads.pool("semvid-jpeg", num_threads)
        rate = target.frame_rate or Fraction(25)
        self._grid: FixedRate | None = None
        self._span = Fraction(0)
        self._start: Fraction | None = None
        self._last_jpeg = b""
        if suffix == ".avi" and target.source is not None:
            shown = shown_frames(target.source)
            times = shown.pts.tolist()
            self._span = (shown.end - times[0]) * target.source.time_base
            self._grid = FixedRate(choose_rate(times, target.source.time_base, rate))
            rate = self._grid.rate
        self.parameters = self._describe(first, target, rate)
        if self._is_live:
            # What a live stream does not keep is told when it begins, whatever its encoder.
            self.notices = []
        else:
            self.notices += _losses(first, suffix)

    def _describe(self, first: PreparedFrame, target: Target, rate: Fraction) -> StreamParameters:
        order = field_order(first.decoded)
        on_grid = self._grid is not None
        return StreamParameters(
            coding_format="mjpeg",
            time_base=1 / rate if on_grid else cast(Fraction, first.decoded.time_base),
            size=(first.picture.width, first.picture.height),
            pixel_format=first.picture.format.name,
            frame_rate=rate,
            color_range=ColorRange.JPEG,
            color_primaries=first.decoded.color_primaries,
            color_trc=first.decoded.color_trc,
            color_matrix=Colorspace.ITU601,
            field_order=0 if order is None else FIELD_ORDERS[order],
            sample_aspect_ratio=target.sample_aspect_ratio or None,
            display_matrix=None if on_grid else display_matrix_of(first.decoded),
            boxes=tuple(self._keeper.boxes),
            tags=self._keeper.tags,
        )

    @property
    def mean_quality(self) -> float:
        """Of all frames so far."""
        return self._qualities / self._num_frames if self._num_frames else self.choice.quality

    def encode(self, prepared: PreparedFrame) -> list[CodedPacket]:
        """See ``Encoder``."""
        self._keeper.look(prepared.decoded)
        if self._flattener.found:
            self._keeper.lose_transparency()
        packets = self._finish_one() if len(self._pending) == _LAG else []
        quality = self._budget.next_quality() if self._budget else self.choice.quality
        self._qualities += quality
        self._num_frames += 1
        known = self._counts.popleft() if self._counts else ()
        job = partial(_code, prepared, self._tuning, replace(self.choice, quality=quality), known)
        icc = next((data for name, data in side_data_bytes(prepared.decoded) if name == "ICC_PROFILE"), b"")
        self._pending.append((prepared.picture, icc, self._pool.submit(job)))
        while len(self._pending) > self._most_pending:
            packets += self._finish_one()
        return packets

    def flush(self, *, is_end: bool = True) -> list[CodedPacket]:
        """See ``Encoder``."""
        packets = []
        while self._pending:
            packets += self._finish_one()
        if self._grid is not None:
            before = self._grid.last_index
            index = self._grid.end((self._start or 0) + self._span)
            if index is not None:
                packets += self._on_grid(self._last_jpeg, before, index)
            self.notices += self._grid.notices
        return packets

    def close(self) -> None:
        """See ``Encoder``."""
        self._pool.shutdown(cancel_futures=True)

    def _finish_one(self) -> list[CodedPacket]:
        picture, icc, future = self._pending.popleft()
        jpeg, counts = future.result()
        if not self._is_live:
            # Live, what is in the making differs with the cores.
            self._counts.append(counts)
        if self._budget:
            self._budget.spend(len(jpeg))
        if self._aspect:
            jpeg = with_pixel_aspect(jpeg, self._aspect)
        jpeg = insert_segments(jpeg, PictureTags(icc=icc))
        time_base = cast(Fraction, picture.time_base)
        if self._grid is None:
            return [self._packet(jpeg, picture.pts or 0, time_base, picture.duration)]
        seconds = (picture.pts or 0) * time_base
        self._start = seconds if self._start is None else self._start
        before, index = self._grid.last_index, self._grid.place(seconds)
        if index is None:
            return []
        packets = self._on_grid(self._last_jpeg, before, index - 1) if index - before > LONGEST_GAP else []
        self._last_jpeg = jpeg
        return [*packets, self._packet(jpeg, index, 1 / self._grid.rate)]

    def _on_grid(self, jpeg: bytes, before: int, last: int) -> list[CodedPacket]:
        """Repeat a frame at ``last``, and on the way there where it is too far for the muxer to fill."""
        assert self._grid is not None  # noqa: S101 - only called with one
        places = [*range(before + LONGEST_GAP, last, LONGEST_GAP), last]
        return [self._packet(jpeg, one, 1 / self._grid.rate) for one in places]

    def _packet(self, jpeg: bytes, pts: int, time_base: Fraction, duration: int = 0) -> CodedPacket:
        return CodedPacket(jpeg, "mjpeg", pts, pts, duration, is_keyframe=True, time_base=time_base)


def _losses(first: PreparedFrame, suffix: str) -> Iterator[str]:
    """Name what becomes of colours and samples."""
    decoded, coded = first.decoded, first.picture.format.name
    if decoded.format.components[0].bits > 8:
        yield f"mjpeg has 8 bits per sample; {decoded.format.name} is rounded"
    if not decoded.format.name.startswith((coded[:7], coded[:7].replace("j", ""), "gray")):
        yield f"mjpeg does not code {decoded.format.name}; converted to {coded}"
    if not is_convertible(decoded):
        yield (
            f"colours coded as {matrix_name(decoded.colorspace)} are not converted, and come out wrong; "
            "use `codec=x264`, which keeps them as they are"
        )
    if suffix == ".avi" and decoded.color_trc in HDR_TRANSFERS:
        yield "mjpeg in .avi cannot say that its colours are HDR; write to .mov or .mkv"


def _code(
    prepared: PreparedFrame, tuning: Tuning, choice: Choice, known: Sequence[Counts]
) -> tuple[bytes, Sequence[Counts]]:
    coder = PictureCoder(planes_of(prepared.picture), prepared.importance, tuning)
    return coder.encode(choice, known), coder.counts
