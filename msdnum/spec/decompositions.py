"""Decompositions of one block into terms, exact or as binary32 carries them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, ElementFormat, IntegerFormat
from msdnum.formats.modes import Arithmetic, Overflow, ScaleRule
from msdnum.formats.scheme_kinds import Scheme
from msdnum.spec.blocks import e8m0_code, largest_magnitude, quantize_block, shared_exponent
from msdnum.spec.elements import decode, encode, fl32, max_finite
from msdnum.spec.numbers import Special, Value, divide, is_finite, multiply, number, subtract

__all__ = [
    "Decomposition", "decompose", "decompose_amax", "decompose_covering", "decompose_own_amax",
]  # fmt: skip


@dataclass(frozen=True)
class Decomposition:
    """A block as a sum of terms: ``x == sum of scales[i] * codes[i] + remainders``.

    Parameters
    ----------
    scales : tuple of Value
        One per term, exact (``amax / 127`` is a Fraction).
    codes : tuple of tuple of int
        Element codes, one tuple per term.
    remainders : tuple of Value
        What the terms leave of each element, exactly; the sign of zero is not defined.
    carried : tuple of Value
        The remainder as the arithmetic computed it; equal to ``remainders`` unless binary32
        rounds. It is infinite where a product overflows, as 127 * fl(amax / 127) does for the
        largest binary32 number.

    Notes
    -----
    In a block with an Inf or a NaN all scales and remainders are NaN and all codes 0.
    """

    scales: tuple[Value, ...]
    codes: tuple[tuple[int, ...], ...]
    remainders: tuple[Value, ...]
    carried: tuple[Value, ...]


def decompose(values: Sequence[Value], scheme: Scheme) -> Decomposition:
    """Decompose one block as a scheme says, whatever its formats, ratios, rule and arithmetic.

    The first scale follows from the rule of the formats, each of the others is the one before over
    its ratio; with ``OWN_AMAX`` each term is `quantize_block` of what is left. Exponents of E8M0
    are clamped to [-127, 127] last.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from fractions import Fraction
    >>> from msdnum import SCHEMES, spec
    >>> block = [Fraction(1), Fraction(6, 10)]
    >>> spec.decompose(block, SCHEMES["MXFP4_X2"]).remainders
    (Fraction(0, 1), Fraction(1, 160))

    With scales further apart the second term saturates, and more is left:

    >>> far = replace(SCHEMES["MXFP4_X2"], ratios=(Fraction(32),))
    >>> spec.decompose(block, far).remainders
    (Fraction(0, 1), Fraction(17, 320))
    """
    if scheme.ratios is None:
        return decompose_own_amax(values, scheme.formats)
    if not all(is_finite(value) for value in values):
        return _not_a_number(len(values), scheme.terms)
    first, amax = scheme.formats[0], largest_magnitude(values)
    if first.scale == E8M0:
        exponents = [shared_exponent(amax, first.element, first.rule) if amax else -127]
        for ratio in scheme.ratios:
            exponents.append(exponents[-1] - _exponent(ratio))
        scales = [number(decode(e8m0_code(exponent), E8M0)) for exponent in exponents]
        return _decompose(values, scheme.elements, scales, _exact)
    fl = fl32 if scheme.arithmetic is Arithmetic.FLOAT32 else _exact
    scales = [number(fl(amax / max_finite(first.element)))]
    for ratio in scheme.ratios:
        scales.append(number(fl(scales[-1] / ratio)))
    return _decompose(values, scheme.elements, scales, fl)


def _exponent(power: Fraction) -> int:
    """Return the logarithm of a power of two."""
    return power.numerator.bit_length() - power.denominator.bit_length()


def decompose_covering(
    values: Sequence[Value],
    elements: Sequence[ElementFormat],
    rule: ScaleRule = ScaleRule.COVERING,
) -> Decomposition:
    """Decompose one block with power-of-two scales, one term per element format.

    The first exponent follows from ``rule`` (the paper's: ``alpha / 2**emax``). Each term of
    precision p leaves ``2**-(p + 1)`` of its range alpha (``2**-p`` if it is fixed-point) to the
    next, whose scale is that range over its own ``2**emax``. Exponents are clamped to
    [-127, 127] last.

    Source: paper, claim C2; theorem mxfp4-decomposition.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import E2M1
    >>> found = spec.decompose_covering([Fraction(1), Fraction(7, 10)], [E2M1, E2M1])
    >>> found.scales, found.remainders
    ((Fraction(1, 4), Fraction(1, 32)), (Fraction(0, 1), Fraction(-1, 320)))
    """
    if not all(is_finite(value) for value in values):
        return _not_a_number(len(values), len(elements))
    amax = largest_magnitude(values)
    exponent = shared_exponent(amax, elements[0], rule) if amax else -127
    exponents = [exponent]
    for previous, element in pairwise(elements):
        exponents.append(exponents[-1] + _exponent(_left_by(previous)) - element.emax)
    scales = [number(decode(e8m0_code(exponent), E8M0)) for exponent in exponents]
    return _decompose(values, elements, scales, _exact)


def _left_by(element: ElementFormat) -> Fraction:
    """Return what rounding ``|x| <= 2**emax`` leaves at most, a power of two.

    Numbers are nowhere further apart than ``2**emax`` and the one before it: half of that is left.
    """
    code = encode(Fraction(2) ** element.emax, element, overflow=Overflow.SATURATE)
    last, before = (number(decode(each, element)) for each in (code, code - 1))
    return (last - before) / 2


def _exact(value: Value) -> Value:
    return value


def decompose_amax(
    values: Sequence[Value],
    elements: Sequence[IntegerFormat],
    arithmetic: Arithmetic = Arithmetic.EXACT,
) -> Decomposition:
    """Decompose one block with scales ``amax / 127``, then each ``/ 254`` (INT8).

    In general ``amax / max_integer`` of the first format, then half the previous scale
    over the ``max_integer`` of the next. EXACT keeps rationals; FLOAT32 rounds every quotient,
    product and difference to binary32 (RNE, no FMA, subnormals kept). A scale that underflows to
    0 has codes 0.

    Source: paper, claim C1; theorems int8-decomposition and int8-decomposition-float32.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> from msdnum.formats import INT8_SYMMETRIC
    >>> found = spec.decompose_amax([Fraction(1), Fraction(7, 10)], [INT8_SYMMETRIC] * 2)
    >>> found.scales, found.remainders
    ((Fraction(1, 127), Fraction(1, 32258)), (Fraction(0, 1), Fraction(-1, 80645)))
    """
    if not all(is_finite(value) for value in values):
        return _not_a_number(len(values), len(elements))
    fl = fl32 if arithmetic is Arithmetic.FLOAT32 else _exact
    scales = [number(fl(largest_magnitude(values) / max_finite(elements[0])))]
    for element in elements[1:]:
        scales.append(number(fl(scales[-1] / (2 * max_finite(element)))))
    return _decompose(values, elements, scales, fl)


def _not_a_number(size: int, terms: int) -> Decomposition:
    nan = (Special.NAN,)
    return Decomposition(nan * terms, ((0,) * size,) * terms, nan * size, nan * size)


def decompose_own_amax(values: Sequence[Value], formats: Sequence[BlockFormat]) -> Decomposition:
    """Decompose one block, each term being `quantize_block` of what is left of it.

    With binary32 scales every operation is rounded to binary32, as in FLOAT32 arithmetic.
    """
    fl = _exact if formats[0].scale == E8M0 else fl32
    remainders = carried = list(values)
    scales, codes = [], []
    for fmt in formats:
        scale_code, digits = quantize_block(carried, fmt)
        scales.append(decode(scale_code, fmt.scale))
        codes.append(tuple(digits))
        remainders = _leave(remainders, digits, scales[-1], fmt.element, _exact)
        carried = _leave(carried, digits, scales[-1], fmt.element, fl)
    return Decomposition(tuple(scales), tuple(codes), tuple(remainders), tuple(carried))


def _decompose(
    values: Sequence[Value],
    elements: Sequence[ElementFormat],
    scales: Sequence[Fraction],
    fl: Callable[[Value], Value],
) -> Decomposition:
    """Quantize with each scale what the terms before it have left, ``fl`` after every operation."""
    remainders = carried = list(values)
    codes = []
    for element, scale in zip(elements, scales, strict=True):
        digits = [_digit(value, scale, element, fl) for value in carried]
        codes.append(tuple(digits))
        remainders = _leave(remainders, digits, scale, element, _exact)
        carried = _leave(carried, digits, scale, element, fl)
    return Decomposition(tuple(scales), tuple(codes), tuple(remainders), tuple(carried))


def _digit(
    value: Value, scale: Fraction, element: ElementFormat, fl: Callable[[Value], Value]
) -> int:
    if not scale:
        return 0
    return encode(fl(divide(value, scale)), element, overflow=Overflow.SATURATE)


def _leave(
    values: Sequence[Value],
    codes: Sequence[int],
    scale: Value,
    element: ElementFormat,
    fl: Callable[[Value], Value],
) -> list[Value]:
    """Return ``value - scale * element``, ``fl`` after both operations."""
    terms = [fl(multiply(scale, decode(code, element))) for code in codes]
    return [fl(subtract(value, term)) for value, term in zip(values, terms, strict=True)]
