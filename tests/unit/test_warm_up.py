from fractions import Fraction

import pytest

from semvid.engine.warm_up import WARM_UP_SECONDS, warm_up_in_scene


@pytest.mark.parametrize(
    ("scene_seconds", "warm_up"),
    # With the scene, from its beginning on, as long as before any part, and what began too long ago.
    [(0, 1), (5, 6), (2.5, 4), (12, 13), (13, 4)],
)
def test_a_part_warms_up_from_the_beginning_of_its_scene_on(scene_seconds, warm_up):
    assert warm_up_in_scene(scene_seconds, WARM_UP_SECONDS) == warm_up


def test_who_warms_up_less_does_so_at_a_cut_too():
    assert warm_up_in_scene(0, Fraction(1, 2)) == Fraction(1, 2)
