"""Hypothesis strategies: codes, values, float32 bit patterns and blocks, the hostile ones first."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import (
    ELEMENT_FORMATS,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    TableFormat,
)
from msdnum.formats.modes import Overflow, Rounding, ScaleRule

__all__ = [
    "BLOCK_KINDS", "FINITE_KINDS", "bfloat16", "bfloat16_bits", "block_formats", "blocks", "codes",
    "element_formats", "finite_values", "float32_bits", "float_formats", "midpoints",
    "near_midpoints", "overflows", "roundings", "rows", "scale_rules", "shapes",
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


def element_formats() -> SearchStrategy[ElementFormat]:
    """Return a strategy for the element formats that have a name."""
    return st.sampled_from(list(ELEMENT_FORMATS.values()))


def float_formats() -> SearchStrategy[FloatFormat]:
    """Return a strategy for the floating-point formats that have a name."""
    return st.sampled_from([f for f in ELEMENT_FORMATS.values() if isinstance(f, FloatFormat)])


def block_formats() -> SearchStrategy[BlockFormat]:
    """Return a strategy for the block formats that have a name."""
    return st.sampled_from(list(BLOCK_FORMATS.values()))


def roundings() -> SearchStrategy[Rounding]:
    """Return a strategy for the roundings that need no random bits."""
    return st.sampled_from([mode for mode in Rounding if mode is not Rounding.STOCHASTIC])


def overflows() -> SearchStrategy[Overflow]:
    """Return a strategy for the overflow modes."""
    return st.sampled_from(Overflow)


def scale_rules() -> SearchStrategy[ScaleRule]:
    """Return a strategy for the rules that give power-of-two scales."""
    return st.sampled_from([rule for rule in ScaleRule if rule is not ScaleRule.AMAX])


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
    return _patterns(1).map(lambda bits: int(bits[0]))


def bfloat16_bits() -> SearchStrategy[int]:
    """Return a strategy for the float32 bit patterns of BF16 values, biased to edges."""
    return float32_bits().map(lambda bits: bits & 0xFFFF0000)


def _patterns(size: int) -> SearchStrategy[Bits]:
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


def _within(size: int, low: int, high: int) -> SearchStrategy[Bits]:
    """Return a strategy for patterns of either sign, magnitudes from ``low`` to ``high``."""
    return _patterns(size).map(lambda bits: _folded(bits, low, high))


def _folded(bits: Bits, low: int, high: int) -> Bits:
    magnitudes: Bits = np.uint32(low) + (bits & ~SIGN) % np.uint32(high - low + 1)
    return bits & SIGN | magnitudes


def _finite(size: int) -> SearchStrategy[Bits]:
    return _within(size, 0, INF - 1)


def _with_one(block: SearchStrategy[Bits], one: SearchStrategy[int]) -> SearchStrategy[Bits]:
    """Return a strategy for blocks in which one pattern, anywhere, is drawn from ``one``."""
    return st.builds(_replaced, block, st.integers(0, 2**16), one, st.sampled_from([0, SIGN]))


def _replaced(bits: Bits, place: int, one: int, sign: int) -> Bits:
    bits = bits.copy()
    bits[place % bits.size] = sign | one
    return bits


def _under(size: int, amax: SearchStrategy[int], binades: int) -> SearchStrategy[Bits]:
    """Return a strategy for blocks of that amax, no element more than ``binades`` below it."""

    def block(bits: Bits, a: int, place: int, sign: int) -> Bits:
        return _replaced(_folded(bits, max(0, a - binades * BINADE), a), place, a, sign)

    return st.builds(
        block, _patterns(size), amax, st.integers(0, size - 1), st.sampled_from([0, SIGN])
    )


def _near_powers() -> SearchStrategy[int]:
    """Return a strategy for 2**e and its float32 and BF16 neighbours."""
    steps = st.sampled_from([0, 1, -1, 0x10000, -0x10000])
    return st.builds(lambda field, step: field * BINADE + step, st.integers(2, 253), steps)


BLOCK_KINDS: dict[str, Callable[[int], SearchStrategy[Bits]]] = {
    "zero": lambda size: _within(size, 0, 0),
    "all_equal": lambda size: _finite(1).map(lambda bits: np.repeat(bits, size)),
    "one_outlier": lambda size: _with_one(
        _within(size, 0, ONE), st.integers(ONE + 8 * BINADE, INF - 1)
    ),
    "near_amax": lambda size: _under(size, st.integers(1, INF - 1), 6),
    "amax_near_power": lambda size: _under(size, _near_powers(), 255),
    "subnormal": lambda size: _within(size, 0, BINADE - 1),
    "least_scale": lambda size: _under(size, st.integers(1, 20 * BINADE), 12),
    "greatest_scale": lambda size: _under(size, st.integers(253 * BINADE, INF - 1), 12),
    "near_overflow": lambda size: _within(size, 254 * BINADE, INF - 1),
    "any": _finite,
    "inf": lambda size: _with_one(_finite(size), st.just(INF)),
    "nan": lambda size: _with_one(_finite(size), st.sampled_from(NANS)),
}
"""Strategies for the float32 bit patterns of a block, by name, given the block size."""

FINITE_KINDS = tuple(kind for kind in BLOCK_KINDS if kind not in ("inf", "nan"))
"""Kinds of blocks without Inf and NaN."""


def blocks(block_size: int = 32, kinds: Sequence[str] = FINITE_KINDS) -> SearchStrategy[Array]:
    """Return a strategy for blocks of float32 numbers.

    Parameters
    ----------
    block_size : int
        Number of elements.
    kinds : sequence of str
        Names in ``BLOCK_KINDS``; without ``"inf"`` and ``"nan"`` unless you ask for them.

    Returns
    -------
    SearchStrategy of ndarray of float32
        Arrays of shape ``(block_size,)``.

    Raises
    ------
    ValueError
        If the block size is not positive or a kind has no such name.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import BLOCK_FORMATS, quantize, testing
    >>> @settings(max_examples=20)
    ... @given(testing.blocks())
    ... def a_finite_block_has_a_finite_scale(x):
    ...     assert np.isfinite(quantize(x, BLOCK_FORMATS["MXFP4"]).scales()).all()
    >>> a_finite_block_has_a_finite_scale()
    """
    if block_size < 1:
        raise ValueError(f"block_size must be positive, got {block_size}")
    unknown = [kind for kind in kinds if kind not in BLOCK_KINDS]
    if unknown or not kinds:
        raise ValueError(f"kinds must be some of {', '.join(BLOCK_KINDS)}, got {unknown}")
    return st.one_of([BLOCK_KINDS[kind](block_size) for kind in kinds]).map(
        lambda bits: bits.view(np.float32)
    )


def rows(
    block_size: int = 32, max_blocks: int = 3, kinds: Sequence[str] = FINITE_KINDS
) -> SearchStrategy[Array]:
    """Return a strategy for rows of blocks of mixed kinds, the last block perhaps cut short.

    Parameters
    ----------
    block_size, max_blocks : int
        The row has 1 to ``max_blocks * block_size`` elements.
    kinds : sequence of str
        As for ``blocks``.

    Returns
    -------
    SearchStrategy of ndarray of float32
        Arrays of one axis.
    """
    return st.builds(
        lambda parts, cut: np.concatenate(parts)[: len(parts) * block_size - cut],
        st.lists(blocks(block_size, kinds), min_size=1, max_size=max_blocks),
        st.integers(0, block_size - 1),
    )


def bfloat16(arrays: SearchStrategy[Array]) -> SearchStrategy[Array]:
    """Return a strategy for the same arrays cut to BF16 values, as float32; NaN and Inf stay."""
    return arrays.map(lambda x: (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


def shapes(max_dims: int = 3, max_side: int = 70) -> SearchStrategy[tuple[int, ...]]:
    """Return a strategy for array shapes without empty axes, longer than one block or shorter."""
    sides = st.one_of(st.sampled_from([1, 31, 32, 33]), st.integers(1, max_side))
    return st.lists(sides, min_size=1, max_size=max_dims).map(tuple)
