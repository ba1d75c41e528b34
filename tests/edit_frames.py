"""Frames for tests of edits that stay where they are."""

import numpy as np

from semvid.core.geometry import motion_grid

SIZE = (240, 136)


class Shown:
    """What is asked of a frame.

    Args:
        pts: When it is shown.
        scene: Frames of one scene look the same.
    """

    def __init__(self, pts, scene):
        texture = np.random.default_rng(scene).integers(0, 256, (40, 60)).repeat(4, 0).repeat(5, 1)
        rows, cols = motion_grid(*SIZE)
        self.pts, self.upright_size = pts, SIZE
        self.thumbnail = np.ascontiguousarray(texture[: 2 * rows, : 2 * cols].astype(np.uint8))

    def rgb(self, size):
        raise AssertionError("nothing follows")


def no_network():
    """Stand for the network of edits that follow."""
    raise AssertionError("nothing follows")
