"""What encodes for the page: trials, the queue, and reports of its results."""

from __future__ import annotations

from dataclasses import field

from semvid.core.closing import Closing
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.studio.choices import ProfileReader
from semvid.studio.folder import Root
from semvid.studio.queue import Queue
from semvid.studio.reports import Reports
from semvid.studio.trials import Trials


@dataclass(frozen=True, slots=True)
class Profiles:
    """Options under a name, which only the command line knows."""

    read: ProfileReader | None = None
    """Makes options of a name; None = there are none."""
    known: dict[str, str] = field(default_factory=dict)
    """By name, what each is for."""


class Runs(Closing):
    """All that encodes.

    Args:
        root: The folder.
        profiles: That can be chosen.
    """

    def __init__(self, root: Root, profiles: Profiles) -> None:
        self.profiles = profiles
        self.queue, self.trials, self.reports = Queue(root.folder), Trials(root.make_work), Reports()

    def start(self) -> None:
        """Go on with what an earlier run left in the queue."""
        self.queue.start()

    def close(self) -> None:
        """End the trial, and finish of the queue what will be done soon; see ``Queue.close``."""
        self.trials.close()
        self.queue.close()

    def check_done(self, job: int) -> None:
        """Make sure that a job has made its output, and that it is there.

        Raises:
            ConfigError: It has not.
        """
        entry = self.queue.entry(job)
        if entry.state != "done" or not entry.output.is_file():
            raise ConfigError(f"{entry.output.name} is not there; look at the list again")
