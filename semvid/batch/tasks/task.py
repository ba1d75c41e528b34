"""What is to be done with one source, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.frozen import FrozenMapping
from semvid.core.plain import from_plain, to_plain
from semvid.core.rate import AsGoodAs
from semvid.core.records import dataclass
from semvid.core.types import Span
from semvid.products.ways import has_two_passes, has_wish

_VIDEO, _PICTURE = "video", "picture"
_OF_FILM = ("solves", "num_whole", "maps", "is_first", "measured", "state", "pieces")


@dataclass(frozen=True, slots=True)
class Task:
    """How one source is compressed; ``config`` is of a video or of a picture."""

    source: Path
    config: CompressConfig | ImageConfig
    span: Span | None = None
    """Only this part, and only the picture; None = all."""
    parts: tuple[Path, ...] = ()
    """Files of the parts, to put together; none = it is compressed."""
    film: Mapping[str, Any] = FrozenMapping()
    """Of a film in parts, as JSON: what is known of the whole (``films/work.py``)."""

    @property
    def codec(self) -> str:
        """The name of what it is compressed with."""
        return self.config.codec if isinstance(self.config, CompressConfig) else "jpeg"

    @property
    def is_picture(self) -> bool:
        """Whether it is a still."""
        return isinstance(self.config, ImageConfig)

    @property
    def may_be_divided(self) -> bool:
        """Whether parts together come out as the whole would; ``docs/batch.md`` says why others do not."""
        config = self.config
        if not isinstance(config, CompressConfig) or config.maps.has_file or config.save_maps is not None:
            return False
        codec, rate = find_codec(config.codec), config.rate
        if not codec.takes_offsets or config.peak is not None or not config.edit.is_all:
            return False
        # What is refused in one piece is refused.
        is_refused = has_two_passes(config) and config.probe is not None
        is_refused |= getattr(rate, "floor", None) is not None and not codec.steers(config)
        return not is_refused and not isinstance(rate, AsGoodAs)

    @property
    def is_solved_whole(self) -> bool:
        """Whether something has to be found out on all of a video before parts of it can be encoded."""
        config = self.config
        if not isinstance(config, CompressConfig):
            return False
        # Where a map may not pay, all parts go without, or none.
        is_doubtful = find_codec(config.codec).leaves_out_losing_maps and config.allocation.keeps_region
        return has_wish(config) or (is_doubtful and config.chosen_probe != "none")

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, without the source and without what does not change the output."""
        return {
            "kind": _PICTURE if self.is_picture else _VIDEO,
            "config": to_plain(replace(self.config, threads=0, overwrite=False)),
            "span": None if self.span is None else list(astuple(self.span)),
        }

    @classmethod
    def from_plain(cls, record: Mapping[str, Any], source: Path, parts: Sequence[Path] = ()) -> Task:
        """Read what ``to_plain`` made.

        Args:
            record: As a parser of JSON gave it.
            source: What is compressed.
            parts: What it was compressed to, part by part; none = it is still to be done.

        Raises:
            ConfigError: Something in it is unknown or wrong.
        """
        kind: Any = ImageConfig if record["kind"] == _PICTURE else CompressConfig
        span = None if record["span"] is None else Span(*record["span"])
        film = {name: record[name] for name in _OF_FILM if name in record}
        return cls(source, from_plain(kind, record["config"], "config"), span, tuple(parts), film)
