"""Options of a batch, and what it comes to."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

from semvid.core.config.products import CompressConfig, ImageConfig
from semvid.core.errors import ConfigError
from semvid.core.setting_types import Limits
from semvid.core.settings import Settings, settings
from semvid.core.text import setting

Engine = Literal["local", "ray"]


@settings
class BatchConfig(Settings):
    """How many files are compressed; what is in ``video`` and ``picture`` holds for each."""

    video: CompressConfig = CompressConfig()
    """How videos are compressed."""
    picture: ImageConfig = ImageConfig()
    """How stills are."""
    jobs: Annotated[int, Limits(1, 256)] | None = None
    """Files at a time, each in a process of its own; None = as many as there are, but at most one for
    every two cores (two where there are two) and at least one for every four."""
    engine: Engine = "local"
    """Where files are compressed: ``local``, in processes of this machine, or ``ray``, on a Ray cluster."""
    ray_address: str | None = None
    """With ``engine="ray"``: of a running cluster, as in ``auto`` or ``ray://head:10001``; None = Ray is
    started on this machine, and ended."""
    retry: Annotated[int, Limits(0, 100)] = 2
    """How often a file is tried again whose process dies."""
    part_seconds: Annotated[float, Limits(0, 3600)] = 30.0
    """Compress long videos in parts of about so many seconds, each of which is kept when it is done; 0 = each
    video in one piece. What is asked for, as a size or a score, is of the whole. Videos of no more than two
    parts stay in one piece, and some others (``docs/batch.md``)."""
    min_saving: Annotated[float, Limits(0, 1)] | None = None
    """Skip what would not become smaller by this share of the source; None = keep whatever comes out."""
    replace: bool = False
    """Put each output in the place of its source, once it is complete and checked; with ``min_saving`` 0 if
    none is given. Videos are checked by ``verify="full"`` then, whatever ``video`` says. Without ``trash``
    they are also ``strict``, and what lacks anything of its source does not replace it."""
    overwrite: bool = False
    """Replace existing outputs that no batch made."""
    trash: Path | None = None
    """With ``replace``: a folder that the sources are moved to; None = they are deleted."""
    resume: bool = True
    """Go on where earlier runs were stopped; False = forget what they did, and do everything again."""
    report: Path | None = None
    """A page (.html) about all jobs, written at the end, also of a run that is stopped; None = none. That of
    an earlier run is replaced."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.ray_address is not None and self.engine != "ray":
            raise ConfigError(
                "`ray_address` is of a Ray cluster, and needs `engine=ray`; give both, or leave it out"
            )
        if self.trash is not None and not self.replace:
            raise ConfigError("`trash` is where `replace` moves sources to; give both, or leave it out")
        if self.replace and not self.resume:
            raise ConfigError(
                "`resume=False` does all again, and `replace` has put outputs in the place of their sources, "
                "which would be compressed once more; leave one out"
            )
        maps = self.video.maps
        files = {
            "save_maps": self.video.save_maps,
            "maps": maps.path,
            "boxes": maps.boxes,
            "track": maps.track,
        }
        for name, value in files.items():
            if value:
                raise ConfigError(
                    f"{setting(name, value)} is of one video, and a batch has many; compress each alone, or "
                    "name it in a list"
                )

        if self.replace:
            object.__setattr__(self, "video", self.for_place(self.video))

    @property
    def is_only_copy(self) -> bool:
        """Whether an output is all that is left of its source."""
        return self.replace and self.trash is None

    def for_place(self, video: CompressConfig) -> CompressConfig:
        """Return how a video is compressed whose output may take its place: checked, and nothing left out.

        Raises:
            ConfigError: It is a part, and would replace the whole.
        """
        if not self.replace:
            return video
        cut = [one for one in video.edit.changes() if one in {"start", "end", "duration", "crop"}]
        if cut:
            raise ConfigError(
                f"`replace` and `{cut[0]}` exclude each other: the rest of the source would be lost; "
                "leave one out"
            )
        return dataclasses.replace(video, verify="full", strict=video.strict or self.is_only_copy)

    def strictly(self, why: str) -> str:
        """Say of a failure that it would be none if the source were kept, if that is so."""
        if "`strict`" not in why or not self.is_only_copy:
            return why
        return f"{why}; the source stays, since `replace` is strict without a `trash`"

    @property
    def attempts(self) -> int:
        """How often a file is tried at most."""
        return self.retry + 1

    @property
    def least_saving(self) -> float | None:
        """Share of the source that has to be saved; None = any output is kept."""
        return 0.0 if self.replace and self.min_saving is None else self.min_saving
