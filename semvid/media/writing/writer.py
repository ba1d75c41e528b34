"""Write one output file: temporary name beside the target, verified, then renamed over it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from av import Packet
from av.audio.stream import AudioStream
from av.stream import AttachmentStream, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.text import reason
from semvid.media.probe import codec_name, is_cover_art
from semvid.media.reach import open_local_packets
from semvid.media.reading.reader import VideoReader
from semvid.media.side_data import MODE_TAGS
from semvid.media.writing.carry import Manifest, Passage, Way
from semvid.media.writing.claim import writing
from semvid.media.writing.container_trial import add_copy, open_output
from semvid.media.writing.containers import CONTAINERS, COVER_CODECS, MATROSKA_LIKE, MP4_LIKE
from semvid.media.writing.decode_check import decode_all
from semvid.media.writing.even_sound import MOST_LATE
from semvid.media.writing.header_patch import ROOM, prefer_google_boxes, state_pixel_aspect
from semvid.media.writing.ledger import Ledger, carries_time
from semvid.media.writing.output import UnfinishedContainer
from semvid.media.writing.priming import primed
from semvid.media.writing.sound import SoundConverter, add_sound
from semvid.media.writing.subtitles import SubtitleConverter
from semvid.media.writing.tags import Inventory, portable
from semvid.media.writing.video_track import add_video_track, packet_of

if TYPE_CHECKING:
    from semvid.media.writing.sound_cut import SoundCut

# The movie's ticks are those of edit lists, which hold the offset between sound and picture; FFmpeg's own
# are milliseconds. Spherical and stereo-3D boxes are younger than the standard it keeps to by itself.
_MOVIE = {"movflags": "+faststart", "strict": "unofficial", "movie_timescale": "90000"}
_OPTIONS = {
    **dict.fromkeys(MP4_LIKE, _MOVIE),
    # Pictures must not be moved off their grid because the sound's decoder needs a lead-in.
    ".avi": {"avoid_negative_ts": "disabled"},
    # Else FFmpeg gives the file and its tracks random numbers, and no two runs write the same bytes.
    **{key: {"fflags": "+bitexact"} for key in MATROSKA_LIKE},
}


class VideoWriter(UnfinishedContainer):
    """A video, there after ``commit()``.

    Args:
        output: Where to write.
        manifest: What becomes of the input's other streams; None = there are none.
        overwrite: Whether an existing file may be replaced.

    Attributes:
        notices: After ``complete``, a sentence for everything that the container had no place for.
    """

    def __init__(self, output: Path, manifest: Manifest | None = None, *, overwrite: bool) -> None:
        self._suffix = output.suffix.lower()
        self._manifest = manifest or Manifest(self._suffix, {})
        muxer, options = CONTAINERS[self._suffix], dict(_OPTIONS.get(self._suffix, {}))
        if self._manifest.has_keys and self._suffix in MP4_LIKE:
            options["movflags"] += "+use_metadata_tags"
        is_relayed = self._manifest.is_relayed
        super().__init__(
            output, lambda name: open_output(name, muxer, options, is_relayed=is_relayed), overwrite=overwrite
        )
        self.bytes_written = 0
        self._copies: dict[int, Stream] = {}
        self._held: dict[int, list[Packet[Any]]] = {}
        self._converters: dict[int, SoundConverter | SubtitleConverter] = {}
        self._cuts: dict[int, SoundCut] = {}
        self._ledger = Ledger(output, MOST_LATE if self._suffix == ".avi" else Fraction(0))
        self._video: VideoStream | None = None
        self._pixel_aspect: Fraction | None = None
        self._inventory: Inventory | None = None
        self._is_complete = False
        self._timed: list[int] = []
        """Streams that play."""
        self.notices: list[str] = []
        self._told: list[str] = []

    def add_video(self, video: StreamParameters | VideoStream) -> None:
        """Add the coded video, or take a stream that was added. Must be called once, first of all."""
        self._video = video if isinstance(video, VideoStream) else add_video_track(self.container, video)
        aspect = self._video.codec_context.sample_aspect_ratio
        self._pixel_aspect = aspect if aspect and aspect != 1 and self._suffix in MATROSKA_LIKE else None

    def copy_streams(self, reader: VideoReader) -> None:
        """Add what becomes of every other stream of the input, with metadata and chapters.

        Must be called once, after ``add_video`` and before the first packet.
        """
        source, main = reader.container, reader.stream
        assert self._video is not None  # noqa: S101 - it was added
        encoded = self._video
        self.container.metadata.update(portable(source.metadata))
        chapters = [] if self._manifest.is_relayed else reader.chapters()
        self.container.set_chapters(chapters)
        self._inventory = Inventory(self._manifest.suffix, self.container.metadata, chapters)
        # How samples are stored is for the encoder of the new ones to say.
        self._inventory.add("the video", encoded, main, without=MODE_TAGS)
        if reader.changes_timecode:
            from semvid.media.writing.timecode import move_timecode

            for tags in (self.container.metadata, encoded.metadata):
                self._told += move_timecode(
                    tags, main.average_rate, reader.cut_before, reader.info.frame_rate
                )
            self._inventory.retag(self.container.metadata, encoded.metadata)
        if self._pixel_aspect is not None:
            encoded.metadata["title"] = encoded.metadata.get("title", "") + ROOM
        for stream in source.streams:
            passage = self._manifest.passages.get(stream.index)
            if passage is None:
                continue
            if passage.way is Way.ATTACH:
                self._attach(stream, passage)
            elif passage.way is Way.COPY:
                lead_in = reader.lead_in(stream.index)
                self._copies[stream.index] = copy = self._copy_of(stream, lead_in)
                if stream.type == "audio" and reader.is_part_of_file:
                    from semvid.media.writing.sound_cut import SoundCut

                    self._cuts[stream.index] = SoundCut(
                        passage.label, self._suffix, reader.cut_length, self._hidden(stream, reader)
                    )
                self._inventory.add(passage.label, copy, stream)
            elif passage.way is Way.CONVERT:
                self._converters[stream.index] = converter = self._converter(stream, passage, reader)
                self._inventory.add(passage.label, converter.stream, stream)

    def _copy_of(self, stream: Stream, lead_in: Fraction) -> Stream:
        if stream.type != "audio" or self._suffix not in MATROSKA_LIKE:
            return add_copy(self.container, stream)
        with primed(cast(AudioStream, stream), lead_in) as template:
            return add_copy(self.container, template)

    def _hidden(self, stream: Stream, reader: VideoReader) -> Fraction | None:
        """Return how much of the first sound players will leave out; None = nothing is cut at the start."""
        if not reader.cuts_start:
            return None
        codec = cast(AudioStream, stream).codec_context
        if self._suffix not in MATROSKA_LIKE or not codec.sample_rate:
            return Fraction(0)
        return Fraction(max(codec.delay or 0, 0), codec.sample_rate)

    def _converter(
        self, stream: Stream, passage: Passage, reader: VideoReader
    ) -> SoundConverter | SubtitleConverter:
        if passage.sound is None:
            return SubtitleConverter(self.container, cast(SubtitleStream, stream), passage.text)
        coded = add_sound(self.container, passage.sound)
        return SoundConverter(
            cast(AudioStream, stream), coded, passage.sound, is_even=self._suffix == ".avi",
            is_cut=reader.is_part_of_file, length=reader.cut_length,
        )  # fmt: skip

    def _attach(self, stream: Stream, passage: Passage) -> None:
        tags = dict(stream.metadata)
        if passage.cover:
            name, kind = COVER_CODECS[codec_name(stream)]
            data, name, kind = passage.cover, tags.pop("filename", name), tags.pop("mimetype", kind)
        else:
            attachment = cast(AttachmentStream, stream)
            name = tags.pop("filename", f"attachment-{stream.index}")
            kind = tags.pop("mimetype", "application/octet-stream")
            data = attachment.data
        attached = self.container.add_attachment(name, kind, data)
        attached.metadata.update(portable(tags))

    def start(self) -> None:
        """Write the header; from here on streams are fixed.

        Raises:
            OutputError: The container refuses this combination of streams.
        """
        with writing(self.output):
            try:
                self.container.start_encoding()
            except ValueError as error:
                raise OSError(reason(error)) from error

    def copy(self, packet: Packet[Any]) -> None:
        """Write what becomes of a packet of another stream; nothing of those that are left out."""
        index = packet.stream.index
        if (converter := self._converters.get(index)) is not None:
            for one in converter.convert(packet):
                self._mux(one)
        if (stream := self._copies.get(index)) is None:
            return
        if index in self._cuts and not self._cuts[index].takes(packet):
            return
        if packet.dts is None and is_cover_art(stream):
            packet.pts = packet.dts = 0
        packet.stream = stream
        for one in self._with_decoding_time(packet):
            self._mux(one)

    def _with_decoding_time(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Hold packets back until one tells a decoding time, from which theirs is counted back.

        Matroska has none, and FFmpeg finds the first ones of reordered video only behind them.
        """
        held = self._held.setdefault(packet.stream.index, [])
        if packet.dts is None:
            if packet.pts is not None:
                held.append(packet)
            return []
        ready = [*held, packet]
        held.clear()
        for later, one in zip(reversed(ready), list(reversed(ready))[1:], strict=False):
            one.dts = min(later.dts - max(one.duration or 1, 1), one.pts)
        return ready

    def finish(self) -> list[str]:
        """Write what converted streams still hold; returns a sentence for whatever went wrong with them."""
        notices = list(dict.fromkeys(self._told))
        for converter in self._converters.values():
            for one in converter.finish():
                self._mux(one)
            notices += converter.notices
        return notices + [told for one in self._cuts.values() for told in one.notices]

    def write(self, packet: CodedPacket) -> None:
        """Write a packet of the coded video."""
        assert self._video is not None  # noqa: S101 - it was added
        self._mux(packet_of(packet, self._video))

    def _mux(self, packet: Packet[Any]) -> None:
        size = packet.size
        self._ledger.note(packet)
        with writing(self.output):
            self.container.mux(packet)
        self.bytes_written += size

    def complete(self) -> Path:
        """Finish the file, and read it back.

        Returns:
            Its temporary name: whoever leaves this context before ``commit`` removes it.

        Raises:
            OutputError: The disk is full, or what was written cannot be read back.
        """
        with writing(self.output):
            self._timed = [one.index for one in self.container.streams if carries_time(one)]
            self.container.close()
            self._is_complete = True
            self._patch_header()
            assert self._video is not None  # noqa: S101 - it was added
            with open_local_packets(self._temporary) as written:
                self._ledger.check(written, self._video.index, self._timed)
                if self._inventory is not None:
                    self.notices += self._inventory.lost(written)
        return self._temporary

    def decoded(self) -> Iterator[int]:
        """Decode every frame of the complete file.

        Yields:
            The number of frames so far.

        Raises:
            OutputError: They are not all that were written.
        """
        assert self._video is not None  # noqa: S101 - it was added
        place = self._timed.index(self._video.index)
        yield from decode_all(self._temporary, place, self.num_coded, self.output)

    @property
    def num_coded(self) -> int:
        """Packets of the coded video that were written."""
        assert self._video is not None  # noqa: S101 - it was added
        return self._ledger.num_packets(self._video.index)

    def commit(self) -> int:
        """Give the file its name; if it is not complete yet, complete it.

        Returns:
            Its size in bytes.

        Raises:
            OutputError: See ``complete``.
        """
        if not self._is_complete:
            self.complete()
        with writing(self.output):
            return self._claim.publish(self._temporary)

    def _patch_header(self) -> None:
        if self._suffix in MP4_LIKE:
            prefer_google_boxes(self._temporary)
        if self._pixel_aspect is not None:
            state_pixel_aspect(self._temporary, self._pixel_aspect)
