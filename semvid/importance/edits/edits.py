"""The edits of one video, in their order, with those that were undone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from semvid.core.checked import Field, Malformed, parse_json
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.importance.edits.shapes import Shape, shape_from, shape_to_plain

VERSION = 1
MOST_EDITS = 1000


@dataclass(frozen=True, slots=True)
class Edit:
    """One place that is corrected, from a frame on until the next cut, or until it is corrected again."""

    pts: int
    """When its frame is shown, in units of the maps' time base."""
    shape: Shape
    matters: bool
    """Whether what is inside matters as much as anything can, or not at all."""
    follows: bool = True
    """Whether it goes with what is inside; else it stays where it is."""


@dataclass(frozen=True, slots=True)
class Edits:
    """All edits of a video. A value: what changes it returns another."""

    done: tuple[Edit, ...] = ()
    """In the order in which they were made."""
    undone: tuple[Edit, ...] = ()
    """The one that was undone last comes last."""

    def added(self, edit: Edit) -> Edits:
        """Add one; what was undone is forgotten.

        Raises:
            Malformed: There are too many.
        """
        if len(self.done) >= MOST_EDITS:
            raise Malformed(f"there are {MOST_EDITS} edits, which are the most; undo some")
        return Edits((*self.done, edit))

    def by_frames(self) -> tuple[Edit, ...]:
        """Return those that are done, by their frames; those of one frame in the order of their making."""
        return tuple(sorted(self.done, key=lambda one: one.pts))

    def undo(self) -> Edits:
        """Take back the last; the same if there is none."""
        if not self.done:
            return self
        return Edits(self.done[:-1], (*self.undone, self.done[-1]))

    def redo(self) -> Edits:
        """Do again what was undone last; the same if there is nothing."""
        if not self.undone:
            return self
        return Edits((*self.done, self.undone[-1]), self.undone[:-1])

    def to_plain(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "version": VERSION,
            "done": [edit_to_plain(one) for one in self.done],
            "undone": [edit_to_plain(one) for one in self.undone],
        }


def checked(edits: Edits) -> Edits:
    """Return edits as they are when they were written and read back.

    Raises:
        ConfigError: They could not be read: a shape, a time or their number is out of range.
    """
    try:
        return edits_from(parse_json(json.dumps(edits.to_plain())))
    except Malformed as error:
        raise ConfigError(f"an edit is out of range: {error}; change it") from error


def edits_from(field: Field) -> Edits:
    """Read what ``Edits.to_plain`` made.

    Raises:
        Malformed: It is something else, or of a later version.
    """
    field.known("version", "done", "undone")
    if (version := field.get("version")).value != VERSION:
        version.fail(f"{VERSION}, the only version this semvid knows")
    done, undone = (
        tuple(edit_from(one) for one in field.get(name).items(most=MOST_EDITS)) for name in ("done", "undone")
    )
    return Edits(done, undone)


def edit_to_plain(edit: Edit) -> dict[str, Any]:
    """Return an edit as JSON values."""
    return {
        "pts": edit.pts, "shape": shape_to_plain(edit.shape), "matters": edit.matters,
        "follows": edit.follows,
    }  # fmt: skip


def edit_from(field: Field) -> Edit:
    """Read what ``edit_to_plain`` made.

    Raises:
        Malformed: It is something else.
    """
    field.known("pts", "shape", "matters", "follows")
    edit = Edit(field.get("pts").whole(0, 2**62), shape_from(field.get("shape")), field.get("matters").flag())
    follows = field.find("follows")
    return edit if follows is None else replace(edit, follows=follows.flag())
