"""Prepares pictures of a live source for the encoder: progressive, upright, of one size, not too many."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from semvid.core.coded import TIME_BASE
from semvid.core.config import LiveConfig
from semvid.core.luma import luma_of
from semvid.core.types import Frame
from semvid.media.fields import DEINTERLACED, WOVEN, Deinterlacer
from semvid.media.reading.steady import Steadier
from semvid.streaming.capture.fit import Fitter, Thinner

if TYPE_CHECKING:
    from av import VideoFrame


class Shaper:
    """Makes frames of pictures.

    Args:
        config: ``size``, ``frame_rate`` and ``deinterlace`` are used.

    Attributes:
        aspect: Width of a pixel by its height as the source says; None = square or unknown.
    """

    def __init__(self, config: LiveConfig) -> None:
        self.aspect: Fraction | None = None
        self._upright_aspect: Fraction | None = None
        self._thinner = Thinner(config.frame_rate)
        self._fitter = Fitter(config.size)
        self._is_scaled = config.size is not None
        self._steadier = Steadier()
        self._deinterlacer = None if config.deinterlace == "keep" else Deinterlacer()
        self._remarks: tuple[str, ...] = ()
        self._num_frames = 0

    @property
    def remarks(self) -> Sequence[str]:
        """What was changed about the pictures, in sentences."""
        return (*self._remarks, *self._steadier.changes)

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel by its height, in the frames; None = square or unknown."""
        return None if self._is_scaled else self._upright_aspect

    def progressive(self, pictures: Iterable[VideoFrame]) -> Generator[VideoFrame, None, None]:
        """Deinterlace, unless the config says ``keep``: players of live streams do not."""
        for picture in pictures:
            if picture.interlaced_frame and not self._remarks:
                done = DEINTERLACED if self._deinterlacer else WOVEN
                self._remarks = (f"the source is interlaced; {done}",)
            yield from self._deinterlacer.feed(picture) if self._deinterlacer else (picture,)
        if self._deinterlacer:
            yield from self._deinterlacer.flush()

    def shape(self, picture: VideoFrame, pts: int) -> Frame | None:
        """Make a frame; None = it is left out, to keep to the frame rate.

        Args:
            picture: As decoded, progressive.
            pts: When it is shown, in ``TIME_BASE``.
        """
        base, duration = picture.time_base, picture.duration
        if not self._thinner.takes(pts):
            return None
        picture.pts, picture.time_base = pts, TIME_BASE
        picture.duration = round(duration * base / TIME_BASE) if duration and base else 0
        is_on_its_side = self._fitter.turns.of(picture) % 2
        upright_aspect = 1 / self.aspect if self.aspect and is_on_its_side else self.aspect
        picture = self._fitter.fit(picture, upright_aspect)
        if not self._num_frames:
            self._upright_aspect = upright_aspect
        picture, _ = self._steadier.steady(picture, None if self._is_scaled else upright_aspect)
        frame = Frame(picture, self._num_frames, *luma_of(picture))
        self._num_frames += 1
        return frame
