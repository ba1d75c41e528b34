"""Check the built site: links and pictures lead to something that is there, and nothing needs a network.

python examples/site/check.py build/site
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_NO_LOAD = {"canonical", "alternate", "next", "prev"}


class _Page(HTMLParser):
    """Anchors and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[str, bool]] = []
        """Addresses, and whether the browser loads them by itself."""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an anchor or a link."""
        found = dict(attrs)
        self.anchors |= {one for one in (found.get("id"), found.get("name")) if one}
        if tag == "a" and found.get("href"):
            self.links.append((found["href"] or "", False))
        name = _LOADS.get(tag)
        if name and found.get(name):
            self.links.append((found[name] or "", found.get("rel") not in _NO_LOAD))


def faults(site: Path) -> Iterator[str]:
    """Yield a line for each link that leads nowhere, and each thing that would be loaded from elsewhere."""
    pages = {path: _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        # The page for addresses that are not there is shown below any of them: its links are absolute.
        if path.name == "404.html":
            continue
        for address, is_loaded in page.links:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if is_loaded and parts.scheme != "data":
                    yield f"{path.relative_to(site)} loads {address}"
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if goal.is_dir():
                goal /= "index.html"
            if not goal.exists():
                yield f"{path.relative_to(site)} links to {address}, which is not there"
            elif parts.fragment and goal in pages and unquote(parts.fragment) not in pages[goal].anchors:
                yield f"{path.relative_to(site)} links to {address}, which has no such anchor"


def main() -> None:
    """Print faults; exit with 1 if there are any."""
    found = sorted(set(faults(Path(sys.argv[1]).resolve())))
    print("\n".join(found) or "all links lead somewhere")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
