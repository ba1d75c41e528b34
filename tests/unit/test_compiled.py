"""Loops as machine code: compiled as Python has them, kept, and found again."""

import subprocess
import sys

import numpy as np
import pytest

from semvid.codecs.jpeg import compiled, object_code
from semvid.codecs.jpeg.compiled import Kernel, addresses, row_addresses
from semvid.codecs.jpeg.kernels import KERNEL_MODULES

FACTOR = 3
WEIGHTS = np.array([1.0, 2.0, 4.0])


def weighted(samples, count, result):
    total = 0
    for index in range(count):
        result[index] = samples[index] * WEIGHTS[index % 3]
        total += doubled(int(samples[index]))
    return total + FACTOR


def doubled(value):
    return 2 * value


def divided(first, second):
    if second == 0:
        raise ValueError
    return first // second


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Keep what is compiled here apart."""
    monkeypatch.setattr(object_code, "_own_folder", lambda: tmp_path / "kept")
    monkeypatch.setattr(compiled, "kernels", [])
    return tmp_path / "kept"


def check(kernel):
    samples, result = np.array([[1, -2], [3, 4]], np.int16), np.zeros(4, np.float32)
    assert kernel(samples, 4, result) == 2 * (1 - 2 + 3 + 4) + FACTOR
    assert result.tolist() == [1, -4, 12, 4]


def test_loops_are_compiled_once_and_kept(own_folder, monkeypatch):
    check(Kernel(weighted, "i2* i8 f4* -> i8"))
    assert [one.suffix for one in own_folder.iterdir()] == [".bin"]
    monkeypatch.setattr(compiled, "_compile", None)
    check(Kernel(weighted, "i2* i8 f4* -> i8"))


def test_what_came_with_the_package_is_used(own_folder, tmp_path, monkeypatch):
    Kernel(weighted, "i2* i8 f4* -> i8").compile_to(tmp_path / "shipped")
    monkeypatch.setattr(object_code, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(compiled, "_compile", None)
    check(Kernel(weighted, "i2* i8 f4* -> i8"))
    assert not own_folder.exists()


def test_loops_are_compiled_where_nothing_can_be_kept(own_folder):
    """As in a read-only container without a home."""
    own_folder.write_text("no folder")
    check(Kernel(weighted, "i2* i8 f4* -> i8"))


def test_a_damaged_file_is_made_again(own_folder):
    check(Kernel(weighted, "i2* i8 f4* -> i8"))
    (kept,) = own_folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-9])
    assert object_code.read_object(kept.name) is None
    check(Kernel(weighted, "i2* i8 f4* -> i8"))
    assert object_code.read_object(kept.name) is not None


def test_another_function_has_another_file(monkeypatch):
    def name():
        return object_code.file_name(weighted, "i2* i8 f4* -> i8")

    names = {name(), object_code.file_name(weighted, "i4* i8 f4* -> i8")}
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 4)
    names.add(name())
    monkeypatch.setattr(sys.modules[__name__], "WEIGHTS", np.array([1.0, 2.0, 5.0]))
    names.add(name())
    monkeypatch.setattr(doubled, "__code__", (lambda value: 3 * value).__code__)
    names.add(name())
    monkeypatch.setattr(object_code, "_processor", lambda: ("x86_64-unknown-linux-gnu", "i486", ""))
    names.add(name())
    assert len(names) == 6


def test_what_would_need_python_is_refused():
    with pytest.raises(ValueError, match="it raises, or makes arrays"):
        Kernel(divided, "i8 i8 -> i8")(1, 2)


def test_arrays_must_be_what_the_signature_says():
    kernel = Kernel(weighted, "i2* i8 f4* -> i8")
    with pytest.raises(Exception, match="must have data type int16"):
        kernel(np.zeros(4, np.int32), 4, np.zeros(4, np.float32))
    with pytest.raises(Exception, match="C_CONTIGUOUS"):
        kernel(np.zeros((4, 4), np.int16)[:, :2], 4, np.zeros(4, np.float32))


def row_sums(rows, height, width, sums):
    for y in range(height):
        line = rows[y]
        for x in range(width):
            sums[y] += line[x]


def test_rows_may_lie_apart():
    plane, sums = np.arange(12, dtype=np.uint8).reshape(3, 4)[:, 1:3], np.zeros(3, np.int64)
    Kernel(row_sums, "u1** i8 i8 i8*")(row_addresses(plane), 3, 2, sums)
    assert sums.tolist() == plane.sum(axis=1).tolist()
    assert addresses([plane]).tolist() == row_addresses(plane)[:1].tolist()


def test_a_build_needs_only_what_compiles():
    """``setup.py`` runs where neither OpenCV nor PyAV are installed."""
    code = "import sys, semvid.codecs.jpeg.kernels; print(*sys.modules)"
    names = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, check=True, text=True
    ).stdout
    loaded = {name.partition(".")[0] for name in names.split()}
    assert not loaded & {"av", "cv2", "numba", "onnx", "onnxruntime", "PIL", "scipy", "torch"}
    assert {one.__name__.rpartition(".")[2] for one in KERNEL_MODULES} == {
        "borders",
        "choice",
        "dct",
        "huffman",
        "overshoot",
        "scans",
    }
