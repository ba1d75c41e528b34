"""Gives commands the defaults that files hold: see ``cli.default_files``.

What is on the command line wins, then the profile, the file beside the videos, that of the user, and what is
built in.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from semvid.cli.default_files import FILE, SHARED, Layer, beside, read_layer, user_folder
from semvid.core.errors import ConfigError

NOT_DEFAULTS = frozenset({
    "output", "yes", "report", "save-maps", "maps", "boxes", "track", "as-good-as", "record",
    "allow-protocols", "json", "dry-run", "watch", "start", "end", "duration", "replace", "trash",
    "resume", "done-to", "failed-to", "profile", "serve", "token", "virtual-camera", "csv", "masks",
    "help",
})  # fmt: skip
"""Options of one run: they name files, replace some, or open doors."""
_TRUSTED_ONLY = frozenset(["encoder-option", "model", "filter", "engine", "address"])
"""They name files and machines too. A file beside videos may have come with them, from anywhere."""
_RATES = frozenset({
    "crf", "quality", "bitrate", "target-size", "target-vmaf", "target-xpsnr", "region-vmaf",
    "region-psnr", "as-good-as", "target-bytes", "target-ssimulacra2",
})  # fmt: skip
"""They exclude each other."""
_OF_RATES = frozenset({"floor"})
"""They need one of those."""
_OF_CODEC = frozenset(["preset", "tune", "crf", "quality", "encoder-option", "max-bitrate", "buffer"])
"""They mean something else for another codec."""


@dataclass(frozen=True)
class Default:
    """The value of an option that a file gives."""

    value: Any
    origin: str


def merged(
    layers: Sequence[Mapping[str, Default]], given: Mapping[str, Any], codec: str | None
) -> dict[str, Default]:
    """Lay defaults over each other.

    Args:
        layers: By option, what each file says; later ones win.
        given: The options of the command line with their values, which win over all.
        codec: The one that is built in.

    Returns:
        What holds of the options that are not given. A rate gives way to another of a later layer, and what
        suits one codec gives way where a later layer chooses another.
    """
    chosen = {**{key: one.value for layer in layers for key, one in layer.items()}, **given}.get(
        "codec", codec
    )
    found: dict[str, Default] = {}
    for layer in layers:
        codec = layer["codec"].value if "codec" in layer else codec
        if _RATES & layer.keys():
            found = {key: one for key, one in found.items() if key not in _RATES | _OF_RATES}
        fits = {key: one for key, one in layer.items() if codec == chosen or key not in _OF_CODEC}
        found |= fits
    dropped = set(given)
    if _RATES & given.keys():
        dropped |= _RATES | _OF_RATES
    return {key: one for key, one in found.items() if key not in dropped}


class Defaults:
    """Gives a command the defaults that files hold.

    Args:
        command: Typer's.
        name: Its name.
        names: Those of all commands.
    """

    def __init__(self, command: Any, name: str, names: Sequence[str]) -> None:
        self._command, self._name, self._names = command, name, names
        self._parse, self._invoke = command.parse_args, command.invoke
        self._in_force: dict[str, Default] = {}
        command.parse_args, command.invoke = self.parse_args, self.invoke
        command.defaults = self

    def parse_args(self, context: Any, arguments: list[str]) -> Any:
        """Parse a command line, with the defaults of files where it says nothing."""
        given, _, _ = self._command.make_parser(context).parse_args(args=list(arguments))
        if not context.resilient_parsing and not given.get("help"):
            self._in_force = self.found(given)
            by_key = options_of(self._command)
            context.default_map = {by_key[key].name: one.value for key, one in self._in_force.items()}
            self._tell()
        return self._parse(context, arguments)

    def found(self, given: Mapping[str, Any]) -> dict[str, Default]:
        """Return the defaults that files give to options.

        Args:
            given: What the command line says, by the name of each parameter.

        Raises:
            ConfigError: A file is wrong, or there is no such profile, or somebody else's file would change
                what takes the place of sources.
        """
        by_key = options_of(self._command)
        said = {key: given[one.name] for key, one in by_key.items() if given.get(one.name) is not None}
        layers = self.layers(given)
        codec = getattr(by_key.get("codec"), "default", None)
        found = merged([self._checked(one) for one in layers], said, codec)
        if given.get("replace"):
            _refuse_strangers(layers, found)
        return found

    def layers(self, given: Mapping[str, Any]) -> list[Layer]:
        """Return what the files say that hold for a command line, later ones win."""
        inputs = given.get("sources") or given.get("source") or given.get("inputs") or ()
        own = user_folder() / FILE
        files = dict.fromkeys([own, beside([inputs] if isinstance(inputs, str) else map(str, inputs))])
        found = [
            read_layer(one, str(one), is_trusted=one == own)
            for one in files
            if one is not None and one.is_file()
        ]
        name = given.get("profile")
        if name is not None:
            from semvid.cli.profiles import find_profile

            profile = find_profile(str(name))
            if not self._known(profile):
                raise ConfigError(
                    f"the profile {name} says nothing of 'semvid {self._name}'; "
                    f"'semvid profiles {name}' shows what it says"
                )
            found.append(profile)
        return found

    def _known(self, layer: Layer) -> dict[str, Any]:
        keys = options_of(self._command)
        return {key: one for key, one in layer.of(self._name).items() if key in keys}

    def _checked(self, layer: Layer) -> dict[str, Default]:
        """Return what a layer says of this command, as typer reads it.

        Raises:
            ConfigError: It says something that cannot be.
        """
        for table in layer.tables:
            if table not in self._names and table != SHARED:
                names = ", ".join(self._names)
                raise ConfigError(f"{layer.origin}: [{table}] is no command; choose [all], or one of {names}")
        options = options_of(self._command)
        found = {}
        for key, value in layer.of(self._name).items():
            if key in NOT_DEFAULTS:
                raise ConfigError(
                    f"{layer.origin}: {key} is for one run, and no default; give --{key} on the command line"
                )
            if key in _TRUSTED_ONLY and not layer.is_trusted:
                raise ConfigError(
                    f"{layer.origin}: {key} may name other files, and this one may be from anybody; put it "
                    f"into {user_folder() / FILE}, or a profile"
                )
            if key in options:
                found[key] = Default(_as_typed(options[key], key, value, layer.origin), layer.origin)
            elif key not in layer.tables.get(SHARED, {}) or not self._is_elsewhere(key):
                raise ConfigError(
                    f"{layer.origin}: 'semvid {self._name}' has no option --{key}{self._close(key)}"
                )
        return found

    def _is_elsewhere(self, key: str) -> bool:
        from semvid.cli.app import load

        return any(key in options_of(load(one)) for one in self._names)

    def _close(self, key: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(key, list(options_of(self._command)), 1)
        return f"; did you mean {close[0]}?" if close else ""

    def _tell(self) -> None:
        """Say once which files change what is done. A profile was asked for, and needs no word."""
        from semvid.core.text import visible

        for origin in dict.fromkeys(one.origin for one in self._in_force.values()):
            keys = sorted(key for key, one in self._in_force.items() if one.origin == origin)
            if origin not in _told and not origin.startswith("profile "):
                _told.add(origin)
                print(f"note: {', '.join(keys)} from {visible(origin)}", file=sys.stderr)

    def invoke(self, context: Any) -> Any:
        """Run the command; what is wrong with a value says which file it is from."""
        try:
            return self._invoke(context)
        except ConfigError as error:
            from semvid.cli.flags import to_flags

            message = to_flags(str(error))
            words = message.replace(",", " ").replace(";", " ").replace(":", " ").split()
            named = [key for key in self._in_force if f"--{key}" in words]
            if not named:
                raise
            origin = self._in_force[named[0]].origin
            raise type(error)(f"{message} (--{named[0]} is from {origin})") from error


def _refuse_strangers(layers: Sequence[Layer], found: Mapping[str, Default]) -> None:
    """Refuse a file that may be anybody's where outputs take the place of sources, which may be lost then.

    Args:
        layers: What all files say.
        found: What holds of that.

    Raises:
        ConfigError: Something is from such a file.
    """
    for origin in (one.origin for one in layers if not one.is_trusted):
        keys = sorted(key for key, one in found.items() if one.origin == origin)
        if keys:
            raise ConfigError(
                f"{origin} sets {', '.join(keys)}, and may be from anybody: with --replace only your own "
                f"{user_folder() / FILE} or --profile counts; move it away, or give these options on the "
                "command line"
            )


_told: set[str] = set()
"""Origins that were told of in this process."""


def give_defaults(command: Any, name: str, names: Sequence[str]) -> None:
    """Let files give a command its defaults, if it takes profiles."""
    if name != "config" and "profile" in options_of(command):
        Defaults(command, name, names)


def options_of(command: Any) -> dict[str, Any]:
    """Return the options of a command by their keys in files: without dashes in front."""
    return {
        spelling.removeprefix("--"): one
        for one in command.params
        for spelling in (*one.opts, *one.secondary_opts)
        if spelling.startswith("--")
    }


def _as_typed(option: Any, key: str, value: Any, origin: str) -> Any:
    """Return a value as if it were typed: texts, and switches that are on or off."""
    is_many, is_switch = getattr(option, "multiple", False), getattr(option, "is_flag", False)
    wrong = partial(_wrong, origin, key)
    if isinstance(value, bool) is not bool(is_switch):
        raise wrong(value, "true or false" if is_switch else "a number or a text")
    if is_switch:
        return value
    if isinstance(value, dict):
        pairs = [f"{one}={_text(each, wrong)}" for one, each in value.items()]
        return pairs if is_many else ",".join(pairs)
    if isinstance(value, list):
        if not is_many:
            raise wrong(value, "one value")
        return [_text(one, wrong) for one in value]
    return [_text(value, wrong)] if is_many else _text(value, wrong)


def _text(value: Any, wrong: Any) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise wrong(value, "a number or a text")


def _wrong(origin: str, key: str, value: Any, wanted: str) -> ConfigError:
    shown = str(value).lower() if isinstance(value, bool) else value
    return ConfigError(f"{origin}: {key} = {shown} should be {wanted}")
