"""``semvid config``: which options are in force, and where they are from."""

import json
from typing import Annotated

import typer

from semvid.cli.options import Profile
from semvid.core.errors import ConfigError


def command(
    name: Annotated[str, typer.Argument(
        metavar="[COMMAND]", help="Whose options to show."
    )] = "compress",
    inputs: Annotated[list[str] | None, typer.Argument(
        metavar="[INPUT]...", help="As for that command: a semvid.toml beside them counts."
    )] = None,
    profile: Profile = None,
    everything: Annotated[bool, typer.Option("--all", help="Show also what is built in.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Show which options are in force that nobody typed, and where they are from.

    Defaults are those of semvid.toml beside the videos and in your own folder,
    as in "[compress]", "crf = 24". What is typed wins, and then a profile.
    """
    from semvid.cli.app import load
    from semvid.cli.default_files import FILE, beside, user_folder
    from semvid.cli.defaults import NOT_DEFAULTS, options_of
    from semvid.cli.streams import emit, say
    from semvid.core.text import visible

    try:
        chosen = load(name)
    except KeyError:
        chosen = None
    defaults = getattr(chosen, "defaults", None)
    if defaults is None:
        raise ConfigError(
            f"{name} is no command with defaults; choose compress, batch, image, maps, overlay or stream"
        )
    found = defaults.found({"sources": inputs or (), "profile": profile})
    options = options_of(chosen)
    built_in = {
        key: one.default
        for key, one in options.items()
        if key not in NOT_DEFAULTS and one.default not in (None, False)
    }
    rows = {key: (one.value, one.origin) for key, one in found.items()}
    if everything:
        rows = {**{key: (value, "built in") for key, value in built_in.items()}, **rows}
    files = dict.fromkeys(one for one in (user_folder() / FILE, beside(inputs or ())) if one is not None)
    if as_json:
        emit(json.dumps({
            "command": name, "files": {str(one): one.is_file() for one in files},
            "options": {key: {"value": value, "from": origin} for key, (value, origin) in rows.items()},
        }, default=str))  # fmt: skip
        return
    for one in files:
        say(f"{one}{'' if one.is_file() else ' (not there)'}")
    say(f"{user_folder() / 'profiles'} is for profiles of your own")
    for key, (value, origin) in rows.items():
        shown = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
        emit(visible(f"--{key} {shown}  ({origin})"))
    if not rows:
        say("all options are as built in; --all shows them")
