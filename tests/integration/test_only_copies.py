"""Whatever a source has, its output in its place has too; or the source stays, and says why."""

import os
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import make_clip
from players import ffmpeg

import semvid
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig
from semvid.media.probe import probe

FAST = semvid.CompressConfig(
    rate=semvid.Crf(45), preset="superfast", probe="none", maps=semvid.MapsConfig(model="spectral")
)
CONFIG = BatchConfig(video=FAST, picture=semvid.ImageConfig(maps=FAST.maps), replace=True)


@pytest.fixture
def clip(tmp_path):
    """Two seconds of picture and sound, large enough to become smaller."""
    (tmp_path / "in").mkdir()
    return make_clip(
        tmp_path / "in" / "clip.mkv", width=192, height=96, num_frames=24, audio=True, options={"crf": "5"}
    )


def state_of(source):
    with JobStore(source.parent / WORK_FOLDER / STORE) as store:
        one = next(one for one in store.entries() if one.source.name == source.name)
    return one.state, one.reason


def replaced(source, config=CONFIG):
    before = source.read_bytes()
    compress_many([source], None, config)
    state, reason = state_of(source)
    assert (source.read_bytes() == before) == (state != "done"), reason
    return state, reason


def seen(path):
    """Return what a file holds beside its pictures."""
    with av.open(str(path)) as container:
        kinds = sorted((one.type, int(one.disposition)) for one in container.streams)
        chapters = [(one["start"] * one["time_base"], one["metadata"]) for one in container.chapters()]
        tags = {key.lower(): value for key, value in container.metadata.items()}
        languages = [one.metadata.get("language") for one in container.streams if one.type == "audio"]
    return kinds, chapters, tags.get("creation_time"), tags.get("title"), languages


def test_what_matroska_holds_stays(clip):
    source, words, cover = clip.with_name("all.mkv"), clip.with_name("w.srt"), clip.with_name("cover.jpg")
    words.write_text("1\n00:00:00,100 --> 00:00:00,400\nfirst\n")
    cv2.imwrite(str(cover), np.full((32, 32, 3), 90, np.uint8))
    chapters = clip.with_name("c.txt")
    chapters.write_text(
        ";FFMETADATA1\ntitle=Film\ncreation_time=2020-05-01T10:00:00.000000Z\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=one\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=960\ntitle=two\n"
    )
    ffmpeg("-i", clip, "-i", words, "-i", chapters, "-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1:s", "-map_metadata", "2",
           "-map_chapters", "2", "-c", "copy", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra",
           "-attach", cover, "-metadata:s:t", "mimetype=image/jpeg", source)  # fmt: skip
    for extra in (words, cover, chapters, clip):
        extra.unlink()
    before = seen(source)
    assert replaced(source) == ("done", "")
    assert seen(source) == before


def test_what_mp4_holds_stays(clip):
    source = clip.with_name("phone.mp4")
    ffmpeg("-display_rotation", "90", "-i", clip, "-c", "copy", "-metadata", "creation_time=2020-05-01T10:00:00Z",
           "-metadata", "location=+48.8577+002.295/", "-timecode", "01:00:00:00", source)  # fmt: skip
    clip.unlink()

    def tags():
        with av.open(str(source)) as container:
            codes = [one.metadata.get("timecode") for one in container.streams]
            place = [value for key, value in container.metadata.items() if key.startswith("location")]
            return place, container.metadata["creation_time"], codes

    before, side = tags(), probe(source).side_data
    assert replaced(source) == ("done", "")
    assert tags() == before
    assert probe(source).side_data == side


@pytest.mark.parametrize(("codec", "state"), [("x265", "done"), ("vp8", "skipped")])
def test_light_of_hdr_stays_or_the_source_does(codec, state, clip):
    source = clip.with_name("hdr.mkv")
    light = "hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    light += ":master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
    ffmpeg("-i", clip, "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "5", "-x265-params",
           f"{light}:log-level=none", "-c:a", "copy", source)  # fmt: skip
    clip.unlink()
    before = dict(probe(source).side_data)
    video = semvid.CompressConfig(codec=codec, rate=semvid.Crf(45), probe="none", maps=FAST.maps)
    found, reason = replaced(source, BatchConfig(video=video, replace=True))
    assert found == state
    assert dict(probe(source).side_data).items() >= before.items()
    if found == "skipped":
        assert "vp8 does not code yuv420p10le" in reason
        assert "more loss" in reason


def test_a_second_video_stays(clip):
    source = clip.with_name("two.mkv")
    ffmpeg("-i", clip, "-map", "0:v", "-map", "0:v", "-map", "0:a", "-c", "copy", source)
    clip.unlink()
    state, _ = replaced(source)
    with av.open(str(source)) as container:
        assert len(container.streams.video) == 2
    assert state == "done"


def data_track(clip):
    """A transport stream with a stream of data that no output can hold."""
    source = clip.with_name("data.ts")
    ffmpeg("-i", clip, "-c", "copy", "-f", "mpegts", source)
    clip.unlink()
    with av.open(str(source)) as given, av.open(str(source.with_name("with.ts")), "w") as made:
        copies = {one.index: made.add_stream_from_template(one) for one in given.streams}
        data = made.add_data_stream("bin_data")
        for number, packet in enumerate(one for one in given.demux() if one.size):
            packet.stream = copies[packet.stream.index]
            made.mux(packet)
            if number % 10 == 0:
                extra = av.Packet(b"position")
                extra.pts = extra.dts = packet.pts
                extra.time_base, extra.stream = Fraction(1, 90_000), data
                made.mux(extra)
    source.unlink()
    return source.with_name("with.ts")


def test_data_that_no_output_holds_keeps_the_source(clip, tmp_path):
    source = data_track(clip)
    state, reason = replaced(source)
    assert state == "failed"
    assert "data" in reason
    assert "`drop=data`" in reason
    assert "the source stays, since `replace` is strict without a `trash`" in reason
    before = source.read_bytes()
    (source.parent / WORK_FOLDER / STORE).unlink()
    trash = tmp_path / "trash"
    compress_many([source], None, BatchConfig(video=FAST, replace=True, trash=trash))
    assert (trash / source.name).read_bytes() == before


def test_data_that_the_user_leaves_out_does_not(clip):
    source = data_track(clip)
    dropped = semvid.CompressConfig(
        rate=FAST.rate, preset="superfast", probe="none", maps=FAST.maps, drop=frozenset({"data"})
    )
    compress_many([source], None, BatchConfig(video=dropped, replace=True))
    assert state_of(source) == ("done", "")


def test_a_still_that_loses_something_stays(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
    cv2.imwrite(str(folder / "glass.png"), picture)
    cv2.imwrite(str(folder / "plain.png"), picture[..., :3])
    compress_many([folder], None, CONFIG)
    assert state_of(folder / "plain.png") == ("done", "")
    state, reason = state_of(folder / "glass.png")
    assert state == "skipped"
    assert "transparen" in reason
    assert (folder / "glass.png").exists()


def test_rights_times_and_attributes_stay(clip):
    clip.chmod(0o604)

    os.utime(clip, ns=(10**18, 10**18 + 7))
    try:
        os.setxattr(clip, "user.note", b"mine")
    except OSError:
        attribute = None
    else:
        attribute = b"mine"
    assert replaced(clip)[0] == "done"
    status = clip.stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o604, 10**18 + 7)
    if attribute:
        assert os.getxattr(clip, "user.note") == attribute
