"""Hostile inner products of single instructions, drawn from words of a generator alone.

Every number is made of an exponent and bits of integers, so that the operands are the same under
every version of NumPy and on every machine. A family draws A (m, k), B (n, k) and C (m, n): each
row of A meets each row of B, and c is drawn for every pair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.device.draws import Draw, exponents_of
from msdnum.device.layouts import Codes, Layout

__all__ = ["FAMILIES_OF_DOTS", "Dots", "draw_dots", "integer_dots"]

Shape: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Dots:
    """Operands of instructions: A (m, k), B (n, k) and C (m, n)."""

    a: NDArray[Any]
    b: NDArray[Any]
    c: NDArray[Any]


def _values(fmt: Layout, codes: Codes) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        return fmt.numbers(codes).astype(np.float64)


def _sums(given: "_Given", a: Codes, b: Codes) -> NDArray[np.float64]:
    """Return the sums of the products, nearly: in binary64, in the order of k."""
    x, y = _values(given.left, a), _values(given.right, b)
    total = np.zeros((len(x), len(y)))
    for k in range(x.shape[1]):
        total += np.multiply.outer(x[:, k], y[:, k])
    return total


def _rounded(fmt: Layout, x: NDArray[np.float64]) -> Codes:
    """Return the nearest patterns, Inf where there is none."""
    with np.errstate(over="ignore"):
        patterns: NDArray[Any] = x.astype(fmt.dtype).view(f"u{np.dtype(fmt.dtype).itemsize}")
    return patterns.astype(np.int64)


@dataclass(frozen=True)
class _Given:
    """What a family draws from and for."""

    draw: Draw
    left: Layout
    right: Layout
    out: Layout
    shape: Shape

    @property
    def sides(self) -> tuple[tuple[Layout, tuple[int, int]], tuple[Layout, tuple[int, int]]]:
        """Formats and shapes of A and B."""
        m, n, k = self.shape
        return (self.left, (m, k)), (self.right, (n, k))

    @property
    def starts(self) -> tuple[int, int]:
        """Shape of C."""
        return self.shape[:2]


Drawn: TypeAlias = tuple[Codes, Codes, Codes]
Drawer: TypeAlias = Callable[[_Given], Drawn]


def _ordinary(given: _Given) -> Drawn:
    a, b = (given.draw.uniform(fmt, shape) for fmt, shape in given.sides)
    return a, b, given.draw.uniform(given.out, given.starts, 2)


def _positive(given: _Given) -> Drawn:
    a, b, c = _ordinary(given)
    layouts = (given.left, given.right, given.out)
    a, b, c = (x & ~fmt.sign for x, fmt in zip((a, b, c), layouts, strict=True))
    return a, b, c


def _wide(given: _Given) -> Drawn:
    top = min(20, given.out.emax // 2 - 3)
    a, b = (
        given.draw.within(fmt, shape, max(fmt.emin - fmt.fraction_bits, -20), min(fmt.emax, top))
        for fmt, shape in given.sides
    )
    return a, b, given.draw.within(given.out, given.starts, -45, 2 * top + 5)


def _truncated(given: _Given) -> Drawn:
    """One product is larger than the others, by so much that they lose bits or go."""
    a, b = (
        given.draw.floats(fmt, _below_the_first(given.draw, shape, min(fmt.emax, 6)))
        for fmt, shape in given.sides
    )
    return a, b, given.draw.within(given.out, given.starts, -40, 20)


def _below_the_first(draw: Draw, shape: tuple[int, int], top: int) -> Codes:
    exponents = top - draw.between(shape, 5, 16)
    exponents[:, 0] = top
    return exponents


def _cancelling(given: _Given) -> Drawn:
    """Draw products in pairs that nearly cancel; c is what is left, negated, or small."""
    a, b = (given.draw.uniform(fmt, shape, 3) for fmt, shape in given.sides)
    flipped = a[:, ::2] ^ given.left.sign
    near = flipped ^ given.draw.bits(flipped.shape, 2)
    a[:, 1::2] = np.where(given.draw.one_in(flipped.shape, 2), near, flipped)[:, : a.shape[1] // 2]
    b[:, 1::2] = b[:, ::2][:, : b.shape[1] // 2]
    c = _rounded(given.out, -_sums(given, a, b)) ^ given.draw.bits(given.starts, 3)
    small = given.draw.within(given.out, given.starts, -30, 0)
    return a, b, np.where(given.draw.one_in(given.starts, 2), c, small)


def _opposite(given: _Given) -> Drawn:
    """C is the sum of the products negated, but for its last bits."""
    a, b, _ = _wide(given)
    c = _rounded(given.out, -_sums(given, a, b))
    return a, b, c ^ given.draw.bits(given.starts, 2)


def _subnormal(given: _Given) -> Drawn:
    """Draw a subnormal A, or one just above, any B, and c about their products."""
    left, right = given.left, given.right
    m, n, k = given.shape
    a = given.draw.within(left, (m, k), left.emin - left.fraction_bits, left.emin + 1)
    b = given.draw.within(right, (n, k), max(right.emin, -10), right.emax)
    c = given.draw.within(given.out, given.starts, left.emin - 30, left.emin + right.emax)
    return a, b, c


def _bottom(given: _Given) -> Drawn:
    """Products about the smallest numbers of C and far below, c there, too."""
    return _about(given, given.out.emin - 16, 9)


def _top(given: _Given) -> Drawn:
    """Products about the largest number of C, c there, too."""
    return _about(given, given.out.emax - 5, 2)


def _about(given: _Given, exponent: int, spread: int) -> Drawn:
    a, b = (
        given.draw.floats(fmt, _clipped(fmt, given.draw.between(shape, -spread, spread) + part))
        for (fmt, shape), part in zip(
            given.sides, (exponent // 2, exponent - exponent // 2), strict=True
        )
    )
    c = given.draw.within(given.out, given.starts, exponent - 2 * spread, exponent + spread)
    return a, b, np.where(given.draw.one_in(given.starts, 4), c & given.out.sign, c)


def _clipped(fmt: Layout, exponent: Codes) -> Codes:
    return np.clip(exponent, fmt.emin - fmt.fraction_bits, fmt.emax)


def _sparse(given: _Given) -> Drawn:
    return _thinned(given, 5, _wide(given))


def _zeros(given: _Given) -> Drawn:
    return _thinned(given, 20, _bottom(given))


def _thinned(given: _Given, keep: int, drawn: Drawn) -> Drawn:
    """Make all but one in ``keep`` of A and B zeros of their sign, and half of C."""
    a, b, c = drawn
    (left, _), (right, _) = given.sides
    a = np.where(given.draw.one_in(a.shape, keep), a, a & left.sign)
    b = np.where(given.draw.one_in(b.shape, keep), b, b & right.sign)
    return a, b, np.where(given.draw.one_in(c.shape, 2), c, c & given.out.sign)


def _single(given: _Given) -> Drawn:
    """One product in each row, at every place in turn, and a c above or below it."""
    a, b, _ = _wide(given)
    places = np.arange(a.shape[0]) % a.shape[1]
    a = np.where(np.arange(a.shape[1]) == places[:, None], a, 0)
    exponents = exponents_of(_sums(given, a, b))
    c = given.draw.floats(given.out, exponents + given.draw.between(given.starts, -40, 40))
    return a, b, c


def _few_bits(given: _Given) -> Drawn:
    """Few bits about one exponent, so that sums are ties of what they are rounded to."""
    a, b = (
        given.draw.floats(fmt, given.draw.between(shape, -6, 0)) & -1 << fmt.fraction_bits - 2
        for fmt, shape in given.sides
    )
    c = given.draw.within(given.out, given.starts, -8, 8)
    return a, b, c & -1 << given.out.fraction_bits - 8


def _any_bits(given: _Given) -> Drawn:
    a, b = (given.draw.bits(shape, fmt.bits) for fmt, shape in given.sides)
    return a, b, given.draw.bits(given.starts, given.out.bits)


def _not_numbers(given: _Given) -> Drawn:
    """Ordinary numbers, some Inf and NaN among them and among C."""
    drawn = _ordinary(given)
    layouts = (given.left, given.right, given.out)
    rare = (8 * given.shape[2], 8 * given.shape[2], 8)
    a, b, c = (
        _sprinkled(given.draw, fmt, x, count)
        for fmt, x, count in zip(layouts, drawn, rare, strict=True)
    )
    return a, b, c


def _sprinkled(draw: Draw, fmt: Layout, codes: Codes, count: int) -> Codes:
    above = 2 ** (fmt.bits - 1) - fmt.largest - 1
    if above:
        extra = draw.between(codes.shape, 0, above - 1) * draw.bits(codes.shape, 1)
        special = draw.signed(fmt, fmt.largest + 1 + extra)
    else:  # The pattern of -0 is the only NaN.
        special = np.full(codes.shape, fmt.sign)
    return np.where(draw.one_in(codes.shape, count), special, codes)


FAMILIES_OF_DOTS: Mapping[str, Drawer] = MappingProxyType({
    "ordinary": _ordinary,
    "positive": _positive,
    "mixed exponents": _wide,
    "one large product": _truncated,
    "cancellation": _cancelling,
    "c opposite to the products": _opposite,
    "subnormal": _subnormal,
    "bottom of the range": _bottom,
    "overflow": _top,
    "sparse": _sparse,
    "zeros": _zeros,
    "single product": _single,
    "ties": _few_bits,
    "any bit patterns": _any_bits,
    "Inf and NaN": _not_numbers,
})  # fmt: skip
"""How operands are drawn, by name."""


def draw_dots(
    family: str, left: Layout, right: Layout, out: Layout, shape: Shape, seed: int
) -> Dots:
    """Draw the operands of ``m * n`` inner products of k products each.

    Parameters
    ----------
    family : str
        One of ``FAMILIES_OF_DOTS``.
    left, right, out : Layout
        Of A, of B, and of C.
    shape : tuple of int
        (m, n, k).
    seed : int
        Of the generator, with the name of the family and the shape.

    Examples
    --------
    >>> from msdnum.formats import BF16, BINARY32
    >>> from msdnum.device import draw_dots, layout_of
    >>> bf16 = layout_of(BF16)
    >>> draw_dots("zeros", bf16, bf16, layout_of(BINARY32), (2, 3, 16), 7).c.shape
    (2, 3)
    """
    number = list(FAMILIES_OF_DOTS).index(family)
    given = _Given(Draw(seed, number, *shape), left, right, out, shape)
    a, b, c = FAMILIES_OF_DOTS[family](given)
    return Dots(left.numbers(a), right.numbers(b), out.numbers(c))


def integer_dots(shape: Shape, seed: int) -> Dots:
    """Draw int8 operands, the extremes often, and int32 starts, half of them near an overflow."""
    m, n, k = shape
    draw = Draw(seed, *shape)
    a, b = (
        np.where(
            draw.one_in(size, 3), 127 - 255 * draw.bits(size, 1), draw.between(size, -128, 127)
        )
        for size in ((m, k), (n, k))
    )
    near = (2**31 - 1 - draw.bits((m, n), 20)) * (1 - 2 * draw.bits((m, n), 1))
    c = np.where(draw.one_in((m, n), 2), near, draw.between((m, n), -(2**31), 2**31 - 1))
    return Dots(a.astype(np.int8), b.astype(np.int8), c.astype(np.int32))
