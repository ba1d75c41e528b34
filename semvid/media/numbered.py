"""Files in the order of the numbers in their names: 2 before 10."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path


def numbered(paths: Iterable[Path]) -> tuple[list[Path], tuple[Path, Path] | None]:
    """Return files in order, and the first two of which it cannot be told which comes first, if any."""
    ordered = sorted(paths, key=lambda one: (_place(one.stem), one.name))
    pairs = itertools.pairwise(ordered)
    return ordered, next((pair for pair in pairs if _place(pair[0].stem) == _place(pair[1].stem)), None)


def _place(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts names by the numbers in them, ignoring leading zeros and case."""
    parts = re.split(r"([0-9]+)", name.casefold())
    # Numbers as text, longer = larger: they may have any length.
    plain = [one.lstrip("0") if index % 2 else one for index, one in enumerate(parts)]
    return [(len(one) if index % 2 else 0, one) for index, one in enumerate(plain)]
