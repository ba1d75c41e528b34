"""``semvid`` as a program of its own, however the tests were started."""

import sys

HEAR = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "getattr(signal, 'SIGHUP', None) and signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
)
"""Python that hears signals: a shell's background jobs, and what they start, would ignore the interrupt, and below
``nohup`` the hangup."""
PROGRAM = [sys.executable, "-P", "-c", HEAR + "from semvid.cli.main import run; run()"]
