"""Checks in parallel whether a live stream's encoder follows the map: no packet waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from semvid.codecs.ffmpeg.obedience import MapWatch, is_spread
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import CodedPacket
from semvid.core.types import QuantizerOffsets

if TYPE_CHECKING:
    from av import VideoFrame

_FEW_KEYS = {"x265"}
"""A wave of intra blocks takes the place of key frames, and no decoder tells quantizers."""


class LiveMapWatch:
    """Runs a ``MapWatch``, with its slow checks on a separate thread.

    Args:
        spec: The encoder.
        options: Of the stream.
        extradata: Of the encoder.
    """

    def __init__(self, spec: EncoderSpec, options: Mapping[str, str], extradata: bytes | None) -> None:
        self._watch = MapWatch(
            spec, options, spec.crf.default, extradata, "see 'semvid doctor'", is_live=True
        )
        self._pool = ThreadPoolExecutor(1, "semvid-watch")
        self._share: Future[float | None] | None = None
        self._asks_key = spec.name in _FEW_KEYS

    def needs_key(self, offsets: QuantizerOffsets) -> bool:
        """Tell, once, that a picture must be a key frame or nothing can be found out."""
        is_needed = self._asks_key and is_spread(offsets)
        self._asks_key = self._asks_key and not is_needed
        return is_needed

    def ask(self, picture: VideoFrame, offsets: QuantizerOffsets | None) -> None:
        """Note what a picture is coded by, before it is; None = there is no map yet."""
        if offsets is not None:
            self._watch.ask(picture, offsets)

    def look(self, packets: list[CodedPacket], *, is_last: bool = False) -> None:
        """Look at packets as they come from the encoder."""
        if (work := self._watch.look(packets, is_last=is_last)) is not None:
            self._share = self._pool.submit(work)

    def take_remarks(self, *, waits: bool) -> list[str]:
        """See ``LiveEncoder``."""
        share = self._share
        if share is None or not (waits or share.done()):
            return []
        self._share = None
        return list(filter(None, [self._watch.conclude(share.result())]))

    def close(self) -> None:
        """Stop checks that are still running."""
        self._pool.shutdown(wait=False, cancel_futures=True)
