"""What trials found on this machine, kept in the user's cache folder: not every command tries again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

from semvid.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A place for what one trial found.

    Args:
        kind: What was tried, in a word: the beginning of the file's name.
        about: What the finding holds for: versions, options, whatever it depends on. Another is tried anew.
        makers: Source files of the trial: a finding of other code is none.
        kept_seconds: How long it holds; None = as long as it is about the same.
    """

    kind: str
    about: tuple[str, ...]
    makers: tuple[Path, ...]
    kept_seconds: float | None = None

    @classmethod
    def by_folder(
        cls, kind: str, about: Iterable[str], folder: Path, kept_seconds: float | None = None
    ) -> Finding:
        """Return a place for what the modules of a folder find."""
        return cls(kind, tuple(about), tuple(sorted(folder.glob("*.py"))), kept_seconds)

    def known(self) -> dict[str, Any] | None:
        """Return what was found; None = nothing, or too long ago."""
        # What cannot be read, or is anything else than what was written, says nothing.
        with suppress(OSError, ValueError):
            path = self._path()
            age = time.time() - path.stat().st_mtime
            if self.kept_seconds is None or 0 <= age < self.kept_seconds:
                found = json.loads(path.read_text())
                return found if isinstance(found, dict) else None
        return None

    def keep(self, found: dict[str, Any]) -> None:
        """Keep what was found, as JSON. Where it cannot be kept it is tried each time."""
        with suppress(OSError):
            path = self._path()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))

    def forget(self) -> None:
        """Have it tried again."""
        with suppress(OSError):
            self._path().unlink()

    def _path(self) -> Path:
        digest = hashlib.sha256("\0".join(self.about).encode())
        for maker in self.makers:
            digest.update(maker.read_bytes())
        return Path(platformdirs.user_cache_dir("semvid")) / f"{self.kind}-{digest.hexdigest()[:32]}.json"
