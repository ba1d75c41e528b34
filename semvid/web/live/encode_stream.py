"""The encode itself for browsers: remuxed for each client, to play as it comes or to keep."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime

from av.error import FFmpegError
from starlette.types import Send

from semvid.core.coded import CodedPacket
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.sinks.growing_file import FileKind, GrowingFile, codec_text, file_kind
from semvid.streaming.tap import PacketTap
from semvid.web.guard import refusal
from semvid.web.live.endless import EndlessResponse

_PLAYED_SECONDS, _KEPT_SECONDS = 2.0, 20.0
"""Of stream that waits at most for a client."""
_START_SECONDS = 15.0
"""Within which a key frame comes, if anything does."""


class EncodeStream(EndlessResponse):
    """A video file that grows as the stream does.

    Args:
        tap: Where packets come from.
        client: See ``EndlessResponse``.
        watchers: See ``EndlessResponse``.
        is_kept: The client keeps it: with sound, and ended where a client is too slow. Else it is played at
            once: without sound, and what a slow client misses is left out.
    """

    def __init__(
        self, tap: PacketTap, client: tuple[str, int], watchers: list[EndlessResponse], *, is_kept: bool
    ) -> None:
        self._tap, self._is_kept = tap, is_kept
        self._kind: FileKind = file_kind(tap.coding_format)
        name = f"semvid-{datetime.now():%Y%m%d-%H%M%S}{self._kind.suffix}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'} if is_kept else None
        super().__init__(client, watchers, headers)

    async def _send_all(self, send: Send) -> None:
        came = asyncio.Event()
        wake = _waker(asyncio.get_running_loop(), came)
        seconds = _KEPT_SECONDS if self._is_kept else _PLAYED_SECONDS
        has_begun = False
        with (
            self._tap.join(wake, most_seconds=seconds, is_kept=self._is_kept) as reader,
            contextlib.ExitStack() as stack,
        ):
            # The stream may be over already.
            came.set()
            file: GrowingFile | None = None
            is_last = False
            while not is_last:
                try:
                    async with asyncio.timeout(None if has_begun else _START_SECONDS):
                        await came.wait()
                except TimeoutError:
                    break
                came.clear()
                is_last = reader.state != "open"
                items = reader.take()
                if file is None:
                    if not items:
                        continue
                    # Whether there is sound is known now.
                    file = GrowingFile(self._kind, sound_bitrate=self._sound_bitrate(), is_kept=self._is_kept)
                    stack.callback(_complete, file)
                is_last |= not _write(file, items) or file.has_ended
                if is_last:
                    _complete(file)
                body = file.take()
                if body and not has_begun:
                    has_begun = True
                    codecs = f'; codecs="{codec_text(body)}"' if not self._is_kept else ""
                    self.headers["content-type"] = self._kind.media_type + codecs
                    await self._start(send)
                if body:
                    await self._send_body(send, body)
        if has_begun:
            await self._send_body(send, b"", more=False)
        else:
            await self._refuse(send)

    def _sound_bitrate(self) -> int:
        return self._tap.sound_bitrate if self._is_kept and self._tap.has_sound else 0

    async def _refuse(self, send: Send) -> None:
        answer = refusal(503, "no picture was encoded in time; try again", {"Retry-After": "2"})
        await send({"type": "http.response.start", "status": 503, "headers": answer.raw_headers})
        await send({"type": "http.response.body", "body": answer.body})


def _write(file: GrowingFile, items: Sequence[CodedPacket | SoundChunk]) -> bool:
    """Write all; False = the container cannot hold it: the client sees that it ends, and asks again."""
    try:
        for item in items:
            file.write(item)
    except (FFmpegError, OSError, ValueError):
        return False
    return True


def _complete(file: GrowingFile) -> None:
    with contextlib.suppress(FFmpegError, OSError, ValueError):
        file.close()


def _waker(loop: asyncio.AbstractEventLoop, came: asyncio.Event) -> Callable[[], None]:
    def wake() -> None:
        # The loop may be closed: then no client is there.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(came.set)

    return wake
