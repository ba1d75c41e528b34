"""Clips that flash and beep at the same moments, and a ruler for how far apart the two came out."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 25
SIGNAL_SECONDS = 0.08
FLASH_AT = 12 / RATE
_LOUD, _BRIGHT = 0.1, 128


def write_flashes(
    path: Path, *, seconds: int = 8, sound_rate: int = 44_100, sound_codec: str = "aac", late: float = 0.0
) -> Path:
    """Write a clip whose picture flashes and whose sound beeps once a second.

    Args:
        late: Seconds the beep comes after the flash.
    """
    with av.open(str(path), "w") as writer:
        video = writer.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "g": "10", "bf": "0"})
        video.width, video.height, video.pix_fmt = 192, 128, "yuv420p"
        audio = writer.add_stream(sound_codec, rate=sound_rate, layout="mono")
        noise = np.random.default_rng(0).integers(0, 40, (128, 192), dtype=np.uint8)
        times = np.arange(sound_rate) / sound_rate
        is_on = (times >= FLASH_AT + late) & (times < FLASH_AT + late + SIGNAL_SECONDS)
        beep = (np.sin(2 * np.pi * 1000 * times) * is_on * 20_000).astype(np.int16)
        for index in range(seconds * RATE):
            is_flash = 0 <= index % RATE / RATE - FLASH_AT < SIGNAL_SECONDS
            luma = noise + 200 * np.uint8(is_flash)
            chroma = np.full((64, 192), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            writer.mux(video.encode(frame))
            if index % RATE == 0:
                second = av.AudioFrame.from_ndarray(beep[None], format="s16", layout="mono")
                second.sample_rate, second.time_base = sound_rate, Fraction(1, sound_rate)
                second.pts = index // RATE * sound_rate
                writer.mux(audio.encode(second))
        writer.mux(video.encode())
        writer.mux(audio.encode())
    return path


def flashes_and_beeps(path: Path) -> tuple[list[float], list[float]]:
    """Seconds at which the picture of a file becomes bright, and its sound loud."""
    with av.open(str(path)) as reader:
        frames = [(float(one.time), one.to_ndarray(format="gray").mean()) for one in reader.decode(video=0)]
    flashes = [now for (_, dark), (now, bright) in itertools.pairwise(frames)
               if dark < _BRIGHT <= bright]  # fmt: skip
    beeps, quiet_since = [], 0.0
    with av.open(str(path)) as reader:
        for frame in reader.decode(audio=0):
            samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
            scale = 1.0 if frame.format.name.startswith("flt") else 32768.0
            for place in np.flatnonzero(samples > _LOUD * scale):
                now = float(frame.time) + place / frame.sample_rate
                if now - quiet_since > 0.2:
                    beeps.append(now)
                quiet_since = now
    return flashes, beeps


def lateness(path: Path) -> list[float]:
    """Seconds each beep came after its flash, for all flashes of which the file has the beep."""
    flashes, beeps = flashes_and_beeps(path)
    return [float(one - flash) for flash in flashes for one in beeps if abs(one - flash) < 0.4]
