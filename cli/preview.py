"""A small picture in the terminal, two pixels per character."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import ControlType, Segment

_UPPER_HALF_BLOCK = "▀"
_MOST_COLUMNS, _MOST_LINES = 64, 20
_FEWEST_COLUMNS, _FEWEST_LINES = 60, 8
_OTHER_LINES = 4
"""For the progress bar, the command line above it, and some space."""
_CUBE = np.array([0, 95, 135, 175, 215, 255])
"""Levels of the 6 x 6 x 6 cube in xterm's palette, which begins at number 16; 24 greys follow at 232."""


def preview_size(console: Console) -> tuple[int, int] | None:
    """Return ``(width, height)`` in pixels of the largest preview for this terminal; None = none fits."""
    can = (
        console.is_terminal
        # FORCE_COLOR makes Rich take anything for a terminal, but a file has no cursor to move.
        and console.file.isatty()
        and not (console.is_dumb_terminal or console.no_color or console.legacy_windows)
        and console.color_system in {"256", "truecolor"}
        and console.encoding.startswith("utf")
        and "CI" not in os.environ
    )
    lines = console.height - _OTHER_LINES
    if not can or console.width < _FEWEST_COLUMNS or lines < _FEWEST_LINES:
        return None
    return _MOST_COLUMNS if console.width > _MOST_COLUMNS else _FEWEST_COLUMNS - 1, 2 * min(
        lines, _MOST_LINES
    )


def half_blocks(picture: NDArray[np.uint8], *, has_true_color: bool) -> list[str]:
    """Draw a picture with half blocks and escape sequences.

    Args:
        picture: ``(h, w, 3)`` RGB.
        has_true_color: The terminal shows 24-bit colours; otherwise xterm's 256 colours are used.

    Returns:
        ``ceil(h / 2)`` lines of ``w`` characters; each ends by resetting the colours.
    """
    if len(picture) % 2:
        picture = np.vstack([picture, picture[-1:]])
    if has_true_color:
        codes = [[f"2;{r};{g};{b}" for r, g, b in row] for row in picture.tolist()]
    else:
        codes = [[f"5;{number}" for number in row] for row in _in_palette(picture).tolist()]
    return [
        "".join(
            f"\x1b[38;{upper};48;{lower}m{_UPPER_HALF_BLOCK}"
            for upper, lower in zip(above, below, strict=True)
        )
        + "\x1b[0m"
        for above, below in zip(codes[::2], codes[1::2], strict=True)
    ]


def _in_palette(picture: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the number of the nearest colour in the cube and the greys."""
    pixels = picture.astype(int)
    levels = np.abs(pixels[..., None] - _CUBE).argmin(-1)
    grey = np.clip(np.rint((pixels.mean(-1) - 8) / 10), 0, 23).astype(int)
    cube_error = np.square(pixels - _CUBE[levels]).sum(-1)
    grey_error = np.square(pixels - (8 + 10 * grey)[..., None]).sum(-1)
    nearest = np.where(grey_error < cube_error, 232 + grey, 16 + levels @ np.array([36, 6, 1]))
    return np.asarray(nearest, np.intp)


class PreviewPane:
    """Draws the current picture; nothing if there is none or the terminal has become too small.

    Attributes:
        picture: ``(h, w, 3)`` RGB, or None.
    """

    def __init__(self) -> None:
        self.picture: NDArray[np.uint8] | None = None
        self._drawn: NDArray[np.uint8] | None = None
        self._lines: list[str] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # Another thread may change it meanwhile.
        picture = self.picture
        if picture is None or picture.shape[1] > options.max_width:
            return
        if -(-len(picture) // 2) > options.size.height - _OTHER_LINES:
            return
        if picture is not self._drawn:
            self._lines = half_blocks(picture, has_true_color=console.color_system == "truecolor")
            self._drawn = picture
        for line in self._lines:
            # Rich passes control segments through: 1 ms per picture, against 13 ms for as many styled cells.
            yield Segment(line, None, [(ControlType.CARRIAGE_RETURN,)])
            yield Segment.line()
