"""Follow every link inside the built site, anchors too: a dead one is an error."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note links and anchors."""
        for name, value in attributes:
            if value is None:
                continue
            if name == "id" or (tag == "a" and name == "name"):
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.links.add(value)


def dead(site: Path) -> list[str]:
    """Return the links of a site that lead nowhere, and those that fetch from a network."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            missing = not target.is_file()
            anchored = target in pages and unquote(parts.fragment) not in pages[target].anchors
            if missing or anchored:
                found.append(f"{path.relative_to(site)}: {link}")
    return found


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    if lines := dead(folder):
        sys.exit("\n".join(["docs: links that lead nowhere:", *lines]))
    print(f"docs: {folder / 'index.html'}")
