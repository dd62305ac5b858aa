"""Lay the pages of the site out in one folder: those that are written, and those that are made.

Pages stay where they are read in the repository too, and link to each other by path. Here each gets
its place on the site, and its links those of the site.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

TOP = {
    "index",
    "install",
    "commands",
    "how-to",
    "tutorials",
    "api",
    "comparison",
    "rooms",
    "limits",
    "findings",
    "columns",
    "emulated",
    "report",
}
"""Pages of docs/ that are no answer to "how do I": all others are, and are listed as such."""

BELOW = {
    "proofs/README.md": ["*/README", "notation", "ratios"],
    "figures/README.md": ["*/README"],
    "conformance/README.md": ["peers", "units"],
}
"""What is under a page in the tree of the site, which the repository shows by its folders."""

LINK = re.compile(r"(!?\[[^\]\[]*\]\()([^)\s]+)(\))")
CODE = re.compile(r"(^```.*?^```\s*$|^~~~.*?^~~~\s*$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def places() -> dict[Path, Path]:
    """Return where each page and picture of the repository goes, by where it lies."""
    found = {}
    for page in sorted((ROOT / "docs").glob("*.md")):
        found[page] = Path(page.name if page.stem in TOP else f"how-to/{page.name}")
    found[ROOT / "msdnum" / "trials" / "README.md"] = Path("how-to/own-trial.md")
    found[ROOT / "CHANGELOG.md"] = Path("changelog.md")
    for pattern in (
        "notebooks/*.ipynb",
        "proofs/**/*.md",
        "figures/**/README.md",
        "figures/*/*.png",
        "figures/*/tables/*.csv",
        "conformance/*.md",
    ):
        found |= {path: path.relative_to(ROOT) for path in sorted(ROOT.glob(pattern))}
    return found


class Links:
    """Links between files of the repository, as links between pages of the site."""

    def __init__(self, to: dict[Path, Path], made: Iterable[str], folder: Path) -> None:
        self.to = to
        self.made = {(ROOT / "docs" / name).resolve(): Path(name) for name in made}
        self.folder = folder

    def rewritten(self, text: str, page: Path) -> str:
        """Return the text of a page with its links; what is no page of the site is copied."""
        parts = CODE.split(text)
        return "".join(
            part if i % 2 else LINK.sub(lambda found: self._link(found, page), part)
            for i, part in enumerate(parts)
        )

    def _link(self, found: re.Match[str], page: Path) -> str:
        before, target, after = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found.group()
        path, _, anchor = target.partition("#")
        place = self._place((page.parent / path).resolve(), f"{page.relative_to(ROOT)}: {target}")
        relative = os.path.relpath(place, self.to[page].parent)
        return f"{before}{relative}{'#' * bool(anchor)}{anchor}{after}"

    def _place(self, path: Path, link: str) -> Path:
        path = path / "README.md" if path.is_dir() else path
        if path == ROOT / "README.md":
            return Path("index.md")
        if found := self.to.get(path) or self.made.get(path):
            return found
        if not path.is_file():
            raise SystemExit(f"docs: there is no file for the link {link}")
        place = Path("files") / path.relative_to(ROOT)
        copied(path, self.folder / place)
        return place


def copied(source: Path, target: Path) -> None:
    """Copy a file, with its time, so that Sphinx reads again only what has changed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def written(target: Path, text: str) -> None:
    """Write a page if it has changed."""
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def notebook(text: str, rewritten: Callable[[str], str]) -> str:
    """Return a notebook with the links of its text rewritten."""
    found = json.loads(text)
    for cell in found["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = rewritten("".join(cell["source"]))
    return json.dumps(found, indent=1)


def tree(place: Path) -> str:
    """Return the hidden list of what is under a page."""
    gallery = place.match("figures/*/README.md")
    below = ["gallery"] if gallery else BELOW.get(place.as_posix(), [])
    lines = "\n".join(below)
    return f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{lines}\n```\n" if below else ""


def pages(to: dict[Path, Path], links: Links, folder: Path) -> Iterator[Path]:
    """Lay out what the repository has; yield the places."""
    for source, place in to.items():
        yield place
        if source.suffix in (".png", ".csv"):
            copied(source, folder / place)
            continue
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".ipynb":
            made = notebook(text, lambda part, page=source: links.rewritten(part, page))
        else:
            made = links.rewritten(text, source) + tree(place)
        written(folder / place, made)


def lay_out(folder: Path) -> None:
    """Lay out everything, and take away what has no place any more."""
    import api_pages
    import figure_pages
    import format_pages
    import ledger_pages
    import table_pages

    modules = (api_pages, figure_pages, format_pages, ledger_pages, table_pages)
    made = dict(page for module in modules for page in module.pages(ROOT))
    for name, text in made.items():
        written(folder / name, text)
    to = places()
    laid = {*pages(to, Links(to, made, folder), folder), *map(Path, made)}
    for path in list(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and place not in laid and place.parts[0] != "files":
            path.unlink()


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
