"""The record of a benchmark: a JSON file that gets every encode, and that the next run goes on from."""

from __future__ import annotations

import json
from pathlib import Path

from semvid.core.checked import Malformed, parse_json
from semvid.core.decoding import read_text
from semvid.core.errors import ConfigError, OutputError
from semvid.core.plain import from_plain, to_plain
from semvid.core.text import reason
from semvid.products.bench.data import VERSION, BenchClip

_SCHEMA = "semvid-bench"
_MOST_BYTES = 2**27


class Record:
    """All clips that were ever measured for one output.

    Args:
        path: Where it is, or will be.

    Raises:
        OutputError: There is a file of that name which is none, or is of a newer semvid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clips: dict[str, BenchClip] = {}
        try:
            with path.open("rb") as file:
                text = read_text(file, _MOST_BYTES)
        except FileNotFoundError:
            return
        except Malformed as error:
            raise self._refused(str(error)) from error
        except OSError as error:
            raise OutputError(f"{path} cannot be read: {reason(error)}; choose another `output`") from error
        try:
            record = parse_json(text, has_names=True).value
            if not isinstance(record, dict) or record.get("schema") != _SCHEMA:
                raise self._refused(f'it has no "schema": "{_SCHEMA}"')
            if record.get("version") != VERSION:
                raise self._refused(
                    f"it is of version {record.get('version')!r}, and this semvid reads {VERSION}"
                )
            clips = [
                from_plain(BenchClip, one, f"clips[{index}]")
                for index, one in enumerate(record.get("clips", []))
            ]
        except (Malformed, ConfigError, TypeError) as error:
            raise self._refused(str(error).partition(";")[0]) from error
        self.clips = {one.key: one for one in clips}

    def _refused(self, why: str) -> OutputError:
        return OutputError(
            f"{self.path} is not a record of earlier benchmarks, to which results could be added: {why}; "
            "choose another `output`, or remove that file"
        )

    def dump(self) -> bytes:
        """Return it as JSON."""
        clips = [to_plain(one) for one in self.clips.values()]
        record = {"schema": _SCHEMA, "version": VERSION, "clips": clips}
        return (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()
