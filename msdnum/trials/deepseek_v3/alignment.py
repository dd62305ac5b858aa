"""The fraction bits below the largest exponent that a sum of FP8 products needs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum import spec
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import HOPPER_FP8, MatrixUnit
from msdnum.formats.elements import FloatFormat

__all__ = ["INSTRUCTION", "Alignment", "aligned_unit", "last_bit_of_a_cancelled_sum", "one_sign"]

INSTRUCTION = 32


@dataclass(frozen=True)
class Alignment:
    """What all products of two formats need, read from their codes.

    Parameters
    ----------
    largest : int
        Exponent of a product: the sum of its elements' exponents, the largest there is.
    least : int
        Of the power of two of which all products are multiples.
    products : int
        How many were looked at.
    """

    largest: int
    least: int
    products: int

    @property
    def fraction_bits(self) -> int:
        """With these no product is ever truncated, and with one less some product can be."""
        return self.largest - self.least

    @property
    def register(self) -> int:
        """Bits of the sum of an instruction: two before the point, five of carries, a sign."""
        return self.fraction_bits + 2 + (INSTRUCTION - 1).bit_length() + 1

    @classmethod
    def of(cls, left: FloatFormat, right: FloatFormat) -> "Alignment":
        """Look at the products of all positive elements of two formats; signs change nothing."""
        a, b = (list(_numbers(fmt)) for fmt in (left, right))
        products = [(x * y, ex + ey) for x, ex in a for y, ey in b]
        return cls(
            largest=max(exponent for _, exponent in products),
            least=min(_last_bit(product) for product, _ in products),
            products=len(products),
        )


def _numbers(fmt: FloatFormat) -> Iterator[tuple[Fraction, int]]:
    """Yield the positive numbers of a format, each with its exponent.

    A unit aligns subnormal ones by emin, which is never the largest.
    """
    for code in range(1, fmt.max_code + 1):
        x = Fraction(fmt.value(code))
        yield x, spec.floor_log2(x)


def _last_bit(x: Fraction) -> int:
    """Return the exponent of the largest power of two that a dyadic fraction is a multiple of."""
    n = x.numerator
    return (n & -n).bit_length() - 1 - (x.denominator.bit_length() - 1)


def aligned_unit(fraction_bits: int) -> MatrixUnit:
    """Return Hopper's unit with other fraction bits, and a binary32 result."""
    name = f"HOPPER_FP8 of {fraction_bits} bits"
    return replace(HOPPER_FP8, name=name, fraction_bits=fraction_bits, result_bits=23)


Codes = NDArray[np.float32]


def _dot(a: Codes, b: Codes, fraction_bits: int) -> float:
    left, right = (x.astype(ml_dtypes.float8_e4m3fn) for x in (a[None], b[:, None]))
    return float(matmul(left, right, accumulator=aligned_unit(fraction_bits))[0, 0])


def last_bit_of_a_cancelled_sum(fraction_bits: int) -> float:
    """Return 256^2 - 256^2 + 2^-9 2^-9 as a unit of E4M3 has it."""
    a, b = (np.zeros(INSTRUCTION, np.float32) for _ in range(2))
    a[:3], b[:3] = (256, -256, 2.0**-9), (256, 256, 2.0**-9)
    return _dot(a, b, fraction_bits)


def one_sign(fraction_bits: int) -> Fraction:
    """Return what alignment loses of 2^16 and 31 products that vanish beside it.

    The products are 63/64 of the last bit that is kept, for up to 28 bits; all have one sign. In
    units in the last place of the sum in binary32.
    """
    a, b = (
        np.full(INSTRUCTION, x, np.float32) for x in (9 * 2.0**-9, 7 * 2.0 ** (19 - fraction_bits))
    )
    a[0] = b[0] = 256
    exact = sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a, b, strict=True))
    return (exact - Fraction(_dot(a, b, fraction_bits))) / Fraction(2) ** (16 - 23)
