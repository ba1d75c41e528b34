"""Files that hold defaults of options: ``semvid.toml`` of the user, one beside the videos, and profiles.

Each is TOML: a table for each command, and ``[all]`` for every command that has the option. Keys are options
without their dashes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semvid.core.errors import ConfigError

FILE = "semvid.toml"
FOLDER_VARIABLE = "SEMVID_CONFIG"
"""Names the folder of the user's file and profiles, in place of the usual one."""
SHARED = "all"
_TABLES_OF: Mapping[str, tuple[str, ...]] = {"batch": (SHARED, "compress", "batch")}


@dataclass(frozen=True)
class Layer:
    """What one file says."""

    origin: str
    """The file, or the profile, for people."""
    tables: Mapping[str, Mapping[str, Any]]
    about: str = ""
    """What it is for."""
    is_trusted: bool = True
    """It is the user's own, or semvid's."""

    def of(self, command: str) -> dict[str, Any]:
        """Return what it says of a command's options."""
        found: dict[str, Any] = {}
        for table in _TABLES_OF.get(command, (SHARED, command)):
            found |= self.tables.get(table, {})
        return found


def user_folder() -> Path:
    """Return where the user's own file and profiles are, whether or not there is one."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given)
    from platformdirs import user_config_path

    return user_config_path("semvid", appauthor=False)


def beside(inputs: Iterable[str]) -> Path | None:
    """Return where a file beside inputs would be: in the folder that all are in; None = they are in none."""
    folders = []
    for one in inputs:
        if "://" in one:
            continue
        path = Path(os.path.abspath(one.removeprefix("@")))
        folders.append(path if path.is_dir() else path.parent)
    if not folders:
        return None
    try:
        return Path(os.path.commonpath(folders)) / FILE
    except ValueError:
        # Of two drives.
        return None


def read_layer(path: Path, origin: str, *, is_trusted: bool = True) -> Layer:
    """Read a file of defaults; see ``Layer``.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    import json
    import tomllib

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        # What can be read may still be too deep, or a number too long, to be written where it is told of.
        json.dumps(tables, default=str)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}; correct it, or take it away") from error
    except RecursionError as error:
        raise ConfigError(
            f"{path} has too many brackets in each other; correct it, or take it away"
        ) from error
    except ValueError as error:
        # Python limits the digits of numbers that it reads and writes.
        raise ConfigError(
            f"{path} has a number of more than {sys.get_int_max_str_digits()} digits; correct it, or take it "
            "away"
        ) from error
    about = str(tables.pop("about", ""))
    wrong = next((key for key, one in tables.items() if not isinstance(one, dict)), None)
    if wrong is not None:
        raise ConfigError(f"{path}: {wrong} is in no table; put it under [compress], or [all]")
    return Layer(origin, tables, about, is_trusted)
