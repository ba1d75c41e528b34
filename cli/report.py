"""``semvid report``: make a page from what ``compress --report`` measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semvid.cli import options
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, OutputError, ReportError, ReportInterruptedError, SemvidError

if TYPE_CHECKING:
    from semvid.core.events import Event, Reported
    from semvid.core.results import Result
    from semvid.media.writing.claim import Claim


def command(
    runs: Annotated[list[Path], typer.Argument(
        metavar="RUN.json", help="A file from 'semvid compress --report RUN.json'. Several of one video add "
        "a rate-distortion plot."
    )],
    output: Annotated[Path, options.file_option("--output", "-o", help="Where to write the page: .html.")],
    overwrite: options.Overwrite = False,
) -> None:  # fmt: skip
    """Write one HTML page about a compressed video; it needs no network and no other files."""
    if output.suffix.lower() != ".html":
        raise OutputError(f"'{output.suffix or output.name}' is not a page; end -o in .html")
    from semvid.cli.draw import format_bytes
    from semvid.cli.streams import say
    from semvid.products.report.make import check_report_place, write_report
    from semvid.products.report.store import load_report

    check_report_place(output, None, overwrite=overwrite)
    first, *others = map(load_report, runs)
    size = write_report(output, first, *others, overwrite=overwrite)
    say(f"{output}: report, {format_bytes(size)}")


def check_report(report: Path, source: Path, output: Path | None, config: CompressConfig) -> None:
    """Refuse a report that cannot be made or written, before anything is encoded."""
    from semvid.products.report.make import check_config, check_report_place

    check_config(config)
    check_report_place(report, source, overwrite=config.overwrite, option="report")
    if output is not None and report.resolve() == output.resolve():
        raise ConfigError(f"--report {report} is the output itself; choose another name for --report")


def add_report(
    claim: Claim, result: Result, config: CompressConfig, show: Callable[[Event], None]
) -> Reported:
    """Write the report of a finished run to the name that was claimed for it.

    Raises:
        ReportError: It failed or was interrupted; the video stays.
    """
    from semvid.core.events import Reported
    from semvid.products.report.make import make_report, write_report

    with outliving_report(result.output):
        made = make_report(result, config, on_event=show)
        size = write_report(claim.output, made, overwrite=config.overwrite, claim=claim)
        return Reported(claim.output, size)


@contextmanager
def outliving_report(output: Path) -> Iterator[None]:
    """Say of whatever goes wrong in the block that the output stays.

    Raises:
        ReportError: Something did, or the block was interrupted.
    """
    try:
        yield
    except SemvidError as error:
        raise ReportError(f"{output} is complete, but there is no report: {error}") from error
    except KeyboardInterrupt:
        raise ReportInterruptedError(
            f"{output} is complete, but its report was interrupted; nothing of it was left behind"
        ) from None
