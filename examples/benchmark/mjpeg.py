"""Compare Motion-JPEG with FFmpeg's own encoder at equal size, and time it.

    python examples/benchmark/mjpeg.py [--frames 8] [--pairs 3] [--parts quality,speed]

quality: eight frames spread over each of the six clips, as ``compress --codec mjpeg`` converts and maps them.
Anchor: FFmpeg's mjpeg encoder with optimal Huffman tables at quantizer scales 2, 5 and 12; every other coder
gets the bytes the anchor needs for all frames of a clip together, at one quality. uniform: the map switched
off. semvid, psnr: with the map of ``msroi``, carried along motion through every frame of the clip, tuned for
how it looks and for PSNR. Measures are
those of ``still_scores.py``, as gains over the anchor.
speed: frames a second from file to file, everything included, medians of the runs, as a library and as a
command: the 720p clip, and the same scaled to 1080p. Anchor: the command of FFmpeg's encoder. What is there
of this commit is not measured again.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from common import clips, data_folder, load, save, table
from still_scores import COLUMNS, Judge, Scores, average, cells_of
from timing import FFMPEG, SEMVID, add_runs, of_call, of_command, per_frame, runs_of

import semvid
from semvid.codecs.base.coding import PreparedFrame
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.motion import JpegCoding
from semvid.codecs.jpeg.planes import planes_of
from semvid.codecs.jpeg.tuning import TUNINGS
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.reader import VideoReader

SCALES = (2, 5, 12)
CLIP = "dog_720p.mp4"
OWN = {"uniform": ("perceptual", 0.0), "semvid": ("perceptual", 1.0), "psnr": ("psnr", 1.0)}
CONFIG = semvid.CompressConfig(codec="mjpeg", overwrite=True)


def prepared_frames(path: Path, count: int) -> list[PreparedFrame]:
    """Frames spread over a clip, in JPEG's format, with their maps."""
    coding, kept = JpegCoding(CONFIG), []
    with VideoReader(path) as reader, closing(open_source(CONFIG.maps, None)) as source:
        analyser = Analyser(source, CONFIG.temporal, frame_rate=reader.info.frame_rate)
        every = max(len(shown_frames(reader.info).pts) // count, 1)
        for analysed in analyser.run(only_frames(reader.read())):
            if analysed.frame.index % every == every // 2 and len(kept) < count:
                kept.append(coding.prepare(analysed))
    return kept


def ffmpeg_frames(frames: Sequence[PreparedFrame], scale: int) -> list[bytes]:
    """Code with FFmpeg's encoder."""
    first = frames[0].picture
    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = first.width, first.height, first.format.name
    codec.time_base = first.time_base
    codec.color_range = 2
    codec.options = {
        "huffman": "optimal", "flags": "+qscale", "global_quality": str(118 * scale),
        "qmin": str(scale), "qmax": str(scale),
    }  # fmt: skip
    coded = []
    for index, frame in enumerate(frames):
        picture = frame.picture
        picture.pts = index
        coded += [bytes(packet) for packet in codec.encode(picture)]
    return coded + [bytes(packet) for packet in codec.encode(None)]


def semvid_frames(coders: Sequence[PictureCoder], choice: Choice, target: int) -> list[bytes]:
    """Code at the quality whose bytes come nearest."""
    low, high, best = 1.0, 100.0, None
    for _ in range(12):
        quality = (low + high) / 2
        coded = [coder.encode(replace(choice, quality=quality)) for coder in coders]
        size = sum(map(len, coded))
        if best is None or abs(size - target) < abs(sum(map(len, best)) - target):
            best = coded
        if abs(size / target - 1) < 0.002:
            break
        low, high = (quality, high) if size < target else (low, quality)
    assert best is not None
    return best


def measure_quality(count: int) -> dict[str, dict[str, list[Scores]]]:
    """Gains by coder and quantizer scale, one a frame."""
    rows: dict[str, dict[str, list[Scores]]] = {}
    for path in clips():
        frames = prepared_frames(path, count)
        coders = {
            tune: [PictureCoder(planes_of(one.picture), one.importance, tuning) for one in frames]
            for tune, tuning in TUNINGS.items()
        }
        judges = []
        for one in frames:
            rgb = one.picture.to_ndarray(format="rgb24")
            importance = cv2.resize(np.ascontiguousarray(one.importance), rgb.shape[1::-1])
            judges.append(Judge(rgb, np.clip(importance, 0, 1)))
        for scale in SCALES:
            anchor = ffmpeg_frames(frames, scale)
            base = [judge.score(jpeg) for judge, jpeg in zip(judges, anchor, strict=True)]
            target = sum(map(len, anchor))
            for name, (tune, strength) in OWN.items():
                coded = semvid_frames(coders[tune], Choice(strength=strength, mends_borders=False), target)
                for judge, jpeg, before in zip(judges, coded, base, strict=True):
                    after = judge.score(jpeg)
                    gain = {key: after[key] - before[key] for key in before}
                    gain["bytes"] = sum(map(len, coded)) / target - 1
                    rows.setdefault(name, {}).setdefault(str(scale), []).append(gain)
        print(path.name, flush=True)
    return rows


def scaled_clip(source: Path, output: Path, width: int, height: int) -> None:
    """Scale a clip."""
    with av.open(str(source)) as reader, av.open(str(output), "w") as writer:
        stream = writer.add_stream("libx264", rate=25, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index, frame in enumerate(reader.decode(video=0)):
            scaled = frame.reformat(width=width, height=height, interpolation="BICUBIC")
            scaled.pts, scaled.time_base = index, Fraction(1, 25)
            writer.mux(stream.encode(scaled))
        writer.mux(stream.encode())


def measure_speed(results: dict[str, Any], num_runs: int) -> None:
    """Time whole encodes; what was measured is added to the results and kept."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        large, source, output = work / "large.mp4", data_folder() / "clips" / CLIP, work / "out.mov"
        scaled_clip(source, large, 1920, 1080)
        for size, path in (("720p", source), ("1080p", large)):
            plain = [FFMPEG, "-v", "error", "-y", "-i", str(path), "-an", "-c:v", "mjpeg", "-q:v", "5"]
            measures = {
                "ffmpeg": {"command": partial(of_command, [*plain, "-huffman", "optimal", str(output)])}
            }
            for model in ("msroi", "msroi-fast"):
                config = replace(CONFIG, maps=semvid.MapsConfig(model=model))
                command = [SEMVID, "compress", str(path), "-o", str(output), "-y", "--codec", "mjpeg"]
                measures[model] = {
                    "library": partial(of_call, partial(semvid.compress, path, output, config)),
                    "command": partial(of_command, [*command, "--model", model]),
                }
            for name, ways in measures.items():
                found = results.setdefault(f"{size}, {name}", {})
                found["num_frames"] = semvid.probe(path).num_frames_from_header
                for way, measure in ways.items():
                    for _ in add_runs(runs_of(found, way), num_runs, measure):
                        save("mjpeg_speed", {"results": results})
                    print(f"{size}, {name}, {way}: done", flush=True)


def main() -> None:
    """Measure, write ``results/mjpeg.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--parts", default="quality,speed")
    arguments = parser.parse_args()
    if "quality" in arguments.parts:
        rows = measure_quality(arguments.frames)
        means = {name: {scale: average(gains) for scale, gains in one.items()} for name, one in rows.items()}
        for by_scale in means.values():
            by_scale["mean"] = average(list(by_scale.values()))
        save("mjpeg", {"gains": means})
        lines = [
            [name, scale, *cells_of(one), f"{100 * one['bytes']:+.2f} %"]
            for name, by_scale in means.items()
            for scale, one in by_scale.items()
        ]
        print(table(["coder", "scale", *COLUMNS, "bytes"], lines))
    if "speed" in arguments.parts:
        results: dict[str, Any] = load("mjpeg_speed").get("results", {})
        measure_speed(results, arguments.pairs)
        lines = [
            [
                name,
                *(text for way in ("library", "command") for text in per_frame(one, way, one["num_frames"])),
            ]
            for name, one in results.items()
        ]
        print(
            table(["", "library, frames/s", "ms of processor time a frame", "command, frames/s", "ms"], lines)
        )


if __name__ == "__main__":
    main()
