"""Integers with zero points: one block in fractions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from msdnum.formats.elements import BINARY32, IntegerFormat
from msdnum.spec.elements import nan_code, to_float32_bits
from msdnum.spec.numbers import Special, Value, is_finite, number, round_significand

__all__ = ["ZeroPointBlock", "zero_point_block"]


class ZeroPointBlock(NamedTuple):
    """The codes of a block."""

    scale: int
    """Its binary32 pattern."""
    zero_point: int
    """An integer of the element format."""
    codes: tuple[int, ...]
    """Elements, in two's complement where the format has a sign."""


def zero_point_block(values: Sequence[Value], element: IntegerFormat) -> ZeroPointBlock:
    """Return a block of binary32 numbers as integers that are meant less a zero point.

    With ``low = min(0, min x)``, ``high = max(0, max x)`` and ``r`` for rounding to binary32 with
    exponents unbounded above (RNE): the scale is ``r(r(high - low) / (largest - lowest))``, the
    zero point ``lowest - rint(r(low / scale))`` and an element ``rint(r(x / scale))`` plus that,
    both kept to the format. A scale of 0 counts as 1.

    In a block with an Inf or a NaN the scale is NaN; zero point and elements are the lowest.

    Raises
    ------
    ValueError
        If the element format has fractions.

    Notes
    -----
    Source: ONNX, DynamicQuantizeLinear (operator set 11), whose formulas are these for UINT8.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import UINT8
    >>> block = spec.zero_point_block([Fraction(-1), Fraction(0), Fraction(254)], UINT8)
    >>> block.zero_point, block.codes
    (1, (0, 1, 255))
    """
    if element.fraction_bits:
        raise ValueError(f"element must be of integers, got {element.name}")
    lowest, largest = element.min_integer, element.max_integer
    if not all(map(is_finite, values)):
        code = lowest % (1 << element.bits)
        return ZeroPointBlock(nan_code(BINARY32, Special.NAN), lowest, (code,) * len(values))
    numbers = list(map(number, values))
    low, high = min([*numbers, Fraction(0)]), max([*numbers, Fraction(0)])
    scale = _rounded(_rounded(high - low) / (largest - lowest))

    def kept(integer: int) -> int:
        return min(max(integer, lowest), largest)

    zero = kept(lowest - round(_rounded(low / (scale or 1))))
    elements = [kept(round(_rounded(x / (scale or 1))) + zero) for x in numbers]
    codes = tuple(x % (1 << element.bits) for x in elements)
    return ZeroPointBlock(to_float32_bits(scale), zero, codes)


def _rounded(x: Fraction) -> Fraction:
    """Return x rounded to 24 bits or to a multiple of 2**-149, however large it is."""
    size = round_significand(abs(x), 24, emin=-126) if x else x
    return -size if x < 0 else size
