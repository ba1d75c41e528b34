"""``semvid jobs``: what a batch did, and what it is to do again."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from semvid.core.errors import ConfigError, InputMissingError


class Action(StrEnum):
    """What to do with jobs."""

    LIST = "list"
    SHOW = "show"
    RETRY = "retry"
    CANCEL = "cancel"
    CLEAN = "clean"


def command(
    action: Annotated[Action, typer.Argument(
        metavar="ACTION", help="What to do: list, show, retry, cancel or clean."
    )],
    folder: Annotated[Path, typer.Argument(help="The folder of the batch's outputs.")] = Path(),
    numbers: Annotated[list[int] | None, typer.Argument(
        metavar="[NUMBER]...", help="Jobs, by the numbers of the list. Default: all."
    )] = None,
    state: Annotated[list[str] | None, typer.Option(
        help="list: only jobs that are waiting, running, done, skipped, failed or cancelled. Repeatable."
    )] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print jobs as JSON lines.")] = False,
) -> None:  # fmt: skip
    """Look at the jobs of a batch, and change what is to be done.

    list has a line for each, show all that is known. retry has what failed
    tried again by the next run, cancel takes out what waits, and clean
    forgets what is done, skipped or cancelled.
    """
    from semvid.batch.jobs.records import STATES
    from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
    from semvid.cli.draw import to_json
    from semvid.cli.streams import emit, say
    from semvid.core.text import counted, visible

    path = folder / WORK_FOLDER / STORE
    if not path.exists():
        raise InputMissingError(f"{folder} is no folder of a batch: it has no {WORK_FOLDER}/{STORE}")
    wrong = [one for one in state or [] if one not in STATES]
    if wrong:
        raise ConfigError(f"--state {wrong[0]} is unknown; choose one of {', '.join(STATES)}")
    with JobStore(path) as store:
        known: Any = state or STATES
        cleaned: Any = state or ("done", "skipped", "cancelled")
        match action:
            case Action.LIST | Action.SHOW:
                for one in store.entries(known, numbers):
                    if as_json or action is Action.SHOW:
                        emit(to_json(one.to_plain()))
                    else:
                        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.changed))
                        why = f"  {one.reason}" if one.reason else ""
                        emit(f"{one.id:6} {one.state:9} {when}  {visible(str(one.source))}{visible(why)}")
                if not as_json and action is Action.LIST:
                    counts = store.counts()
                    say(", ".join(f"{counts[one]} {one}" for one in STATES if counts[one]) or "no jobs")
            case Action.RETRY:
                say(f"{counted(store.retry(numbers), 'job waits', 'jobs wait')} again")
            case Action.CANCEL:
                say(f"{counted(store.cancel(numbers), 'job')} cancelled")
            case Action.CLEAN:
                say(f"{counted(store.clean(cleaned), 'job')} forgotten")
