"""How long a video is: when its last frame is no longer shown, and whether all of it is there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import av
from av import Packet
from av.container import InputContainer
from av.video.stream import VideoStream

from semvid.core.records import dataclass
from semvid.core.types import VideoInfo
from semvid.media.reading.cut_off import is_cut_off
from semvid.media.reading.damage import Damage
from semvid.media.reading.movie_boxes import read_edits
from semvid.media.reading.packets import PacketReader
from semvid.media.reading.structure import structure_of


@dataclass(slots=True)
class TrackLength:
    """What the packets of a track of MP4 or QuickTime tell of it.

    The first and the last suffice, and whether an edit list hides any.
    """

    first: int | None = None
    """When the first is decoded."""
    last: int = 0
    """When the one after the last would be."""
    is_cut: bool = False
    """An edit list hides some."""

    def note(self, packet: Packet[Any]) -> None:
        """Take the next packet."""
        self.is_cut |= packet.is_discard
        if packet.dts is not None:
            self.first = packet.dts if self.first is None else min(self.first, packet.dts)
            self.last = max(self.last, packet.dts + (packet.duration or 0))

    def end(self, info: VideoInfo, stream: VideoStream, shift: Fraction) -> int:
        """Return when the last frame is no longer shown, in ``info.file_time_base``; 0 = it does not tell.

        In MP4 durations belong to packets in decoding order, and the last one shown need not be the last one
        decoded; but the track says how long it is. The file's clock was moved by ``shift`` seconds.
        """
        if "mov" not in info.container.split(",") or not stream.duration or stream.start_time is None:
            return 0
        length = self._played(info, stream) or stream.duration
        return stream.start_time + length + round(shift / info.file_time_base)

    def _played(self, info: VideoInfo, stream: VideoStream) -> int | None:
        """Return how long players show it, in its time base; None = FFmpeg knows best.

        FFmpeg believes the header where that is shorter than all frames together, but it is only a summary:
        players go through the frames, and leave out what an edit list leaves out.
        """
        edits = read_edits(info.path, stream.id)
        length = 0 if self.first is None else self.last - self.first
        if self.is_cut or not length or edits is None:
            return None
        shown = [one for one in edits if not one.is_empty]
        if not shown or not shown[0].seconds:
            return length
        if len(shown) == 1 and abs(shown[0].seconds - length * info.file_time_base) <= shown[0].tick:
            return length
        return None


def check_length(
    damage: Damage,
    info: VideoInfo,
    stream: VideoStream,
    packets: PacketReader,
    num_read: int,
    end: Fraction,
    num_claimed: int,
) -> None:
    """Note whether a file that was read to its end is shorter than its header says, or cut off.

    ``end``, in seconds, is that of what was read. ``num_read`` and ``num_claimed`` are packets of the video,
    read and by the header; 0 = it does not say.
    """
    claimed_end, duration = None, cast(InputContainer, stream.container).duration
    # Where a clock jumps the header knows nothing of it.
    if duration and packets.is_everything_read and not packets.clock.num_jumps:
        claimed_end = Fraction(duration, av.time_base)
        # Matroska's duration counts from 0, wherever the first packet is.
        end = max(end, end - packets.clock.start_shift)
    if "mov" in info.container.split(",") and len(stream.index_entries) < num_claimed:
        # An edit list hides whole groups of pictures, and FFmpeg passes over them.
        num_claimed = 0
    damage.compare_length(num_read, num_claimed, end, claimed_end)
    state = structure_of(info.path, info.container)
    damage.is_cut_off = state == "cut off" or is_cut_off(info.path, info.container)
    damage.has_gaps |= state == "broken"
