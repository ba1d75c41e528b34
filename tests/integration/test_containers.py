"""What each container is said to hold is what FFmpeg writes and reads back, for every format it can make."""

import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import pytest
from clips import make_clip
from container_clips import write_all

import semvid
from semvid.core.events import Notice
from semvid.media.writing.container_trial import Fit, try_stream
from semvid.media.writing.containers import CONTAINERS

HELD = {
    "aac": "mkv mp4 mov avi",
    "ac3": "mkv mp4 mov avi",
    "eac3": "mkv mp4 mov",
    "alac": "mkv mp4 mov",
    "dca": "mkv mp4 mov",
    "flac": "mkv mp4 avi",
    "mp2": "mkv mp4 mov avi",
    "libmp3lame": "mkv mp4 mov avi",
    "libopus": "mkv mp4 webm",
    "libvorbis": "mkv mp4 webm",
    "truehd": "mkv",
    "tta": "mkv",
    "wavpack": "mkv",
    "wmav1": "mkv avi",
    "wmav2": "mkv avi",
    "real_144": "mkv",
    "libopencore_amrnb": "mkv mov",
    "g722": "mkv avi",
    "g723_1": "mkv avi",
    "g726": "mkv avi",
    "nellymoser": "mov",
    "adpcm_ima_qt": "mov",
    "adpcm_ima_wav": "mkv avi",
    "adpcm_ms": "mkv avi",
    "adpcm_swf": "",
    "adpcm_yamaha": "mkv avi",
    "adpcm_adx": "",
    "pcm_alaw": "mkv mov avi",
    "pcm_mulaw": "mkv mov avi",
    "pcm_u8": "mkv mov avi",
    "pcm_s8": "mov",
    "pcm_s16le": "mkv mp4 mov avi",
    "pcm_s16be": "mkv mp4 mov",
    "pcm_s24le": "mkv mp4 mov avi",
    "pcm_s24be": "mkv mp4 mov",
    "pcm_s32le": "mkv mp4 mov avi",
    "pcm_f32le": "mkv mp4 mov avi",
    "pcm_f64be": "mp4 mov",
    "pcm_dvd": "",
    "s302m": "",
    "sbc": "",
    "aptx": "",
    "dfpwm": "mkv",
    "libx264": "mkv mp4 mov",
    "libx265": "mkv mp4 mov",
    "libvpx": "mkv webm avi",
    "libvpx-vp9": "mkv mp4 webm avi",
    "libsvtav1": "mkv mp4 webm avi",
    "mjpeg": "mkv mp4 mov avi",
    "mpeg4": "mkv mp4 mov avi",
    "mpeg2video": "mkv mp4 mov avi",
    "mpeg1video": "mkv mp4 mov avi",
    "prores": "mkv mov",
    "ffv1": "mkv mp4 avi",
    "huffyuv": "mkv avi",
    "theora": "mkv avi",
    "flv": "mkv avi",
    "wmv2": "mkv avi",
    "msmpeg4": "mkv mov avi",
    "dvvideo": "mkv mov avi",
    "png": "mkv mp4 mov avi",
    "qtrle": "mkv mov",
    "h261": "mkv avi",
    "h263": "mkv mov avi",
    "dnxhd": "mkv mov",
    "ass": "mkv",
    "subrip": "mkv",
    "webvtt": "mkv webm",
    "mov_text": "mp4 mov",
    "text": "mkv",
}
"""Encoder -> containers. Also FFmpeg's own ``-c copy`` makes files of these that read back, and of no others but
for .mov: names from AVI and Matroska in it (wmv2, vorbis, adpcm_yamaha, ...) nothing but FFmpeg reads."""


@pytest.fixture(scope="module")
def streams(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("formats"))


@pytest.mark.parametrize("encoder", HELD)
def test_containers_hold_what_reads_back(encoder, streams):
    with av.open(str(streams[encoder])) as container:
        stream = container.streams[0]
        packets = [one for one in container.demux(stream) if one.size][:4]
        held = [
            suffix[1:]
            for suffix in (".mkv", ".mp4", ".mov", ".webm", ".avi")
            if try_stream(CONTAINERS[suffix], stream, packets) is not Fit.NO
        ]
    assert " ".join(held) == HELD[encoder]


@pytest.mark.parametrize("name", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"])
def test_picture_subtitles_fit_under_either_of_their_names(name, tmp_path):
    """FFmpeg lists its decoders (pgssub, dvdsub, dvbsub), not the formats."""
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as writer:
        stream = writer.add_mux_stream(name)
        packet = av.Packet(bytes(20))
        packet.stream, packet.pts, packet.dts, packet.duration = stream, 0, 0, 100
        writer.mux(packet)
    with av.open(str(source)) as container:
        assert try_stream("matroska", container.streams[0], list(container.demux())[:1]) is Fit.DIRECT
        assert try_stream("webm", container.streams[0], []) is Fit.NO


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_another_video_track_comes_along_whole(suffix, tmp_path):
    """HEVC has no encoder of its name, and Matroska no decoding times for its first packets."""
    clip = make_clip(tmp_path / "bare.mkv", width=192, height=96, num_frames=10)
    source = tmp_path / "in.mkv"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", clip, "-i", clip, "-map", "0", "-map", "1",
         "-c:v:0", "copy", "-c:v:1", "libx265", "-x265-params", "log-level=none:bframes=3", "-preset", "veryfast", source],
        check=True,
    )  # fmt: skip
    notices = []
    config = semvid.CompressConfig(preset="superfast", allocation=semvid.AllocationConfig(strength=0))
    semvid.compress(
        source, tmp_path / f"out{suffix}", config,
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    found = []
    for path in (source, tmp_path / f"out{suffix}"):
        with av.open(str(path)) as container:
            track = container.streams.video[1]
            assert track.codec_context.name == "hevc"
            found.append([round(float(frame.time), 2) for frame in container.decode(track)])
    first = found[1][0] - found[0][0]
    assert found[1] == [round(one + first, 2) for one in found[0]]
    assert notices == []
