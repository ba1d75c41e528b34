"""A separate process that sends one stream to the network.

PyAV holds Python's global lock while it connects and disconnects: a server that does not answer would stop
capture, analysis and encoding meanwhile. In its own process it blocks nothing, and can be killed.
``outlet.PushedOutlet`` is the other end.

Standard input: a line of JSON ``{"url", "format", "options", "codec", "sound"}``, then for every packet or
chunk of sound ``HEADER`` and its data. Standard output: lines of JSON, ``{"sent": bytes}`` for each, or
``{"error", "kind"}`` at last. The URL comes by the pipe because other users can read command lines.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import struct
import sys
from typing import Any, BinaryIO

HEADER = struct.Struct("<Icqqq")
"""Bytes of data, kind, pts, dts, duration."""
KEY_FRAME, OTHER_FRAME, SOUND = b"K", b"F", b"S"
_STUCK_SECONDS = 10.0


def _answer(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _push(source: BinaryIO) -> None:
    from semvid.core.coded import CodedPacket
    from semvid.streaming.sinks.mux import Muxer, SoundFormat

    task = json.loads(source.readline())
    sound = SoundFormat(**task["sound"]) if task["sound"] else None
    muxer: Muxer | None = None
    while len(header := source.read(HEADER.size)) == HEADER.size:
        size, kind, pts, dts, duration = HEADER.unpack(header)
        data = source.read(size)
        if len(data) < size:
            break
        _limit()
        packet = CodedPacket(data, task["codec"], pts, dts, duration, is_keyframe=kind == KEY_FRAME)
        if muxer is None:
            muxer = Muxer(task["url"], task["format"], task["options"], packet, sound)
        if kind == SOUND:
            muxer.write_sound(data, pts)
        else:
            muxer.write(packet)
        faulthandler.cancel_dump_traceback_later()
        _answer(sent=size)
    if muxer is not None:
        _limit()
        muxer.close()


def _limit() -> None:
    """End this process if what follows hangs: a C thread does it, which Python's lock cannot stop."""
    faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True, file=sys.stderr)


def main() -> None:
    """Run until standard input ends or the sink is lost."""
    code = 0
    try:
        _push(sys.stdin.buffer)
    except Exception as error:  # noqa: BLE001 - told to the other end, which explains it
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        with contextlib.suppress(OSError):
            _answer(error=why, kind=type(error).__name__)
        code = 1
    # Otherwise closing the container would wait for the dead connection once more.
    os._exit(code)


if __name__ == "__main__":
    main()
