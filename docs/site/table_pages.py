"""The data dictionary: every committed table with its columns, and what they mean."""

import re
from collections.abc import Iterator
from pathlib import Path

from text import cell, table

from msdnum.experiments.tables import read

PREFIXES = {
    "bound_": "bound of: ", "msd_": "MSD: ", "baseline_": "baseline: ", "mxfp4_": "MXFP4: ",
    "mxfp8_": "MXFP8: ", "nvint4_": "NVINT4: ", "nvfp4_": "NVFP4: ", "predicted_": "predicted: ",
    "closed_": "closed form: ", "quantized_": "beside quantized weights: ", "int_": "integers: ",
    "fp_": "floats: ", "first_": "first token: ", "expected_": "expected: ",
    "least_": "least of all seeds: ", "most_": "largest of all seeds: ",
}  # fmt: skip


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the page of all tables."""
    known = meanings(root)
    lines = ["# Tables\n", INTRODUCTION]
    for path in sorted((root / "figures").glob("*/tables/*.csv")):
        header, rows = read(path)
        lines.append(f"## {path.stem}\n\n{cell(header['description'])}. {len(rows)} rows.\n")
        columns = (
            (f"`{name}`", _values([row[name] for row in rows]), meaning(name, known))
            for name in rows[0]
        )
        lines.append(table(("column", "values", "meaning"), columns))
    yield "tables.md", "\n".join(lines)


def meanings(root: Path) -> dict[str, str]:
    """Return what columns mean, as docs/columns.md says it."""
    text = (root / "docs" / "columns.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| (.*) \|$", text, re.MULTILINE)
    return {name: said for names, said in rows for name in re.findall(r"`(\w+)`", names)}


def meaning(name: str, known: dict[str, str]) -> str:
    """Return what a column means: what its name says, or its beginning and the rest.

    Raises
    ------
    ValueError
        If nobody has said so.
    """
    if name in known:
        return known[name]
    for prefix, said in PREFIXES.items():
        if name.startswith(prefix):
            return said + meaning(name.removeprefix(prefix), known)
    raise ValueError(f"column {name!r} must have a meaning in docs/columns.md, got none")


INTRODUCTION = """Each figure is drawn from a table of its name; the package brings all of them:

```python
from msdnum.experiments import load

frame = load("effective_bits")
```

`frame` is a `pandas.DataFrame` and `frame.attrs` says how it was made: experiment, versions, seed
and parameters. The extra `tables` brings pandas. Without it, `msdnum.experiments.read` gives the
same cells as text, and `pandas.read_csv(FILE, comment="#")` reads the files as they lie in
`figures/`. [What the columns mean](columns.md), in alphabetical order.
`msdnum figures effective_bits --scheme mine.py:IDEA` makes the table and the figure with a
scheme of yours beside the others, `--seed` and `--digits` others of any, all in `build/figures`.

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
