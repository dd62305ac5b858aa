"""Every named format, scheme, unit and machine, as notebooks show them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from text import raw

import msdnum
from msdnum import formats
from msdnum.cost import MACHINES

REGISTRIES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "Element formats": ("`msdnum.ELEMENT_FORMATS`", formats.ELEMENT_FORMATS),
    "Other element formats": ("`msdnum.formats.OTHER_FORMATS`", formats.OTHER_FORMATS),
    "Block formats": ("`msdnum.BLOCK_FORMATS`", formats.BLOCK_FORMATS),
    "Schemes": ("`msdnum.SCHEMES`", formats.SCHEMES),
    "Accumulators": ("`msdnum.ALL_ACCUMULATORS`", formats.ALL_ACCUMULATORS),
    "Machines": ("`msdnum.cost.MACHINES`", MACHINES),
}
DRAWN = 8
"""A number line of more bits is a smear."""


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the page of everything that has a name."""
    lines = [
        "# What has a name\n",
        "Formats, schemes, units and machines that msdnum knows, as a notebook shows them. "
        "`msdnum show NAME` prints what each can do; your own are made in a line "
        "([a format](how-to/own-format.md), [a scheme](how-to/own-scheme.md), "
        "[a unit](how-to/own-unit.md)).\n",
    ]
    for title, (where, registry) in REGISTRIES.items():
        lines.append(f"## {title}\n\n{where}\n")
        lines += [_entry(name, thing) for name, thing in registry.items()]
    yield "formats.md", "\n".join(lines)


def _entry(name: str, thing: Any) -> str:
    line = ""
    if (
        isinstance(thing, msdnum.ElementFormat)
        and thing.bits <= DRAWN
        and hasattr(thing, "number_line")
    ):
        line = thing.number_line()._repr_html_()
    return f"### {name}\n\n{raw(thing._repr_html_() + line)}"
