"""``semvid profiles``: options under a name, for a purpose."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from semvid.cli.default_files import Layer, read_layer, user_folder
from semvid.core.errors import ConfigError

_OWN = Path(__file__).with_name("profile_files")


def command(
    name: Annotated[str | None, typer.Argument(
        metavar="[NAME]", help="Show what this profile says. Default: list all."
    )] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print profiles as JSON lines.")] = False,
) -> None:  # fmt: skip
    """List profiles, which are options under a name, and what they are for.

    'semvid compress --profile NAME' uses one; other options win over it.
    Your own are files NAME.toml in the folder that 'semvid config' shows.
    """
    from semvid.cli.streams import emit
    from semvid.core.text import visible

    files = dict(_files()) if name is None else {name: file_of(name)}
    if as_json:
        for one, path in files.items():
            layer = read_layer(path, str(path))
            record = {"name": one, "file": str(path), "about": layer.about, "options": layer.tables}
            emit(json.dumps(record, default=str))
    elif name is not None:
        # What is wrong with it is told before it is shown.
        read_layer(files[name], str(files[name]))
        emit(f"# {visible(str(files[name]))}")
        for line in files[name].read_text(encoding="utf-8").rstrip().split("\n"):
            emit(visible(line.expandtabs()))
    else:
        for one, path in files.items():
            emit(visible(f"{one:14} {read_layer(path, str(path)).about}"))


def find_profile(name: str) -> Layer:
    """Read a profile: the user's own, or one that comes with semvid.

    Raises:
        ConfigError: There is none, or it is wrong.
    """
    return read_layer(file_of(name), f"profile {name}")


def file_of(name: str) -> Path:
    """Return the file of a profile.

    Raises:
        ConfigError: There is none of this name.
    """
    files = dict(_files())
    if name not in files:
        raise ConfigError(
            f"there is no profile {name}; choose one of {', '.join(files)} (what H.264 calls profiles are "
            "options of the encoder)"
        )
    return files[name]


def known_profiles() -> dict[str, str]:
    """Return what each profile is for, by name."""
    return {name: read_layer(path, str(path)).about for name, path in _files()}


def _files() -> Iterator[tuple[str, Path]]:
    """Yield all profiles; the user's own win."""
    found: dict[str, Path] = {}
    for folder in (_OWN, user_folder() / "profiles"):
        if folder.is_dir():
            found |= {one.stem: one for one in folder.glob("*.toml")}
    yield from sorted(found.items())
