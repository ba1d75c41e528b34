"""``semvid batch``: ``semvid compress`` for many files."""

from functools import wraps
from typing import Any

from semvid.cli import compress, many


@wraps(compress.command)
def command(**given: Any) -> None:
    """Compress many videos and pictures, several at a time, into a folder.

    What was done is noted there: the same command goes on where an earlier
    one was stopped, and does nothing again that is done.
    """
    with many.always_batch():
        compress.command(**given)


command.__doc__ = """Compress many videos and pictures, several at a time, into a folder.

    What was done is noted there: the same command goes on where an earlier
    one was stopped, and does nothing again that is done.
    """
