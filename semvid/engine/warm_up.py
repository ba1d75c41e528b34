"""How long before a part its maps have to be followed, to be those of the whole video."""

from __future__ import annotations

from fractions import Fraction

WARM_UP_SECONDS = Fraction(4)
"""Before a part, for what is remembered from frame to frame. With so much the maps differ from those of the
whole video by less than a fifth of what they flicker, or, where the network sees other frames than it does
there, by what it changes each time it looks; from the first cut on by nothing
(``examples/benchmark/spans.py``)."""
_CUT_SECONDS = Fraction(1)
"""Before what is known to be a cut: so that it is seen as one, or in case it is none after all."""
_SCENE_SECONDS = Fraction(12)
"""A scene that began so long before a part is followed from its beginning on, so that the network sees the
frames that it sees in the whole video."""


def warm_up_in_scene(scene_seconds: float, usual: Fraction) -> Fraction:
    """Return the seconds to warm up before a part, where it is known when its first scene began.

    Args:
        scene_seconds: How long before it, at least 0.
        usual: What suits where that is not known.
    """
    if not scene_seconds:
        return min(usual, _CUT_SECONDS)
    if scene_seconds > _SCENE_SECONDS:
        return usual
    return max(usual, Fraction(scene_seconds).limit_denominator(1000) + _CUT_SECONDS)
