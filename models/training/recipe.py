"""The ways of training: with the pack's labels as they are, with sharper ones, or with clips and text too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from semvid.models.training.pack import Example

Size = tuple[int, int]
"""Width and height of a training picture, each ``32 m + 1``."""

_CHANNEL_WEIGHTS = {"person": 1.0, "face": 1.0, "animal": 1.0, "vehicle": 1.0, "object": 0.7, "text": 0.6,
                    "salient": 2.5}  # fmt: skip
_SOURCE_ODDS = {"caltech101": 0.6, "human_seg291": 2.0, "weizmann_horse": 1.5, "bsds500": 1.5, "camvid": 2.0,
                "sam2_gallery": 2.0, "wikipedia_photos": 2.0, "intel_sample_videos": 1.5}  # fmt: skip
"""Exact masks and whole scenes more, lone objects less."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything in which one way of training differs from the others."""

    channel_weights: Mapping[str, float]
    """How much each channel of the object head counts."""
    source_odds: Mapping[str, float]
    """How often a picture of a source is drawn, against 1."""
    soft_odds: float
    """Likewise, times this, where ``salient`` is what networks made, and not sharpened."""
    words_odds: float
    """Likewise, times this, where text in the world was found."""
    sizes: Mapping[str, Sequence[Size]]
    """For wide, square and tall pictures: what a batch may be made of."""
    closest: float
    """Smallest share of a picture's width that is shown."""
    paste_share: float
    """Share of pictures that things are pasted into."""
    most_pasted: int
    paste_heights: tuple[float, float]
    """Size of what is pasted, as a share of the picture's height."""
    crowd_share: float
    """Share of those in which they are many, small, and of one kind."""
    group_odds: Mapping[str, float]
    """How often a pasted thing is of a group; empty = as often as there are cut-outs."""
    longest_clip: int
    """Most frames that a picture is encoded with to get the marks of an encoder."""
    fixation_label_weight: float
    """Weight of ``salient`` where it is where people looked: that tells objects only roughly."""
    edge_weight: float
    """How much more a cell next to an outline counts."""
    does_hold: bool
    """Whether the learning rate stays high until the last part; else it falls from the start."""

    def odds(self, example: Example) -> float:
        """How often a picture is drawn, against 1."""
        is_soft = example.salient_from.startswith("teacher")
        has_words = example.words is not None and example.words[0].max() > 127
        odds = self.source_odds.get(example.source, 1.0) * (self.soft_odds if is_soft else 1)
        return odds * (self.words_odds if has_words else 1)


RECIPES = {
    "pack": Recipe(
        channel_weights=_CHANNEL_WEIGHTS,
        source_odds=_SOURCE_ODDS,
        soft_odds=1,
        words_odds=1,
        # The pack's pictures are at most 288 pixels wide.
        sizes={"wide": [(257, 193)], "square": [(225, 225)], "tall": [(193, 257)]},
        closest=0.55,
        paste_share=0.4,
        most_pasted=3,
        paste_heights=(0.15, 0.85),
        crowd_share=0,
        group_odds={},
        longest_clip=3,
        fixation_label_weight=0.6,
        edge_weight=0,
        does_hold=False,
    ),
    "gated": Recipe(
        # Faces are small, so that their outlines are most of them.
        channel_weights={**_CHANNEL_WEIGHTS, "face": 2.0},
        source_odds={**_SOURCE_ODDS, "osie": 1.5},
        # Two networks disagree about them.
        soft_odds=0.5,
        words_odds=1,
        sizes={
            "wide": [(321, 193), (321, 193), (257, 161), (353, 225)],
            "square": [(257, 257), (225, 225)],
            "tall": [(193, 321), (193, 257)],
        },
        closest=0.4,
        paste_share=0.45,
        most_pasted=4,
        paste_heights=(0.07, 0.75),
        crowd_share=0.15,
        group_odds={"person": 0.4, "animal": 0.25, "vehicle": 0.2, "object": 0.15},
        longest_clip=8,
        fixation_label_weight=0.3,
        edge_weight=5,
        does_hold=True,
    ),
}
RECIPES["taught"] = replace(
    RECIPES["gated"],
    # Frames of one clip are much alike, and synthetic ones are coarse.
    source_odds={**RECIPES["gated"].source_odds, "clip": 1.0, "synth": 0.7},
    words_odds=3,
)
"""By the name of the labels. ``pack`` made the weights of version 1."""
