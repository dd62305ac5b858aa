"""The specification of units of one's own, and of sums in any format and rounding, in fractions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import zip_longest
from math import floor
from typing import TypeAlias

from msdnum import spec
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import FloatFormat
from msdnum.formats.own_units import DesignedUnit, Pairwise, Sequential, SumRounding

__all__ = [
    "Factors", "Number", "chain_step", "designed_step", "fl", "lanes_step", "pairwise_step",
    "pairwise_sum", "rounded_sum", "sequential_step",
]  # fmt: skip

ZERO = Fraction(0)
HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Number:
    """One number of a product as a matrix unit sees it.

    Parameters
    ----------
    element : Fraction
        Without the scale.
    scale : Fraction
        The block scale that enters the accumulation; 1 if there is none.
    exponent : int
        Of the two together, not normalized below the element format's emin.
    scale_exponent : int
        Of the scale alone.
    subnormal : bool
        Whether the element is a subnormal number of a 16-bit format.
    is_subnormal : bool
        Whether it is one of its format, whatever that is.
    """

    element: Fraction
    scale: Fraction
    exponent: int
    scale_exponent: int
    subnormal: bool
    is_subnormal: bool = False

    @cached_property
    def value(self) -> Fraction:
        """The number."""
        return self.element * self.scale


Factors: TypeAlias = Sequence[Number]
Step: TypeAlias = Callable[[Fraction, Factors, Factors], Fraction]


def fl(x: Fraction) -> Fraction:
    """Return x rounded to binary32, RNE."""
    return spec.number(spec.fl32(x))


def pairwise_sum(terms: list[Fraction], rounding: Callable[[Fraction], Fraction]) -> Fraction:
    """Add neighbours, then their sums; an odd one moves up."""
    while len(terms) > 1:
        pairs = zip_longest(terms[::2], terms[1::2])
        terms = [x if y is None else rounding(x + y) for x, y in pairs]
    return terms[0]


def _to_integer(x: Fraction, rounding: SumRounding) -> int:
    """Return x as an integer."""
    below = floor(x)
    rest = x - below
    if rest == 0:
        return below
    up = {
        SumRounding.NEAREST_EVEN: rest > HALF or (rest == HALF and below % 2 == 1),
        SumRounding.NEAREST_AWAY: rest > HALF or (rest == HALF and x > 0),
        SumRounding.TOWARDS_ZERO: x < 0,
        SumRounding.DOWN: False,
        SumRounding.UP: True,
        SumRounding.TO_ODD: below % 2 == 0,
    }
    return below + up[rounding]


def _to_multiple(x: Fraction, quantum: Fraction, rounding: SumRounding) -> Fraction:
    return _to_integer(x / quantum, rounding) * quantum


def rounded_sum(x: Fraction, fmt: FloatFormat, rounding: SumRounding) -> Fraction:
    """Return x rounded once to a format; ValueError where that is Inf."""
    exponent = max(spec.floor_log2(abs(x)), fmt.emin) if x else fmt.emin
    found = _to_multiple(x, spec.pow2(exponent - fmt.fraction_bits), rounding)
    if abs(found) > Fraction(fmt.max_finite):
        raise ValueError("every sum must be finite")
    return found


def _exponent_of(c: Fraction, fmt: FloatFormat, zero: int) -> int:
    return max(spec.floor_log2(abs(c)), fmt.emin) if c else zero


def sequential_step(accumulator: Sequential) -> Step:
    """Return the addition of one product."""

    def rounded(x: Fraction) -> Fraction:
        return rounded_sum(x, accumulator.output, accumulator.rounding)

    def step(c: Fraction, a: Factors, b: Factors) -> Fraction:
        product = a[0].value * b[0].value
        return rounded(c + (product if accumulator.fused else rounded(product)))

    return step


def pairwise_step(accumulator: Pairwise) -> Step:
    """Return the addition of all products, as a tree."""

    def rounded(x: Fraction) -> Fraction:
        return rounded_sum(x, accumulator.output, accumulator.rounding)

    def step(c: Fraction, a: Factors, b: Factors) -> Fraction:
        products = [rounded(x.value * y.value) for x, y in zip(a, b, strict=True)]
        return rounded(c + pairwise_sum(products, rounded))

    return step


def _flushing(unit: LanesUnit | ChainUnit) -> Callable[[Fraction], Fraction]:
    """Return the rounding of a unit to which subnormal sums may be zeros."""

    def rounded(x: Fraction) -> Fraction:
        found = rounded_sum(x, unit.output, unit.rounding)
        if not unit.flushes_results or not x:
            return found
        # Whether it is subnormal is decided as if exponents had no end.
        last = spec.pow2(spec.floor_log2(abs(x)) - unit.output.fraction_bits)
        normal = abs(_to_multiple(x, last, unit.rounding)) >= Fraction(unit.output.min_normal)
        return found if normal else ZERO

    return rounded


def _own_products(unit: LanesUnit | ChainUnit, a: Factors, b: Factors) -> list[Fraction]:
    return [
        ZERO if unit.flushes_inputs and (x.subnormal or y.subnormal) else x.value * y.value
        for x, y in zip(a, b, strict=True)
    ]


def lanes_step(unit: LanesUnit) -> Step:
    """Return a step of lanes."""
    rounded = _flushing(unit)

    def step(c: Fraction, a: Factors, b: Factors) -> Fraction:
        products = _own_products(unit, a, b)
        if not unit.fused:
            products = [rounded(p) for p in products]
        sums = []
        for lane in range(min(unit.lanes, len(products))):
            total = ZERO
            for product in products[lane :: unit.lanes]:
                total = rounded(total + product)
            sums.append(total)
        return rounded(rounded(c) + pairwise_sum(sums, rounded))

    return step


def chain_step(unit: ChainUnit) -> Step:
    """Return a step of FMAs onto c."""
    rounded = _flushing(unit)

    def step(c: Fraction, a: Factors, b: Factors) -> Fraction:
        c = rounded(c)
        products = _own_products(unit, a, b)
        for k in unit.order:
            if k < len(products):
                c = rounded(c + products[k])
        return c

    return step


def designed_step(unit: DesignedUnit) -> Step:
    """Return a step of a unit whose parameters are data."""
    emin = Fraction(unit.output.min_normal)

    def flushed(x: Fraction) -> Fraction:
        return ZERO if unit.flushes_results and abs(x) < emin else x

    def step(c: Fraction, a: Factors, b: Factors) -> Fraction:
        addends = _addends(unit, a, b)
        total, lost = (_late if unit.late else _early)(flushed(c), addends, unit)
        return flushed(rounded_sum(total + lost, unit.output, unit.rounding))

    return step


Addend: TypeAlias = tuple[Fraction, int]
"""A value, and the exponent that it is aligned by."""


def _addends(unit: DesignedUnit, a: Factors, b: Factors) -> list[Addend]:
    """Return the products, zeros too; those that are too large are infinite."""
    found = []
    for x, y in zip(a, b, strict=True):
        product = x.value * y.value
        if unit.flushes_inputs and (x.is_subnormal or y.is_subnormal):
            product = ZERO
        if unit.bounded_products and abs(product) >= spec.pow2(128):
            raise ValueError("every product must be finite")
        exponent = x.exponent + y.exponent
        if unit.normalized and product:
            exponent = spec.floor_log2(abs(product))
        found.append((product, exponent))
    return found


def _aligned(addends: Sequence[Addend], top: int, unit: DesignedUnit) -> tuple[Fraction, bool]:
    """Return the sum of addends rounded below an exponent, and whether anything was lost."""
    quantum = spec.pow2(top - unit.fraction_bits)
    kept = [_to_multiple(x, quantum, unit.alignment) for x, _ in addends]
    lost = any(k != x for k, (x, _) in zip(kept, addends, strict=True))
    return sum(kept, ZERO), lost


def _sticky(total: Fraction, lost: bool, top: int, unit: DesignedUnit) -> tuple[Fraction, Fraction]:
    half = spec.pow2(top - unit.fraction_bits - 1)
    return total, half if unit.sticky and lost else ZERO


def _early(c: Fraction, addends: Sequence[Addend], unit: DesignedUnit) -> tuple[Fraction, Fraction]:
    own = _exponent_of(c, unit.output, unit.zero)
    top = max([own, unit.zero, *[e for x, e in addends if x]])
    return _sticky(*_aligned([(c, own), *addends], top, unit), top, unit)


def _late(c: Fraction, addends: Sequence[Addend], unit: DesignedUnit) -> tuple[Fraction, Fraction]:
    parts, lost = [], False
    for p in range(unit.parts):
        nonzero = [(x, e) for x, e in addends[p :: unit.parts] if x]
        if nonzero:
            own = max(e for _, e in nonzero)
            total, some = _aligned(nonzero, own, unit)
            parts.append((total, own))
            lost |= some
    top = _exponent_of(c, unit.output, unit.zero)
    if parts:
        joint = max(own for _, own in parts)
        total, some = _aligned(parts, joint, unit)
        top, lost = max(top, joint), lost or some
        parts = [(total, joint)]
    total, some = _aligned([*parts, (c, top)], top, unit)
    return _sticky(total, lost or some, top, unit)
