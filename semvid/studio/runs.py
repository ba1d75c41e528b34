"""What encodes for the page: trials, the queue, and reports of its results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semvid.core.closing import Closing
from semvid.core.errors import ConfigError
from semvid.studio.folder import Root
from semvid.studio.profiles import Profiles
from semvid.studio.queue import Queue
from semvid.studio.reports import Reports
from semvid.studio.trials import Trials


class Runs(Closing):
    """All that encodes.

    Args:
        root: The folder.
        profiles: That can be chosen.
        show_file: Opens the folder of a file on the desktop; None = there is no desktop.
    """

    def __init__(
        self, root: Root, profiles: Profiles, show_file: Callable[[Path], None] | None = None
    ) -> None:
        self.profiles, self.show_file = profiles, show_file
        self.queue, self.trials, self.reports = Queue(root.folder), Trials(root.make_work), Reports()

    def start(self) -> None:
        """Go on with what an earlier run left in the queue."""
        self.queue.start()

    def close(self) -> None:
        """End the trial, and finish of the queue what will be done soon; see ``Queue.close``."""
        self.trials.close()
        self.queue.close()

    def delete(self, job: int, *, with_output: bool) -> None:
        """Take a job that is over out of the list; see ``Queue.delete``."""
        self.queue.delete(job, with_output=with_output)
        self.reports.forget(job)

    def check_done(self, job: int) -> None:
        """Make sure that a job has made its output, and that it is there.

        Raises:
            ConfigError: It has not, or it is a link that leads out of the folder.
        """
        entry = self.queue.entry(job)
        if entry.state != "done" or not entry.output.is_file():
            raise ConfigError(f"{entry.output.name} is not there; look at the list again")
        if not entry.output.resolve().is_relative_to(self.queue.folder):
            raise ConfigError(f"{entry.output.name} leads out of the folder; remove that link")
