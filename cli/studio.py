"""``semvid studio``: a page to see, correct, try and encode videos and photographs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semvid.core import interrupts
from semvid.core.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from semvid.studio.queue import Queue

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
    """Open a page in the browser to see what matters in videos and photographs, correct it, and encode them.

    Only this machine reaches the page. It writes nothing outside the folder; maps and dropped files are kept
    in its subfolder .semvid. Ctrl-C ends it.
    """
    from semvid.cli.file_manager import has_file_manager, show_file
    from semvid.cli.profile_config import config_of, still_config_of
    from semvid.cli.profiles import known_profiles
    from semvid.cli.streams import say
    from semvid.core.heap import bound_heap
    from semvid.studio.folder import Root
    from semvid.studio.profiles import Profiles
    from semvid.studio.studio import Studio
    from semvid.web.studio.server import StudioServer

    bound_heap()
    folder, files = _chosen(places or [Path()])
    profiles = Profiles(config_of, known_profiles(), still_config_of)
    # What is wrong in a file of defaults is told now.
    profiles.read("", folder)
    profiles.read_still("", folder)
    shown = show_file if has_file_manager() else None
    with Studio(Root(folder, files), profiles, shown) as studio, StudioServer(studio, port) as server:
        say(f"semvid studio shows {studio.root.folder} at {server.link}")
        say("Ctrl-C ends it.")
        studio.warm_up()
        if not no_browser:
            import webbrowser

            webbrowser.open(server.link)
        studio.runs.start()
        try:
            with interrupts.gently() as is_asked:
                while not is_asked():
                    if server.failure:
                        raise OutputError(server.failure)
                    time.sleep(_POLL_SECONDS)
                _finish(studio.runs.queue)
        except BaseException:
            studio.runs.queue.end_now()
            raise


def _finish(queue: "Queue") -> None:
    """Let the queue finish what it can finish soon, and say what is left."""
    from semvid.cli.streams import say
    from semvid.core.text import counted

    if queue.is_working:
        say(
            "what is done within a minute is finished; Ctrl-C again gives it back, and the next start goes on"
        )
    queue.close()
    left = sum(one.is_ours and one.state in {"waiting", "running"} for one in queue.jobs())
    if left:
        say(f"{counted(left, 'file waits', 'files wait')}; the next semvid studio of this folder goes on")


def _chosen(places: list[Path]) -> tuple[Path, list[Path]]:
    """Return the folder, and the files of it that were named; none = all."""
    if len(places) == 1 and not places[0].is_file():
        return places[0], []
    parents = {one.resolve().parent for one in places}
    if any(one.is_dir() for one in places) or len(parents) > 1:
        raise ConfigError("these are not all files of one folder; name one folder, or files of one")
    return parents.pop(), places
