"""A progress line that fits the terminal; where it is narrow, the remaining time is the last thing to go."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table

from semvid.core.text import counted

_REDRAWS_PER_SECOND = 4
_BAR, _SHORTEST_BAR, _SHORTEST_NAME = 40, 8, 12
_TIME = 8


class FittingProgress(Progress):
    """One progress line with as many columns as the terminal has room for.

    Args:
        console: The terminal.
        above: What is drawn above the line.
    """

    def __init__(self, console: Console, *above: RenderableType) -> None:
        # Rich draws it as soon as it is made.
        self._above = above
        self._name = Column(no_wrap=True, overflow="ellipsis")
        self._line = BarColumn()
        self._all: tuple[ProgressColumn, ...] = (
            TextColumn("{task.description}", markup=False, table_column=self._name),
            self._line,
            TextColumn("{task.fields[frames]}"),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[size]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        super().__init__(*self._all, console=console, transient=True, refresh_per_second=_REDRAWS_PER_SECOND)

    def begin(self, description: str, task: TaskID | None = None) -> TaskID:
        """Start a task, or start an existing one again."""
        if task is None:
            return self.add_task(description, total=None, frames=counted(0, "frame"), speed="0 fps", size="")
        self.reset(
            task, description=description, total=None, frames=counted(0, "frame"), speed="0 fps", size=""
        )
        return task

    def get_renderables(self) -> Iterable[RenderableType]:
        """See ``Progress``."""
        yield from self._above
        yield from super().get_renderables()

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """See ``Progress``."""
        shown = list(tasks)
        for task in shown:
            self._fit(task)
        return super().make_tasks_table(shown)

    def _fit(self, task: Task) -> None:
        """Choose the columns, most useful first."""
        name, line, frames, speed, size, elapsed, remaining = self._all
        length = max(cell_len(task.description), 1)
        wanted = [
            (remaining, _TIME),
            (line, _SHORTEST_BAR),
            (name, min(length, _SHORTEST_NAME)),
            (frames, len(task.fields["frames"])),
            (speed, len(task.fields["speed"])),
            (size, len(task.fields["size"])),
            (elapsed, _TIME),
        ]
        room, fitting = self.console.width + 1, []
        for column, width in wanted:
            if room < width + 1:
                break
            fitting.append(column)
            room -= width + 1
        self.columns = tuple(one for one in self._all if one in fitting)
        # What is left over goes to the name, then to the bar.
        least = min(length, _SHORTEST_NAME)
        self._name.max_width = min(length, least + room)
        room -= self._name.max_width - least
        self._line.bar_width = min(_BAR, _SHORTEST_BAR + room)
