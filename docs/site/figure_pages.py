"""The figures of each trial, under the table that describes them."""

from collections.abc import Iterator
from pathlib import Path

from msdnum.experiments.tables import read


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield one page a trial with its figures, each under its name and what it shows."""
    for folder in sorted(path for path in (root / "figures").iterdir() if path.is_dir()):
        yield f"figures/{folder.name}/gallery.md", "\n".join(_gallery(folder))


def _gallery(folder: Path) -> Iterator[str]:
    yield f"# Pictures: {folder.name}\n"
    yield "What to see in each: [the figures of this trial](README.md).\n"
    for picture in sorted(folder.glob("*.png")):
        said = read(folder / "tables" / f"{picture.stem}.csv")[0]["description"]
        yield f"## {picture.stem}\n\n![{said}]({picture.name})\n\n{said}\n"
