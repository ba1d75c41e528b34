"""The progress line fits its terminal, and the time left is the last thing to go."""

import io
import re

import pytest
from rich.console import Console  # noqa: TID251 - what cli/ draws on

from semvid.cli.fitting import FittingProgress


def line(width, name="holiday in the mountains.mp4", frames=12345):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    bar = FittingProgress(console)
    task = bar.begin(name)
    bar.update(
        task, completed=frames, total=2 * frames, frames=f"{frames} frames", speed="123 fps", size="123 MB"
    )
    # Half is done in two minutes.
    bar.tasks[0].start_time = bar.get_time() - 120
    bar.tasks[0].finished_speed = frames / 120
    with console.capture() as captured:
        console.print(*bar.get_renderables())
    (text,) = captured.get().splitlines()
    return text.rstrip()


@pytest.mark.parametrize("width", range(8, 200))
def test_the_time_left_is_there_and_nothing_is_cut(width):
    text = line(width)
    assert len(text) <= width
    assert re.search(r"(-|\d+):(--|\d\d):(--|\d\d)$", text), text
    for word in re.findall(r"[a-z]+", text.partition("━")[2]):
        assert word in {"frames", "fps"}, text


def test_what_goes_goes_in_order():
    def has(width):
        text = line(width)
        marks = ("━", "…|mp4", "frames", "fps", "123 MB", "0:02:00")
        return [bool(re.search(mark, text)) for mark in marks]

    assert has(10) == [False] * 6
    assert has(20) == [True] + [False] * 5
    assert has(40) == [True, True] + [False] * 4 or has(40)[:3] == [True, True, False]
    assert has(130) == [True] * 6
    # Whatever is shown at a width is shown at all greater ones.
    before = has(10)
    for width in range(11, 140):
        now = has(width)
        assert all(new or not old for old, new in zip(before, now, strict=True)), width
        before = now


@pytest.mark.parametrize("name", ["", "映画" * 20, "a"])
def test_any_name_fits(name):
    for width in (10, 40, 80):
        assert "\n" not in line(width, name)
