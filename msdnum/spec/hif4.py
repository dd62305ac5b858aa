"""HiF4: one unit of 64 elements of 4 bits under scales of three levels, in fractions."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from msdnum.formats.elements import BF16
from msdnum.formats.modes import Overflow, Rounding
from msdnum.formats.other_elements import E6M2, HIF4_ELEMENT
from msdnum.spec.blocks import largest_magnitude
from msdnum.spec.elements import decode, encode, nan_code
from msdnum.spec.numbers import Special, Value, is_finite, is_negative, multiply, number, signed

__all__ = ["HiF4Unit", "dequantize_hif4_unit", "hif4_unit"]

SIZE = 64


class HiF4Unit(NamedTuple):
    """The codes of a unit."""

    scale: int
    """Of E6M2, for all 64 elements."""
    eights: tuple[int, ...]
    """Eight exponents, 0 or 1, each for 8 elements."""
    fours: tuple[int, ...]
    """Sixteen, each for 4."""
    codes: tuple[int, ...]
    """Elements: a sign, and a magnitude from 0 to 1.75."""


def _bf16(x: Fraction) -> Fraction:
    return number(decode(encode(x, BF16, overflow=Overflow.SATURATE), BF16))


def hif4_unit(values: Sequence[Value]) -> HiF4Unit:
    """Return a unit made of 64 BF16 numbers.

    With ``r`` for rounding to BF16 (RNE) and peaks of all, of each 8 and of each 4 elements: the
    scale is ``E6M2(r(peak * r(1/7)))``, saturating, and ``f = r(1 / scale)``. An exponent of 8 is 1
    where ``peak * f >= 4``, one of 4 where ``peak * f / 2**(its exponent of 8) >= 2``. Elements are
    ``x * f`` over both powers of two, rounded to nearest, ties away, saturating.

    In a unit with an Inf or a NaN the scale is NaN and all codes are 0.

    Raises
    ------
    ValueError
        If there are not 64 values.

    Notes
    -----
    Source: Luo et al., HiFloat4 Format for Language Model Inference, arXiv:2602.11287 (the format);
    Huawei's quant_cy_npu, ``quant_hifx`` (the conversion, in binary32, where it is exact).

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> unit = spec.hif4_unit([Fraction(7), Fraction(-3)] + [Fraction(1, 2)] * 62)
    >>> unit.scale, unit.eights[:2], unit.fours[:3], unit.codes[:5]
    (192, (1, 0), (1, 0, 0), (7, 11, 1, 1, 1))
    """
    if len(values) != SIZE:
        raise ValueError(f"values must be {SIZE}, got {len(values)}")
    if not all(map(is_finite, values)):
        return HiF4Unit(nan_code(E6M2, Special.NAN), (0,) * 8, (0,) * 16, (0,) * SIZE)
    ideal = _bf16(largest_magnitude(values) * _bf16(Fraction(1, 7)))
    scale = encode(ideal, E6M2, overflow=Overflow.SATURATE) if ideal else 0
    factor = _bf16(1 / number(decode(scale, E6M2)))
    peaks = [largest_magnitude(values[i : i + 4]) * factor for i in range(0, SIZE, 4)]
    eights = tuple(int(max(peaks[i : i + 2]) >= 4) for i in range(0, 16, 2))
    fours = tuple(int(peak >= 2 << eights[i // 2]) for i, peak in enumerate(peaks))
    codes = tuple(
        encode(
            signed(is_negative(v), abs(number(v)) * factor / (1 << eights[i // 8] + fours[i // 4])),
            HIF4_ELEMENT,
            overflow=Overflow.SATURATE,
            rounding=Rounding.RNA,
        )
        for i, v in enumerate(values)
    )
    return HiF4Unit(scale, eights, fours, codes)


def dequantize_hif4_unit(unit: HiF4Unit) -> list[Value]:
    """Return element times scale times both powers of two, exactly.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import spec
    >>> unit = spec.hif4_unit([Fraction(7), Fraction(-3)] + [Fraction(1, 2)] * 62)
    >>> spec.dequantize_hif4_unit(unit)[:3]
    [Fraction(7, 1), Fraction(-3, 1), Fraction(1, 1)]
    """
    scale = decode(unit.scale, E6M2)
    powers = [1 << unit.eights[i // 8] + unit.fours[i // 4] for i in range(SIZE)]
    return [
        multiply(multiply(decode(code, HIF4_ELEMENT), Fraction(power)), scale)
        for code, power in zip(unit.codes, powers, strict=True)
    ]
