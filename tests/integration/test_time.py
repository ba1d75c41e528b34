"""What a player shows of an output, when, and for how long, against what it shows of the source."""

from __future__ import annotations

import shutil
import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clips import make_clip, pictures
from PIL import Image
from players import ffmpeg, played, played_by_ffmpeg

import semvid
from semvid.core.errors import OutputError
from semvid.core.events import Notice
from semvid.media.writing.ledger import Ledger

WAYS = {".mp4": "x264", ".mov": "x264", ".mkv": "x264", ".webm": "vp8"}
TICK = Fraction(1, 1000)
"""Of Matroska, the coarsest; the others are compared with their own, which are finer."""
PRIMING = Fraction(1024, 48_000)
SLACK = Fraction(11, 10) * TICK


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("time")


@pytest.fixture(scope="module")
def clip(folder):
    """A second of picture and sound."""
    path = folder / "clip.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=192x96:r=25:d=1", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=1",
           "-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-c:a", "aac", path)  # fmt: skip
    return path


def copied(clip, path, *options):
    ffmpeg("-i", clip, "-c", "copy", *options, path)
    return path


@pytest.fixture(scope="module")
def sources(folder, clip):
    plain = ("-muxdelay", "0", "-muxpreload", "0")
    made = {
        "far": copied(clip, folder / "far.ts", *plain, "-output_ts_offset", "53127"),
        # FFmpeg reads the times before the wrap as times below zero.
        "below": copied(clip, folder / "below.ts", *plain, "-output_ts_offset", "95443.2"),
        "far-matroska": copied(clip, folder / "far.mkv", "-output_ts_offset", "53127"),
        "hidden": copied(clip, folder / "hidden.mp4", "-avoid_negative_ts", "disabled", "-output_ts_offset", "-0.4"),
    }  # fmt: skip
    for name, picture, sound in (("late", "0", "0.4"), ("early", "0.4", "0")):
        made[name] = folder / f"{name}.mp4"
        ffmpeg("-itsoffset", picture, "-i", clip, "-itsoffset", sound, "-i", clip, "-map", "0:v", "-map", "1:a",
               "-c", "copy", made[name])  # fmt: skip
    return made


def run(source, output, **options):
    """Compress; return the sentences the user sees."""
    config = semvid.CompressConfig(
        codec=WAYS[output.suffix], preset="superfast" if WAYS[output.suffix] == "x264" else None,
        maps=semvid.MapsConfig(model="spectral"), audio="opus" if output.suffix == ".webm" else "auto", overwrite=True, **options,
    )  # fmt: skip
    notices = []
    semvid.compress(source, output, config, on_event=notices.append)
    return [one.message for one in notices if isinstance(one, Notice)]


@pytest.mark.parametrize("suffix", WAYS)
@pytest.mark.parametrize("name", ["far", "far-matroska", "below", "hidden", "late", "early"])
def test_a_player_shows_what_it_shows_of_the_source(name, suffix, sources, tmp_path):
    source, output = sources[name], tmp_path / f"out{suffix}"
    notices = run(source, output)
    before, after = played(source), played(output)
    assert len(after.pictures) == len(before.pictures)
    for a, b in zip(before.pictures, after.pictures, strict=True):
        assert abs(a - b) <= SLACK
    assert abs(before.end - after.end) <= SLACK
    assert abs(before.sound - after.sound) <= SLACK
    assert not any("damaged" in one for one in notices)
    # FFmpeg's command agrees, and hides nothing.
    shown = played_by_ffmpeg(output)
    assert [one - shown[0] for one in shown] == pytest.approx(
        [float(one - after.pictures[0]) for one in after.pictures], abs=0.0015
    )


def test_a_beginning_that_an_edit_list_hides_is_no_damage(folder, clip, tmp_path):
    source, output = folder / "groups.mp4", tmp_path / "out.mp4"
    ffmpeg(
        "-i", clip, "-c:v", "libx264", "-preset", "superfast", "-g", "5", "-c:a", "copy", folder / "short.mp4"
    )
    copied(folder / "short.mp4", source, "-avoid_negative_ts", "disabled", "-output_ts_offset", "-0.5")
    assert not any("damaged" in one for one in run(source, output))
    assert len(played(output).pictures) == len(played(source).pictures) < 15


@pytest.mark.parametrize("suffix", WAYS)
def test_joined_broadcasts_follow_each_other_with_their_sound(suffix, folder, clip, tmp_path):
    part = copied(clip, folder / "part.ts")
    far = copied(clip, folder / "part2.ts", "-output_ts_offset", "5000")
    joined, output = tmp_path / "joined.ts", tmp_path / f"out{suffix}"
    joined.write_bytes(part.read_bytes() + far.read_bytes() + part.read_bytes())
    notices = run(joined, output)
    assert sum("its clock jumps 2 times" in one for one in notices) == 1
    shown = played(output)
    assert len(shown.pictures) == 75
    gaps = [b - a for a, b in pairwise(shown.pictures)]
    assert min(gaps) > Fraction(38, 1000)
    # At a joint the picture may wait for the end of the sound, or the other way round.
    assert max(gaps) < Fraction(40, 1000) + 2 * PRIMING
    assert abs(shown.sound_end - shown.end) < Fraction(60, 1000)


def test_a_counter_that_wraps_in_the_middle_leaves_no_trace(tmp_path):
    source, output = tmp_path / "wrap.ts", tmp_path / "out.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=1/5:d=500", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10",
           "-muxdelay", "0", "-muxpreload", "0", "-output_ts_offset", "95193", source)  # fmt: skip
    notices = run(source, output)
    assert played(output).pictures == list(range(0, 500, 5))
    assert not any("jumps" in one or "damaged" in one for one in notices)


def test_chapters_before_the_start_and_those_avi_cannot_hold_are_told(tmp_path):
    words, source = tmp_path / "chapters.txt", tmp_path / "in.mkv"
    words.write_text(
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=100\nEND=101\n"
    )
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=1", "-i", words, "-map", "0", "-map_metadata", "1",
           "-c:v", "libx264", "-output_ts_offset", "100", source)  # fmt: skip
    notices = run(source, tmp_path / "out.mkv")
    assert sum("1 chapter left out, over before picture and sound begin" in one for one in notices) == 1
    with av.open(str(tmp_path / "out.mkv")) as written:
        assert [one["start"] for one in written.chapters()] == [0]
    assert any(".avi has no place for 1 chapter;" in one for one in avi(source, tmp_path / "out.avi"))


def gif(path, delays):
    frames = [Image.fromarray(np.full((96, 192, 3), 40 * i, np.uint8)) for i in range(1, len(delays) + 1)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0)
    return path


@pytest.mark.parametrize("suffix", WAYS)
def test_every_picture_of_a_gif_is_shown_as_long_as_before(suffix, tmp_path):
    source, output = gif(tmp_path / "in.gif", [100, 400, 50, 1000]), tmp_path / f"out{suffix}"
    run(source, output)
    shown = played(output)
    assert shown.pictures == [0, Fraction(1, 10), Fraction(1, 2), Fraction(55, 100)]
    assert shown.end == Fraction(155, 100)


@pytest.mark.parametrize("product", ["compress", "overlay"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("delays", [[100, 400, 50, 1000], [100, 655_000, 100], [1000, 40, 40, 40, 40, 400]])
def test_the_last_frame_itself_says_how_long_it_is_shown(delays, suffix, product, tmp_path):
    """Not only the track: FFmpeg's tools go by the frame, which B-frames are coded after."""
    source, output = gif(tmp_path / "in.gif", delays), tmp_path / f"out{suffix}"
    if product == "compress":
        run(source, output)
    else:
        semvid.export_overlay(source, output, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")))
    with av.open(str(output)) as container:
        frames = list(container.decode(video=0))
        track = container.streams.video[0]
        assert track.duration * track.time_base == Fraction(sum(delays), 1000)
    assert [one.time for one in frames] == pytest.approx([sum(delays[:i]) / 1000 for i in range(len(delays))])
    assert frames[-1].duration * frames[-1].time_base == Fraction(delays[-1], 1000)


def test_a_last_frame_is_right_behind_many_frames_of_even_times(tmp_path):
    source, output = tmp_path / "in.mkv", tmp_path / "out.mp4"
    make_clip(source, width=64, height=48, num_frames=120, pts=[512 * i for i in range(119)] + [512 * 120])
    run(source, output)
    shown = played(output)
    assert shown.pictures == [Fraction(one, 25) for one in (*range(119), 120)]
    assert abs(shown.end - Fraction(121, 25)) <= TICK


@pytest.mark.parametrize("suffix", WAYS)
def test_a_last_frame_of_five_seconds_stays_as_long(suffix, tmp_path):
    source, output = tmp_path / "in.mp4", tmp_path / f"out{suffix}"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "superfast", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"
        packets = []
        for index, picture in enumerate(pictures(192, 96, 10)):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture] * 3), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode()
        for packet in packets:
            packet.duration = 125 if packet is packets[-1] else 1
            container.mux(packet)
    assert played(source).end == Fraction(536, 100)
    run(source, output)
    assert abs(played(output).end - Fraction(536, 100)) <= TICK


@pytest.mark.parametrize(("edits", "expected"), [("none", 10), ("whole", 10), ("short", 8)])
def test_a_header_that_is_short_of_its_frames_cuts_none_of_them(edits, expected, tmp_path):
    """Players add up the frames; only an edit list leaves some of that out."""
    source = make_clip(tmp_path / "in.mp4", width=64, height=48, num_frames=10, options={"bf": "0"})
    data = bytearray(source.read_bytes())
    media = data.index(b"mdhd") + 20
    struct.pack_into(">I", data, media, struct.unpack_from(">I", data, media)[0] - 200)
    if edits == "none":
        data = data.replace(b"edts", b"free")
    elif edits == "short":
        struct.pack_into(">I", data, data.index(b"elst") + 12, 320)
    source.write_bytes(data)
    for suffix in (".mp4", ".mov", ".mkv"):
        output = tmp_path / f"out{suffix}"
        run(source, output)
        assert abs(played(output).end - Fraction(expected, 25)) <= TICK


def test_an_overlay_of_every_third_frame_lasts_as_long_as_the_video(clip, tmp_path):
    for suffix in (".mp4", ".gif", ".webp"):
        output = tmp_path / f"out{suffix}"
        semvid.export_overlay(
            clip, output, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), every=3)
        )
        if suffix == ".mp4":
            assert played(output).end == 1
        else:
            with Image.open(output) as image:
                total = 0
                for index in range(image.n_frames):
                    image.seek(index)
                    image.load()
                    total += image.info["duration"]
            assert total == 1000


def test_words_from_before_the_picture_are_shown_from_its_start(tmp_path):
    words, bare, source = tmp_path / "words.srt", tmp_path / "bare.mkv", tmp_path / "in.mkv"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nfirst\n\n2\n00:00:01,200 --> 00:00:01,800\nsecond\n")
    make_clip(bare, width=192, height=96, num_frames=10)
    ffmpeg("-itsoffset", "0.4", "-i", bare, "-i", words, "-c:v", "copy", "-c:s", "srt", source)
    for suffix in (".mkv", ".mp4"):
        output = tmp_path / f"out{suffix}"
        run(source, output)
        with av.open(str(output)) as container:
            texts = [
                (one.pts * one.time_base, one.duration * one.time_base)
                for one in container.demux(subtitles=0)
                if one.size > 2
            ]
        assert texts == [(0, Fraction(6, 10)), (Fraction(8, 10), Fraction(6, 10))]


def test_every_product_tells_of_damage(clip, tmp_path):
    # The index says more frames than there are.
    whole = copied(clip, tmp_path / "whole.mov", "-movflags", "faststart")
    source = tmp_path / "cut.mov"
    source.write_bytes(whole.read_bytes()[: -whole.stat().st_size // 3])
    told = {}
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
    for name in ("out.mp4", "out.gif", "out.webp", "folder"):
        told[name] = []
        semvid.export_overlay(source, tmp_path / name, config, on_event=told[name].append)
    told["maps"] = []
    semvid.export_maps(
        source,
        tmp_path / "out.svmap",
        semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=told["maps"].append,
    )
    for name, events in told.items():
        messages = [one.message for one in events if isinstance(one, Notice)]
        assert any("is damaged: it ends before its header says" in one for one in messages), name
    assert any("is damaged" in one for one in run(source, tmp_path / "compressed.mp4"))
    shutil.copyfile(source, tmp_path / "same.mov")
    compared = semvid.compare(source, tmp_path / "same.mov", semvid.CompareConfig(metrics=("psnr",)))
    assert sum("is damaged" in one for one in compared.notices) == 2


def test_repeated_timestamps_are_told(tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=64, height=48, num_frames=6)
    broken = tmp_path / "broken.mkv"
    with av.open(str(source)) as before, av.open(str(broken), "w") as after:
        copy = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.size:
                packet.pts = packet.dts = packet.pts if packet.pts != 120 else 80
                packet.stream = copy
                after.mux(packet)
    notices = run(broken, tmp_path / "out.mp4")
    assert any("1 frame with a timestamp that repeats or goes back in time" in one for one in notices)


def test_a_file_that_a_player_would_show_otherwise_is_refused(clip, tmp_path):
    # The edit list hides what is shown before zero.
    wrong = tmp_path / "wrong.mp4"
    ledger = Ledger(Path("out.mp4"))
    with av.open(str(clip)) as source, av.open(str(wrong), "w") as container:
        copy = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts -= 5120
                packet.dts -= 5120
                packet.stream = copy
                ledger.note(packet)
                container.mux(packet)
    with av.open(str(wrong)) as written, pytest.raises(OutputError, match=r"15 of 25 video packets"):
        ledger.check(written, 0, [0])


def avi(source, output, **options):
    notices = []
    config = semvid.CompressConfig(
        codec="mjpeg", maps=semvid.MapsConfig(model="spectral"), overwrite=True, **options
    )
    semvid.compress(source, output, config, on_event=notices.append)
    return [one.message for one in notices if isinstance(one, Notice)]


def test_avi_keeps_uneven_times_by_repeating_frames(tmp_path):
    source, output = gif(tmp_path / "in.gif", [100, 400, 50, 1000]), tmp_path / "out.avi"
    notices = avi(source, output)
    shown = played(output)
    # The last picture is there twice, so that it lasts.
    assert shown.pictures == [0, Fraction(1, 10), Fraction(1, 2), Fraction(55, 100), Fraction(3, 2)]
    assert shown.end == Fraction(155, 100)
    assert any("here 20 per second: 27 times a frame is repeated" in one for one in notices)


def test_avi_drops_what_no_grid_holds_and_says_so(tmp_path):
    ticks = [0, 10, 20, 4096, 8192 + 7, 12288, 16000]
    source = make_clip(tmp_path / "in.mkv", width=64, height=48, num_frames=7, pts=ticks)
    output = tmp_path / "out.avi"
    notices = avi(source, output)
    shown = played(output)
    times = [Fraction(0), *(Fraction(one, 12800) for one in ticks[3:])]
    kept = [one for one in shown.pictures if one < Fraction(126, 100)]
    for when in times:
        assert min(abs(when - one) for one in kept) <= Fraction(1, 100)
    assert any("dropped" in one for one in notices)


def test_avi_of_even_times_says_only_what_its_sound_lacks(clip, tmp_path):
    notices = avi(clip, tmp_path / "out.avi")
    lead_in = [one for one in notices if "is heard" in one]
    assert len(lead_in) == 1
    assert "21 ms late" in lead_in[0]
    notices.remove(lead_in[0])
    assert not any("fixed frame rate" in one for one in notices)
    assert played(tmp_path / "out.avi").pictures == [Fraction(one, 25) for one in range(25)]


def heard_from(path):
    """When the first sample of PCM is loud, in seconds, and the last."""
    with av.open(str(path)) as container:
        samples = np.concatenate([one.to_ndarray().reshape(-1) for one in container.decode(audio=0)])
        loud = np.flatnonzero(np.abs(samples.astype(int)) > 1000)
        return loud[[0, -1]] / container.streams.audio[0].rate


@pytest.mark.parametrize(("audio", "name"), [("auto", "late"), ("pcm", "late"), ("pcm", "early")])
def test_sound_that_avi_cannot_place_is_filled_with_silence(audio, name, sources, tmp_path):
    output = tmp_path / "out.avi"
    notices = avi(sources[name], output, audio=audio)
    first = 0.4 if name == "late" else 0
    start, end = heard_from(output)
    assert first <= start < first + 0.01
    assert first + 0.99 < end < first + 1.03
    # The first picture is there from 0; all others keep their times.
    assert played(output).pictures[1] == Fraction(1 if name == "late" else 11, 25)
    reasons = [one for one in notices if "it would be heard 379 ms early" in one]
    assert len(reasons) == (audio == "auto")


def test_sound_with_a_pause_is_filled_with_silence_in_avi(clip, tmp_path):
    source, output = tmp_path / "pause.mkv", tmp_path / "out.avi"
    copied(clip, source, "-bsf:a", "noise=drop='between(n,20,30)'")
    assert any("becomes PCM: it would be heard 214 ms early" in one for one in avi(source, output))
    start, end = heard_from(output)
    assert start < 0.01
    assert 0.98 < end < 1.03


def test_what_nobody_notices_in_avi_is_told_and_the_rest_refused_before_any_work(clip, sources, tmp_path):
    source, output = tmp_path / "in.mp4", tmp_path / "out.avi"
    ffmpeg("-i", clip, "-itsoffset", "0.05", "-i", clip, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    assert any("is heard 29 ms early" in one for one in avi(source, output))
    assert played(output).sound == 0
    assert any("is heard 21 ms late" in one for one in avi(sources["late"], output, audio="aac:64k"))
    output.unlink()
    events = []
    with pytest.raises(
        OutputError, match=r"379 ms early.*end `output` in \.mov or \.mkv, or give `audio=auto`"
    ):
        semvid.compress(
            sources["late"],
            output,
            semvid.CompressConfig(codec="mjpeg", audio="copy"),
            on_event=events.append,
        )
    assert not events
    assert not output.exists()
