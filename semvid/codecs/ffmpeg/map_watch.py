"""Runs the check whether the encoder follows the map: on a thread where it takes a while."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from semvid.codecs.ffmpeg.obedience import MapWatch, is_spread
from semvid.core.coded import CodedPacket
from semvid.core.threads import thread_budget

if TYPE_CHECKING:
    from semvid.codecs.base.coding import PreparedFrame


class WatchRunner:
    """Shows a ``MapWatch`` what goes into an encoder and what comes out.

    Args:
        watch: Finds out whether the map is followed.
        is_live: No packet waits for it, and the end of an encoder only if it is the end of all.
        needs_key: The encoder makes too few key frames by itself for anything to be found out.
    """

    def __init__(self, watch: MapWatch, *, is_live: bool = False, needs_key: bool = False) -> None:
        self._watch = watch
        self._pool: Executor | None = None
        if is_live:
            self._pool = ThreadPoolExecutor(1, "semvid-watch")
        elif watch.encodes:
            self._pool = thread_budget().pool("semvid-watch", 1)
        self._is_live = is_live
        self._share: Future[float | None] | None = None
        self._needs_key = needs_key

    def ask(self, prepared: PreparedFrame) -> bool:
        """Note what a picture is coded by, before it is; return whether it must be a key frame."""
        offsets = prepared.offsets
        # Before the first map there are none.
        if offsets is None:
            return False
        self._watch.ask(prepared.picture, offsets)
        is_needed = self._needs_key and is_spread(offsets)
        self._needs_key = self._needs_key and not is_needed
        return is_needed

    def look(self, packets: list[CodedPacket], *, is_last: bool = False, is_end: bool = False) -> list[str]:
        """Look at packets as they come from the encoder, and return sentences on what was found.

        Args:
            packets: In their order.
            is_last: No more will come from this encoder.
            is_end: And there is no other after it.
        """
        work = self._watch.look(packets, is_last=is_last)
        if work is not None and self._pool is None:
            return self._conclude(work())
        if work is not None and self._pool is not None:
            self._share = self._pool.submit(work)
        waits = is_end or (is_last and not self._is_live)
        if self._share is None or not (waits or self._share.done()):
            return []
        share, self._share = self._share, None
        return self._conclude(share.result())

    def _conclude(self, share: float | None) -> list[str]:
        return [one for one in [self._watch.conclude(share)] if one]

    def close(self) -> None:
        """Stop checks that are still running."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
