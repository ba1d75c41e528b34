"""What MkDocs does beside copying ``docs/``: pages that are made, and links for both GitHub and the site.

The README is the first page. Of the commands and of the package there is a page each. Links to
files outside ``docs/`` lead to the page made of the file, or become its name.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))
import reference

REPOSITORY = Path(__file__).resolve().parents[2]
COPIES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "models/cards/msroi.md": "cards/msroi.md",
    "models/cards/msroi-fast.md": "cards/msroi-fast.md",
}
"""Pages that lie elsewhere in the repository, and where they are in the site."""
_LINK = re.compile(r"(!?\[[^\]\n]*(?:\n[^\]\n]+)?\])\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for source, page in COPIES.items():
        files.append(File.generated(config, page, content=(REPOSITORY / source).read_text("utf-8")))
    files.append(File.generated(config, "reference/commands.md", content=reference.commands()))
    files.append(File.generated(config, "reference/python.md", content=reference.python()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Read a page as GitHub does."""
    here = page.file.src_uri
    homes = {page: source for source, page in COPIES.items()}
    home = PurePosixPath(homes.get(here, f"docs/{here}"))
    return spaced(_LINK.sub(lambda link: _moved(link, home, PurePosixPath(here)), markdown))


def _moved(link: re.Match[str], home: PurePosixPath, here: PurePosixPath) -> str:
    label, target = link[1], link[2]
    path, mark, anchor = target.partition("#")
    if ":" in path or not path:
        return link[0]
    meant = os.path.normpath(home.parent / path).replace(os.sep, "/")
    if meant in COPIES:
        goal = COPIES[meant]
    elif meant.startswith("docs/"):
        goal = meant.removeprefix("docs/")
    elif not (REPOSITORY / meant).exists():
        # Left as it is for MkDocs to find.
        return link[0]
    else:
        words = label.strip("![]")
        return words if meant in words else f"{words} (`{meant}`)"
    return f"{label}({os.path.relpath(goal, here.parent).replace(os.sep, '/')}{mark}{anchor})"


def spaced(markdown: str) -> str:
    """Set off lists from the paragraph before, and indent nested ones by four: Python's Markdown needs it."""
    lines: list[str] = []
    is_code = False
    for line in markdown.split("\n"):
        is_code ^= line.lstrip().startswith("```")
        item = re.match(r"( *)([-*]|\d+\.) ", line)
        if item and not is_code:
            before = lines[-1] if lines else ""
            if before.strip() and not item[1] and not re.match(r" *([-*]|\d+\.) |  ", before):
                lines.append("")
        lines.append(" " * len(item[1]) + line if item and not is_code else line)
    return "\n".join(lines)
