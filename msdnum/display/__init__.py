"""HTML and SVG for notebooks, and the text of one line that Python prints."""

from msdnum.display.arrays import decomposition, quantized
from msdnum.display.html import (
    BAD,
    GOOD,
    Markup,
    attributes,
    cell,
    coloured,
    number,
    paragraph,
    record,
    small,
    table,
)
from msdnum.display.lines import Axis, NumberLine, number_line
from msdnum.display.text import one_line

__all__ = [
    "BAD", "GOOD", "Axis", "Markup", "NumberLine", "attributes", "cell", "coloured",
    "decomposition", "number", "number_line", "one_line", "paragraph", "quantized", "record",
    "small", "table",
]  # fmt: skip
