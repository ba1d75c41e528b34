"""Compiles the loops of the JPEG coder while the package is built; everything else is in pyproject.toml.

So the first run does not have to, if it is on the same kind of processor; elsewhere it does.
"""

import sys
from importlib import import_module
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithObjectCode(build_py):
    """Adds object code to the modules."""

    def run(self) -> None:
        """Build; an editable install compiles on its first run."""
        super().run()
        if not self.editable_mode:
            sys.path.insert(0, str(ROOT))
            compile_all = import_module("semvid.codecs.jpeg.kernels").compile_all
            compile_all(Path(self.build_lib) / "semvid" / "codecs" / "jpeg" / "machine_code")


setup(cmdclass={"build_py": BuildWithObjectCode})
