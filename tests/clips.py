"""The one place test clips come from: small, made on the spot, every property chosen."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.svtav1.priority import kept_priorities

RATE = 25
TIME_BASE = Fraction(1, 12800)
SECONDS_PER_FRAME = Fraction(1, RATE)
REPEATABLE_WIDTH = 384
"""Where output is compared byte by byte: at widths that are no multiple of 128 libx264 reads memory it never
set (its look-ahead; valgrind shows it without any map), and the same pictures give other bytes now and then."""


def texture(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """A grey picture whose amplitudes fall with frequency as in photographs."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width))
    spectrum = np.fft.rfft2(noise)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    picture = np.fft.irfft2(spectrum / (frequency + 0.02), s=(height, width))
    return np.clip(128 + 45 * picture / picture.std(), 16, 235).astype(np.uint8)


def smooth_texture(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """Such a picture without what is finer than a cell of motion."""
    return np.asarray(cv2.GaussianBlur(texture(width, height, seed), (0, 0), 2), np.uint8)


def pictures(
    width: int, height: int, num_frames: int, *, cut_at: int | None = None, seed: int = 0
) -> list[NDArray[np.uint8]]:
    """Grey pictures of a slow pan with a brighter square moving over it; another scene from ``cut_at``."""
    frames = []
    scene = texture(width + 2 * num_frames, height, seed)
    for index in range(num_frames):
        if index == cut_at:
            scene = 255 - texture(width + 2 * num_frames, height, seed + 1) // 2
        frame = scene[:, 2 * index : 2 * index + width].copy()
        size = height // 4
        left = (3 * index) % max(1, width - size)
        patch = cv2.resize(texture(64, 64, seed + 2), (size, size))
        frame[height // 3 : height // 3 + size, left : left + size] = patch
        frames.append(frame)
    return frames


def make_clip(
    path: Path,
    *,
    width: int = 320,
    height: int = 192,
    num_frames: int = 24,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    pts: Sequence[int] | None = None,
    cut_at: int | None = None,
    rotation: int = 0,
    aspect: Fraction | None = None,
    audio: bool = False,
    subtitles: bool = False,
    chapters: bool = False,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        pts: Timestamps in ``TIME_BASE``; None = constant 25 frames per second.
        rotation: Degrees the player turns the picture by, counter-clockwise.
    """
    ticks = int(SECONDS_PER_FRAME / TIME_BASE)
    pts = pts or [index * ticks for index in range(num_frames)]
    default = {"crf": "12", "preset": "ultrafast"} if codec == "libx264" else {}
    reformatter = VideoReformatter()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options or default)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.time_base = TIME_BASE
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        sound = container.add_stream("aac", rate=48_000) if audio else None
        container.metadata.update(metadata or {})
        if chapters:
            container.set_chapters([
                {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}},
                {"id": 2, "start": 400, "end": 960, "time_base": Fraction(1, 1000), "metadata": {"title": "two"}},
            ])  # fmt: skip
        for picture, when in zip(pictures(width, height, num_frames, cut_at=cut_at), pts, strict=True):
            colour = np.dstack([picture, np.roll(picture, 5, 1), picture[::-1]])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(colour), format="rgb24")
            frame = reformatter.reformat(frame, format=pixel_format)
            frame.pts, frame.time_base = when, TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _write_tone(container, sound, pts[-1] * TIME_BASE + SECONDS_PER_FRAME)
    if subtitles:
        _add_subtitles(path, has_audio=audio)
    return path


def _add_subtitles(path: Path, *, has_audio: bool) -> None:
    words = path.with_suffix(".srt")
    words.write_text("1\n00:00:00,100 --> 00:00:00,400\nfirst\n\n2\n00:00:00,500 --> 00:00:00,800\nsecond\n")
    bare = path.rename(path.with_stem(path.stem + "-bare"))
    kind = "srt" if path.suffix == ".mkv" else "mov_text"
    film, text = ffmpeg.input(str(bare)), ffmpeg.input(str(words))
    # Streams by kind: QuickTime shows its chapters as one more, of data.
    tracks = [film.video, film.audio, text] if has_audio else [film.video, text]
    command = ffmpeg.output(*tracks, str(path), vcodec="copy", acodec="copy", scodec=kind)
    command.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    bare.unlink()
    words.unlink()


def _write_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: Fraction) -> None:
    samples = np.arange(int(48_000 * seconds))
    wave = (0.2 * np.sin(2 * np.pi * 440 * samples / 48_000)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def write_masks(folder: Path, masks: Sequence[NDArray[np.uint8]]) -> Path:
    """Write masks as numbered PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, mask in enumerate(masks):
        assert cv2.imwrite(str(folder / f"{index:05d}.png"), mask)
    return folder


def decode(path: Path) -> list[av.VideoFrame]:
    """Decode the first video stream."""
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def decode_luma(path: Path) -> NDArray[np.float64]:
    """``(frames, height, width)`` luma of the first video stream."""
    planes = []
    for frame in decode(path):
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        planes.append(rows[: frame.height, : frame.width].astype(np.float64))
    return np.stack(planes)


def psnr(reference: NDArray[np.float64], test: NDArray[np.float64]) -> float:
    """PSNR in dB over everything given."""
    return float(10 * np.log10(255**2 / ((reference - test) ** 2).mean()))


def encode_plainly(clip: Path, output: Path, spec: EncoderSpec, options: dict[str, str]) -> None:
    """Encode with PyAV alone, by the encoder that ``spec`` drives; ``clip`` is REPEATABLE_WIDTH wide."""
    with av.open(str(clip)) as reader, av.open(str(output), "w") as writer:
        stream = writer.add_stream(spec.library, rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = REPEATABLE_WIDTH, 192, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        stream.codec_context.bit_rate = spec.bit_rate
        stream.codec_context.thread_count = 0
        with kept_priorities():
            stream.codec_context.open()
        for frame in reader.decode(video=0):
            frame.pict_type = 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
