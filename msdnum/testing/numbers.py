"""Strategies for numbers: codes, values and float32 bit patterns, the hostile ones first."""

from itertools import pairwise
from math import isfinite

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from msdnum.formats.elements import ElementFormat, FloatFormat, IntegerFormat, TableFormat

__all__ = [
    "BINADE", "INF", "NANS", "SIGN", "Array", "Bits", "bfloat16_bits", "codes",
    "finite_values", "float32_bits", "midpoints", "near_midpoints", "patterns",
]  # fmt: skip

Array = NDArray[np.float32]
Bits = NDArray[np.uint32]

# float32 bit patterns; of positive numbers, they are in the order of the numbers
SIGN = np.uint32(0x80000000)
EXPONENT = np.uint32(0x7F800000)
FRACTION = np.uint32(0x007FFFFF)
BINADE = 0x00800000
ONE = 0x3F800000
INF = 0x7F800000
NANS = (0x7FC00000, 0x7F810000, 0x7FFFFFFF)
EDGE_FRACTIONS = np.array([0, 1, 0x400000, 0x7FFFFF, 0x10000, 0x7F0000, 0x3FFFFF], np.uint32)
EDGE_EXPONENTS = np.array([0, 1, 127, 253, 254, 255], np.uint32) << 23


def codes(fmt: ElementFormat) -> SearchStrategy[int]:
    """Return a strategy for all bit patterns of a format, those at the ends more often.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import Overflow, decode, encode, testing
    >>> from msdnum.formats import E2M1
    >>> @settings(max_examples=16)
    ... @given(testing.codes(E2M1))
    ... def every_code_comes_back(code):
    ...     x = decode(np.uint8([code]), E2M1)
    ...     assert encode(x, E2M1, overflow=Overflow.SATURATE) == code
    >>> every_code_comes_back()
    """
    last = fmt.codes[-1]
    ends = {0, 1, last // 2, last // 2 + 1, last - 1, last}
    if isinstance(fmt, FloatFormat):
        ends |= {1 << fmt.fraction_bits, fmt.max_code, fmt.max_code | fmt.signed << fmt.bits - 1}
    return st.one_of(st.sampled_from(sorted(ends)), st.integers(0, last))


def finite_values(fmt: ElementFormat) -> SearchStrategy[float]:
    """Return a strategy for the numbers of a format: no Inf, no NaN, no missing integer."""
    if isinstance(fmt, IntegerFormat):
        return st.integers(fmt.min_integer, fmt.max_integer).map(lambda n: n * fmt.eta)
    return codes(fmt).map(fmt.value).filter(isfinite)


def midpoints(fmt: ElementFormat) -> SearchStrategy[float]:
    """Return a strategy for the numbers halfway between neighbours of a format.

    Parameters
    ----------
    fmt : ElementFormat
        Any format narrower than binary32, so that a float32 holds its midpoints.

    Returns
    -------
    SearchStrategy of float
        The magnitude from which ``max_finite`` overflows, half a spacing above it, is included.

    Raises
    ------
    ValueError
        If float32 does not hold the midpoints.
    """
    if isinstance(fmt, IntegerFormat):
        return st.integers(fmt.min_integer - 1, fmt.max_integer).map(lambda n: (n + 0.5) * fmt.eta)
    if isinstance(fmt, TableFormat):
        numbers = [float(number.value) for number in fmt.ordered]
        middle = [(low + high) / 2 for low, high in pairwise(numbers)]
        return st.sampled_from([x for x in middle if x == np.float32(x)])
    if fmt.precision > 23:
        raise ValueError(f"fmt must be narrower than binary32, got {fmt.name}")
    magnitudes = st.one_of(
        st.sampled_from([0, fmt.max_code - 1, fmt.max_code]), st.integers(0, fmt.max_code)
    ).map(lambda code: _middle_above(fmt, code))
    return st.builds(lambda x, sign: sign * x, magnitudes, _signs(fmt))


def _middle_above(fmt: FloatFormat, code: int) -> float:
    """Return the midpoint of the value of ``code`` and the next, exponent unbounded."""
    value = fmt.value(code)
    if code == fmt.max_code:
        return value + 2.0 ** (fmt.emax - fmt.precision)
    return (value + fmt.value(code + 1)) / 2


def _signs(fmt: FloatFormat) -> SearchStrategy[float]:
    return st.sampled_from([1.0, -1.0] if fmt.signed else [1.0])


def near_midpoints(fmt: ElementFormat) -> SearchStrategy[np.float32]:
    """Return a strategy for the midpoints of a format and their float32 neighbours.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import Overflow, round_to, testing
    >>> from msdnum.formats import E2M1
    >>> @settings(max_examples=20)
    ... @given(testing.near_midpoints(E2M1))
    ... def what_is_rounded_stays(x):
    ...     once = round_to(np.float32([x]), E2M1, overflow=Overflow.SATURATE)
    ...     assert (round_to(once, E2M1, overflow=Overflow.SATURATE) == once).all()
    >>> what_is_rounded_stays()
    """
    toward = st.sampled_from([None, -np.inf, np.inf])
    return st.builds(_step, midpoints(fmt).map(np.float32), toward)


def _step(x: np.float32, toward: float | None) -> np.float32:
    return x if toward is None else np.nextafter(x, np.float32(toward))


def float32_bits() -> SearchStrategy[int]:
    """Return a strategy for float32 bit patterns, biased to edges.

    Returns
    -------
    SearchStrategy of int
        All 2**32 patterns; more often zeros, subnormals, powers of two and their neighbours,
        the largest numbers, Inf and NaN.
    """
    return patterns(1).map(lambda bits: int(bits[0]))


def bfloat16_bits() -> SearchStrategy[int]:
    """Return a strategy for the float32 bit patterns of BF16 values, biased to edges."""
    return float32_bits().map(lambda bits: bits & 0xFFFF0000)


def patterns(size: int) -> SearchStrategy[Bits]:
    """Return a strategy for any patterns: one draw each, for speed, shaped afterwards."""
    draws = st.lists(st.integers(0, 2**34 - 1), min_size=size, max_size=size)
    return draws.map(lambda draw: _snapped(np.array(draw, np.uint64)))


def _snapped(draws: NDArray[np.uint64]) -> Bits:
    """Take sign and magnitude; two bits say whether exponent and fraction go to an edge."""
    bits: Bits = (draws >> 3).astype(np.uint32)
    signs = np.where(draws & 1, SIGN, np.uint32(0))
    exponents = np.where(draws & 2, bits, EDGE_EXPONENTS[bits % 6])
    fractions = np.where(draws & 4, bits, EDGE_FRACTIONS[bits % 7])
    snapped: Bits = signs | exponents & EXPONENT | fractions & FRACTION
    return snapped
