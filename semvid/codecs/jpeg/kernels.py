"""Compiles all loops of this coder at once."""

from __future__ import annotations

from pathlib import Path

# For their kernels. While the package is built there is only numpy, and what compiles: they import no more.
from semvid.codecs.jpeg import borders, choice, compiled, dct, huffman, overshoot, scans

KERNEL_MODULES = (borders, choice, dct, huffman, overshoot, scans)


def compile_all(folder: Path) -> None:
    """Compile for this processor, and keep the object code in a folder."""
    for kernel in compiled.kernels:
        kernel.compile_to(folder)
