"""Signals that end the program, and the few moments at which they have to wait.

A signal raises ``KeyboardInterrupt`` in the main thread, between any two steps of it. Where that would leave
a thread running or a file behind, ``shielded`` holds it back until the step is done. Programs call
``listen``; without it, as in programs that use semvid as a library, shields do nothing, and neither does
``gently``.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
"""What ends the program in good order; not every system has each."""
_CODE_OF_SIGNALS = 128
_IMPORT_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0
"""How long a second signal is ignored, so as not to disturb the clean-up that the first one began."""


class _State:
    """State of the process: signals belong to it."""

    received: int | None = None
    received_at = 0.0
    depth = 0
    is_listening = False
    is_gentle = False
    is_asked = False
    is_pending = False
    is_put_off = False


def listen() -> None:
    """Raise ``KeyboardInterrupt`` for every signal of ``SIGNALS``. Only the main thread may call this."""
    for number in SIGNALS:
        # nohup, and shells that start programs in the background, ignore some signals on purpose.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    _State.is_listening = True
    sys.unraisablehook = _keep_lost


def listen_again() -> None:
    """Take the signals back from a library that took them; nothing if the program does not listen."""
    if _State.is_listening:
        listen()


class gently:  # noqa: N801 - reads as the statement it is
    """``with gently() as is_asked:`` only notes the first Ctrl-C: ``is_asked()`` is true then.

    Work that takes hours can so be ended where it is best ended. The second Ctrl-C raises, and all other
    signals do as ever.
    """

    def __enter__(self) -> Callable[[], bool]:
        _State.is_gentle, _State.is_asked = True, False
        return lambda: _State.is_asked

    def __exit__(self, *error: object) -> None:
        _State.is_gentle = False


def received() -> int | None:
    """Return the number of the first signal, None = there was none."""
    return _State.received


def told() -> str:
    """Say that the program was interrupted, and by which signal if that was not Ctrl-C."""
    number = _State.received or signal.SIGINT
    by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
    return f"interrupted{by}"


def exit_code() -> int:
    """Return the exit code of a program that a signal ends."""
    return _CODE_OF_SIGNALS + (_State.received or signal.SIGINT)


def check() -> None:
    """Raise ``KeyboardInterrupt`` if a signal came that a library swallowed."""
    if _State.received is not None and not _State.depth:
        # What was put off has come by this.
        _State.is_put_off = False
        raise KeyboardInterrupt


def ignore() -> None:
    """Ignore signals from now on: the program is about to end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    _State.is_pending = False


def _interrupt(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGINT and _State.is_gentle and not _State.is_asked:
        _State.is_asked = True
        return
    now = time.monotonic()
    if _State.received is None:
        _State.received = number
    elif not _State.is_put_off and now - _State.received_at < _PATIENCE_SECONDS:
        return
    _State.is_put_off = False
    _State.received_at = now
    if _State.depth:
        _State.is_pending = True
    elif _is_importing(frame):
        _State.is_put_off = True
        again = threading.Timer(_IMPORT_POLL_SECONDS, signal.raise_signal, [number])
        again.daemon = True
        again.start()
    else:
        raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    """Tell whether a module is being loaded: libraries of C++ abort the process on exceptions then."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _keep_lost(unraisable: sys.UnraisableHookArgs) -> None:
    # In a callback or a destructor Python cannot pass the exception on: ``check`` raises it again.
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


class shielded:  # noqa: N801 - reads as the statement it is
    """``with shielded():`` holds signals back in the main thread until the block is left."""

    def __enter__(self) -> None:
        self._counts = threading.current_thread() is threading.main_thread()
        _State.depth += self._counts

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        _State.depth -= self._counts
        if _State.is_pending and not _State.depth and self._counts:
            _State.is_pending = False
            raise KeyboardInterrupt from error


def finished_step(step: Any) -> None:
    """Call ``step`` to its end, even if a signal comes just before the shield is up; then raise for that.

    Args:
        step: Takes no arguments, and may be called once more when it was called already.
    """
    try:
        with shielded():
            step()
    except KeyboardInterrupt:
        with shielded():
            step()
        raise
