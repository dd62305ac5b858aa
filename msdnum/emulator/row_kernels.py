"""Kernels that numba compiles: blocks as rows of binary32 patterns, one number after another.

They read as the specification does, but for what lets a compiler use vectors: 32-bit integers stay
so, and blocks are taken a tile at a time, each step over a whole tile. Only ``compiled_rows``
imports this module, for it needs numba. Nothing is reordered, fused or flushed: no ``fastmath``.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy import float32, int32, uint8, uint32
from numpy.typing import NDArray

__all__ = ["decompose_by_division", "decompose_by_powers"]

Integers = NDArray[np.int32]
Floats = NDArray[np.float32]
Codes = NDArray[Any]
Integer = Any

MAGNITUDE, FRACTION = int32(0x7FFFFFFF), int32(0x7FFFFF)
INFINITE, NOT_A_NUMBER = int32(0x7F800000), int32(0x7FC00000)
ONE = int32(1 << 23)
"""Of a field of exponents; as a pattern, the smallest normal number."""
WIDTH, BIAS = int32(23), int32(127)
SUBNORMAL = int32(149 << 23)
LOWEST_POWER = int32(1 << 22)
"""The pattern of ``2**-127``."""

TILE = 16384
"""Numbers: with all that is made of them they stay in a cache."""

ELEMENT = ("fraction_bits", "emin", "emax", "max_code", "sign", "threshold", "drop")
"""Of each term, as int32; ``drop`` is by how much its scale is below that of the term before, as
a power of two, ``OWN`` for a scale that follows from amax."""
OWN = int32(-(1 << 20))

# Compiled once for each kind of arrays and kept in ``__pycache__``, or in the user's cache.
compiled = njit(nogil=True, cache=True, error_model="numpy")
# What these call is compiled with them.
step = njit(nogil=True, error_model="numpy")
inlined = njit(nogil=True, error_model="numpy", forceinline=True)


@inlined
def bits_of(x: Any) -> Any:
    """Return the pattern of a float32 number."""
    return float32(x).view(int32)


@inlined
def number_of(pattern: Any) -> Any:
    """Return the float32 number of a pattern."""
    return int32(pattern).view(float32)


@inlined
def power_of_two(exponent: Any) -> Any:
    """Return ``2**exponent`` for -127 to 127."""
    return number_of(max(int32(int32(exponent + BIAS) << WIDTH), LOWEST_POWER))


@step
def find_amax(rows: Integers, lanes: Integers, amax: Integers) -> None:
    """Set the pattern of the largest magnitude of each row, four slices of it side by side."""
    quarter = rows.shape[1] // 4
    if 4 * quarter != rows.shape[1]:
        for i in range(rows.shape[0]):
            largest = int32(0)
            for j in range(rows.shape[1]):
                largest = max(largest, int32(rows[i, j] & MAGNITUDE))
            amax[i] = largest
        return
    for i in range(rows.shape[0]):
        row = rows[i]
        for j in range(quarter):
            first = max(int32(row[j] & MAGNITUDE), int32(row[j + quarter] & MAGNITUDE))
            third, last = row[j + 2 * quarter], row[j + 3 * quarter]
            second = max(int32(third & MAGNITUDE), int32(last & MAGNITUDE))
            lanes[i, j] = max(first, second)
    for i in range(rows.shape[0]):
        largest = int32(0)
        for j in range(quarter):
            largest = max(largest, lanes[i, j])
        amax[i] = largest


@step
def choose_exponents(amax: Integers, threshold: int, emax: int, exponents: Integers) -> None:
    """Set the exponent of amax, plus one above the threshold of the rule, over that of 1."""
    for i in range(len(amax)):
        pattern = amax[i]
        if pattern < ONE:
            # A subnormal number is an integer in units of 2**-149.
            pattern = int32(bits_of(pattern) - SUBNORMAL)
        significand = int32(int32(pattern & FRACTION) | ONE)
        exponent = int32(int32(pattern >> WIDTH) - BIAS)
        exponents[i] = exponent + int32(significand > threshold) - emax


@step
def clamp_to_scales(
    exponents: Integers, amax: Integers, clamped: Integers, scale_codes: Codes
) -> None:
    """Set the nearest exponents that E8M0 has, and their codes; NaN's where amax is not finite."""
    for i in range(len(exponents)):
        clamped[i] = max(-BIAS, min(BIAS, exponents[i]))
        finite = amax[i] < INFINITE
        scale_codes[i] = uint8(clamped[i] + BIAS) if finite else uint8(255)


@step
def spread_powers(exponents: Integers, sign: int, powers: Floats) -> None:
    """Set ``2**(sign * exponent)`` for every number of a row."""
    for i in range(powers.shape[0]):
        power = power_of_two(int32(sign * exponents[i]))
        for j in range(powers.shape[1]):
            powers[i, j] = power


@step
def round_by_adder(
    x: Integers,
    inverse: Floats,
    m: Integer,
    emin: Integer,
    max_code: Integer,
    sign: Integer,
    codes: Codes,
) -> None:
    """Set the codes of ``x / scale``, to nearest, ties to even, and saturated."""
    m, max_code, sign = int32(m), int32(max_code), int32(sign)
    lowest = int32(int32(emin + BIAS) << WIDTH)
    drop = int32(WIDTH - m)
    for k in range(len(x)):
        v = float32(number_of(int32(x[k] & MAGNITUDE)) * inverse[k])
        binade = max(int32(bits_of(v) & INFINITE), lowest)
        # 2**(e + 23 - m) has the ulp 2**(e - m): the low bits of the sum are the code.
        adder = int32(binade + int32(drop << WIDTH))
        count = int32(bits_of(float32(v + number_of(adder))) - adder)
        code = int32(min(int32(count + int32(int32(binade - lowest) >> drop)), max_code))
        codes[k] = uint32(int32(code | int32(int32(x[k] >> int32(31)) & sign)))


@step
def take_away(
    x: Integers,
    inverse: Floats,
    scale: Floats,
    m: Integer,
    emin: Integer,
    largest: Any,
    left: Integers,
) -> None:
    """Set what the rounded and saturated ``x / scale``, times the scale, leaves of x: exact."""
    lowest = int32(int32(emin + BIAS) << WIDTH)
    drop = int32(int32(WIDTH - int32(m)) << WIDTH)
    for k in range(len(x)):
        number = number_of(x[k])
        quotient = float32(number * inverse[k])
        pattern = bits_of(quotient)
        v = number_of(int32(pattern & MAGNITUDE))
        adder = number_of(int32(max(int32(pattern & INFINITE), lowest) + drop))
        taken = min(float32(float32(v + adder) - adder), largest)
        signed = number_of(int32(bits_of(taken) | int32(pattern & ~MAGNITUDE)))
        rest = float32(float32(quotient - signed) * scale[k])
        # A quotient below all normal numbers may not be exact, but then nothing is taken.
        rest = number if taken == float32(0) else rest
        left[k] = bits_of(float32(rest + float32(0)))


@step
def spoil_rows(amax: Integers, remainder: Integers) -> None:
    """Set what is left of blocks with an Inf or a NaN to NaN."""
    for i in range(len(amax)):
        if amax[i] >= INFINITE:
            remainder[i, :] = NOT_A_NUMBER


@step
def empty_rows(amax: Integers, codes: Codes) -> None:
    """Set the codes of blocks with an Inf or a NaN to 0."""
    for i in range(len(amax)):
        if amax[i] >= INFINITE:
            codes[i, :] = 0


@step
def round_term(
    x: Integers,
    i: int,
    elements: Integers,
    largest: Floats,
    space: Any,
    codes: Codes,
    scale_codes: Codes,
    left: Integers,
    wanted: bool,
) -> None:
    """Round what the terms before have left, and leave what this one leaves if it is wanted."""
    lanes, first_amax, next_amax, exponents, clamped, inverse, scale = space
    m, emin, emax, max_code, sign, threshold, drop = elements[i]
    if drop == OWN:
        amax = next_amax if i else first_amax
        find_amax(x, lanes, amax)
        choose_exponents(amax, threshold, emax, exponents)
    else:
        for k in range(len(x)):
            exponents[k] -= drop
    # A block is a NaN block by its first amax, whatever the other terms are.
    clamp_to_scales(exponents, first_amax, clamped, scale_codes)
    spread_powers(clamped, -1, inverse)
    numbers, over = x.reshape(-1), inverse.reshape(-1)
    round_by_adder(numbers, over, m, emin, max_code, sign, codes.reshape(-1))
    empty_rows(first_amax, codes)
    if wanted:
        spread_powers(clamped, 1, scale)
        take_away(numbers, over, scale.reshape(-1), m, emin, largest[i], left.reshape(-1))


@step
def divide_term(
    i: int, integers: Integers, ratios: Floats, space: Any, codes: Codes, scale_codes: Codes
) -> None:
    """Round what the terms before have left over this scale, and take it away."""
    lanes, first_amax, next_amax, scales, spread, left = space
    smallest, largest, mask = integers[i]
    own = ratios[i] == float32(0)
    amax = next_amax if own and i else first_amax
    if own:
        find_amax(left.view(int32), lanes, amax)
    for k in range(len(scales)):
        number = number_of(amax[k]) if own else scales[k]
        scales[k] = number / (float32(largest) if own else ratios[i])
        # What is left of the largest numbers may be infinite, for the product was.
        finite = amax[k] < INFINITE
        scale_codes[k] = bits_of(scales[k]) if finite else NOT_A_NUMBER
    spread_numbers(scales, spread)
    flat = left.reshape(-1)
    take_digits(flat, spread.reshape(-1), smallest, largest, mask, codes.reshape(-1))
    empty_rows(amax, codes)


@step
def spread_numbers(numbers: Floats, spread: Floats) -> None:
    """Set one number for every number of a row."""
    for i in range(spread.shape[0]):
        for j in range(spread.shape[1]):
            spread[i, j] = numbers[i]


@step
def take_digits(
    left: Floats, scale: Floats, smallest: Integer, largest: Integer, mask: Integer, codes: Codes
) -> None:
    """Set the codes of ``left / scale``, to nearest, ties to even, and take their numbers away."""
    low, high, mask = float32(smallest), float32(largest), int32(mask)
    for k in range(len(left)):
        # Over a scale of zero everything is the digit 0.
        divisor = float32(np.inf) if scale[k] == float32(0) else scale[k]
        digit = min(max(float32(np.rint(float32(left[k] / divisor))), low), high)
        codes[k] = uint32(int32(int32(digit) & mask))
        left[k] = float32(left[k] - float32(scale[k] * digit))


@compiled
def decompose_by_powers(
    rows: Integers,
    elements: Integers,
    largest: Floats,
    codes: Codes,
    scale_codes: Codes,
    remainder: Integers,
    start: int,
    stop: int,
) -> None:
    """Decompose rows from start to stop into terms with E8M0 scales; one term is a quantization.

    ``elements`` has a row of ``ELEMENT`` for each term, ``largest`` its largest number.
    ``remainder`` gets the patterns of what is left, if it has rows.
    """
    size, terms = rows.shape[1], len(elements)
    count = max(1, TILE // size)
    lanes, amax = np.empty((count, size // 4), int32), np.empty((2, count), int32)
    exponents, clamped = np.empty(count, int32), np.empty(count, int32)
    inverse, scale = np.empty((count, size), float32), np.empty((count, size), float32)
    left = np.empty((2, count, size), int32)
    for first in range(start, stop, count):
        n = min(count, stop - first)
        here = slice(first, first + n)
        space = lanes, amax[0, :n], amax[1, :n], exponents[:n], clamped[:n], inverse[:n], scale[:n]
        for i in range(terms):
            made, scales = codes[i, here], scale_codes[i, here]
            rest = left[i % 2, :n]
            wanted = i < terms - 1 or len(remainder) > 0
            if i == terms - 1 and wanted:
                rest = remainder[here]
            if i == 0:
                round_term(rows[here], i, elements, largest, space, made, scales, rest, wanted)
            else:
                before = left[(i - 1) % 2, :n]
                round_term(before, i, elements, largest, space, made, scales, rest, wanted)
        if len(remainder):
            spoil_rows(amax[0, :n], remainder[here])


@compiled
def decompose_by_division(
    rows: Integers,
    integers: Integers,
    ratios: Floats,
    codes: Codes,
    scale_codes: Codes,
    start: int,
    stop: int,
) -> None:
    """Decompose rows from start to stop into integers, each operation rounded to binary32.

    ``integers`` has the smallest and the largest integer and the mask of the codes of each term,
    ``ratios`` that of the scale before to its own, 0 for a scale of its own.
    """
    size, terms = rows.shape[1], len(integers)
    count = max(1, TILE // size)
    lanes, amax = np.empty((count, size // 4), int32), np.empty((2, count), int32)
    scales, spread = np.empty(count, float32), np.empty((count, size), float32)
    left = np.empty((count, size), float32)
    for first in range(start, stop, count):
        n = min(count, stop - first)
        here = slice(first, first + n)
        space = lanes, amax[0, :n], amax[1, :n], scales[:n], spread[:n], left[:n]
        left[:n] = rows[here].view(float32)
        for i in range(terms):
            divide_term(i, integers, ratios, space, codes[i, here], scale_codes[i, here])
