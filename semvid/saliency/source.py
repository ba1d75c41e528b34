"""What every origin of importance maps looks like: a network, a formula, or a file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from semvid.types import Frame, ImportanceMap


class ImportanceSource(Protocol):
    """Gives maps for the frames of one video, in order. Subclass it, or just have its members.

    Attributes:
        smoothing: Share of the past in the running average that suits this source, 0..0.99;
            0 = maps are used as they come.
        map_every: Frames from one map to the next that suit it; 1 = every frame needs its own.
        movement: How much less than movers what stands still matters, 0..1.
        made_by: What made the maps, if another run did; JSON.
    """

    smoothing: float = 0.0
    map_every: int = 1
    movement: float = 0.0
    made_by: Mapping[str, Any] | None = None

    @abstractmethod
    def update(self, frame: Frame) -> ImportanceMap:
        """Return the importance of the next frame that needs a map, upright.

        Raises:
            MapError: The source has no usable map for this frame.
        """

    def finish(self, num_frames: int) -> str | None:
        """Called after the last frame. Returns a sentence if the source did not fit the video."""
        return None

    def close(self) -> None:
        """Release files and devices. Called exactly once, also after errors."""
        return
