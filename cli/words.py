"""Options that take all words after them, as a shell makes them of ``--against old/*.mp4``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand


def spread(words: Sequence[str], names: Collection[str]) -> list[str]:
    """Repeat options of these names before each of the words that follow, up to the next option."""
    found: list[str] = []
    name = None
    for index, word in enumerate(words):
        if word == "--":
            return [*found, *words[index:]]
        if word.startswith("-") and word != "-":
            name = word if word in names else None
            found.append(word)
        elif name is None or found[-1] == name:
            found.append(word)
        else:
            found += [name, word]
    return found


class ManyWords(TyperCommand):
    """A command whose repeatable options also take several words at once."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words of a command line."""
        names = [name for one in self.params if getattr(one, "multiple", False) for name in one.opts]
        return super().parse_args(ctx, spread(args, names))
