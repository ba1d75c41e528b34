"""Tags: which are copied, which would be wrong in the new file, and which it has no place for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from av.container import InputContainer
from av.stream import Disposition, Stream

from semvid.core.text import Loss, counted

_STALE = (
    "encoder", "duration", "bps", "number_of_", "_statistics", "major_brand", "minor_version",
    "compatible_brands", "vendor_id",
)  # fmt: skip
_KEYS = ("com.apple.", "com.android.")
"""What phones write besides the tags that all players know: place, local time, maker."""
_TOLD_OTHERWISE = {"handler_name", "filename", "mimetype"}
"""Rewritten by every container in its own way, or covered by other notices."""
_DATE = "creation_time"
"""Of a track it is the file's once more."""
_NO_DATE = "1970-01-01T00:00:00"
"""So muxers wrote that they knew none."""
_SET_BY_MUXERS = Disposition.default | Disposition.attached_pic


def portable(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are still true: not those that describe how the old file was made."""
    tags = {}
    for key, value in metadata.items():
        name, _, language = key.rpartition("-")
        is_double = len(language) == 3 and metadata.get(name) == value
        is_no_date = key.lower() == _DATE and value.startswith(_NO_DATE)
        if not key.lower().startswith(_STALE) and not is_double and not is_no_date:
            tags[_spelled(key)] = value
    return tags


def of_track(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a track that are still true; its name in MP4 is its title everywhere else."""
    tags = portable(metadata)
    for key in ("name", "NAME"):
        if key in tags:
            name = tags.pop(key)
            tags.setdefault("title", name)
    return tags


def has_keys(metadata: Mapping[str, str]) -> bool:
    """Return whether there are tags of phones, which MP4 and QuickTime keep in a separate list."""
    return any(key.lower().startswith(_KEYS) for key in metadata)


def _spelled(key: str) -> str:
    """Matroska writes all names in capitals; phones' keys are known in small letters only."""
    lower = key.lower()
    return lower.replace("iso6709", "ISO6709") if lower.startswith(_KEYS) else key


class Inventory:
    """The tags, marks and chapters written to a file, to be looked for in the finished file."""

    def __init__(
        self, suffix: str, tags: Mapping[str, str], chapters: Iterable[Mapping[str, object]]
    ) -> None:
        self._suffix = suffix
        self._tags = dict(tags)
        self._chapter_tags = [dict(one["metadata"]) for one in chapters]  # type: ignore[call-overload]
        self._tracks: list[tuple[str, dict[str, str], Disposition]] = []

    def add(self, label: str, stream: Stream, source: Stream, *, without: Collection[str] = ()) -> None:
        """Give a track of the output, in its order, the tags and marks of the one it comes from."""
        tags = of_track(source.metadata)
        stream.metadata.update({key: value for key, value in tags.items() if key not in without})
        stream.disposition = source.disposition
        if not source.disposition & Disposition.attached_pic:
            self._tracks.append((label, dict(stream.metadata), source.disposition))

    def retag(self, tags: Mapping[str, str], first_track: Mapping[str, str]) -> None:
        """Say that the tags of the file, and of the track that was added first, are others now."""
        self._tags = dict(tags)
        label, _, marks = self._tracks[0]
        self._tracks[0] = label, dict(first_track), marks

    def lost(self, written: InputContainer) -> list[str]:
        """Return a sentence for each thing the container had no place for."""
        sentences = [self._sentence(_missing(self._tags, written.metadata), "the file")]
        found = [one for one in written.streams if not _is_beside_tracks(one)]
        for (label, tags, marks), track in zip(self._tracks, found, strict=False):
            missing = [one for one in _missing(tags, of_track(track.metadata)) if one.lower() != _DATE]
            sentences.append(self._sentence(missing, label))
            gone = Disposition(marks & ~track.disposition & ~_SET_BY_MUXERS)
            if gone:
                names = ", ".join(str(one.name) for one in Disposition if one in gone)
                sentences.append(f"{label} is not marked as {names}: {self._suffix} has no place for that")
        chapters = [one["metadata"] for one in written.chapters()]
        if len(chapters) < len(self._chapter_tags):
            count = len(self._chapter_tags) - len(chapters)
            sentences.append(
                f"{self._suffix} has no place for {counted(count, 'chapter')}; write to .mkv or .mp4"
            )
        missing_tags = {
            name
            for tags, kept in zip(self._chapter_tags, chapters, strict=False)
            for name in _missing(tags, kept)
        }
        sentences.append(self._sentence(sorted(missing_tags), "the chapters"))
        return [Loss(one) for one in sentences if one]

    def _sentence(self, names: list[str], owner: str) -> str:
        if not names:
            return ""
        return f"{self._suffix} has no place for these tags of {owner}: {', '.join(names)}"


def _missing(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    kept = {key.lower(): value for key, value in found.items()}
    missing = []
    for key, value in expected.items():
        name = key.lower()
        if name in _TOLD_OTHERWISE or not value.strip():
            continue
        if name == "language":
            if value not in {"und", kept.get(name, "und")}:
                missing.append(f"{key} ({value})")
        elif name not in kept:
            missing.append(key)
    return missing


def _is_beside_tracks(stream: Stream) -> bool:
    return stream.type == "attachment" or bool(stream.disposition & Disposition.attached_pic)
