"""Frames of a live source: read on a separate thread, reopened when it breaks off."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from semvid.core.closing import Closing
from semvid.core.config import LiveConfig
from semvid.core.errors import InputError, SemvidError
from semvid.core.text import reason
from semvid.media.reading.damage import Damage
from semvid.streaming.base.address import Address
from semvid.streaming.base.backoff import pauses
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.base.types import Captured, SourceState
from semvid.streaming.capture.decoding import SourceDecoder
from semvid.streaming.capture.frame_queue import FrameQueue
from semvid.streaming.capture.opening import OPEN_SECONDS, NotThereYetError, close_quietly, open_source
from semvid.streaming.capture.shaping import Pacer, Shaper
from semvid.streaming.capture.source_sound import SourceSound
from semvid.streaming.capture.timeline import Timeline

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.streaming.capture.opening import OpenSource

_CLOSE_SECONDS = 1.5
_POLL_SECONDS = 0.1


class LiveReader(Closing):
    """An open source whose frames are taken one by one.

    Live sources (cameras, screens, networks, ``lavfi:``) and files with ``config.realtime`` do not wait: if
    frames are not taken in time, the oldest are dropped and counted. Files and pipes wait. A lost camera,
    screen or network is reopened until ``close``; timestamps go on, including the gap. Files, pipes and
    generators end.

    Pictures are turned upright and deinterlaced, unless ``config.deinterlace`` is ``keep``. They are scaled
    to ``config.size``, or else to the size of the first one, with black bars where the aspect differs.
    Frames beyond ``config.frame_rate`` are left out evenly, and do not count as dropped.

    Args:
        address: From ``parse_source``.
        config: ``size``, ``frame_rate``, ``realtime``, ``loop``, ``wait_seconds``, ``reconnect_seconds`` and
            ``sound_bitrate`` (0 = sound is not decoded) are used.

    Raises:
        InputError: The source cannot be opened now.

    Attributes:
        num_reconnections: Times the source came back.
        last_error: Why it was last lost, in one line; empty if it never was.
        failure: Why it ended too early, in one line; empty if it did not.
        frame_rate: The source's nominal frame rate; None = unknown.
        has_sound: Whether the source had sound when it was first opened.
        state: ``ended`` also after ``close``; frames may still wait then.
        waits: Whether frames wait until they are taken, as those of a file or a pipe.
    """

    def __init__(self, address: Address, config: LiveConfig) -> None:
        self.num_reconnections = 0
        self.last_error = ""
        self.failure = ""
        self.frame_rate: Fraction | None = None
        self.has_sound = False
        self._address = address
        self._config = config
        is_paced = (
            address.kind == "generator" or (address.kind == "file" and config.realtime) or address.is_playlist
        )
        self.waits = not (address.is_live or is_paced)
        self._queue = FrameQueue(drops=not self.waits)
        self._pacer = Pacer() if is_paced else None
        self._played_seconds = 0.0
        self._timeline = Timeline(follows_clock=address.is_live)
        self._sound = SourceSound(self._timeline, comes_at_once=address.is_live and not address.is_playlist)
        self._shaper = Shaper(config)
        self._damage = Damage()
        self._gives_up_at = time.monotonic() + address.patience(config.wait_seconds)
        self.state: SourceState = "opening"
        self._first_error: Exception | None = None
        self._opened = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-source", daemon=True)
        self._thread.start()
        try:
            self._wait_until_open()
        except BaseException:
            self._stopped.set()
            raise

    @property
    def num_dropped(self) -> int:
        """Frames lost because they were not taken in time."""
        return self._queue.num_dropped

    @property
    def damage(self) -> str:
        """What was damaged in the source, in words; empty if nothing."""
        return str(self._damage) if self._damage else ""

    @property
    def num_damaged(self) -> int:
        """Packets and frames that were damaged, since the start."""
        return self._damage.num_bad_packets + self._damage.num_corrupt_frames

    @property
    def remarks(self) -> Sequence[str]:
        """See ``FrameSource``."""
        return self._shaper.remarks

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel by its height, in the frames delivered; None = square or unknown."""
        return self._shaper.sample_aspect_ratio

    def next(self, timeout: float) -> Captured | None:
        """Take the oldest frame that waits.

        Args:
            timeout: Seconds to wait for one.

        Returns:
            None if none came in time, and at once if no more will come (``state`` is ``ended``).
        """
        return self._queue.get(timeout)

    def take_sound(self, ticks: int) -> list[SoundChunk]:
        """Return the sound that came since the last call, without gaps.

        Args:
            ticks: Time of the picture in ``TIME_BASE``: sound missing long before it becomes silence.
        """
        return self._sound.take(ticks)

    def close(self) -> None:
        """Stop reading; returns within two seconds even when the network hangs.

        Whatever still hangs then ends in the background, by its own timeout.
        """
        self._stopped.set()
        self._queue.end()
        self._thread.join(_CLOSE_SECONDS)
        self._end()

    def _wait_until_open(self) -> None:
        # Twice the limit: cameras are asked for several formats.
        limit = self._gives_up_at + 4 * OPEN_SECONDS
        if self._address.kind == "pipe" or self._address.listens:
            limit = math.inf
        while not self._opened.wait(_POLL_SECONDS):
            if time.monotonic() > limit:
                raise InputError(
                    f"{self._address.shown} hangs while it is opened; check the device or network"
                )
        if self._first_error is not None:
            raise self._first_error

    def _run(self) -> None:
        try:
            self._play_until_stopped()
        except SemvidError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self._fail(
                InputError(f"{self._address.shown} cannot be read: {reason(error)}; try another source")
            )
        finally:
            self._end()

    def _fail(self, error: Exception) -> None:
        self.last_error = str(error)
        if self._opened.is_set():
            self.failure = str(error)
        else:
            self._first_error = error

    def _end(self) -> None:
        self.state = "ended"
        self._queue.end()
        self._opened.set()

    def _play_until_stopped(self) -> None:
        waiting = pauses(self._config.reconnect_seconds)
        while not self._stopped.is_set():
            try:
                num_played = self._play_once()
            except InputError as error:
                is_expected = isinstance(error, NotThereYetError) and time.monotonic() < self._gives_up_at
                if not (is_expected or (self._opened.is_set() and self._address.can_reconnect)):
                    raise
                num_played = 0
                self.last_error = str(error)
                if not self._opened.is_set():
                    self._stopped.wait(next(waiting))
                    continue
            if self._stopped.is_set():
                return
            if num_played:
                waiting = pauses(self._config.reconnect_seconds)
            if not self._address.can_reconnect:
                if self._config.loop and self._address.kind == "file" and num_played:
                    continue
                return
            self.state = "lost"
            self._stopped.wait(next(waiting))

    def _play_once(self) -> int:
        """Open the source and play it until it ends or breaks off; returns the number of frames it gave."""
        source = open_source(self._address, self._config, self._stopped)
        try:
            is_first_time = not self._opened.is_set()
            self.frame_rate = source.video.average_rate or source.video.guessed_rate or None
            if is_first_time:
                self.has_sound = source.audio is not None
            self._shaper.aspect = source.video.sample_aspect_ratio or None
            self._timeline.restart()
            self._sound.restart()
            self._opened.set()
            num_played, first_seconds = 0, None
            for picture in self._shaper.progressive(self._pictures(source)):
                if self._stopped.is_set():
                    break
                if not num_played:
                    self.num_reconnections += not is_first_time and self._address.can_reconnect
                    self.state = "playing"
                num_played += 1
                seconds = self._seconds(picture)
                if first_seconds is None:
                    first_seconds = seconds - self._played_seconds
                if self._pacer is not None:
                    self._wait_until_due(seconds - first_seconds)
                self._deliver(picture)
            return num_played
        finally:
            close_quietly(source.container)

    def _pictures(self, source: OpenSource) -> Generator[VideoFrame, None, None]:
        """Decode until the source ends or breaks off; ``last_error`` then says why. Sound is put aside."""
        decoder = SourceDecoder(
            source,
            self._damage,
            is_live=self._address.can_reconnect or self._address.kind == "pipe",
            take_sound=self._sound.add,
            stopped=self._stopped,
        )
        yield from decoder.pictures()
        if decoder.error is not None:
            is_silent = type(decoder.error).__name__ == "ExitError"
            why = "sends no more" if is_silent else f"was lost: {reason(decoder.error)}"
            self.last_error = f"{self._address.shown} {why}"
        elif self._address.can_reconnect and not self._stopped.is_set():
            self.last_error = f"{self._address.shown} ended the stream"

    def _seconds(self, picture: VideoFrame) -> float:
        """Return the position in the source; without timestamps, one frame after the last."""
        if picture.pts is not None and picture.time_base:
            return float(picture.pts * picture.time_base)
        return self._played_seconds + float(1 / (self.frame_rate or 30))

    def _wait_until_due(self, seconds: float) -> None:
        assert self._pacer is not None  # noqa: S101 - asked before
        self._pacer.wait(seconds, self._stopped)
        # A loop begins where the last one ended, one frame later.
        self._played_seconds = seconds + float(1 / (self.frame_rate or 30))

    def _deliver(self, picture: VideoFrame) -> None:
        arrived = time.monotonic()
        pts = self._timeline.place(picture.pts, picture.time_base, arrived)
        frame = self._shaper.shape(picture, pts)
        if frame is not None:
            self._queue.put(Captured(frame, arrived))
