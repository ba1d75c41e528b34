"""Sound and subtitles that a container cannot hold become what it can, in time with the picture."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from clips import make_clip

import semvid
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Notice
from semvid.media.writing import destination
from semvid.media.writing.carry import plan

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
CLICK_AT = 0.3
PLAIN = semvid.CompressConfig(preset="superfast", allocation=semvid.AllocationConfig(strength=0))


def ffmpeg(*arguments: object) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


def film(path: Path, *sound_options: object, gap: bool = False, extra: tuple = ()) -> Path:
    """A second of picture, and a click in its sound at a known time; with a gap, half of it is missing."""
    click = f"aevalsrc='if(between(t,{CLICK_AT},{CLICK_AT}+0.02)+between(t,0.8,0.82),sin(2*PI*3000*t),0)':s=48000:d=1"
    cut = ["-af", "aselect='lt(t,0.4)+gt(t,0.7)'"] if gap else []
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=192x96:r=25:d=1", "-f", "lavfi", "-i", click, *extra,
        "-c:v", "libx264", "-preset", "ultrafast", *cut, *sound_options, path,
    )  # fmt: skip
    return path


def clicks(path: Path) -> list[float]:
    """Seconds after the first picture at which the sound becomes loud, as a player plays it."""
    with av.open(str(path)) as container:
        first = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        found, quiet_since = [], -1.0
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64))
            if not frame.format.is_planar:
                samples = samples.reshape(-1, frame.layout.nb_channels).T
            scale = 1.0 if frame.format.name.startswith("flt") else 2.0 ** (8 * frame.format.bytes - 1)
            for place in np.flatnonzero(samples[0] > 0.1 * scale):
                now = float(frame.time) + place / frame.sample_rate - first
                if now - quiet_since > 0.1:
                    found.append(now)
                quiet_since = now
    return found


def compress(source: Path, output: Path, **changes) -> list[str]:
    notices = []
    config = semvid.CompressConfig(
        **{"preset": "superfast", "allocation": semvid.AllocationConfig(strength=0)} | changes
    )
    semvid.compress(
        source, output, config,
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    return notices


def codecs(path: Path, kind: str) -> list[str]:
    return [one.codec for one in semvid.probe(path).streams if one.kind == kind]


WMA = ("-c:a", "wmav2", "-b:a", "128k")


@pytest.mark.parametrize(
    ("suffix", "changes", "expected"),
    [
        (".mp4", {}, "aac"),
        (".mov", {}, "aac"),
        (".webm", {"codec": "vp8", "preset": "5"}, "opus"),
        (".mkv", {"audio": "flac"}, "flac"),
        (".mkv", {"audio": "opus:96k"}, "opus"),
        (".mp4", {"audio": "mp3"}, "mp3"),
        (".mp4", {"audio": "alac"}, "alac"),
        (".mkv", {"audio": "ac3"}, "ac3"),
        (".avi", {"codec": "mjpeg", "preset": None, "audio": "pcm"}, "pcm_s16le"),
    ],
)
def test_converted_sound_is_heard_when_it_was(suffix, changes, expected, tmp_path):
    source = film(tmp_path / "in.mkv", *WMA)
    output = tmp_path / f"out{suffix}"
    notices = compress(source, output, **changes)
    assert codecs(output, "audio") == [expected]
    assert any("stream 1 (audio, wmav2) becomes" in one for one in notices)
    before, after = clicks(source), clicks(output)
    assert len(before) == len(after) == 2
    # An attack is blurred by 3 ms; the delay of a coder would be 5 ms or more.
    assert np.allclose(before, after, atol=0.004)


def test_sound_that_fits_is_copied_bit_by_bit(tmp_path):
    for number, (before, options, suffix) in enumerate([
        (".avi", WMA, ".mkv"), (".avi", ("-c:a", "pcm_mulaw", "-ar", 8000), ".mkv"),
        (".avi", ("-c:a", "adpcm_ima_wav"), ".mkv"), (".avi", ("-c:a", "mp2"), ".mp4"),
        (".mov", ("-c:a", "pcm_s16le", "-ac", 2), ".mp4"),
    ]):  # fmt: skip
        source = film(tmp_path / f"in{number}{before}", *options)
        output = tmp_path / f"out{number}{suffix}"
        assert [one for one in compress(source, output) if "stream 1" in one] == []
        data = []
        for path in (source, output):
            with av.open(str(path)) as container:
                data.append(b"".join(bytes(one) for one in container.demux(audio=0)))
        assert data[0] == data[1], options


def test_default_output_copies_rather_than_converts(tmp_path):
    source = film(tmp_path / "in.avi", *WMA)
    assert semvid.compress(source, None, PLAIN).output.suffix == ".mkv"


def test_no_other_container_is_tried_if_its_own_loses_nothing(tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(destination, "plan", lambda *given: tried.append(given[1]) or plan(*given))
    source = semvid.probe(film(tmp_path / "in.mp4", "-c:a", "aac"))
    assert destination.default_output(source, "h264", PLAIN).suffix == ".mp4"
    assert tried == [".mp4"]
    source = semvid.probe(film(tmp_path / "in.avi", *WMA))
    assert destination.default_output(source, "h264", PLAIN).suffix == ".mkv"
    assert len(tried) > 2


def test_pcm_without_a_layout_becomes_aac_where_one_is_needed(tmp_path):
    source = film(tmp_path / "in.avi", "-c:a", "pcm_s16le", "-ac", 2)
    compress(source, tmp_path / "out.mp4")
    assert codecs(tmp_path / "out.mp4", "audio") == ["aac"]


def test_gaps_of_the_sound_become_silence(tmp_path):
    source = film(tmp_path / "in.mkv", "-c:a", "pcm_s16le", gap=True)
    compress(source, tmp_path / "out.mp4", audio="aac")
    assert np.allclose(clicks(source), clicks(tmp_path / "out.mp4"), atol=0.004)


def test_sound_stays_where_it_begins(tmp_path):
    """Late sound: nothing is filled in before it, and it is not pulled to the front."""
    whole = film(tmp_path / "whole.mkv", *WMA)
    source = tmp_path / "in.mkv"
    ffmpeg("-i", whole, "-itsoffset", "0.5", "-i", whole, "-map", "0:v", "-map", "1:a", "-c", "copy", source)
    for suffix in (".mp4", ".mkv"):
        compress(source, tmp_path / f"out{suffix}", audio="aac")
        assert np.allclose(clicks(source), clicks(tmp_path / f"out{suffix}"), atol=0.004)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_realaudio_keeps_its_length(suffix, tmp_path):
    """RealMedia tells one time for several packets of sound."""
    source = tmp_path / "in.rm"
    tone = "aevalsrc='if(between(t,0.5,1),0.5*sin(2*PI*500*t),0)':s=8000:d=2"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=176x144:r=25:d=2", "-f", "lavfi", "-i", tone,
        "-c:v", "rv10", "-ac", 1, "-c:a", "real_144", source,
    )  # fmt: skip
    compress(source, tmp_path / f"out{suffix}")
    found = clicks(tmp_path / f"out{suffix}")
    assert found[0] == pytest.approx(0.5, abs=0.03)
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert float(list(container.decode(audio=0))[-1].time) == pytest.approx(2, abs=0.15)


def test_sound_that_cannot_be_read_is_named_and_the_rest_kept(tmp_path):
    film(tmp_path / "whole.ts", "-c:a", "aac", "-ac", 2)
    data = bytearray((tmp_path / "whole.ts").read_bytes())
    for start in range(0, len(data), 188):
        if int.from_bytes(data[start + 1 : start + 3], "big") & 0x1FFF == 0x101:
            data[start : start + 188] = data[start : start + 188].replace(b"\xff\xf1", b"\0\0")
    (tmp_path / "in.ts").write_bytes(data)
    notices = compress(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert any(one.startswith("stream 1 (audio, aac) is left out: ") for one in notices)
    assert [one.kind for one in semvid.probe(tmp_path / "out.mp4").streams] == ["video"]
    with pytest.raises(OutputError, match="stream 1 .* `strict`"):
        compress(tmp_path / "in.ts", tmp_path / "strict.mp4", strict=True)


def test_default_output_of_a_blu_ray_loses_nothing(tmp_path):
    source = film(tmp_path / "in.m2ts", "-c:a", "pcm_bluray", "-ac", 2, "-mpegts_m2ts_mode", 1)
    output = semvid.compress(source, None, PLAIN).output
    assert (output.suffix, codecs(output, "audio")) == (".mkv", ["flac"])
    assert np.allclose(clicks(source), clicks(output), atol=0.001)


def test_drawings_over_a_video_keep_its_sound_too(tmp_path):
    source = film(tmp_path / "in.mkv", *WMA)
    semvid.export_overlay(
        source, tmp_path / "out.mp4", semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
    )
    assert codecs(tmp_path / "out.mp4", "audio") == ["aac"]
    assert np.allclose(clicks(source), clicks(tmp_path / "out.mp4"), atol=0.004)


def test_strict_and_copy_refuse(tmp_path):
    source = film(tmp_path / "in.mkv", *WMA)
    for changes, words in (
        ({"strict": True}, "becomes AAC.*`strict` does not allow that"),
        (
            {"audio": "copy"},
            r"\.mp4 cannot hold stream 1 \(audio, wmav2\); end `output` in \.mkv.*`drop=audio`",
        ),
    ):
        with pytest.raises(OutputError, match=words):
            compress(source, tmp_path / "out.mp4", **changes)
    # What was asked for is not refused.
    compress(source, tmp_path / "out.mp4", audio="aac:64k", strict=True)
    with pytest.raises(OutputError, match="cannot become flac in .webm"):
        compress(source, tmp_path / "out.webm", audio="flac", codec="vp8", preset="5")


@pytest.mark.parametrize("text", ["ogg", "aac:", "aac:fast", "flac:128k", "copy:1k", "aac:1", "aac:9000k"])
def test_nonsense_after_audio_is_refused(text):
    with pytest.raises(ConfigError, match=f"`audio={text}`"):
        semvid.CompressConfig(audio=text)


CUES = "1\n00:00:00,100 --> 00:00:00,400\n<b>first</b> é\n\n2\n00:00:00,500 --> 00:00:00,800\nsecond\n\n"
OVERLAP = "3\n00:00:00,600 --> 00:00:00,900\nthird\n"


def with_text(path: Path, encoder: str, words: str = CUES) -> Path:
    text = path.with_suffix(".srt")
    text.write_text(words, encoding="utf-8")
    clip = make_clip(path.with_name(f"bare{path.suffix}"), width=192, height=96, num_frames=25)
    ffmpeg("-i", clip, "-i", text, "-map", "0", "-map", "1", "-c", "copy", "-c:s", encoder,
           "-metadata:s:s:0", "language=fin", "-disposition:s:0", "forced", path)  # fmt: skip
    return path


def shown(path: Path) -> list[tuple[float, float, str]]:
    """Begin, end and text of what is shown."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        cues = []
        for packet in container.demux(stream):
            for one in stream.decode2(packet) or () if packet.size else ():
                text = one.ass.decode().split(",", 8)[-1]
                start = packet.pts * packet.time_base
                cues.append(
                    (
                        round(float(start), 3),
                        round(float(start + packet.duration * packet.time_base), 3),
                        text,
                    )
                )
        return cues


@pytest.mark.parametrize(
    ("before", "after", "encoder", "expected"),
    [
        (".mkv", ".mp4", "subrip", "mov_text"),
        (".mkv", ".mov", "ass", "mov_text"),
        (".mkv", ".mp4", "webvtt", "mov_text"),
        (".mp4", ".mkv", "mov_text", "subrip"),
        (".mkv", ".webm", "subrip", "webvtt"),
        (".mp4", ".webm", "mov_text", "webvtt"),
    ],
)
def test_text_is_shown_in_every_container(before, after, encoder, expected, tmp_path):
    source = with_text(tmp_path / f"in{before}", encoder)
    output = tmp_path / f"out{after}"
    notices = compress(source, output, codec="vp8" if after == ".webm" else "x264",
                       preset="5" if after == ".webm" else "superfast")  # fmt: skip
    assert codecs(output, "subtitle") == [expected]
    assert any("(subtitle, " in one and "becomes" in one for one in notices)
    cues = shown(output)
    assert [one[:2] for one in cues] == [(0.1, 0.4), (0.5, 0.8)]
    assert "first" in cues[0][2]
    assert "{\\b1}" in cues[0][2]
    assert "é" in cues[0][2]
    with av.open(str(output)) as container:
        assert container.streams.subtitles[0].language == "fin"


def test_texts_shown_together_still_are_where_only_one_can_be(tmp_path):
    source = with_text(tmp_path / "in.mkv", "subrip", CUES + OVERLAP)
    compress(source, tmp_path / "out.mp4")
    assert [(begin, end, text.replace("{\\r}", "")) for begin, end, text in shown(tmp_path / "out.mp4")[1:]] == [
        (0.5, 0.6, "second"), (0.6, 0.8, "second\\Nthird"), (0.8, 0.9, "third"),
    ]  # fmt: skip


def test_picture_subtitles_are_refused_with_the_container_that_takes_them(tmp_path):
    clip = make_clip(tmp_path / "bare.mkv", width=192, height=96, num_frames=10)
    source = tmp_path / "in.mkv"
    add_pictures(clip, source)
    compress(source, tmp_path / "out.mkv")
    assert codecs(tmp_path / "out.mkv", "subtitle") == ["hdmv_pgs_subtitle"]
    with pytest.raises(
        OutputError, match=r"\.mp4 cannot hold stream 1 \(subtitle, hdmv_pgs.*\.mkv.*`drop=subtitle`"
    ):
        compress(source, tmp_path / "out.mp4")
    assert semvid.compress(source, None, PLAIN).output.suffix == ".mkv"


def add_pictures(clip: Path, output: Path) -> None:
    """Beside the picture, an empty Blu-ray subtitle: a composition without objects, and its end."""
    composition = bytes([0x16, 0, 11]) + bytes([0, 192, 0, 96, 16, 0, 0, 128, 0, 0, 0]) + bytes([0x80, 0, 0])
    with av.open(str(clip)) as reader, av.open(str(output), "w") as writer:
        video = reader.streams.video[0]
        copy = writer.add_stream_from_template(video, opaque=True)
        pictures = writer.add_mux_stream("hdmv_pgs_subtitle")
        pictures.time_base = Fraction(1, 1000)
        for packet in reader.demux(video):
            if packet.size:
                packet.stream = copy
                writer.mux(packet)
        packet = av.Packet(composition)
        packet.stream, packet.time_base = pictures, Fraction(1, 1000)
        packet.pts = packet.dts = 100
        packet.duration = 200
        writer.mux(packet)


@pytest.mark.parametrize("command", ["compress {} -o {}", "stream {} {}"])
@pytest.mark.parametrize("codec", ["x264", "x265", "vp9"])
def test_samples_beyond_their_depth_are_limited(codec, command, tmp_path):
    """Damaged video has such; x264 may abort the whole process at them."""
    source = tmp_path / "in.y4m"
    # Most is black: where it is, a sum of errors that are too large overflows.
    samples = np.zeros((96 * 3 // 2, 192), "<u2")
    samples[:48] = np.random.default_rng(1).integers(0, 2**16, (48, 192))
    frame = b"FRAME\n" + samples.tobytes()
    source.write_bytes(b"YUV4MPEG2 W192 H96 F25:1 Ip A1:1 C420p10 XYSCSS=420P10\n" + 12 * frame)
    words = command.format(source, tmp_path / "out.mkv").split()
    run = [
        "-P",
        "-c",
        "from semvid.cli.main import run; run()",
        *words,
        "--codec",
        codec,
        "--model",
        "spectral",
    ]
    done = subprocess.run([sys.executable, *run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
