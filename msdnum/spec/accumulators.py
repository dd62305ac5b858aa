"""The specification of accumulators: one inner product, step by step, in fractions.

Slow and obviously right: the scalar twin of ``accumulate``, with which it shares no code.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import floor

from msdnum import spec
from msdnum.formats.accumulators import (
    AnyAccumulator,
    Blocks,
    Cdna3Unit,
    ChainUnit,
    DesignedUnit,
    Exact,
    FusedUnit,
    GroupedUnit,
    Int32,
    Int32Overflow,
    LanesUnit,
    MatrixUnit,
    Pairwise,
    PairwiseUnit,
    Sequential,
    StepUnit,
)
from msdnum.formats.elements import BINARY32, E8M0, ElementFormat, FloatFormat
from msdnum.formats.modes import Overflow
from msdnum.spec.own_units import (
    Factors,
    Number,
    Step,
    chain_step,
    designed_step,
    fl,
    lanes_step,
    pairwise_step,
    pairwise_sum,
    sequential_step,
)

__all__ = ["Number", "factor", "inner_product", "partial_sums"]

ZERO = Fraction(0)
NO_EXPONENT = -1000
"""Below all exponents that there are."""


def factor(
    element: Fraction,
    fmt: ElementFormat,
    scale: Fraction = Fraction(1),
    scale_format: FloatFormat = E8M0,
) -> Number:
    """Return the number ``element * scale`` with the exponents that a matrix unit aligns by.

    A power-of-two scale adds to the exponent of the element; any other is multiplied first.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import E2M1
    >>> half = spec.factor(Fraction(1, 2), E2M1, scale=Fraction(1, 4))
    >>> half.exponent, half.scale_exponent
    (-2, -2)
    """
    own = spec.floor_log2(abs(element)) if element else 0
    scale_exponent = spec.floor_log2(abs(scale)) if scale else scale_format.emin
    scale_exponent = max(scale_exponent, scale_format.emin)
    if scale_format != E8M0:
        exponent = spec.floor_log2(abs(element * scale)) if element * scale else 0
        return Number(element, scale, exponent, scale_exponent, False)
    emin = fmt.emin if isinstance(fmt, FloatFormat) else own
    exponent = max(own, emin) + scale_exponent
    tiny = bool(element) and own < emin
    return Number(element, scale, exponent, scale_exponent, fmt.bits == 16 and own < emin, tiny)


def inner_product(
    a: Factors, b: Factors, accumulator: AnyAccumulator, c: Fraction = ZERO
) -> Fraction:
    """Return c plus the sum of products, as the accumulator has it at the end.

    A zero has no sign here: +0 in matrix units that truncate, elsewhere that of IEEE 754.

    Raises
    ------
    ValueError
        If something on the way is infinite.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import ALL_ACCUMULATORS, spec
    >>> from msdnum.formats import BF16
    >>> a = [spec.factor(Fraction(2) ** e, BF16) for e in (0, -24, -24)]
    >>> b = [spec.factor(Fraction(1), BF16)] * 3
    >>> for name in ("EXACT", "SEQUENTIAL", "VOLTA", "AMPERE"):
    ...     print(name, spec.inner_product(a, b, ALL_ACCUMULATORS[name]) - 1)
    EXACT 1/8388608
    SEQUENTIAL 0
    VOLTA 0
    AMPERE 1/8388608
    """
    for c in partial_sums(a, b, accumulator, c):  # noqa: B007, B020
        pass
    return c


def partial_sums(
    a: Factors, b: Factors, accumulator: AnyAccumulator, c: Fraction = ZERO
) -> Iterator[Fraction]:
    """Yield what the accumulator holds after each of its steps.

    Source: the docstrings of ``accumulators``, which are the definition.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import accumulators, spec
    >>> from msdnum.formats import E4M3
    >>> ones = [spec.factor(Fraction(1), E4M3)] * 3
    >>> [int(c) for c in spec.partial_sums(ones, ones, accumulators.SEQUENTIAL)]
    [1, 2, 3]
    """
    add, size = _step(accumulator, len(a))
    for start in range(0, len(a), size):
        part = slice(start, start + size)
        c = add(c, a[part], b[part])
        yield c


def _step(accumulator: AnyAccumulator, length: int) -> tuple[Step, int]:
    """Return what one step does, and how many products it takes."""
    match accumulator:
        case Exact():
            return lambda c, a, b: fl(c + sum(_products(a, b))), length
        case Int32():
            return lambda c, a, b: _int32(c, a, b, accumulator.overflow), accumulator.group
        case Sequential():
            return sequential_step(accumulator), 1
        case Pairwise():
            return pairwise_step(accumulator), length
        case DesignedUnit():
            return designed_step(accumulator), accumulator.group
        case LanesUnit():
            return lanes_step(accumulator), accumulator.group
        case ChainUnit():
            return chain_step(accumulator), accumulator.group
        case StepUnit():
            return _own_step(accumulator), accumulator.group
        case Blocks():
            return lambda c, a, b: _block(c, a, b, accumulator), accumulator.size
        case MatrixUnit():
            return lambda c, a, b: _matrix_unit(c, a, b, accumulator), accumulator.group
        case GroupedUnit():
            return lambda c, a, b: _grouped_unit(c, a, b, accumulator), accumulator.group
        case FusedUnit():
            return lambda c, a, b: fl(c + sum(_products(a, b))), accumulator.group
        case Cdna3Unit():
            return lambda c, a, b: _cdna3_unit(c, a, b, accumulator), accumulator.group
        case PairwiseUnit():
            return lambda c, a, b: _pairwise_unit(c, a, b, accumulator), accumulator.group


# ------------------------------------------------------------------------------------------------
# Arithmetic
# ------------------------------------------------------------------------------------------------


def _truncated(x: Fraction, quantum: Fraction) -> Fraction:
    """Return x rounded towards zero to a multiple of quantum."""
    magnitude = floor(abs(x) / quantum) * quantum
    return magnitude if x >= 0 else -magnitude


def _lowered(x: Fraction, quantum: Fraction) -> Fraction:
    return floor(x / quantum) * quantum


def _exponent(c: Fraction, zero: int = -126, emin: int = -126) -> int:
    """Return the exponent of a number of a format; subnormals have emin."""
    return max(spec.floor_log2(abs(c)), emin) if c else zero


def _into(x: Fraction, fmt: FloatFormat) -> Fraction:
    """Return x rounded to a format, RNE."""
    return spec.number(spec.round_to(x, fmt, overflow=Overflow.OVERFLOW))


def _own_step(unit: StepUnit) -> Step:
    """Return the step that a unit itself defines, on the numbers."""
    return lambda c, a, b: unit.step(c, [x.value for x in a], [x.value for x in b])


def _products(a: Factors, b: Factors) -> list[Fraction]:
    return [x.value * y.value for x, y in zip(a, b, strict=True)]


def _aligned(a: Factors, b: Factors) -> list[tuple[Fraction, int]]:
    """Return products with their exponents, without those that are zero."""
    pairs = zip(a, b, strict=True)
    return [(x.value * y.value, x.exponent + y.exponent) for x, y in pairs if x.value and y.value]


# ------------------------------------------------------------------------------------------------
# One step of each unit
# ------------------------------------------------------------------------------------------------


def _int32(c: Fraction, a: Factors, b: Factors, overflow: Int32Overflow) -> Fraction:
    total, limit = c + sum(_products(a, b)), 1 << 31
    if overflow is Int32Overflow.WRAP:
        return (total + limit) % (2 * limit) - limit
    if overflow is Int32Overflow.SATURATE:
        return min(max(total, Fraction(-limit)), Fraction(limit - 1))
    if not -limit <= total < limit:
        raise OverflowError(f"the sum must fit int32, got {total}")
    return total


def _block(c: Fraction, a: Factors, b: Factors, accumulator: Blocks) -> Fraction:
    total = ZERO
    for r in range(accumulator.rounds):
        ks = [k for k in range(len(a)) if k // 2 % accumulator.rounds == r]
        total = inner_product([a[k] for k in ks], [b[k] for k in ks], accumulator.inner, total)
    return _into(c + total, accumulator.output)


def _matrix_unit(c: Fraction, a: Factors, b: Factors, unit: MatrixUnit) -> Fraction:
    own = _exponent(c, unit.exponent_of_zero, unit.output.emin)
    total = _aligned_sum([(c, own), *_aligned(a, b)], unit)
    if unit.output != BINARY32:
        return _into(total, unit.output)
    return _cut(total, unit.result_bits)


def _aligned_sum(addends: list[tuple[Fraction, int]], unit: MatrixUnit | GroupedUnit) -> Fraction:
    """Truncate all addends below the largest exponent and add them."""
    top = max(unit.exponent_of_zero, *[e for _, e in addends])
    quantum = spec.pow2(top - unit.fraction_bits)
    return sum((_truncated(x, quantum) for x, _ in addends), ZERO)


def _cut(total: Fraction, result_bits: int) -> Fraction:
    """Truncate to so many bits of a binary32 number; it is one but where it is too large."""
    return fl(_truncated(total, spec.pow2(_exponent(total) - result_bits)))


def _grouped_unit(c: Fraction, a: Factors, b: Factors, unit: GroupedUnit) -> Fraction:
    addends = [(c, _exponent(c, unit.exponent_of_zero))]
    for start in range(0, len(a), unit.exact):
        part = slice(start, start + unit.exact)
        if any(_products(a[part], b[part])):
            exponent = a[start].scale_exponent + b[start].scale_exponent
            addends.append((sum(_products(a[part], b[part]), ZERO), exponent))
    return _cut(_aligned_sum(addends, unit), 23)


def _cdna3_unit(c: Fraction, a: Factors, b: Factors, unit: Cdna3Unit) -> Fraction:
    bits, sums = unit.fraction_bits, [(ZERO, NO_EXPONENT)]
    for part in range(unit.parts):
        addends = _aligned(a[part :: unit.parts], b[part :: unit.parts])
        _check_finite([p for p, _ in addends])
        top = max((e for _, e in addends), default=NO_EXPONENT)
        sums.append((sum((_truncated(p, spec.pow2(top - bits)) for p, _ in addends), ZERO), top))
    joint = max(top for _, top in sums)
    total = sum((_lowered(s, spec.pow2(joint - bits)) for s, _ in sums), ZERO)
    top = max(joint, _exponent(c))
    if unit.drops_accumulator and _exponent(c) < top - bits - 1:
        c = ZERO
    total = _lowered(total, spec.pow2(top - unit.sum_bits - 1)) + _lowered(c, spec.pow2(top - bits))
    return fl(_lowered(total, spec.pow2(_exponent(total) - unit.sum_bits)))


def _check_finite(products: list[Fraction]) -> None:
    if any(abs(product) >= spec.pow2(128) for product in products):
        raise ValueError("every product must be finite")


def _pairwise_unit(c: Fraction, a: Factors, b: Factors, unit: PairwiseUnit) -> Fraction:
    terms = [
        ZERO if x.subnormal or y.subnormal else _flushed(x.value * y.value)
        for x, y in zip(a, b, strict=True)
    ]
    terms += [ZERO] * (-len(terms) % unit.group)
    return _flushed(_flushed(c) + pairwise_sum(terms, _flushed))


def _flushed(x: Fraction) -> Fraction:
    """Round to binary32; a subnormal result becomes zero."""
    x = fl(x)
    return x if abs(x) >= spec.pow2(-126) else ZERO
