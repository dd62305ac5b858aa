"""Kinds of number formats: floats, integers and tables, and what may be any of them."""

from msdnum.formats.float_formats import FloatFormat
from msdnum.formats.integer_formats import IntegerFormat
from msdnum.formats.non_numbers import NonNumbers
from msdnum.formats.table_formats import TableFormat

__all__ = [
    "ElementFormat", "FloatFormat", "IntegerFormat", "NonNumbers", "SpacedFormat", "TableFormat",
    "spaced",
]  # fmt: skip

SpacedFormat = FloatFormat | IntegerFormat
"""A format whose numbers near x are multiples of a power of two."""

ElementFormat = SpacedFormat | TableFormat


def spaced(fmt: ElementFormat, name: str) -> SpacedFormat:
    """Return a format that is no table, or say that ``name`` must be one."""
    if isinstance(fmt, TableFormat):
        raise TypeError(f"{name} must be a FloatFormat or IntegerFormat, got table {fmt.name}")
    return fmt
