"""What a command loads before it does anything: names, since times differ from machine to machine."""

import subprocess
import sys

import cv2
import pytest
from clips import make_clip, texture

from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.planes import planes_from_rgb

HEAVY = {"av", "cv2", "numpy", "onnx", "onnxruntime", "PIL", "pydantic", "scipy", "torch"}
COMMANDS = {
    "bench",
    "compare",
    "compress",
    "devices",
    "doctor",
    "image",
    "maps",
    "overlay",
    "report",
    "stream",
}


CODE = """
import sys
class Names:
    def find_spec(self, name, path, target=None):
        log.write(name + chr(10))
# Flushed at once: a command may end without Python's own end.
log = open(sys.argv.pop(1), "w", buffering=1)
sys.meta_path.insert(0, Names())
from semvid.cli.main import run
run()
"""


def loaded(folder, *arguments):
    log = folder / "names.txt"
    command = [sys.executable, "-P", "-c", CODE, *map(str, (log, *arguments))]
    subprocess.run(command, capture_output=True, check=True)
    return set(log.read_text().split())


def commands(names):
    return {one for one in COMMANDS if f"semvid.cli.{one}" in names}


def test_the_version_loads_no_command(tmp_path):
    names = loaded(tmp_path, "--version")
    assert not names & {*HEAVY, "rich"}
    assert {one for one in names if one.startswith("semvid.")} == {
        "semvid.cli", "semvid.cli.app", "semvid.cli.main", "semvid.cli.streams", "semvid.cli.values",
        "semvid.core", "semvid.core.errors", "semvid.core.interrupts", "semvid.core.text",
    }  # fmt: skip


def test_help_loads_its_own_command_and_nothing_heavy(tmp_path):
    names = loaded(tmp_path, "compress", "--help")
    assert not names & HEAVY
    assert commands(names) == {"compress"}
    assert not any(one.startswith(("semvid.engine", "semvid.media", "semvid.products")) for one in names)


def test_all_help_loads_nothing_heavy(tmp_path):
    names = loaded(tmp_path, "--help")
    assert not names & HEAVY
    assert commands(names) == COMMANDS


def test_a_run_loads_only_what_it_uses(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=192, height=96, num_frames=4)
    options = ("-o", tmp_path / "out.mp4", "--model", "spectral", "--preset", "superfast")
    names = loaded(tmp_path, "compress", clip, *options)
    assert not names & (HEAVY - {"av", "cv2", "numpy"})
    assert not names & {"jpeglib", "numba", "numpy.ma", "starlette", "uvicorn"}
    unused = (
        "semvid.models", "semvid.streaming", "semvid.web", "semvid.codecs.jpeg.encoder",
        "semvid.importance.files.array_", "semvid.importance.files.boxes", "semvid.importance.files.map_files",
        "semvid.importance.files.sidecar_", "semvid.importance.files.sinks", "semvid.importance.tracking",
        "semvid.media.stills.picture_tags",
        "semvid.media.writing.animation", "semvid.media.writing.folder", "semvid.products.compare",
        "semvid.products.maps", "semvid.products.overlay", "semvid.products.report", "semvid.scores",
    )  # fmt: skip
    assert not {one for one in names if one.startswith(unused)}


@pytest.mark.parametrize(
    ("arguments", "most"), [(("--version",), 10), (("compress", "--help"), 53), (("image", "--help"), 28)]
)
def test_few_modules_are_loaded_before_anything_is_done(arguments, most, tmp_path):
    """Each takes a millisecond."""
    assert len({one for one in loaded(tmp_path, *arguments) if one.startswith("semvid.")}) <= most


def test_a_plain_run_loads_no_other_way_to_encode(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", width=192, height=96, num_frames=24)
    names = loaded(tmp_path, "compress", clip, "-o", tmp_path / "out.mp4", "--device", "cpu")
    unused = (
        "importlib.metadata", "semvid.codecs.hardware.spec", "semvid.engine.finding",
        "semvid.engine.plain_size", "semvid.engine.probe", "semvid.engine.search", "semvid.engine.wishes", "semvid.products.two_pass",
        "semvid.products.wished",
    )  # fmt: skip
    assert not {one for one in names if one.startswith(unused)}
    assert not names & {"onnx", "pydantic", "scipy", "starlette", "torch"}
    assert len({one for one in names if one.startswith("semvid.")}) <= 200


def test_who_hands_out_the_work_of_a_batch_loads_nothing_that_does_it(tmp_path):
    (tmp_path / "sources").mkdir()
    make_clip(tmp_path / "sources" / "clip.mp4", width=192, height=96, num_frames=4)
    options = ("--model", "spectral", "--preset", "superfast", "--probe", "none")
    names = loaded(tmp_path, "batch", tmp_path / "sources", "-o", tmp_path / "out", *options)
    assert (tmp_path / "out" / "clip.mp4").exists()
    unused = (
        "semvid.codecs.jpeg.encoder",
        "semvid.engine.trials",
        "semvid.products.compress",
        "semvid.products.still",
    )
    assert not {one for one in names if one.startswith(unused)}


@pytest.mark.parametrize("command", ["image", "maps", "overlay"])
def test_a_picture_needs_no_torch_and_no_compiler(command, tmp_path):
    source, output = tmp_path / "picture.png", tmp_path / ("out.jpg" if command == "image" else "out.png")
    cv2.imwrite(str(source), texture(64, 48))
    # Once on every machine it does.
    coder = PictureCoder(planes_from_rgb(texture(64, 48), "4:2:0"), None)
    coder.encode(Choice())
    names = loaded(tmp_path, command, source, "-o", output, "--model", "spectral")
    assert output.exists()
    assert not names & {"torch", "numba"}


def test_a_network_needs_no_torch_on_a_cpu(tmp_path, monkeypatch):
    """Not even on its first run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source, output = tmp_path / "picture.png", tmp_path / "out.png"
    cv2.imwrite(str(source), texture(64, 48))
    names = loaded(tmp_path, "maps", source, "-o", output, "--device", "cpu")
    assert output.exists()
    assert not names & {"torch", "onnx"}
