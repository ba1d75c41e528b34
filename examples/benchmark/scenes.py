"""Look at what maps do at the borders of scenes, where everything or nothing matters, and to gradients.

    python examples/benchmark/scenes.py [--codecs x264,x265]

Cuts: one clip of six drawn scenes, one of stretches of real clips. PSNR of luma, ``match=region`` against a
plain encode at the same CRF, of the frames after a cut and of the rest of each scene: where everything
matters (a page of text), where nothing does (a plain landscape), and where one thing does; and how much it
jumps from frame to frame. Gradients: dark rooms and skies made by formulas, and dark and bright stretches of
real clips; banding is CAMBI (0 = none; people notice it from about 5) of the source, a plain encode, the
mapped one, and one with ``coarsest=3``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import imageio_ffmpeg
import numpy as np
from common import data_folder, save, table
from numpy.typing import NDArray

import semvid
from semvid.core.map_source import ImportanceSource

Pixels = NDArray[np.uint8]
CRFS = {"x264": (26, 32), "x265": (28, 34)}
WIDTH, HEIGHT, SCENE = 640, 360, 30
PLAIN = semvid.AllocationConfig(strength=0)
_FIRST = 3
"""Frames of a scene that count as its first ones."""


class KnownMaps(ImportanceSource):
    """Maps that are known."""

    def __init__(self, maps: list[NDArray[np.float32]]) -> None:
        self._maps = maps

    def update(self, frame: semvid.Frame) -> semvid.ImportanceMap:
        """Return that of the frame."""
        return semvid.ImportanceMap(self._maps[frame.index])


def write(frames: list[Pixels], path: Path) -> None:
    """Write RGB frames without loss."""
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("ffv1", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for one in frames:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        writer.mux(stream.encode())


def lumas(path: Path) -> list[Pixels]:
    """Decode all luma planes."""
    with av.open(str(path)) as reader:
        return [one.to_ndarray(format="gray") for one in reader.decode(video=0)]


def texture(seed: int, fine: float, contrast: float) -> Pixels:
    """Grey noise whose detail is as fine as asked for."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(0, 1, (HEIGHT + 80, WIDTH + 240)).astype(np.float32), (0, 0), fine)
    return np.asarray(np.clip(128 + contrast * noise / noise.std(), 0, 255), np.uint8)


def drawn_scenes() -> tuple[list[Pixels], list[NDArray[np.float32]], list[str]]:
    """Six scenes in turn: one thing, a page of text, an empty landscape, and again; with their maps."""
    frames, maps, kinds = [], [], []
    for scene in range(6):
        kind = ("one thing", "everything", "nothing")[scene % 3]
        canvas = cv2.cvtColor(texture(scene, 2.0 if kind != "nothing" else 8.0, 35), cv2.COLOR_GRAY2RGB)
        if kind == "everything":
            canvas[:] = 235
            for line in range(20, HEIGHT + 60, 16):
                cv2.putText(canvas, "Everything on this page matters, every word " * 2, (8 + 3 * scene, line),
                            cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)  # fmt: skip
        for frame in range(SCENE):
            shift = 0 if kind == "everything" else 2 * frame
            picture = canvas[20 : 20 + HEIGHT, 20 + shift : 20 + shift + WIDTH].copy()
            values = np.full(
                (36, 64), {"everything": 0.9, "nothing": 0.03, "one thing": 0.02}[kind], np.float32
            )
            if kind == "one thing":
                x = 150 + 5 * frame
                face = cv2.cvtColor(texture(99, 1.5, 40)[:120, :90], cv2.COLOR_GRAY2RGB)
                picture[120:240, x : x + 90] = face
                values[12:24, x // 10 : x // 10 + 9] = 0.95
            frames.append(picture)
            maps.append(values)
            kinds.append(kind)
    return frames, maps, kinds


def filmed_scenes() -> tuple[list[Pixels], list[str]]:
    """Stretches of the ordinary clips in turn."""
    frames, kinds = [], []
    for turn in range(2):
        for clip in sorted((data_folder() / "clips").iterdir()):
            with av.open(str(clip)) as reader:
                for index, frame in enumerate(reader.decode(video=0)):
                    if index >= 60 * turn + SCENE:
                        break
                    if index >= 60 * turn:
                        rgb = frame.to_ndarray(format="rgb24")
                        frames.append(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
                        kinds.append(clip.stem.partition("_")[0])
    return frames, kinds


def gradients() -> Iterator[tuple[str, list[Pixels], list[NDArray[np.float32]] | None]]:
    """Yield names, frames and maps (None = those of the network)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    rng = np.random.default_rng(5)
    thing = texture(7, 1.5, 40)[:120, :90]
    shades = {
        "dark room": 18 + 26 * np.exp(-(((x - 200) / 320) ** 2 + ((y - 100) / 220) ** 2)),
        "night sky": 12 + 20 * (y / HEIGHT) ** 2,
        "evening sky": 90 + 70 * (y / HEIGHT),
        "bright wall": 170 + 40 * (x / WIDTH),
    }
    for grain in (0.0, 1.0):
        for name, shade in shades.items():
            frames, maps = [], []
            for frame in range(24):
                grey = shade + rng.normal(0, grain, shade.shape) + rng.uniform(-0.5, 0.5, shade.shape)
                left = 240 + 4 * frame
                grey[140:260, left : left + 90] = thing
                picture = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
                values = np.full((36, 64), 0.02, np.float32)
                values[14:26, left // 10 : left // 10 + 9] = 0.95
                frames.append(cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB))
                maps.append(values)
            yield f"{name}, {'grain' if grain else 'clean'}", frames, maps
    for file, first in (("sample.avi", 45), ("nasa_13013.mp4", 0), ("sample_with_colr_mdcv_and_clli.mp4", 0)):
        with av.open(str(data_folder() / "odd" / file)) as reader:
            film = [one.to_ndarray(format="rgb24") for one in reader.decode(video=0)][first : first + 24]
        size = (WIDTH, round(film[0].shape[0] * WIDTH / film[0].shape[1] / 2) * 2)
        yield file, [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in film], None


def cambi(path: Path) -> float:
    """Mean CAMBI of a video."""
    with tempfile.TemporaryDirectory() as folder:
        log = "log.json"
        graph = f"[0:v][1:v]libvmaf=feature=name=cambi:log_fmt=json:log_path={log}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-i", str(path)]
        subprocess.run([*command, "-lavfi", graph, "-f", "null", "-"], check=True, cwd=folder)
        return float(json.loads((Path(folder) / log).read_text())["pooled_metrics"]["cambi"]["mean"])


def compress(clip: Path, output: Path, codec: str, crf: float, maps: list[NDArray[np.float32]] | None,
             allocation: semvid.AllocationConfig) -> int:  # fmt: skip
    """Encode and return the size."""
    config = semvid.CompressConfig(
        codec=codec, rate=semvid.Crf(crf), allocation=allocation, overwrite=True,
        probe="none" if allocation.strength else None,
    )  # fmt: skip
    source = KnownMaps(maps) if maps and allocation.strength else None
    return semvid.compress(clip, output, config, importance=source).video_bytes


def errors(source: list[Pixels], coded: Path) -> NDArray[np.float64]:
    """PSNR of each frame."""
    found = [((a.astype(np.float64) - b) ** 2).mean() for a, b in zip(source, lumas(coded), strict=True)]
    return 10 * np.log10(255**2 / np.maximum(found, 0.01))


def look_at_cuts(codec: str, crf: float, folder: Path) -> list[dict[str, Any]]:
    """Compare first and later frames of scenes."""
    rows = []
    region = semvid.AllocationConfig(match="region")
    made = drawn_scenes()
    for name, frames, maps, kinds in (
        ("drawn", *made),
        ("filmed", filmed_scenes()[0], None, filmed_scenes()[1]),
    ):
        clip, coded = folder / "clip.mkv", folder / "coded.mkv"
        write(frames, clip)
        source = lumas(clip)
        sizes, psnr = {}, {}
        for way, allocation in (("plain", PLAIN), ("region", region)):
            sizes[way] = compress(clip, coded, codec, crf, maps, allocation)
            psnr[way] = errors(source, coded)
        change = psnr["region"] - psnr["plain"]
        place = np.arange(len(frames)) % SCENE
        for kind in dict.fromkeys(kinds):
            is_kind = np.array([one == kind for one in kinds])
            after = is_kind & (place >= SCENE // 2)
            rows.append(
                {
                    "codec": codec, "crf": crf, "clip": name, "scene": kind,
                    "first": [
                        round(float(change[is_kind & (place == one)].mean()), 2) for one in range(_FIRST)
                    ],
                    "later": round(float(change[after].mean()), 2),
                    "jump_plain": round(float(np.abs(np.diff(psnr["plain"]))[after[1:]].mean()), 2),
                    "jump_region": round(float(np.abs(np.diff(psnr["region"]))[after[1:]].mean()), 2),
                    "size_percent": round(100 * (sizes["region"] / sizes["plain"] - 1), 1),
                }
            )  # fmt: skip
    return rows


def look_at_gradients(codec: str, crf: float, folder: Path) -> list[dict[str, Any]]:
    """Compare banding."""
    rows = []
    for name, frames, maps in gradients():
        clip, coded = folder / "clip.mkv", folder / "coded.mkv"
        write(frames, clip)
        row: dict[str, Any] = {"codec": codec, "crf": crf, "clip": name, "source": round(cambi(clip), 2)}
        for way, allocation in (
            ("plain", PLAIN),
            ("region", semvid.AllocationConfig(match="region")),
            ("coarsest_3", semvid.AllocationConfig(match="region", coarsest=3)),
        ):
            row[f"{way}_bytes"] = compress(clip, coded, codec, crf, maps, allocation)
            row[way] = round(cambi(coded), 2)
        rows.append(row)
    return rows


def main() -> None:
    """Look at all, save ``results/scenes.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codecs", default="x264,x265")
    cuts, bands = [], []
    with tempfile.TemporaryDirectory() as work:
        for codec in parser.parse_args().codecs.split(","):
            for crf in CRFS[codec]:
                cuts += look_at_cuts(codec, crf, Path(work))
                bands += look_at_gradients(codec, crf, Path(work))
    save("scenes", {"cuts": cuts, "gradients": bands})
    print(table(list(cuts[0]), [list(one.values()) for one in cuts]))
    print(table(list(bands[0]), [list(one.values()) for one in bands]))


if __name__ == "__main__":
    main()
