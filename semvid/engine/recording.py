"""What came out of an encoder, frame by frame, kept in memory to be written without encoding again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semvid.codecs.base.coding import PreparedFrame
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.errors import InputError
from semvid.core.events import Notice
from semvid.core.records import dataclass
from semvid.core.types import AnalysedFrame, PredictedBits
from semvid.engine.encoding import Encoded
from semvid.engine.stages import Items


@dataclass(frozen=True, slots=True)
class CodedStep:
    """What came of one frame that went into the encoder, or of emptying it."""

    pts: int | None
    """Of the frame; None = the encoder was emptied."""
    notices: tuple[str, ...]
    packets: tuple[CodedPacket, ...]
    predicted: PredictedBits | None


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of an encoder, without its pictures."""

    parameters: StreamParameters
    steps: Sequence[CodedStep]

    @property
    def packets(self) -> list[CodedPacket]:
        """All packets, in order of decoding."""
        return [packet for step in self.steps for packet in step.packets]

    def replay(self, items: Items) -> Items:
        """Do what ``Encoding.run`` did, for the same frames as they come from the analysis.

        It works once: FFmpeg's packets are empty when they are written.

        Raises:
            InputError: They are others.
        """
        steps, is_begun = iter(self.steps), False
        for item in items:
            if isinstance(item, AnalysedFrame):
                picture = item.frame.picture
                if not is_begun:
                    # Not before: packets of other streams that came first are known when a file begins.
                    yield self.parameters
                is_begun = True
                step = _next(steps, picture.pts)
                yield from map(Notice, step.notices)
                yield Encoded(PreparedFrame(picture, picture, predicted=step.predicted), [*step.packets])
            else:
                yield item
        end = _next(steps, None)
        yield from map(Notice, end.notices)
        yield Encoded(None, [*end.packets])


def _next(steps: Iterator[CodedStep], pts: int | None) -> CodedStep:
    step = next(steps, None)
    if step is None or step.pts != pts:
        raise InputError("the video has other frames than when parts of it were tried; try again")
    return step


class Recorder:
    """Makes a ``Recording`` of what ``Encoding.run`` yields."""

    def __init__(self) -> None:
        self._parameters: StreamParameters | None = None
        self._steps: list[CodedStep] = []
        self._notices: list[str] = []

    def note(self, item: Encoded | StreamParameters | Notice) -> None:
        """Take the next item."""
        if isinstance(item, StreamParameters):
            self._parameters = item
        elif isinstance(item, Notice):
            self._notices.append(item.message)
        else:
            frame = item.frame
            pts, predicted = (None, None) if frame is None else (frame.decoded.pts, frame.predicted)
            self._steps.append(CodedStep(pts, tuple(self._notices), tuple(item.packets), predicted))
            self._notices.clear()

    def recording(self) -> Recording:
        """Return what there is so far."""
        assert self._parameters is not None  # noqa: S101 - an encoder was open
        return Recording(self._parameters, tuple(self._steps))
