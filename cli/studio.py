"""``semvid studio``: a page to see, correct, try and encode videos."""

import time
from pathlib import Path
from typing import Annotated

import typer

from semvid.core.errors import ConfigError

_POLL_SECONDS = 0.3


def command(
    places: Annotated[list[Path] | None, typer.Argument(
        metavar="FOLDER|FILE", help="What the page shows: a folder, or some files of one. Default: this "
        "folder.", show_default=False,
    )] = None,
    port: Annotated[int, typer.Option(
        metavar="N", help="Port of the page on this machine, 0 to 65535; 0 = any that is free."
    )] = 0,
    no_browser: Annotated[bool, typer.Option(
        "--no-browser", help="Do not open the browser; only print the link."
    )] = False,
) -> None:  # fmt: skip
    """Open a page in the browser to see what matters in videos, correct it, and encode them.

    Only this machine reaches the page. It writes nothing outside the folder; maps and dropped files are kept
    in its subfolder .semvid. Ctrl-C ends it.
    """
    from semvid.cli.streams import say
    from semvid.studio.folder import Root
    from semvid.studio.studio import Studio
    from semvid.web.studio.server import StudioServer

    folder, files = _chosen(places or [Path()])
    with Studio(Root(folder, files)) as studio, StudioServer(studio, port) as server:
        say(f"semvid studio shows {studio.root.folder} at {server.link}")
        say("Ctrl-C ends it.")
        studio.warm_up()
        if not no_browser:
            import webbrowser

            webbrowser.open(server.link)
        while not server.failure:
            time.sleep(_POLL_SECONDS)
        say(server.failure)


def _chosen(places: list[Path]) -> tuple[Path, list[Path]]:
    """Return the folder, and the files of it that were named; none = all."""
    if len(places) == 1 and not places[0].is_file():
        return places[0], []
    parents = {one.resolve().parent for one in places}
    if any(one.is_dir() for one in places) or len(parents) > 1:
        raise ConfigError("these are not all files of one folder; name one folder, or files of one")
    return parents.pop(), places
