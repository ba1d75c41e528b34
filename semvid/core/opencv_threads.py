"""OpenCV's number of threads, which is global to the process."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import cv2


class _State:
    lock = threading.Lock()
    num_users = 0
    before = 0


@contextmanager
def one_opencv_thread() -> Generator[None, None, None]:
    """Keep OpenCV's workers asleep: they spin while they wait, which takes 7 % of an encode on two cores.

    Runs may overlap in any order: the last to end restores the number from before the first.
    """
    with _State.lock:
        if not _State.num_users:
            _State.before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _State.num_users += 1
    try:
        yield
    finally:
        with _State.lock:
            _State.num_users -= 1
            if not _State.num_users:
                cv2.setNumThreads(_State.before)
