"""What is wrong with an option is told as Python names it by the library, as a flag by the command line."""

import json
import shutil

import pytest
import typer  # noqa: TID251 - it knows the options of each command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semvid.cli import app
from semvid.cli.draw import JsonPrinter
from semvid.cli.flags import to_flags
from semvid.core.errors import OutputExistsError, SemvidError
from semvid.core.events import Notice
from semvid.core.text import setting

COMMANDS = typer.main.get_command(app.app).commands
SUFFIXES = {"bench": ".html", "image": ".jpg", "maps": ".svmap", "report": ".html", "stream": ".mkv"}
OUTPUT = {
    "bench": "-o",
    "compare": "--csv",
    "compress": "-o",
    "image": "-o",
    "maps": "-o",
    "overlay": "-o",
    "report": "-o",
    "stream": "--record",
}
REFUSED = {
    "allow_protocols": "nonsense", "audio": "noise", "background_weight": "0", "boxes": "none.txt",
    "coarsest": "-1", "prefilter": "3", "codec": "theora", "crf": "99", "deinterlace": "never", "device": "tpu", "effort": "none", "every": "0",
    "finest": "1", "fps": "999", "height": "1", "latency": "1ms", "look_ahead": "65", "map_every": "0", "maps": "none.png",
    "match": "same", "max_maps": "0", "metrics": "sharpness", "model": "resnet", "motion": "magic", "movement": "2",
    "opacity": "3", "preset": "warp", "price": "99", "tune": "film", "quality": "0", "sampling": "1:1", "save_maps": "maps.txt",
    "serve": "nonsense", "port": "65536", "size": "10x10", "smoothing": "1", "style": "fire", "target_bytes": "0", "target_ssimulacra2": "101", "target_vmaf": "101", "target_xpsnr": "9",
    "region_vmaf": "101", "region_psnr": "9", "threads": "-1", "verify": "twice",
    "threshold": "2", "strength": "9", "wait": "100000s", "max_edge": "0", "strip": "exif", "start": "soon", "end": "0", "duration": "0",
    "crop": "10:10", "rotate": "45", "denoise": "much",
}  # fmt: skip
"""Values that are out of range, unknown or not there."""
MORE = {
    "focus": ("face=11", "weights=face=11", "--focus face=11"),
    "drop": ("music", "drop=music", "--drop music"),
    "encoder_option": ("nonsense=1", "encoder_options=nonsense=1", "--encoder-option nonsense=1"),
    "kind": ("mp3", "format=mp3", "--format mp3"),
    "bitrate": ("2000000G", "Bitrate(2000000000000000)", "--bitrate 2000000000000000"),
    "max_bitrate": ("3G", "Peak(3000000000)", "--max-bitrate 3000000000"),
    "buffer": (("3G", "--max-bitrate", "1M"), "buffer_bits=3000000000", "--buffer 3000000000"),
    "sound_bitrate": ("1k", "sound_bitrate=1000", "--sound-bitrate 1000"),
    "target_size": ("2000000G", "Size(2000000000000000)", "--target-size 2000000000000000"),
    "output": (None, "output", "another -o"),
    "record": ("none/out.mkv", "record", "another --record"),
    "report": ("none/out.html", "report", "another --report"),
    "as_csv": ("none/out.csv", "csv", "another --csv"),
    "result": ("small.mp4", "result", "--result needs --style split"),
    "track": ("none.png", "track", "--track needs the features of an MS-ROI network"),
    "maps_hold": (None, "hold", "--maps-hold needs --maps"),
    "as_good_as": (
        ("in.mp4", "--strength", "0"),
        "AsGoodAs",
        "--as-good-as needs a map, and --strength 0 has none",
    ),
    "floor": (
        ("50", "--target-xpsnr", "40", "--strength", "0"),
        "floor",
        "--floor needs a map, and --strength 0 has none",
    ),
    "new_size": ("10x10", "size=10x10", "--size 10x10"),
    "filters": ("a,,b", "filter=a,,b", "--filter a,,b"),
    "enlarge": (None, "enlarge", "--enlarge needs --size"),
    "numbers": (None, "numbers", "--numbers needs --style blocks"),
    "legend": (("--style", "dim"), "legend", "--legend explains colours, and --style dim has none"),
    "probe": ("some", "probe=some", "--probe some"),
    "masks": ("none", "masks", "another --masks"),
    "jobs": (("0", "in.png"), "jobs=0", "--jobs 0"),
    "against": (("in.mp4", "--bd"), "against", "--against has 1 encode: a curve needs 2 at least"),
    "virtual_camera": (None, "virtual_camera", "--virtual-camera needs the extra camera"),
}
"""What is given, and what the library and the command line call it. None = it takes no value."""
SHOWN = {"latency": "1", "size": "10", "wait": "100000"}
"""Values that are written in another unit than they were given in."""
NAMES = {
    "crf": "Crf", "quality": "Quality", "target_ssimulacra2": "Ssimulacra2",
    "target_vmaf": "Vmaf", "target_xpsnr": "Xpsnr", "region_vmaf": "RegionVmaf", "region_psnr": "RegionPsnr",
    "fps": "frame_rate", "latency": "latency_ms", "wait": "wait_seconds", "max_maps": "max_maps_per_second",
    "serve": "address",
}  # fmt: skip
FINE = {
    "watch": "is for many files: see test_batch", "engine": "is for many files: see test_batch", "address": "is for many files: see test_batch",
    "retry": "is for many files: see test_batch", "resume": "is for many files: see test_batch", "no_resume": "is for many files: see test_batch", "skip_if_larger": "is for many files: see test_batch", "part_seconds": "is for many files: see test_batch", "min_saving": "is for many files: see test_batch",
    "profile": "is no option in messages: see test_profiles", "everything": "nothing can be wrong with it",
    "replace": "is for many files: see test_batch", "trash": "is for many files: see test_batch",
    "state": "is read by the command line: see test_batch", "as_json": "nothing can be wrong with it", "no_browser": "nothing can be wrong with it", "no_preview": "nothing can be wrong with it",
    "realtime": "has no meaning for other sources than files", "loop": "has no meaning for other sources than files",
    "strict": "needs a file with something to refuse: see test_conversion", "token": "is no option in messages",
    "bd": "needs a second set: see test_compare_rates",
    "dry_run": "makes no file, so nothing is refused of it: see test_wishes",
    "sequential": "nothing can be wrong with it", "allow_larger": "nothing can be wrong with it",
    "overwrite": "is the remedy: see below", "scale": "needs two videos of different sizes: see test_compare",
}  # fmt: skip
OPTIONS = [
    (command, option)
    for command in sorted(COMMANDS)
    # It is another name of compress.
    if command != "batch"
    for option in COMMANDS[command].params
    if isinstance(option, typer.core.TyperOption)
]


@pytest.fixture
def folder(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "in.mp4")
    Image.new("RGB", (64, 48)).save("in.png")
    return tmp_path


def arguments(command):
    suffix = SUFFIXES.get(command, ".mp4")
    taken = {
        "bench": [".", "-o", "out.html"],
        "compare": ["in.mp4", "in.mp4"], "report": ["run.json", "-o", "out.html"],
        "compress": ["in.mp4", "-o", "out.mp4", "--preset", "superfast"], "stream": ["in.mp4", "out.mkv"],
        "studio": ["."],
    }  # fmt: skip
    source = "in.png" if command == "image" else "in.mp4"
    model = [] if command in {"report", "studio"} else ["--model", "spectral"]
    return [*taken.get(command, [source, "-o", f"out{suffix}"]), *model]


@pytest.mark.parametrize(
    ("command", "option"),
    [pair for pair in OPTIONS if pair[1].name not in FINE],
    ids=lambda one: getattr(one, "name", one),
)
def test_what_is_refused_has_pythons_name_and_the_flag(command, option, folder):
    if option.name in REFUSED:
        value = REFUSED[option.name]
        shown = SHOWN.get(option.name, value)
        python = setting(NAMES.get(option.name, option.name), shown)[1:-1]
        flag = f"{option.opts[0]} {shown}"
    else:
        value, python, flag = MORE[option.name]
    given = [] if value is None else [value] if isinstance(value, str) else list(value)
    if option.name == "output":
        given = [f"none/there{SUFFIXES.get(command, '.mp4')}"]
    with pytest.raises(SemvidError) as caught:
        app.app([command, *arguments(command), option.opts[0], *given], standalone_mode=False)
    message = str(caught.value)
    assert f"`{python}`" in message
    assert not any(one.opts[0] in message.split() for one in COMMANDS[command].params)
    assert flag in to_flags(message)
    assert "`" not in to_flags(message)


@pytest.mark.parametrize(("command", "flag"), OUTPUT.items())
def test_what_is_there_is_refused_with_both_names_of_the_remedy(command, flag, folder):
    there = folder / f"there{SUFFIXES.get(command, '.mp4')}"
    there.write_text("precious")
    with pytest.raises(OutputExistsError) as caught:
        app.app([command, *arguments(command), flag, there.name], standalone_mode=False)
    assert "; pass `overwrite=True` to overwrite it or choose another `" in str(caught.value)
    assert to_flags(str(caught.value)).endswith(f"; pass -y to overwrite it or choose another {flag}")
    assert there.read_text() == "precious"


def test_a_tune_of_another_encoder_is_passed_on_by_another_option(folder):
    with pytest.raises(SemvidError) as caught:
        app.app(["compress", *arguments("compress"), "--tune", "film"], standalone_mode=False)
    told = to_flags(str(caught.value))
    assert told.startswith("--tune film is unknown; choose perceptual or psnr for mjpeg; ")
    assert told.endswith("--encoder-option tune=film passes it to another encoder")


def test_every_option_is_looked_at():
    names = {option.name for _, option in OPTIONS if option.name != "help"}
    assert names == REFUSED.keys() | MORE.keys() | FINE.keys()


@given(st.text(st.sampled_from("`= ab\n") | st.characters(), max_size=20))
def test_values_may_be_anything(value):
    message = f"{setting('maps', value)} is empty; pass `overwrite=True`, or another `model`"
    assert to_flags(message) == f"--maps {value} is empty; pass -y, or another --model"
    assert to_flags(f"{value} exists; pass `overwrite=True` to").endswith(" exists; pass -y to")
    assert to_flags(value.replace("`", "")) == value.replace("`", "")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("give `Bitrate` or `Size`", "give --bitrate or --target-size"),
        ("`Crf(99)` is out of range: x264 takes 1", "--crf 99 is out of range: x264 takes 1"),
        ("(`deinterlace=keep` leaves the lines alone)", "(--deinterlace keep leaves the lines alone)"),
        ("use `codec=x265 or vp9`", "use --codec x265 or vp9"),
        ("pass `hold=True` to keep the last", "pass --maps-hold to keep the last"),
        ("onnx: `tensor` is no `size`d thing", "onnx: `tensor` is no `size`d thing"),
    ],
)
def test_examples(message, told):
    assert to_flags(message) == told


def test_json_has_flags_in_messages_alone(capsys):
    JsonPrinter().print(Notice("pass `overwrite=True`"))
    assert json.loads(capsys.readouterr().out) == {"event": "notice", "message": "pass -y"}
