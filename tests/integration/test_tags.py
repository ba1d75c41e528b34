"""Tags, marks, covers, attachments, chapters and data of a file: kept where the container has a place, or told."""

import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from av.stream import Disposition
from clips import make_clip
from PIL import Image

import semvid
from semvid.core.events import Notice
from semvid.media.writing.tags import portable

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PLAIN = {"preset": "superfast", "allocation": semvid.AllocationConfig(strength=0)}
PLACE = "+60.1699+024.9384+010.000/"


def ffmpeg(*arguments: object) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


def compress(source: Path, output: Path) -> list[str]:
    notices = []
    semvid.compress(
        source, output, semvid.CompressConfig(**PLAIN),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    return notices


def tagged(path: Path, *options: object, keys: bool = False, cover: Path | None = None) -> Path:
    """A clip with two tracks of sound and a text, all named and marked, chapters and tags."""
    folder = path.parent
    clip = make_clip(folder / "bare.mkv", width=192, height=96, num_frames=25, audio=True)
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,100 --> 00:00:00,400\nfirst\n")
    chapters = folder / "chapters.txt"
    chapters.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=one\nlanguage=fin\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=two\n"
    )
    text = "subrip" if path.suffix == ".mkv" else "mov_text"
    pictures = (
        []
        if cover is None
        else ["-i", cover, "-map", "3", "-c:v:1", "copy", "-disposition:v:1", "attached_pic"]
    )
    phone = {
        "com.apple.quicktime.location.ISO6709": PLACE,
        "com.apple.quicktime.creationdate": "2024-01-02T05:04:05+0200",
    }
    tags = [part for key, value in phone.items() for part in ("-metadata", f"{key}={value}") if keys]
    ffmpeg(
        "-i", clip, "-i", words, "-i", chapters, *pictures[:2], "-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1",
        *pictures[2:], "-map_chapters", "2", "-c:v:0", "copy", "-c:a", "copy", "-c:s", text,
        "-metadata", "title=Film", "-metadata", "artist=Me", *tags,
        "-metadata:s:v:0", "title=Picture", "-metadata:s:a:0", "title=Said about it", "-metadata:s:a:0", "language=fin",
        "-disposition:a:0", "comment", "-metadata:s:s:0", "language=swe", "-disposition:s:0", "forced",
        *(["-movflags", "use_metadata_tags"] if keys else []), *options, path,
    )  # fmt: skip
    return path


def contents(path: Path) -> dict[str, object]:
    with av.open(str(path)) as container:
        tracks = [one for one in container.streams if one.type in {"video", "audio", "subtitle"}]
        return {
            "tags": {key.lower(): value for key, value in container.metadata.items()},
            "titles": [one.metadata.get("title", one.metadata.get("name")) for one in tracks],
            "languages": [one.language or "und" for one in tracks],
            "marks": [one.disposition & ~(Disposition.default | Disposition.captions) for one in tracks],
            "chapters": [one["metadata"] for one in container.chapters()],
        }


@pytest.mark.parametrize(
    ("before", "after"), [(".mkv", ".mkv"), (".mkv", ".mp4"), (".mp4", ".mkv"), (".mp4", ".mp4")]
)
def test_names_languages_and_marks_stay(before, after, tmp_path):
    source = tagged(tmp_path / f"in{before}")
    notices = compress(source, tmp_path / f"out{after}")
    was, now = contents(source), contents(tmp_path / f"out{after}")
    for kind in ("titles", "languages", "marks"):
        assert now[kind] == was[kind], kind
    assert now["titles"][:2] == ["Picture", "Said about it"]
    assert now["marks"][1:] == [Disposition.comment, Disposition(0), Disposition.forced]
    assert (now["tags"]["title"], now["tags"]["artist"]) == ("Film", "Me")
    assert [one["title"] for one in now["chapters"]] == ["one", "two"]
    told = [one for one in notices if "of the chapters: LANGUAGE (fin)" in one]
    assert bool(told) == ((before, after) == (".mkv", ".mp4"))


def test_what_quicktime_has_no_place_for_is_told(tmp_path):
    notices = compress(tagged(tmp_path / "in.mkv"), tmp_path / "out.mov")
    assert any("stream 1 (audio, aac) is not marked as comment" in one for one in notices)
    assert any("stream 3 (subtitle, subrip) is not marked as forced" in one for one in notices)


@pytest.mark.parametrize("after", [".mov", ".mp4", ".mkv"])
def test_the_place_and_the_local_time_of_phones_stay(after, tmp_path):
    source = tagged(tmp_path / "in.mov", keys=True)
    notices = compress(source, tmp_path / f"out{after}")
    tags = contents(tmp_path / f"out{after}")["tags"]
    assert tags["com.apple.quicktime.location.iso6709"] == PLACE
    assert tags["com.apple.quicktime.creationdate"] == "2024-01-02T05:04:05+0200"
    assert tags["title"] == "Film"
    assert not any("tags" in one for one in notices)
    # And from Matroska, which writes names in capitals, back under the name that phones know.
    if after == ".mkv":
        compress(tmp_path / "out.mkv", tmp_path / "back.mov")
        with av.open(str(tmp_path / "back.mov")) as container:
            assert container.metadata["com.apple.quicktime.location.ISO6709"] == PLACE


def test_tags_without_a_place_are_told(tmp_path):
    source = tagged(tmp_path / "in.mkv", "-metadata", "MOOD=calm")
    notices = compress(source, tmp_path / "out.mp4")
    assert any(".mp4 has no place for these tags of the file: MOOD" in one for one in notices)


def test_tags_that_would_be_false_are_left(tmp_path):
    source = tagged(
        tmp_path / "in.mkv", "-metadata:s:v:0", "BPS=12345", "-metadata:s:v:0", "ENCODER_SETTINGS=crf=1"
    )
    notices = compress(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert not {"BPS", "ENCODER_SETTINGS", "ENCODER"}.intersection(container.streams.video[0].metadata)
    assert notices == []


def cover(path: Path) -> Path:
    Image.fromarray(np.full((32, 32, 3), 200, np.uint8)).save(path)
    return path


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_cover_stays_a_cover(kind, tmp_path):
    picture = cover(tmp_path / f"c.{kind}")
    source = tagged(tmp_path / "in.mp4", cover=picture)
    for before, after in (("in.mp4", "a.mkv"), ("a.mkv", "b.mkv"), ("b.mkv", "c.mp4")):
        compress(tmp_path / before, tmp_path / after)
        with av.open(str(tmp_path / after)) as container:
            found = [one for one in container.streams.video if one.disposition & Disposition.attached_pic]
            assert len(found) == 1, after
            assert next(bytes(one) for one in container.demux(found[0]) if one.size) == picture.read_bytes()
    assert source.exists()
    assert any("cannot hold this cover" in one for one in compress(source, tmp_path / "out.mov"))


def test_attachments_keep_name_description_and_licence(tmp_path):
    words = tmp_path / "font.txt"
    words.write_text("letters")
    source = tagged(
        tmp_path / "in.mkv", "-attach", words, "-metadata:s:t:0", "mimetype=text/plain", "-metadata:s:t:0", "filename=font.txt",
        "-metadata:s:t:0", "title=A font", "-metadata:s:t:0", "LICENSE=CC0",
    )  # fmt: skip
    compress(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        (attachment,) = container.streams.attachments
        assert attachment.data == b"letters"
        assert dict(attachment.metadata) == {
            "filename": "font.txt", "mimetype": "text/plain", "title": "A font", "LICENSE": "CC0",
        }  # fmt: skip
    assert any("holds no attachments" in one for one in compress(source, tmp_path / "out.mp4"))


def test_telemetry_stays_in_quicktime_and_mp4_and_is_told_elsewhere(tmp_path):
    data = tmp_path / "data.bin"
    data.write_bytes(np.random.default_rng(0).bytes(4096))
    clip = make_clip(tmp_path / "bare.mp4", width=192, height=96, num_frames=25)
    ffmpeg("-i", clip, "-f", "data", "-i", data, "-map", "0", "-map", "1", "-c", "copy", tmp_path / "in.ts")
    source = tmp_path / "in.mp4"
    ffmpeg(
        "-i", tmp_path / "in.ts", "-map", "0", "-c", "copy", "-bsf:d", "setts=pts=N*18000:dts=N*18000:duration=18000",
        "-tag:d", "gpmd", source,
    )  # fmt: skip
    for suffix in (".mp4", ".mov"):
        assert compress(source, tmp_path / f"out{suffix}") == []
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            (track,) = container.streams.data
            packets = [one for one in container.demux(track) if one.size]
            assert b"".join(map(bytes, packets)) == data.read_bytes()
            assert [round(float(one.pts * one.time_base), 1) for one in packets] == [0.0, 0.2, 0.4, 0.6]
    assert any("(data, bin_data) is left out" in one for one in compress(source, tmp_path / "out.mkv"))


@pytest.mark.parametrize(
    ("date", "is_one"), [("1970-01-01T00:00:00.000000Z", False), ("2011-05-01T12:00:00.000000Z", True)]
)
def test_a_date_that_says_there_is_none_is_none(date, is_one):
    assert portable({"creation_time": date, "title": "T"}) == {
        "title": "T",
        **({"creation_time": date} if is_one else {}),
    }
