"""Everything a run learns from, with the labels its recipe wants."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from semvid.core.errors import ConfigError
from semvid.models.training.cutting import cut_out
from semvid.models.training.gating import CLASS_GROUPS, GATED, GATED_FIXATION, gated
from semvid.models.training.gaze import gaze_label
from semvid.models.training.pack import Cutout, Example, Pack, load_pack
from semvid.models.training.second_pack import Foregrounds, digest, load_foregrounds, load_photographs
from semvid.models.training.taught import TAUGHT, load_frames
from semvid.models.training.text_labels import words_label


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the material lies.

    Attributes:
        pack: Folder of the training pack.
        more: Folder of the second pack.
        cache: Folder that ``gaze``, ``foreground`` and ``text_labels`` filled; without it only people tell
            where people look.
    """

    pack: Path
    more: Path | None = None
    cache: Path | None = None


def load_materials(sources: Sources, labels: str, *, open_terms_only: bool) -> Pack:
    """Load the pack, its labels as they are or sharpened.

    Args:
        sources: ``gated`` and ``taught`` labels need all of them.
        labels: ``pack``, ``gated``, or ``taught``, which adds frames of clips, and text in the world.
        open_terms_only: Learn only from what may be redistributed.

    Raises:
        ConfigError: A folder is missing, or empty.
    """
    pack = load_pack(sources.pack, open_terms_only=open_terms_only)
    if labels == "pack":
        return pack
    sharper = _sharper(pack, sources, open_terms_only=open_terms_only)
    return sharper if labels == "gated" else _taught(sharper, sources.cache)


def _sharper(pack: Pack, sources: Sources, *, open_terms_only: bool) -> Pack:
    if sources.more is None:
        raise ConfigError("gated labels need the second pack; give its folder too")
    foregrounds, cache = load_foregrounds(sources.more), sources.cache
    cutouts = [one for example in pack.examples for one in _cut(example, foregrounds)]
    joined = hashlib.sha256(f"{pack.digest} {digest(sources.more)}".encode()).hexdigest()
    return Pack(
        [_sharpened(one, foregrounds, cache) for one in pack.examples],
        [*pack.cutouts, *cutouts],
        [*pack.fixations, *([] if open_terms_only else load_photographs(sources.more))],
        joined,
    )


def _taught(pack: Pack, cache: Path | None) -> Pack:
    """Add frames of clips, and where there are words; nothing of what is validated with changes."""
    frames = load_frames(cache) if cache else []
    if cache is None or not frames:
        raise ConfigError(f"{cache} holds no frames of clips; run semvid.models.training.foreground first")
    examples = [
        replace(one, words=words_label(one, cache)) if one.split == "train" else one
        for one in (*pack.examples, *frames)
    ]
    found = [one.words for one in examples if one.words is not None]
    if not found:
        raise ConfigError(f"{cache} holds no words; run semvid.models.training.text_labels first")
    digest = hashlib.sha256(pack.digest.encode())
    for label in (*(one.labels for one in frames), *found):
        digest.update(label.tobytes())
    return replace(pack, examples=examples, digest=digest.hexdigest())


def _cut(example: Example, foregrounds: Foregrounds) -> list[Cutout]:
    foreground = foregrounds.get(Path(example.name).stem)
    return [] if foreground is None or example.split != "train" else cut_out(example, foreground)


def _sharpened(example: Example, foregrounds: Foregrounds, cache: Path | None) -> Example:
    if example.split == "heldout":
        return example
    # Networks are not scored by what other networks say.
    gaze = gaze_label(example, cache if example.split == "train" else None)
    foreground = foregrounds.get(Path(example.name).stem)
    sharper = example if foreground is None else gated(example, foreground)
    return replace(sharper, gaze=gaze)


def describe(pack: Pack) -> dict[str, int]:
    """Count what there is, for the log."""
    return {
        "examples": len(pack.examples),
        "gated": sum(one.salient_from == GATED for one in pack.examples),
        "gated_by_gaze": sum(one.salient_from == GATED_FIXATION for one in pack.examples),
        "with_gaze": sum(one.gaze is not None for one in pack.examples),
        "frames_of_clips": sum(one.salient_from == TAUGHT for one in pack.examples),
        "looked_for_words": sum(one.words is not None for one in pack.examples),
        "photographs": len(pack.fixations),
        **{f"{group}_cutouts": sum(one.group == group for one in pack.cutouts) for group in CLASS_GROUPS},
    }
