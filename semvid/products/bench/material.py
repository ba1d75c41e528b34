"""Finds the clips of a folder, and their masks."""

from __future__ import annotations

from pathlib import Path

from semvid.core.errors import InputError, InputMissingError, MapError
from semvid.core.records import dataclass
from semvid.core.text import reason, setting

VIDEOS = frozenset({
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mxf", ".y4m",
    ".wmv", ".flv", ".3gp", ".ogv", ".nut",
})  # fmt: skip
"""Names of videos end in one of these."""
PICTURES = frozenset({".jpg", ".jpeg", ".png"})
"""A folder of these is a clip."""
MASKS = frozenset({".png", ".npz", ".npy", ".svmap", *VIDEOS})
_ACCEPTED = (
    "videos (.mp4, .mkv, .mov, ...) and folders of numbered .jpg or .png pictures, each of them one clip"
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip to measure."""

    path: Path
    """A video, or a folder of pictures."""
    masks: Path | None
    """What matters in it, by the user; None = no one said."""

    @property
    def name(self) -> str:
        """Its name to show."""
        return self.path.name


def find_clips(folder: Path, masks: Path | None) -> tuple[list[Clip], list[str]]:
    """Return the clips in a folder by name, and sentences on what was left out.

    Args:
        folder: What is hidden in it does not count, nor what is in folders that hold no pictures.
        masks: A folder with what ``--maps`` reads, named like the clips; None = there are none.

    Raises:
        InputError: There is no clip.
        MapError: There are no masks, or two for one clip.
    """
    paths, others = [], []
    for path in _entries(folder, "give the folder that the clips are in"):
        if path.suffix.lower() in VIDEOS or (path.is_dir() and pictures_in(path)):
            paths.append(path)
        else:
            others.append(path.name)
    if not paths:
        raise InputError(f"{folder} has no clip; give a folder with {_ACCEPTED}")
    told = [f"{len(others)} of {folder} left out: {_some(others)}; clips are {_ACCEPTED}"] if others else []
    if masks is None:
        return [Clip(one, None) for one in paths], told
    found = _masks_of(paths, masks)
    if not any(found.values()):
        raise MapError(
            f"{setting('masks', masks)} has no masks for {_some([one.name for one in paths])}; "
            "name them like the clips: a folder of .png, or a grey video, each",
            path=masks,
        )
    bare = [one.name for one in paths if found[one] is None]
    if bare:
        told.append(f"{_some(bare)}: no masks in {masks}, so what matters is judged by the maps there")
    return [Clip(one, found[one]) for one in paths], told


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder."""
    return [
        one for one in folder.iterdir() if one.suffix.lower() in PICTURES and not one.name.startswith(".")
    ]


def _entries(folder: Path, remedy: str) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
    except FileNotFoundError as error:
        raise InputMissingError(f"the folder {folder} does not exist; {remedy}") from error
    except NotADirectoryError as error:
        raise InputError(f"{folder} is no folder; {remedy}") from error
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {reason(error)}; {remedy}") from error


def _masks_of(paths: list[Path], folder: Path) -> dict[Path, Path | None]:
    entries = [
        one
        for one in _entries(folder, "choose another `masks`")
        if one.is_dir() or one.suffix.lower() in MASKS
    ]
    found: dict[Path, Path | None] = {}
    for path in paths:
        mine = [one for one in entries if (one.name if one.is_dir() else one.stem) in {path.name, path.stem}]
        if len(mine) > 1:
            raise MapError(
                f"{setting('masks', folder)} has {mine[0].name} and {mine[1].name} for {path.name}; "
                "remove one",
                path=folder,
            )
        found[path] = mine[0] if mine else None
    return found


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
