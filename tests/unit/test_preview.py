import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rich.console import Console  # noqa: TID251 - a test of cli
from terminal import Screen

from semvid.cli.draw import JsonPrinter
from semvid.cli.preview import PreviewPane, half_blocks, preview_size
from semvid.core.events import Preview

CUBE = [0, 95, 135, 175, 215, 255]
PALETTE = np.array(
    [(r, g, b) for r in CUBE for g in CUBE for b in CUBE] + [(8 + 10 * grey,) * 3 for grey in range(24)]
)
pictures = hnp.arrays(np.uint8, st.tuples(st.integers(2, 9), st.integers(1, 9), st.just(3)))


def pixels_of(lines, has_true_color):
    """Read a picture back from what a terminal shows."""
    screen = Screen().feed("\r\n".join(lines))
    rows = []
    for row in screen.rows:
        assert all(cell.text == "▀" for cell in row)
        codes = [[int(one) for one in cell.style.split(";")] for cell in row]
        count = 5 if has_true_color else 3
        for start, kind in ((0, 38), (count, 48)):
            parts = [one[start : start + count] for one in codes]
            assert all(one[:2] == [kind, 2 if has_true_color else 5] for one in parts)
            rows.append([one[2:] if has_true_color else PALETTE[one[2] - 16] for one in parts])
    return np.array(rows)


def reset_between_cells(lines):
    # The screen collects codes from reset to reset; a terminal takes the last of each kind.
    return [line.replace("\x1b[38", "\x1b[0m\x1b[38") for line in lines]


@given(pictures)
def test_true_colours_are_the_pictures_own(picture):
    lines = half_blocks(picture, has_true_color=True)
    shown = pixels_of(reset_between_cells(lines), True)
    assert len(lines) == -(-len(picture) // 2)
    assert np.array_equal(shown[: len(picture)], picture)
    assert all(line.endswith("▀\x1b[0m") for line in lines)


@given(pictures)
def test_256_colours_are_the_nearest(picture):
    shown = pixels_of(reset_between_cells(half_blocks(picture, has_true_color=False)), False)
    errors = np.square(shown[: len(picture)] - picture.astype(int)).sum(-1)
    nearest = np.square(PALETTE - picture.astype(int)[..., None, :]).sum(-1).min(-1)
    assert np.array_equal(errors, nearest)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def console(file=None, width=100, height=40, environment=None, **options):
    environment = {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | (environment or {})
    return Console(file=file or Terminal(), width=width, height=height, _environ=environment, **options)


def test_the_preview_fits_the_terminal(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert preview_size(console()) == (64, 40)
    assert preview_size(console(width=80, height=24)) == (64, 40)
    assert preview_size(console(width=62, height=20)) == (59, 32)
    assert preview_size(console(environment={"COLORTERM": ""})) == (64, 40)


@pytest.mark.parametrize(
    "options",
    [
        {"width": 50},
        {"height": 11},
        {"environment": {"TERM": "dumb"}},
        {"environment": {"TERM": "xterm", "COLORTERM": ""}},
        {"environment": {"NO_COLOR": "1"}},
        {"file": io.StringIO()},
        {"file": io.StringIO(), "force_terminal": True},
        {"color_system": "standard"},
        {"legacy_windows": True},
    ],
)
def test_there_is_none_where_the_terminal_cannot(options, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert preview_size(console(**options)) is None


def test_there_is_none_in_continuous_integration(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert preview_size(console()) is None


def test_the_pane_counts_characters_and_not_codes():
    pane = PreviewPane()
    pane.picture = np.full((36, 64, 3), 200, np.uint8)
    for drawn in (console(), console(width=70, height=24)):
        lines = drawn.render_lines(pane, pad=False)
        assert len(lines) == 18
        assert sum(segment.cell_length for segment in lines[0]) == 0


@pytest.mark.parametrize("size", [{"width": 63}, {"height": 21}])
def test_the_pane_is_empty_once_the_terminal_is_too_small(size):
    pane = PreviewPane()
    pane.picture = np.zeros((36, 64, 3), np.uint8)
    assert list(console(**size).render(pane)) == []


def test_pictures_never_reach_json(capsys):
    JsonPrinter().print(Preview(np.zeros((2, 2, 3), np.uint8)))
    assert capsys.readouterr().out == ""
