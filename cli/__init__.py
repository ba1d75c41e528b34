"""The command line: parses, calls the library, draws. Installed as ``semvid.cli``."""

import sys


def _end_quietly(kind, error, trace):  # type: ignore[no-untyped-def]
    # Until ``main.run`` listens to signals an interrupt ends the program as it ends any, by its signal.
    if kind is not KeyboardInterrupt:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly
