"""What was meant to be written into a file, and whether the file holds it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from semvid.errors import OutputError
from semvid.io.names import ffmpeg_name

if TYPE_CHECKING:
    from av import Packet


class Ledger:
    """Notes every packet on its way into a file; reads the file back at the end.

    Args:
        output: What to call the file in messages.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._num_packets: Counter[int] = Counter()

    def note(self, packet: Packet[Any]) -> None:
        """Take a packet of the output stream it names, before it is muxed: muxing changes its times."""
        self._num_packets[packet.stream.index] += 1

    def check(self, written: Path, video_index: int) -> None:
        """Compare a finished file with what was noted.

        Args:
            written: The file.
            video_index: Which of its streams holds the encoded video.

        Raises:
            OutputError: Something is missing.
        """
        expected = self._num_packets[video_index]
        with av.open(ffmpeg_name(written)) as container:
            stream = container.streams[video_index]
            found = sum(packet.size > 0 for packet in container.demux(stream))
        if found != expected:
            raise OutputError(
                f"{self._output} was not written whole: {found} of {expected} video packets "
                "can be read back; the disk may be full or failing"
            )
