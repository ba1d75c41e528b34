"""Checks whether the joined parts of a film are what was asked for, and says which need another quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from semvid.batch.films.rounds import Next, Round, decide
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import MissedError
from semvid.core.rate import Bitrate, ScoreWish, Size
from semvid.core.records import dataclass
from semvid.core.results import Trial
from semvid.engine.finding import scale_of, trial_of
from semvid.engine.plain_size import PlainSize
from semvid.engine.probe import plain_config
from semvid.engine.ruler import Measured
from semvid.engine.samples import CodedFrames
from semvid.engine.scored import ScoreOf
from semvid.engine.solution import Solution
from semvid.engine.wishes import Finished, Miss, OutputSize, VideoRate, Wish
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_frames


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about a joined film."""

    again: dict[str, Any] | None
    """What has to be noted of it before parts are encoded again; None = it is kept."""
    remark: str
    """What to tell of it; empty = it is as was asked for."""
    found: dict[str, Any]
    """Fields of ``Result``, and ``missed_by``, of one that is kept."""


def check_film(
    config: CompressConfig, state: Mapping[str, Any], pieces: Sequence[Mapping[str, Any]], output: Path
) -> Verdict:
    """Compare a joined film with what was asked for.

    Args:
        config: What was asked for.
        state: What was noted of the film: its ``solution``, the ``base`` and ``qualities`` of its parts, and
            ``rounds`` before.
        pieces: What came of each part.
        output: The joined file, complete.

    Raises:
        MissedError: What was asked for is out of reach.
    """
    solution = Solution.from_plain(state["solution"])
    trials = [asdict(one) for one in solution.trials]
    if not solution.slope:
        found: dict[str, Any] = {"map_left_out": solution.map_left_out, "trials": trials}
        if solution.map_left_out:
            is_sized = solution.gain_db is not None
            found |= {
                "plain_bytes": output.stat().st_size, "saving": None if is_sized else 0.0,
                "gain_db": solution.gain_db,
            }  # fmt: skip
        return Verdict(None, "", found)
    wish = _wish_of(config, solution)
    qualities = tuple(state["qualities"])
    miss = _miss(wish, pieces, qualities, output)
    rounds = [
        *(Round(**{**one, "qualities": tuple(one["qualities"])}) for one in state["rounds"]),
        Round(state["base"], qualities, miss.distance, miss.missed_by),
    ]
    codec = find_codec(config.codec)
    # Sizes add up by bytes, and scores by frames.
    kind = "num_frames" if isinstance(wish, ScoreOf) else "video_bytes"
    weights = [float(one[kind]) for one in pieces]
    trial = _trial(qualities, weights, pieces, miss)
    scale = scale_of(codec, solution.config)
    decided = decide(rounds, weights, scale, solution.slope, wish.tolerance)
    noted = [asdict(one) for one in rounds]
    if isinstance(decided, Next):
        again = {"rounds": noted, "base": decided.base, "qualities": list(decided.qualities)}
        return Verdict(again, wish.remark(trial), {})
    if not decided:
        is_at_end = trial.quality in {scale.lowest, scale.highest}
        message = wish.explain(trial) if is_at_end else wish.give_up(trial, len(rounds))
        raise MissedError(message, best=trial)
    found = {"missed_by": miss.missed_by, "rounds": noted, "trials": [*trials, asdict(trial)]}
    if isinstance(wish, PlainSize):
        other_bytes = miss.output_bytes - trial.video_bytes
        found |= {"plain_bytes": other_bytes + wish.plain_bytes, "gain_db": solution.gain_db}
    elif isinstance(wish, ScoreOf):
        found |= {
            "measure": wish.name, "score": miss.score, "rest_score": miss.rest,
            "num_scored": sum(one["num_measured"] for one in pieces),
        }  # fmt: skip
    return Verdict(None, "" if wish.tolerance.is_near(miss.missed_by) else wish.remark(trial), found)


def _wish_of(config: CompressConfig, solution: Solution) -> Wish:
    rate, others = config.rate, solution.other_bytes
    if isinstance(rate, ScoreWish):
        return ScoreOf(rate, Path(), others)
    if isinstance(rate, Size):
        return OutputSize(rate.num_bytes, others)
    if isinstance(rate, Bitrate):
        return VideoRate(rate.bits_per_second, solution.seconds, others)
    return PlainSize(plain_config(config), others, solution.beside)


def _miss(wish: Wish, pieces: Sequence[Mapping[str, Any]], qualities: Sequence[float], output: Path) -> Miss:
    output_bytes, video_bytes = output.stat().st_size, sum(one["video_bytes"] for one in pieces)
    if isinstance(wish, ScoreOf):
        measured = [Measured(**one["measured"]) for one in pieces]
        return wish.miss_of(Measured.of_parts(measured), output_bytes)
    if isinstance(wish, PlainSize):
        sizes = shown_frames(probe(output)).sizes.astype(np.float64)
        counts = [one["num_frames"] for one in pieces]
        return wish.miss_of(sizes, np.repeat(qualities, counts), video_bytes, output_bytes)
    nothing = CodedFrames.of_packets((), (), ())
    return wish.check(Finished(output, qualities[0], output_bytes, video_bytes, nothing))


def _trial(
    qualities: Sequence[float], weights: Sequence[float], pieces: Sequence[Mapping[str, Any]], miss: Miss
) -> Trial:
    mean = sum(a * b for a, b in zip(qualities, weights, strict=True)) / sum(weights)
    video_bytes, seconds = (sum(one[name] for one in pieces) for name in ("video_bytes", "seconds"))
    return trial_of(round(mean, 2), video_bytes, miss, seconds, is_whole=True)
