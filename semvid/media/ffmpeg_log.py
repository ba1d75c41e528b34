"""FFmpeg's log, which is one for the whole process, and what it takes for threads to live with it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import RLock

from av import logging
from av.codec import CodecContext

_lock = RLock()

Line = tuple[int, str, str]
"""Level, name of what logs, and text."""


@contextmanager
def heard(level: int) -> Generator[list[Line]]:
    """Listen to what FFmpeg logs; gives a list that gets the lines of this thread.

    One thread listens at a time, and the level is then what it was: two that each put back what they found
    would leave it on for ever.

    Args:
        level: As in ``av.logging``; what matters less is not told.
    """
    with _lock:
        before, skips = logging.get_level(), logging.get_skip_repeated()
        # Else what somebody was told before is not told again.
        logging.set_skip_repeated(False)
        logging.set_level(level)
        try:
            with logging.Capture(local=True) as lines:
                yield lines
        finally:
            logging.set_level(before)
            logging.set_skip_repeated(skips)


def end_threads(decoder: CodecContext) -> None:
    """Wait until the threads of a decoder do nothing; call it before the decoder is let go.

    PyAV frees decoders while it holds Python's lock, and waits for their threads. If somebody listens to the
    log, a thread that has an error to tell waits for that lock: both would wait for ever.
    """
    decoder.flush_buffers()
