"""What all benchmark scripts share: where the data is, and results that say what made them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"


def data_folder() -> Path:
    """Return the shared test material: ``$SEMVID_DATA`` or ``../shared/data``.

    Raises:
        SystemExit: It is not there.
    """
    folder = Path(os.environ.get("SEMVID_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"no test material at {folder}; set SEMVID_DATA")
    return folder


def clips() -> list[Path]:
    """Return the ordinary clips."""
    return sorted((data_folder() / "clips").iterdir())


def environment() -> dict[str, str]:
    """Describe what the numbers were measured with."""
    return {
        "commit": commit(REPOSITORY),
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} x {_processor()}",
        "av": av.__version__,
        "libavcodec": ".".join(map(str, av.library_versions["libavcodec"])),
        "numpy": version("numpy"),
        "opencv": version("opencv-python-headless"),
    }


def commit(folder: Path) -> str:
    """Return the commit of the checkout that a folder lies in; empty if it lies in none."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def save(name: str, record: dict[str, Any]) -> Path:
    """Write ``results/NAME.json`` with the environment."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"environment": environment(), **record}, indent=1) + "\n")
    return path


def load(name: str) -> dict[str, Any]:
    """Read a result back, without the environment, to which the next ``save`` adds its own.

    Empty if it was never written.
    """
    path = RESULTS / f"{name}.json"
    record: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    record.pop("environment", None)
    return record


def validated_threshold() -> float:
    """Return where importance is best cut to masks, by validation material (``rule.py``)."""
    return float(load("rule")["outcomes"]["as it is"]["best_threshold"])


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)
