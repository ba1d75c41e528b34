"""How parts of a video have to be encoded so that all of it is as was asked for, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from semvid.core.config import CompressConfig
from semvid.core.plain import from_plain, to_plain
from semvid.core.records import dataclass
from semvid.core.results import Trial
from semvid.engine.plain_beside import PlainBeside


@dataclass(frozen=True, slots=True)
class Solution:
    """What was found by trying parts of a whole video."""

    config: CompressConfig
    """For each part: at the quality that was found, with nothing left to search."""
    quality: float
    """On the encoder's own scale."""
    slope: float
    """Steps of the quality that a distance of 1 is worth (see ``Miss``); 0 = there is nothing to correct."""
    other_bytes: int
    """What the output has beside the video, roughly."""
    seconds: float
    """How long the video is shown."""
    num_frames: int
    """Of the video."""
    expected: Trial
    """What the whole should come to."""
    trials: tuple[Trial, ...] = ()
    """How it was found, in order."""
    beside: PlainBeside | None = None
    """With ``match="size"``: what tells how large a plain encode is."""
    gain_db: float | None = None
    """With ``match="size"``: see ``Result``."""
    map_left_out: bool = False
    """A map does not pay, so parts are encoded without."""

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "config": to_plain(self.config), "quality": self.quality, "slope": self.slope,
            "other_bytes": self.other_bytes, "seconds": self.seconds, "num_frames": self.num_frames,
            "expected": asdict(self.expected), "trials": [asdict(one) for one in self.trials],
            "beside": None if self.beside is None else self.beside.to_plain(),
            "gain_db": self.gain_db, "map_left_out": self.map_left_out,
        }  # fmt: skip

    @classmethod
    def from_plain(cls, record: Mapping[str, Any]) -> Solution:
        """Read what ``to_plain`` made.

        Raises:
            ConfigError: The config in it is wrong.
        """
        given = dict(record)
        given["config"] = from_plain(CompressConfig, record["config"], "config")
        given["expected"] = Trial(**record["expected"])
        given["trials"] = tuple(Trial(**one) for one in record["trials"])
        given["beside"] = None if record["beside"] is None else PlainBeside.from_plain(record["beside"])
        return cls(**given)
