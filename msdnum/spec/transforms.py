"""Transforms before quantization, one vector at a time, in fractions."""

import math
from collections.abc import Sequence
from fractions import Fraction

from msdnum.formats.transforms import Hadamard, Permutation, Smoothing, Transform
from msdnum.spec.elements import fl32
from msdnum.spec.numbers import Special, Value, divide, is_finite, multiply, number

__all__ = ["add", "hadamard_entry", "hadamard_factor", "inverse", "transform"]


def add(x: Value, y: Value) -> Value:
    """Return the exact sum; of zeros it is -0 if both are, of Inf and -Inf NaN.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum.spec import Special, add
    >>> add(Fraction(1, 2), Fraction(-1, 2)), add(Special.NEGATIVE_ZERO, Special.NEGATIVE_ZERO)
    (Fraction(0, 1), <Special.NEGATIVE_ZERO: '-0'>)
    """
    if is_finite(x) and is_finite(y):
        both = x is Special.NEGATIVE_ZERO and y is Special.NEGATIVE_ZERO
        return Special.NEGATIVE_ZERO if both else number(x) + number(y)
    if not (is_finite(x) or is_finite(y)) and x is not y:
        return Special.NAN
    return y if is_finite(x) else x


def hadamard_entry(i: int, j: int) -> int:
    """Return the entry of Sylvester's matrix: -1 to the number of bits that i and j share.

    Examples
    --------
    >>> from msdnum import spec
    >>> [[spec.hadamard_entry(i, j) for j in range(4)] for i in range(4)]
    [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]
    """
    return -1 if (i & j).bit_count() % 2 else 1


def hadamard_factor(length: int) -> Fraction:
    """Return ``1 / sqrt(length)`` rounded to binary32 (RNE), by integer square roots.

    Examples
    --------
    >>> from msdnum import spec
    >>> spec.hadamard_factor(16), spec.hadamard_factor(2)
    (Fraction(1, 4), Fraction(11863283, 16777216))
    """
    stages = length.bit_length() - 1
    half = Fraction(1, 1 << (stages // 2))
    if stages % 2 == 0:
        return half
    # Truncated to 60 bits; sqrt(1/2) is irrational, so the truncation decides no tie.
    root = Fraction(math.isqrt(1 << 119), 1 << 60)
    return half * number(fl32(root))


def transform(values: Sequence[Value], how: Transform) -> list[Value]:
    """Return a vector transformed in binary32: see `Hadamard`, `Smoothing`, `Permutation`.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats.transforms import Hadamard
    >>> spec.transform([Fraction(1), Fraction(0), Fraction(0), Fraction(2)], Hadamard(4))
    [Fraction(3, 2), Fraction(-1, 2), Fraction(-1, 2), Fraction(3, 2)]
    """
    match how:
        case Permutation(order):
            return [values[index] for index in order]
        case Smoothing(factors):
            return [fl32(divide(v, _fl32(f))) for v, f in zip(values, factors, strict=True)]
        case Hadamard(length):
            return [y for block in _blocks(values, length) for y in _rotated(block, how)]


def inverse(values: Sequence[Value], how: Transform) -> list[Value]:
    """Return what takes a transformed vector back, rounded likewise: for `Hadamard`, signs last."""
    match how:
        case Permutation():
            return transform(values, how.inverse)
        case Smoothing(factors):
            return [fl32(multiply(v, _fl32(f))) for v, f in zip(values, factors, strict=True)]
        case Hadamard(length, signs):
            plain = transform(values, Hadamard(length))
            return [y for block in _blocks(plain, length) for y in _signed(block, signs)]


def _fl32(x: float) -> Fraction:
    return number(fl32(Fraction(x)))


def _blocks(values: Sequence[Value], length: int) -> list[list[Value]]:
    return [list(values[i : i + length]) for i in range(0, len(values), length)]


def _signed(block: list[Value], signs: tuple[int, ...] | None) -> list[Value]:
    """Return negated what has sign -1; a NaN stays one."""
    return [
        multiply(v, Fraction(s)) for v, s in zip(block, signs or (1,) * len(block), strict=True)
    ]


def _rotated(block: list[Value], how: Hadamard) -> list[Value]:
    """Return signs, sums and the factor, one after the other."""
    return [
        fl32(multiply(y, hadamard_factor(how.length))) for y in _sums(_signed(block, how.signs))
    ]


def _sums(block: list[Value]) -> list[Value]:
    """Return ``H block``, the elements nearest to each other added first."""
    if len(block) == 1:
        return block
    half = len(block) // 2
    low, high = _sums(block[:half]), _sums(block[half:])
    negated = [multiply(y, Fraction(-1)) for y in high]
    return [fl32(add(x, y)) for x, y in zip(low * 2, high + negated, strict=True)]
