"""Spoil pictures as cameras and encoders do: light, colour, blur, noise, JPEG and low-rate video."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import averaged, stretched
from semvid.core.types import FloatArray
from semvid.models.training.pack import Picture


def spoil(picture: Picture, rng: np.random.Generator, longest_clip: int = 3) -> Picture:
    """Change colour, light, sharpness and noise the way cameras and encoders do.

    Args:
        picture: ``(height, width, 3)`` RGB.
        rng: Decides everything.
        longest_clip: Most frames of a clip that is encoded to get one.
    """
    if rng.random() < 0.8:
        picture = np.asarray(cv2.LUT(picture, _tone_curve(rng)), np.uint8)
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        colour = 0.0 if rng.random() < 0.06 else rng.uniform(0.3, 1.5)
        picture = np.asarray(cv2.addWeighted(picture, colour, grey, 1 - colour, 0), np.uint8)
    is_dark = rng.random() < 0.06
    if is_dark:
        picture = np.asarray(cv2.convertScaleAbs(picture, alpha=rng.uniform(0.15, 0.4)), np.uint8)
    kind = rng.random()
    if kind < 0.15:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)
    elif kind < 0.25:
        picture = np.asarray(cv2.filter2D(picture, -1, _motion_kernel(rng)), np.uint8)
    if is_dark or rng.random() < 0.12:
        noise = rng.normal(0, rng.uniform(3, 12), picture.shape)
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return _recompress(picture, rng, longest_clip) if rng.random() < 0.4 else picture


def _tone_curve(rng: np.random.Generator) -> NDArray[np.uint8]:
    """``(1, 256, 3)``: gamma, contrast and brightness for all, a gain for each colour."""
    level = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.25))
    level = (level - 0.5) * np.exp(rng.normal(0, 0.2)) + 0.5 + rng.normal(0, 0.06)
    level = level * np.exp(rng.normal(0, 0.06, 3))
    return np.asarray(np.clip(level * 255, 0, 255)[None], np.uint8)


def _motion_kernel(rng: np.random.Generator) -> FloatArray:
    size = int(rng.integers(1, 5)) * 2 + 1
    kernel = np.zeros((size, size), np.float32)
    middle, angle = size // 2, rng.uniform(0, np.pi)
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, stop = np.rint(middle - reach).astype(int), np.rint(middle + reach).astype(int)
    cv2.line(kernel, start.tolist(), stop.tolist(), 1.0)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _recompress(picture: Picture, rng: np.random.Generator, longest_clip: int) -> Picture:
    """What JPEG or a low-bitrate video leaves of the picture, at times of a coarser one."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        factor = rng.uniform(0.5, 1)
        coarse = (round(height * factor), round(width * factor))
        picture = averaged(picture, *coarse)
    is_still = rng.random() < 0.5
    decoded = _through_jpeg(picture, rng) if is_still else through_video(picture, rng, longest_clip)
    return stretched(decoded, height, width)


def _through_jpeg(picture: Picture, rng: np.random.Generator) -> Picture:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 60))])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def through_video(picture: Picture, rng: np.random.Generator, longest_clip: int = 3) -> Picture:
    """Return ``picture`` as the last frame of a short pan, encoded as H.264 at a low rate and decoded again.

    Unlike JPEG this leaves smeared prediction, skipped blocks and a deblocking filter's softness.
    """
    height, width = (side - side % 2 for side in picture.shape[:2])
    encoder = av.VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(int(rng.integers(26, 44)))}
    decoder = av.VideoCodecContext.create("h264", "r")
    decoder.thread_count = 1
    speed, count = rng.uniform(-3, 3, 2), int(rng.integers(1, longest_clip + 1))
    packets = []
    for index in range(count):
        shift = np.column_stack([np.eye(2), speed * (count - 1 - index)])
        moved = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
        frame = av.VideoFrame.from_ndarray(np.asarray(moved, np.uint8), "rgb24")
        frame.pts = index
        packets += encoder.encode(frame)
    frames = [frame for packet in [*packets, *encoder.encode(None)] for frame in decoder.decode(packet)]
    return np.asarray([*frames, *decoder.decode(None)][-1].to_ndarray(format="rgb24"))
