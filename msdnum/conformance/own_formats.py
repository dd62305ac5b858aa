"""Test vectors of formats of one's own, made from the specification as the others are."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from msdnum._registry import Registry
from msdnum.conformance.blocks import dequantizings_of, quantizings_of
from msdnum.conformance.casts import decodings_of, encodings_of
from msdnum.conformance.hif4 import hif4_groups
from msdnum.conformance.vectors import Group
from msdnum.conformance.zero_points import zero_point_groups
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    E8M0,
    ELEMENT_FORMATS,
    UNIT_FORMATS,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    TableFormat,
)
from msdnum.formats.modes import Overflow
from msdnum.formats.other_elements import OTHER_FORMATS

__all__ = [
    "FURTHER", "check_formats", "elements_in_vector", "groups_of", "in_one_row", "named_groups",
    "overflows_of",
]  # fmt: skip

F = TypeVar("F", ElementFormat, BlockFormat)

ROW = 32
"""Elements of a vector where the whole row shares a scale."""

_NAMED: Registry[ElementFormat] = Registry.of(
    "named formats", (*UNIT_FORMATS.values(), *OTHER_FORMATS.values())
)
_COMPOUND = {"HIF4": hif4_groups, "ZERO_POINTS": zero_point_groups}
FURTHER = (*_COMPOUND, *_NAMED)
"""Names of formats whose vectors are written when they are asked for."""


def groups_of(fmt: ElementFormat | BlockFormat) -> tuple[Group, ...]:
    """Return the vectors of one format: its casts, or its blocks by every scale rule.

    Parameters
    ----------
    fmt : ElementFormat or BlockFormat
        Any but binary32, to which nothing is rounded.

    Returns
    -------
    tuple of Group
        Of an element format ``encode``, in every direction up to 8 bits, and ``decode`` up to 8
        bits. Of a block format ``quantize``, and ``dequantize`` where scales are powers of two;
        the numbers of a block of two dimensions are given row after row.

    Raises
    ------
    ValueError
        If the format holds every binary32 number.

    Examples
    --------
    >>> from msdnum.conformance import groups_of
    >>> from msdnum.formats import FloatFormat
    >>> found = groups_of(FloatFormat("E2M2", 2, 2))
    >>> sum(len(group.cases) for group in found)
    645
    >>> found[0].name
    'encode/E2M2/RNE/SATURATE/values'
    """
    if isinstance(fmt, BlockFormat):
        return tuple(_blocks(_sourced(in_one_row(fmt))))
    if isinstance(fmt, FloatFormat) and (fmt.precision, fmt.exponent_bits) == (24, 8):
        raise ValueError(f"fmt must be narrower than binary32, got {fmt.name}")
    return tuple(_casts(_sourced(fmt)))


def in_one_row(fmt: BlockFormat) -> BlockFormat:
    """Return the format whose blocks are those of ``fmt``, written row after row."""
    if fmt.rows == 1:
        return fmt
    return replace(fmt, rows=1, block_size=fmt.rows * (fmt.block_size or ROW))


def named_groups(names: Iterable[str]) -> tuple[Group, ...]:
    """Return the vectors of formats that have a name and are not in the suite.

    Raises
    ------
    ValueError
        If there is no such format, with what is near.
    """
    found: list[Group] = []
    for name in names:
        found += _COMPOUND[name]() if name in _COMPOUND else groups_of(_NAMED[name])
    return tuple(found)


def _sourced(fmt: F) -> F:
    """Return a format with a source: a design is its own."""
    return fmt if fmt.source else replace(fmt, source=f"definition of {fmt.name}")


def _casts(fmt: ElementFormat) -> Iterator[Group]:
    yield from encodings_of(fmt, overflows_of(fmt))
    if fmt.bits <= 8:
        yield decodings_of(fmt)


def overflows_of(fmt: ElementFormat) -> tuple[Overflow, ...]:
    """Return the overflow modes that a format has an answer to."""
    overflows = not isinstance(fmt, IntegerFormat) and fmt.nan_code is not None
    if isinstance(fmt, TableFormat):
        overflows = fmt.beyond is not None
    return tuple(Overflow) if overflows else (Overflow.SATURATE,)


def elements_in_vector(fmt: BlockFormat) -> int:
    """Return how many elements a vector has: a block, or two where scales are no powers of two."""
    size = in_one_row(fmt).block_size or ROW
    return size if fmt.scale == E8M0 or fmt.block_size is None else 2 * size


def _blocks(fmt: BlockFormat) -> Iterator[Group]:
    yield from quantizings_of(fmt, elements_in_vector(fmt))
    if fmt.scale == E8M0:
        yield from dequantizings_of(fmt, elements_in_vector(fmt))


def check_formats(formats: Any) -> tuple[ElementFormat | BlockFormat, ...]:
    """Return the formats that an adapter names as its own.

    Raises
    ------
    TypeError
        If they are no tuple or list of formats.
    ValueError
        If two have one name, or one has the name of another format that the vectors know.
    """
    kinds = (FloatFormat, IntegerFormat, TableFormat, BlockFormat)
    if not isinstance(formats, (tuple, list)) or not all(isinstance(f, kinds) for f in formats):
        raise TypeError(f"FORMATS must be a tuple of number and block formats, got {formats!r:.80}")
    names = [fmt.name for fmt in formats]
    known: tuple[Registry[Any], ...] = (ELEMENT_FORMATS, BLOCK_FORMATS)
    taken = [name for name in names if names.count(name) > 1 or any(name in r for r in known)]
    if taken:
        raise ValueError(f"FORMATS must have names of their own, got {taken[0]!r}")
    return tuple(formats)
