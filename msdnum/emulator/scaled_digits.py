"""Integer digits in JAX: quotients, products and rests of binary32, without emulating them.

A block is first scaled by a power of two, which changes no digit, until no number that matters is
subnormal. A quotient is then needed only near the half of an odd integer, where ``v - h * s`` is
exact; each product is rounded by the hardware, hidden from what would fuse it with a difference.
"""

from collections.abc import Sequence

import numpy as np

from msdnum.emulator import backend, bit_patterns, shared_scales
from msdnum.emulator.adder_rounding import quotients_by_powers
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import FRACTION_BITS, INF, MAGNITUDE_MASK
from msdnum.formats.elements import IntegerFormat
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = ["codes_of_digits", "suits_digits", "terms_by_scaling"]

LARGEST = 127
"""With its half an integer of 8 bits."""
LOWEST, HIGHEST = -126, 126
"""Exponents of the powers that blocks are divided by: these and their inverses are normal."""
HIGH_BITS = ~0xFFF
"""Of a pattern: those of the upper half of a significand of 24 bits."""


def suits_digits(rows: Array, scheme: Scheme) -> bool:
    """Return whether ``terms_by_scaling`` is for these rows and this scheme."""
    if not backend.is_jax(rows) or scheme.ratios is OWN_AMAX:
        return False
    return all(
        isinstance(e, IntegerFormat)
        and not e.fraction_bits
        and e.max_integer == -e.min_integer <= LARGEST
        for e in scheme.elements
    )


def terms_by_scaling(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Return the codes of each term, and the patterns of its scales, which follow from amax."""
    elements = [e for e in scheme.elements if isinstance(e, IntegerFormat)]
    amax = shared_scales.finite_or_nan(shared_scales.row_amax(rows))
    scales = [shared_scales.divide_by(amax, elements[0].max_finite)]
    for ratio in scheme.ratios or ():
        scales.append(shared_scales.divide_by(scales[-1], float(ratio)))
    codes = codes_of_digits(rows, scales, elements)
    return *codes, *(scale.view(np.uint32) for scale in scales)


def codes_of_digits(
    rows: Array, scales: Sequence[Array], elements: Sequence[IntegerFormat]
) -> list[Array]:
    """Return the codes of digits, each of what the terms before it have left over its scale.

    As a vector unit computes them, every operation rounded to binary32: the quotient, which is then
    rounded to an integer, ties to even, and saturated; its product with the scale; and what that
    leaves of x.

    Parameters
    ----------
    rows : Array of int32
        Binary32 patterns of x, one row for each block.
    scales : sequence of Array of float32
        Of each term, shape (rows, 1): amax over the largest integer, then each at most the one
        before it. Where a scale is 0 or NaN the codes are 0.
    elements : sequence of IntegerFormat
        As ``suits_digits`` wants them.
    """
    xp, magnitude = backend.namespace(rows), rows & MAGNITUDE_MASK
    # Seven binades above the first scale: that of amax, or the one above it.
    exponent = xp.clip(bit_patterns.fields(_pattern(scales[0])).exponent + 7, LOWEST, HIGHEST)
    v, negative, codes = quotients_by_powers(magnitude, exponent), rows < 0, []
    for scale, element in zip(scales, elements, strict=True):
        pattern = _pattern(scale)
        usable = (pattern > 0) & (pattern < INF)
        s = xp.where(usable, quotients_by_powers(pattern, exponent), np.float32(1))
        digit = xp.minimum(_nearest(v, s), element.max_integer)
        integer = xp.where(usable, digit, 0).astype(np.int32)
        signed = xp.where(negative, -integer, integer)
        codes.append((signed & ((1 << element.bits) - 1)).astype("uint8"))
        product = _hidden(digit * s)
        # Where it is 2**128 or more, the hardware's is Inf.
        too_large = (exponent == HIGHEST) & (product >= 4)
        left = v - xp.where(too_large, np.float32(np.inf), product)
        v, negative = xp.abs(left), negative != (left < 0)
    return codes


def _pattern(x: Array) -> Array:
    return x.view(np.int32)


def _nearest(v: Array, s: Array) -> Array:
    """Return ``v / s``, rounded to binary32 and then to an integer, ties to even, up to 128."""
    xp = backend.namespace(v)
    high = (_pattern(s) & HIGH_BITS).view(np.float32)
    n = xp.floor(xp.minimum(v * (1 / s), LARGEST))
    half = n + np.float32(0.5)
    # Both products are exact, and so is the rest where the quotient is next to the half.
    rest = (v - half * high) - half * (s - high)
    # Quotients this near are rounded to the half. (Below 0.5 half as near; but 0 is even, too.)
    near = (_pattern(half) & INF) - (24 << FRACTION_BITS)
    is_tie = xp.abs(rest) <= near.view(np.float32) * s
    odd = n - 2 * xp.floor(n * np.float32(0.5))
    return n + xp.where(is_tie, odd, (rest > 0).astype(np.float32))


def _hidden(x: Array) -> Array:
    """Return what is not negative, as an integer's maximum: XLA fuses across a selection."""
    return backend.namespace(x).maximum(_pattern(x), 0).view(np.float32)
