"""What ``fuzz.py`` starts from: the inputs of ``keeps.py``, and maps, boxes, networks and reports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from commands import Command, run_all
from keeps_inputs import INPUTS, make_all
from onnx import TensorProto, helper

_QUICK = ["--model", "spectral"]


@dataclass(frozen=True, slots=True)
class Seed:
    """A file to mutate and the commands that read it.

    Attributes:
        path: The whole file.
        commands: Arguments after ``semvid``; ``{}`` stands for the mutated file, ``{out}`` for the output,
            ``{clip}`` for a whole clip.
        is_text: Mutated by words as well as by bytes.
    """

    path: Path
    commands: tuple[tuple[str, ...], ...]
    is_text: bool = False


_VIDEO = (
    ("compress", "{}", "-o", "{out}.mp4", "--preset", "superfast", *_QUICK),
    ("compress", "{}", "-o", "{out}.mkv", "--preset", "veryfast", "--codec", "x265", *_QUICK),
    ("compress", "{}", "-o", "{out}.webm", "--preset", "8", "--codec", "vp9", *_QUICK),
    ("compress", "{}", "-o", "{out}.avi", "--codec", "mjpeg", *_QUICK),
    ("maps", "{}", "-o", "{out}.svmap", *_QUICK),
    ("overlay", "{}", "-o", "{out}.gif", *_QUICK),
    ("overlay", "{}", "-o", "{out}", *_QUICK),
    ("overlay", "{}", "-o", "{out}.mp4", *_QUICK),
    ("compare", "{clip}", "{}", "--metrics", "psnr", "--scale"),
    ("compress", "{clip}", "-o", "{out}.mp4", "--preset", "superfast", "--maps", "{}"),
    ("stream", "{}", "{out}.mkv", *_QUICK),
)
_STILL = (
    ("image", "{}", "-o", "{out}.jpg", "--allow-larger", *_QUICK),
    ("overlay", "{}", "-o", "{out}.png", *_QUICK),
    ("maps", "{}", "-o", "{out}.png", *_QUICK),
    ("compress", "{clip}", "-o", "{out}.mp4", "--preset", "superfast", "--maps", "{}"),
)
_AS_MAPS = (
    ("compress", "{clip}", "-o", "{out}.mp4", "--preset", "superfast", "--maps", "{}"),
    ("overlay", "{clip}", "-o", "{out}.gif", "--maps", "{}"),
)
_AS_BOXES = (("compress", "{clip}", "-o", "{out}.mp4", "--preset", "superfast", "--boxes", "{}"),)
_AS_MODEL = (("maps", "{clip}", "-o", "{out}.svmap", "--model", "{}"),)
_MAP_FILES = (
    ("maps.svmap", ()), ("maps.npz", ()), ("maps.mkv", ()), ("maps.roi", ("--format", "kvazaar")),
    ("maps-svt.txt", ("--format", "svtav1")), ("maps.avi", ("--format", "x264mod")),
)  # fmt: skip
_BOXES = (
    ("boxes.jsonl", '{"frame": 0, "box": [4, 5, 30, 20], "class": "person", "score": 0.9}\n'
                    '{"frame": 3, "box": [40.5, 5, 30, 20], "class": "face"}\n'),
    ("boxes.txt", "1,1,4,5,30,20,1,-1,-1,-1\n2,1,6,5,30,20,0.5,-1,-1,-1\n"),
)  # fmt: skip


def make_seeds(work: Path) -> tuple[Path, list[Seed]]:
    """Write every seed; return a whole clip, and them."""
    small = [one.name for one in INPUTS if not one.name.startswith(("size_2000", "nnn"))]
    made = make_all(work / "media", set(small))
    clip = next(path for one, path in made if one.name == "plain.mp4")
    seeds = [Seed(path, _VIDEO if one.kind == "video" else _STILL) for one, path in made]
    others = work / "others"
    others.mkdir(exist_ok=True)
    seeds += _made_by_semvid(clip, others)
    for name, text in _BOXES:
        (others / name).write_text(text)
        seeds.append(Seed(others / name, _AS_BOXES, is_text=True))
    seeds += _networks(others)
    return clip, seeds


def _made_by_semvid(clip: Path, folder: Path) -> list[Seed]:
    commands = [Command(("maps", str(clip), "-o", str(folder / name), "-y", *_QUICK, *options), folder)
                for name, options in _MAP_FILES]  # fmt: skip
    run = folder / "run.json"
    small = ("compress", str(clip), "-o", str(folder / "small.mp4"), "-y", "--preset", "superfast", *_QUICK)
    commands.append(Command((*small, "--report", str(run)), folder))
    for command, outcome in run_all(commands, workers=2, limit_seconds=120):
        if outcome.code:
            raise RuntimeError(f"{' '.join(command.arguments)}: {outcome.err}")
    seeds = [Seed(folder / name, _AS_MAPS, is_text=name.endswith((".txt", ".roi"))) for name, _ in _MAP_FILES]
    seeds.append(Seed(run, (("report", "{}", "-o", "{out}.html"),), is_text=True))
    return seeds


def _networks(folder: Path) -> list[Seed]:
    """A network of one convolution, with its TOML, and the shipped weights."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, (1, 3, 3, 3), np.full(27, 0.03, np.float32))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1]),
         helper.make_node("Sigmoid", ["y"], ["z"])], "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 48, 64))],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, (1, 1, 48, 64))], [weight],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / "small.onnx"
    onnx.save(model, str(path))
    words = folder / "small.toml"
    words.write_text('size = [64, 48]\nmean = [0.5, 0.5, 0.5]\nstd = [0.2, 0.2, 0.2]\norder = "rgb"\n'
                     'channels = ["salient"]\n')  # fmt: skip
    weights = folder / "weights.safetensors"
    shipped = Path(__file__).resolve().parents[2] / "models" / "weights" / "msroi-fast-2.safetensors"
    shutil.copyfile(shipped, weights)
    return [Seed(path, _AS_MODEL), Seed(words, _AS_MODEL, is_text=True), Seed(weights, _AS_MODEL)]


OPTIONS: Sequence[tuple[str, Sequence[str]]] = (
    ("--crf", ("0", "-1", "1e9", "nan", "51", "63", "x")), ("--preset", ("0", "placebo", "", "é", "-1")),
    ("--codec", ("x265", "vp9", "av1", "", "X264", "h264_nvenc")),
    ("--strength", ("0", "3", "nan", "-1", "1e-30")),
    ("--background-weight", ("0", "1e-9", "1e9", "inf")), ("--finest", ("-51", "0", "5", "nan")),
    ("--coarsest", ("51", "0", "-5")), ("--map-every", ("0", "1", "99999999999999999999", "-1")),
    ("--smoothing", ("0", "1", "0.99", "nan")), ("--movement", ("0", "1", "2")),
    ("--motion", ("vectors", "none")),
    ("--threads", ("0", "-1", "1000000")), ("--device", ("cuda", "mps", "cpu", "gpu")),
    ("--focus", ("face=2", "face=nan", "=", "face=1e999", "x=1")), ("--threshold", ("0", "1", "2")),
    ("--drop", ("audio", "video", "all")),
    ("--encoder-option", ("a", "=", "qp=3", "x264-params=aq-mode=0", "g=0")),
    ("--bitrate", ("1", "0", "1T", "-5k", "9" * 400)), ("--target-size", ("1", "1M", "1e3")),
    ("--quality", ("0", "1", "100", "101")), ("--save-maps", ("x.svmap", "x.png", "/", "")),
    ("--report", ("x.html", "x.json", "x", "")), ("--model", ("msroi", "spectral", "none", "x.onnx", "")),
)  # fmt: skip
"""Values to draw for options: the limits and what lies beyond."""


def has_lone_surrogate(path: Path) -> bool:
    """Whether a file's name is not UTF-8."""
    return json.dumps(path.name).find("\\ud") >= 0
