"""A process between semvid and another program, which ends that program when semvid ends.

Runs the command it is given, and kills it as soon as standard input ends: the system closes that when the
process at the other end dies, however it dies. Standard output: the command's exit code, as Python counts it.
It is run as a file, without any package, so that it starts at once.
"""

import os
import subprocess
import sys
import threading


def _follow(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):
        pass
    child.kill()


def main() -> None:
    """Run until the command ends, or the process that started this one does."""
    nothing = subprocess.DEVNULL
    child = subprocess.Popen(sys.argv[1:], stdin=nothing, stdout=nothing)  # noqa: S603 - and no shell
    threading.Thread(target=_follow, args=(child,), daemon=True).start()
    os.write(1, str(child.wait()).encode())
    # The thread still waits for input.
    os._exit(0)


if __name__ == "__main__":
    main()
