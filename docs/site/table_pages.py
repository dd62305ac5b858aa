"""The data dictionary: every committed table with its columns."""

from collections.abc import Iterator
from pathlib import Path

from text import cell, table

from msdnum.experiments.tables import read


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the page of all tables."""
    lines = ["# Tables\n", INTRODUCTION]
    for path in sorted((root / "figures").glob("*/tables/*.csv")):
        header, rows = read(path)
        lines.append(f"## {path.stem}\n\n{cell(header['description'])}. {len(rows)} rows.\n")
        lines.append(
            table(
                ("column", "values"), ((f"`{c}`", _values([r[c] for r in rows])) for c in rows[0])
            )
        )
    yield "tables.md", "\n".join(lines)


INTRODUCTION = """Each figure is drawn from a table of its name; the package brings all of them:

```python
from msdnum.experiments import load

frame = load("effective_bits")
```

"""


def _values(cells: list[str]) -> str:
    filled = [text for text in cells if text]
    empty = f"; {len(cells) - len(filled)} empty" if len(filled) < len(cells) else ""
    try:
        numbers = [float(text) for text in filled]
    except ValueError:
        words = list(dict.fromkeys(filled))
        shown = ", ".join(words[:6]) + (f", ... ({len(words)})" if len(words) > 6 else "")
        return cell(shown) + empty
    return (f"{min(numbers):g} to {max(numbers):g}" if numbers else "none") + empty
