"""A short stream in every format that the packaged FFmpeg codes, each in a file of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg

SLOW = ("-ar", "8000", "-ac", "1")
STEREO = ("-ar", "48000", "-ac", "2")
SOUND = {
    "aac": (".nut", STEREO), "ac3": (".nut", STEREO), "eac3": (".mkv", STEREO), "alac": (".mov", STEREO),
    "dca": (".mkv", STEREO), "flac": (".mkv", STEREO), "mp2": (".nut", STEREO), "libmp3lame": (".nut", STEREO),
    "libopus": (".mkv", STEREO), "libvorbis": (".mkv", STEREO), "truehd": (".mkv", STEREO),
    "tta": (".mkv", STEREO), "wavpack": (".mkv", STEREO),
    "wmav1": (".nut", STEREO), "wmav2": (".nut", STEREO), "real_144": (".rm", SLOW),
    "libopencore_amrnb": (".nut", SLOW), "g722": (".nut", ("-ar", "16000", "-ac", "1")), "g723_1": (".nut", (*SLOW, "-b:a", "6300")),
    "g726": (".nut", SLOW), "nellymoser": (".flv", ("-ar", "22050", "-ac", "1")),
    "adpcm_ima_qt": (".mov", STEREO), "adpcm_ima_wav": (".nut", STEREO), "adpcm_ms": (".avi", STEREO),
    "adpcm_swf": (".nut", ("-ar", "22050", "-ac", "1")), "adpcm_yamaha": (".nut", STEREO), "adpcm_adx": (".adx", STEREO),
    "pcm_alaw": (".nut", SLOW), "pcm_mulaw": (".nut", SLOW), "pcm_u8": (".nut", STEREO), "pcm_s8": (".nut", STEREO),
    "pcm_s16le": (".mov", STEREO), "pcm_s16be": (".mov", STEREO), "pcm_s24le": (".mov", STEREO),
    "pcm_s24be": (".mov", STEREO), "pcm_s32le": (".mov", STEREO), "pcm_f32le": (".mov", STEREO),
    "pcm_f64be": (".mov", STEREO), "pcm_dvd": (".vob", STEREO), "s302m": (".ts", STEREO), "sbc": (".sbc", STEREO),
    "aptx": (".aptx", STEREO), "dfpwm": (".nut", STEREO),
}  # fmt: skip
"""Encoder -> where it is put, and what it asks for."""
PICTURES = {
    "libx264": ".mkv", "libx265": ".mkv", "libvpx": ".mkv", "libvpx-vp9": ".mkv", "libsvtav1": ".mkv", "mjpeg": ".mkv", "mpeg4": ".mkv",
    "mpeg2video": ".mkv", "mpeg1video": ".mkv", "prores": ".mkv", "ffv1": ".mkv", "huffyuv": ".mkv", "theora": ".mkv", "flv": ".flv",
    "wmv2": ".avi", "msmpeg4": ".avi", "dvvideo": ".mov", "png": ".mov", "qtrle": ".mov", "h261": ".mkv", "h263": ".nut", "dnxhd": ".mov",
}  # fmt: skip
TEXT = {
    "ass": ".mkv",
    "subrip": ".mkv",
    "webvtt": ".mkv",
    "mov_text": ".mp4",
    "text": ".mkv",
}
WORDS = "1\n00:00:00,000 --> 00:00:00,100\nfirst\n"


def write_all(folder: Path) -> dict[str, Path]:
    """Write them; encoder -> file."""
    words = folder / "words.srt"
    words.write_text(WORDS)
    files = {}
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y",
               "-f", "lavfi", "-i", "sine=r=48000:d=0.2", "-f", "lavfi", "-i", "testsrc2=s=176x144:r=25:d=0.12",
               "-i", words]  # fmt: skip
    for name, (suffix, options) in SOUND.items():
        files[name] = folder / f"{name}{suffix}"
        command += ["-map", "0", "-strict", "-2", "-c:a", name, *options, files[name]]
    for name, suffix in PICTURES.items():
        files[name] = folder / f"{name}{suffix}"
        size = {
            "dvvideo": ["-s", "720x576", "-pix_fmt", "yuv420p"],
            "dnxhd": ["-s", "1280x720", "-pix_fmt", "yuv422p", "-b:v", "60M", "-r", "25"],
        }.get(name, [])
        command += ["-map", "1", "-strict", "-2", "-c:v", name, *size, files[name]]
    for name, suffix in TEXT.items():
        files[name] = folder / f"{name}{suffix}"
        command += ["-map", "2", "-c:s", name, files[name]]
    subprocess.run([str(one) for one in command], check=True, capture_output=True)
    return files
