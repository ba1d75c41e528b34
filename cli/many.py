"""Options for many files, and how a command that has them begins."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from semvid.core import config as configs
from semvid.core.config import BatchConfig, CompressConfig
from semvid.core.errors import BatchStoppedError, ConfigError, SemvidError

many_option = partial(typer.Option, rich_help_panel="Many files")
DEFAULTS = BatchConfig()
_WILD = frozenset("*?[")

# fmt: off
Workers = Annotated[int | None, many_option(
    help="Files at a time, each in a process of its own. Default: one for every four cores; at "
    "least two, where there are two."
)]
Engine = Annotated[str | None, many_option(
    help="Where to compress: local (processes of this machine, the default) or ray (a Ray cluster)."
)]
Address = Annotated[str | None, many_option(
    help="With --engine ray: of a running cluster, as in auto or ray://head:10001. Default: Ray is started "
    "here."
)]
Attempts = Annotated[int | None, many_option(
    help="How often to try a file whose process crashes, 1 to 100. Default: 3."
)]
PartSeconds = Annotated[float | None, many_option(
    help="Compress long videos in parts of about so many seconds, each kept when it is done; 0 = in one "
    "piece. Default: 30."
)]
Watch = Annotated[bool, many_option(
    "--watch", help="Go on with what comes into the folders, once it has stopped growing, until it is ended."
)]
MinSaving = Annotated[str | None, many_option(
    metavar="PERCENT", help="Skip files that would not become smaller by this much, as in 5%; 0 = skip those "
    "that would become larger."
)]
Replace = Annotated[bool, many_option(
    "--replace", help="Put each output in the place of its source, once it is complete and smaller."
)]
Trash = Annotated[Path | None, many_option(
    metavar="FOLDER", help="With --replace: where to move the sources. Else they are deleted."
)]
# fmt: on

_is_batch: ContextVar[bool] = ContextVar("is_batch", default=False)
_taken: ContextVar[list[CompressConfig] | None] = ContextVar("taken", default=None)


@contextmanager
def always_batch() -> Iterator[None]:
    """Have the command in the block take even one file for a batch."""
    token = _is_batch.set(True)
    try:
        yield
    finally:
        _is_batch.reset(token)


def are_many(sources: Sequence[str], *, always: bool) -> bool:
    """Whether sources are more than one file, or are to be handled like that."""
    first = sources[0]
    if len(sources) == 2 and not Path(sources[1]).exists() and not _WILD & set(sources[1]):
        raise ConfigError(f"{sources[1]} does not exist; the output goes after -o")
    if _is_batch.get() or len(sources) > 1 or always:
        return True
    is_list = first.startswith("@") and not Path(first).exists()
    return is_list or Path(first).is_dir() or (bool(_WILD & set(first)) and not Path(first).exists())


def check_one(**given: object) -> None:
    """Refuse options for many files where there is one."""
    for name, value in given.items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} is for many files; use 'semvid batch', or leave it out")


def take_config(config: CompressConfig) -> bool:
    """Give a configuration to whoever asked for nothing else; returns whether somebody did."""
    taken = _taken.get()
    if taken is None:
        return False
    taken.append(config)
    return True


def parse_share(name: str, text: str) -> float:
    """Read a percentage, as in ``5%`` or ``5``."""
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise ConfigError(f"{name} {text} is no share; give 0 to 99, as in 5%")
    return share


def run_batch(
    sources: Sequence[str],
    output: Path | None,
    video: CompressConfig,
    *,
    workers: int | None,
    engine: str | None,
    address: str | None,
    attempts: int | None,
    part_seconds: float | None,
    min_saving: str | None,
    replace: bool,
    trash: Path | None,
    as_json: bool,
    dry_run: bool,
    watch: bool,
) -> None:
    """Compress many files, or only tell what they would come to, and show how it goes."""
    from contextlib import closing

    from semvid.batch.run import compress_many_events
    from semvid.cli.draw_batch import BatchDrawer, BatchJsonPrinter, stopped_message
    from semvid.core.config import ImageConfig

    config = BatchConfig(
        video=video,
        picture=ImageConfig(
            maps=video.maps, threads=video.threads, strength=min(video.allocation.strength, 3.0)
        ),
        workers=workers,
        engine=cast("configs.Engine", engine or DEFAULTS.engine),
        ray_address=address,
        attempts=DEFAULTS.attempts if attempts is None else attempts,
        part_seconds=DEFAULTS.part_seconds if part_seconds is None else part_seconds,
        min_saving=None if min_saving is None else parse_share("--min-saving", min_saving),
        replace=replace,
        overwrite=video.overwrite,
        trash=trash,
    )
    begin: Any = compress_many_events
    if watch:
        from semvid.batch.watch import watch_events as begin
    if dry_run:
        from semvid.batch.estimate import estimate_many_events as begin
    with BatchJsonPrinter() if as_json else BatchDrawer() as drawer:
        events = begin(sources, output, config, read_options=_read_options)
        try:
            with closing(events):
                for event in events:
                    drawer.draw(event)
        except KeyboardInterrupt:
            if dry_run:
                raise
            raise BatchStoppedError(stopped_message(None)) from None
        drawer.tell_estimates()
    if drawer.stopped is not None and (watch or drawer.stopped.num_left):
        raise BatchStoppedError(stopped_message(drawer.stopped))
    if drawer.num_failed:
        raise typer.Exit(drawer.exit_code)


def _read_options(given: Mapping[str, str], place: str) -> CompressConfig:
    """Read the options that a list gives to one file, in addition to those of the command line."""
    from semvid.cli.advice import explain
    from semvid.cli.app import app, usage_error

    flags = [
        part for key, value in given.items() for part in ([f"--{key}", value] if value else [f"--{key}"])
    ]
    token = _taken.set([])
    try:
        app([*sys.argv[1:], *flags], prog_name="semvid", standalone_mode=False)
        taken = _taken.get()
        assert taken  # noqa: S101 - the command has run
        return taken[0]
    except usage_error as error:
        raise ConfigError(f"{place}: {explain(error, [*sys.argv[1:], *flags], ())}") from error
    except SemvidError as error:
        raise ConfigError(f"{place}: {error}") from error
    finally:
        _taken.reset(token)
