"""How much better what matters is in one encode of parts of a video than in another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

import numpy as np

from semvid.core.config import CompressConfig
from semvid.core.errors import EncoderError
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame
from semvid.engine.part_frames import add_parts, trial_frames
from semvid.engine.ruler import weights_of
from semvid.engine.trials import PartsTrial, Trials
from semvid.scores.parts import PartScores
from semvid.scores.weighted import IMPORTANT, psnr, squared_error


def region_gain(
    trials: Trials, config: CompressConfig, mapped: PartsTrial, plain: PartsTrial
) -> float | None:
    """Return by how many dB the PSNR of what matters is higher in one trial than in the other.

    Both are decoded beside the source, so none of the three is kept.

    Args:
        trials: The parts; their maps are made.
        config: How they were encoded.
        mapped: One trial.
        plain: The other.

    Returns:
        None if nothing matters.
    """
    with ExitStack() as stack:
        versions = [stack.enter_context(closing(trial_frames(one.parts))) for one in (mapped, plain)]
        beside = _Beside(versions)
        add_parts(beside, trials, config)
    scores = np.array(beside.scores).reshape(-1, 2)
    weights = weights_of(trials.samples, trials.num_frames)
    found = PartScores(scores[:, 0] - scores[:, 1], None, beside.parts)
    gain = found.mean(found.target, weights)
    return None if np.isnan(gain) else gain


class _Beside:
    """Scores two versions of each frame that it gets."""

    def __init__(self, versions: Sequence[Iterator[Iterator[Frame]]]) -> None:
        self._versions = versions
        self._frames: list[Iterator[Frame]] = []
        self.scores: list[list[float]] = []
        self.parts: list[int] = []

    def add(self, frame: Frame, importance: FloatArray | None, part: int, *, is_counted: bool = True) -> None:
        """See ``PartScorer``."""
        if part not in self.parts[-1:]:
            self._frames = [next(one) for one in self._versions]
        tests = [next(one, None) for one in self._frames]
        found = [np.nan, np.nan]
        if is_counted and importance is not None:
            area = (stretched(importance, *frame.luma.shape) > IMPORTANT).astype(np.float32)
            if area.any():
                found = [psnr(squared_error(frame, _there(one)), area) for one in tests]
        self.scores.append(found)
        self.parts.append(part)

    def finish(self) -> None:
        """See ``PartScorer``."""


def _there(frame: Frame | None) -> Frame:
    if frame is None:
        raise EncoderError("an encode of parts has fewer frames than the source")
    return frame
