"""Measure where quantizer offsets land in interlaced video, and what coding it as such buys.

    python examples/benchmark/interlaced.py

The clip is made on the spot: texture that moves 8 pixels from field to field, top field first, 192x96. One
region, of rows 32 to 64 or of the upper or lower half of them, gets an offset of -15 QP; what it gains in
PSNR is given for both fields of the three pairs of macroblock rows. x264 ignores regions of frames that are
marked as interlaced, so the mark is taken off, and in pairs that are coded by fields a row of blocks is a
field: offsets must be the same in both rows of a pair, which ``EncoderSpec.field_block_size`` sees to.

Sizes and PSNR of plain encodes say what interlaced coding buys against both fields woven into progressive
frames. x265's wrapper in FFmpeg codes no fields, and ``interlace=tff`` only makes it say that every whole
frame is one: it is not used.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.codec.context import Flags
from av.filter import Graph
from common import save, table

WIDTH, HEIGHT, NUM_FRAMES, STEP = 192, 96, 12, 8
REGIONS = {"both rows": (32, 64), "upper row": (32, 48), "lower row": (48, 64)}
MODES: dict[str, tuple[str, bool, bool]] = {
    # library, coded as interlaced, mark taken off
    "x264 woven, marked": ("libx264", False, False),
    "x264 woven": ("libx264", False, True),
    "x264 interlaced": ("libx264", True, True),
    "x265 woven": ("libx265", False, True),
}
_OPTIONS = {"preset": "fast"}


def clip() -> list[np.ndarray]:
    """Return luma of frames whose two fields show two moments."""
    noise = np.random.default_rng(0).normal(0, 1, (HEIGHT, WIDTH + 2 * STEP * NUM_FRAMES))
    frequency = np.hypot(np.fft.fftfreq(noise.shape[0])[:, None], np.fft.rfftfreq(noise.shape[1])[None])
    scene = np.fft.irfft2(np.fft.rfft2(noise) / (frequency + 0.02), s=noise.shape)
    scene = np.clip(128 + 45 * scene / scene.std(), 16, 235).astype(np.uint8)
    frames = []
    for index in range(NUM_FRAMES):
        frame = np.empty((HEIGHT, WIDTH), np.uint8)
        for field in (0, 1):
            left = STEP * (2 * index + field)
            frame[field::2] = scene[field::2, left : left + WIDTH]
        frames.append(frame)
    return frames


def encode(frames: list[np.ndarray], mode: str, crf: int, rows: tuple[int, int], path: Path) -> np.ndarray:
    """Encode with an offset in some rows; return squared errors ``(frames, height, width)``."""
    library, codes_fields, is_unmarked = MODES[mode]
    options = {**_OPTIONS, "crf": str(crf)}
    if library == "libx265":
        options["x265-params"] = "log-level=none"
    graph: Graph | None = None
    with av.open(str(path), "w") as container:
        stream = container.add_stream(library, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if codes_fields:
            stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        for index, luma in enumerate(frames):
            grey = np.full((HEIGHT // 2, WIDTH), 128, np.uint8)
            picture = av.VideoFrame.from_ndarray(np.vstack([luma, grey]), format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            if graph is None:
                graph = _graph(picture, rows, is_unmarked=is_unmarked)
            graph.push(picture)
            container.mux(stream.encode(cast("av.VideoFrame", graph.pull())))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        decoded = [one.to_ndarray()[:HEIGHT].astype(float) for one in container.decode(video=0)]
    return np.square(np.stack(decoded) - np.stack(frames))


def _graph(picture: av.VideoFrame, rows: tuple[int, int], *, is_unmarked: bool) -> Graph:
    graph = Graph()
    region = f"x=0:y={rows[0]}:w={WIDTH}:h={rows[1] - rows[0]}:qoffset={-15 / 51}"
    steps = [("setfield", "tff"), ("addroi", region), *([("setfield", "prog")] if is_unmarked else [])]
    source = graph.add_buffer(
        width=WIDTH, height=HEIGHT, format=picture.format, time_base=cast("Fraction", picture.time_base)
    )
    graph.link_nodes(source, *(graph.add(*step) for step in steps), graph.add("buffersink")).configure()
    return graph


def psnr(error: np.ndarray) -> float:
    """Return PSNR in dB."""
    return float(10 * np.log10(255**2 / error.mean()))


def both_fields(top: int) -> tuple[slice, slice]:
    """Return the lines of either field of a pair of macroblock rows."""
    return slice(top, top + 32, 2), slice(top + 1, top + 32, 2)


def main() -> None:
    """Measure everything, print tables, and keep the numbers."""
    frames = clip()
    gains: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.mkv"
        for mode in MODES:
            plain[mode] = {}
            for crf in (22, 26, 30, 34):
                error = encode(frames, mode, crf, (0, 0), path)
                plain[mode][crf] = {"bytes": path.stat().st_size, "psnr": psnr(error)}
            before = encode(frames, mode, 30, (0, 0), path)
            gains[mode] = {}
            for name, rows in REGIONS.items():
                after = encode(frames, mode, 30, rows, path)
                gains[mode][name] = [
                    [psnr(after[:, lines]) - psnr(before[:, lines]) for lines in both_fields(top)]
                    for top in (0, 32, 64)
                ]
    print(table(
        ["mode", "region", "rows 0-32, top / bottom field", "32-64", "64-96"],
        [
            [mode, region, *(f"{top:+.1f} / {bottom:+.1f} dB" for top, bottom in pairs)]
            for mode, regions in gains.items() for region, pairs in regions.items()
        ],
    ))  # fmt: skip
    print(table(
        ["mode", *(f"CRF {crf}" for crf in (22, 26, 30, 34))],
        [
            [mode, *(f"{one['bytes']} B, {one['psnr']:.2f} dB" for one in sizes.values())]
            for mode, sizes in plain.items()
        ],
    ))  # fmt: skip
    print(save("interlaced", {"psnr_gain_db_by_pair_and_field": gains, "plain": plain}))


if __name__ == "__main__":
    main()
