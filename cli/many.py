"""Options for many files, and how a command that has them begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from semvid.core import config as configs
from semvid.core.config import BatchConfig, CompressConfig, ImageConfig
from semvid.core.errors import BatchStoppedError, ConfigError
from semvid.core.records import dataclass

many_option = partial(typer.Option, rich_help_panel="Many files")
DEFAULTS = BatchConfig()
_WILD = frozenset("*?[")

# fmt: off
Jobs = Annotated[int | None, many_option(
    help="Files at a time, each in a process of its own. Default: one for every two cores; with few "
    "files, one for every four."
)]
Engine = Annotated[str | None, many_option(
    help="Where to compress: local (processes of this machine, the default) or ray (a Ray cluster)."
)]
Address = Annotated[str | None, many_option(
    help="With --engine ray: of a running cluster, as in auto or ray://head:10001. Default: Ray is started "
    "here."
)]
Retry = Annotated[int | None, many_option(
    metavar="N", help="How often to try a file again whose process crashes, 0 to 100. Default: 2."
)]
Resume = Annotated[bool, many_option("--resume", hidden=True, help="Go on where earlier runs were stopped.")]
"""What is done anyway, for those who write it down."""
NoResume = Annotated[bool, many_option(
    "--no-resume", help="Do everything again, over the outputs of earlier runs, not only what is left."
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
SkipIfLarger = Annotated[bool, many_option(
    "--skip-if-larger", help="Skip files that would not become smaller, as --min-saving 0."
)]
Replace = Annotated[bool, many_option(
    "--replace", help="Put each output in the place of its source, once it is complete and smaller."
)]
Trash = Annotated[Path | None, many_option(
    metavar="FOLDER", help="With --replace: where to move the sources. Else they are deleted."
)]
# fmt: on

_is_batch: ContextVar[bool] = ContextVar("is_batch", default=False)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options for many files say."""

    jobs: int | None = None
    engine: str | None = None
    address: str | None = None
    retry: int | None = None
    resume: bool = False
    no_resume: bool = False
    part_seconds: float | None = None
    min_saving: str | None = None
    skip_if_larger: bool = False
    replace: bool = False
    trash: Path | None = None
    watch: bool = False
    dry_run: bool = False
    report: Path | None = None

    def config(self, video: CompressConfig) -> BatchConfig:
        """Build a ``BatchConfig``.

        Raises:
            ConfigError: An option is out of range, or two contradict each other.
        """
        if self.dry_run and self.watch:
            raise ConfigError("--dry-run ends, and --watch does not; leave one out")
        if self.dry_run and self.report is not None:
            raise ConfigError("--dry-run writes nothing, and --report is a file; leave one out")
        if self.resume and self.no_resume:
            raise ConfigError("--resume and --no-resume exclude each other; leave one out")
        return BatchConfig(
            video=video,
            picture=ImageConfig(
                maps=video.maps, threads=video.threads, strength=min(video.allocation.strength, 3.0)
            ),
            jobs=self.jobs,
            engine=cast("configs.Engine", self.engine or DEFAULTS.engine),
            ray_address=self.address,
            retry=DEFAULTS.retry if self.retry is None else self.retry,
            part_seconds=DEFAULTS.part_seconds if self.part_seconds is None else self.part_seconds,
            min_saving=_parse_saving(self.min_saving, skip_if_larger=self.skip_if_larger),
            replace=self.replace,
            overwrite=video.overwrite,
            trash=self.trash,
            resume=not self.no_resume,
            report=self.report,
        )

    def check_one(self) -> None:
        """Refuse options for many files where there is one.

        Raises:
            ConfigError: Some were given.
        """
        for field in fields(self):
            # Those of one video mean something else.
            if field.name not in {"dry_run", "report"} and getattr(self, field.name) != field.default:
                flag = f"--{field.name.replace('_', '-')}"
                raise ConfigError(f"{flag} is for many files; use 'semvid batch', or leave it out")


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


def _parse_saving(min_saving: str | None, *, skip_if_larger: bool) -> float | None:
    """Read ``--min-saving`` and ``--skip-if-larger``."""
    if min_saving is None:
        return 0.0 if skip_if_larger else None
    if skip_if_larger:
        raise ConfigError(
            f"--skip-if-larger is --min-saving 0, and --min-saving {min_saving} was given too; leave one out"
        )
    return parse_share("--min-saving", min_saving)


def run_batch(
    sources: Sequence[str], output: Path | None, video: CompressConfig, wishes: Wishes, *, as_json: bool
) -> None:
    """Compress many files, or only tell what they would come to, and show how it goes."""
    from contextlib import closing

    from semvid.batch.run import compress_many_events
    from semvid.cli.draw_batch import BatchDrawer, BatchJsonPrinter, stopped_message
    from semvid.cli.flags import told
    from semvid.cli.listed import read_listed

    config = wishes.config(video)
    begin: Any = compress_many_events
    if wishes.watch:
        from semvid.batch.watch import watch_events as begin
    if wishes.dry_run:
        from semvid.batch.estimate import estimate_many_events as begin
    with BatchJsonPrinter() if as_json else BatchDrawer() as drawer:
        more = {} if wishes.dry_run else {"words": told}
        events = begin(sources, output, config, read_options=read_listed, **more)
        try:
            with closing(events):
                for event in events:
                    drawer.draw(event)
        except KeyboardInterrupt:
            if wishes.dry_run:
                raise
            raise BatchStoppedError(stopped_message(None)) from None
        drawer.tell_estimates()
    if drawer.stopped is not None and (wishes.watch or drawer.stopped.num_left):
        raise BatchStoppedError(stopped_message(drawer.stopped))
    if drawer.num_failed:
        raise typer.Exit(drawer.exit_code)
