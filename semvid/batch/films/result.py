"""Sums up what came of the parts of a film."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from semvid.batch.films.losses import LOSSES


def sum_up(pieces: Sequence[Mapping[str, Any]], output_bytes: int) -> dict[str, Any]:
    """Return what a film came to, by what was noted of its parts.

    Args:
        pieces: Of each part: fields of ``Result``.
        output_bytes: Of the joined file.

    Returns:
        Fields of ``Result``. ``saving_error`` is the mean of the parts', as if all were off to the same side.
    """
    video_bytes = sum(one["video_bytes"] for one in pieces)
    num_frames = sum(one["num_frames"] for one in pieces)
    found: dict[str, Any] = {
        "num_frames": num_frames,
        "duration_seconds": sum(one["duration_seconds"] for one in pieces),
        "video_bytes": video_bytes,
        "quality": sum(one["quality"] * one["num_frames"] for one in pieces) / max(num_frames, 1),
        "num_missing_frames": sum(one["num_missing_frames"] for one in pieces),
        "is_input_damaged": any(one["is_input_damaged"] for one in pieces),
        "map_left_out": all(one["map_left_out"] for one in pieces),
        LOSSES: list(dict.fromkeys(loss for one in pieces for loss in one[LOSSES])),
        "plain_bytes": None, "plain_bytes_estimate": None, "saving": None, "saving_error": None,
    }  # fmt: skip
    if all(one["saving"] is not None for one in pieces):
        plains = [_plain_video_bytes(one) for one in pieces]
        plain_bytes = output_bytes - video_bytes + sum(plains)
        is_measured = all(one["plain_bytes"] is not None for one in pieces)
        found["plain_bytes" if is_measured else "plain_bytes_estimate"] = plain_bytes
        found["saving"] = 1 - output_bytes / plain_bytes
        errors = sum(one["saving_error"] * plain for one, plain in zip(pieces, plains, strict=True))
        found["saving_error"] = errors / max(sum(plains), 1)
    return found


def _plain_video_bytes(piece: Mapping[str, Any]) -> int:
    """Return how large the picture of a part would be without a map."""
    compared = piece["plain_bytes"] or piece["plain_bytes_estimate"]
    return int(compared - (piece["output_bytes"] - piece["video_bytes"]))
