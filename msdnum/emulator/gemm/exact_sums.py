"""Matrix products without a rounding, or with one: integers, and floats sliced into integers."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.float_products import dot
from msdnum.emulator.gemm.operands import OperandType, Prepared, scaled_elements
from msdnum.emulator.gemm.tiles import cut
from msdnum.formats.accumulators import Int32, Int32Overflow

__all__ = [
    "float64_dot", "fused_step", "integer_dot", "largest_k", "rounded_sum", "scaled_float64",
]  # fmt: skip

FLOAT32_INTEGERS = 1 << 24
FLOAT64_BITS = 53
INT32_MAX = (1 << 31) - 1
DOT_ELEMENTS = 1 << 20
"""Elements of a partial product in NumPy."""


def float64_dot(a: Array, b: Array) -> Array:
    """Return the product in float64, for factors whose products it sums exactly."""
    backend.require_float64(a, "an exact sum of this block")
    return dot(a.astype(np.float64), b.astype(np.float64))


def scaled_float64(x: Array, exponent: Array) -> Array:
    """Return float64 ``x * 2**exponent``, rounded once to float32 (RNE), subnormals kept."""
    xp = backend.namespace(x)
    x = x * _float64_power(exponent)
    if not backend.is_jax(x):
        return x.astype(np.float32)
    # JAX's conversion flushes what is subnormal: multiples of 2**-149, its patterns.
    subnormal = xp.rint(xp.abs(x) * 2.0**-bit_patterns.ETA_EXPONENT).astype(np.int32)
    normal = x.astype(np.float32).view(np.int32)
    tiny = xp.abs(x) < 2.0**bit_patterns.EMIN
    return xp.where(tiny, bit_patterns.with_sign(subnormal, x < 0), normal).view(np.float32)


def largest_k(kinds: tuple[OperandType, OperandType]) -> int:
    """Return the largest k for which no sum of products overflows int32."""
    return INT32_MAX // (kinds[0].largest * kinds[1].largest)


def integer_dot(
    a: Array, b: Array, kinds: tuple[OperandType, OperandType], accumulator: Int32 | None
) -> Array:
    """Return the product of matrices of integers.

    Parameters
    ----------
    a, b : Array of int8, uint8 or int16
        Shapes (m, k) and (k, n).
    kinds : tuple of Kind
        They bound the elements.
    accumulator : Int32 or None
        None: exact.

    Returns
    -------
    Array of int32, or of int64 where an exact sum could overflow int32
    """
    wide = kinds[0].length > largest_k(kinds)
    if wide and accumulator is None:
        backend.require_float64(a, f"an exact integer sum over k = {kinds[0].length}")
        return _integers(a, b, kinds, np.int64)
    if wide and accumulator is not None and accumulator.overflow is Int32Overflow.SATURATE:
        return _saturated(a, b, kinds, accumulator.group)
    return _integers(a, b, kinds, np.int32)


def _integers(a: Array, b: Array, kinds: tuple[OperandType, OperandType], dtype: Any) -> Array:
    if backend.is_jax(a):
        import jax

        if a.dtype != b.dtype:
            # Unsigned bytes, or integers less zero points, beside signed bytes.
            a, b = a.astype(np.int32), b.astype(np.int32)
        return jax.lax.dot_general(
            a, b, (((1,), (0,)), ((), ())), preferred_element_type=np.dtype(dtype)
        )
    return _by_float32(a, b, FLOAT32_INTEGERS // (kinds[0].largest * kinds[1].largest), dtype)


def _by_float32(a: Array, b: Array, chunk: int, dtype: Any) -> Array:
    """Multiply in chunks of k whose sums float32 holds: NumPy has no fast integer product."""
    (m, k), n = a.shape, b.shape[1]
    result = np.zeros((m, n), dtype)
    rows = max(1, DOT_ELEMENTS // n)
    for start in range(0, k, chunk):
        part = slice(start, start + chunk)
        right = b[part].astype(np.float32)
        for top in range(0, m, rows):
            left = a[top : top + rows, part].astype(np.float32)
            result[top : top + rows] += (left @ right).astype(dtype)
    return result


def _saturated(a: Array, b: Array, kinds: tuple[OperandType, OperandType], group: int) -> Array:
    """Add the sums of groups one after the other, clamping."""
    (m, k), n = a.shape, b.shape[1]

    def add_group(i: Any, total: Array, size: int = group) -> Array:
        x, y = cut(a, i * group, size, 1), cut(b, i * group, size, 0)
        return _add_clamped(total, _integers(x, y, kinds, np.int32))

    total = backend.loop(k // group, add_group, backend.namespace(a).zeros((m, n), np.int32))
    return add_group(k // group, total, k % group) if k % group else total


def _add_clamped(x: Array, y: Array) -> Array:
    xp = backend.namespace(x)
    total = x + y
    overflows = ((total ^ x) & (total ^ y)) < 0
    limit = xp.where(x < 0, np.int32(-INT32_MAX - 1), np.int32(INT32_MAX))
    return xp.where(overflows, limit, total)


# ------------------------------------------------------------------------------------------------
# Floats
# ------------------------------------------------------------------------------------------------


def rounded_sum(a: Prepared, b: Prepared) -> Array:
    """Return the product, each entry exact and then rounded once to float32 (RNE).

    Rows of the left and columns of the right factor become integers over their least exponent,
    cut into slices so narrow that products of slices are exact in float64.

    Raises
    ------
    ValueError
        Under ``jit``, where the number of slices is not known, and in JAX without 64-bit types.
    """
    backend.require_float64(a.elements, "an exact sum of floats")
    if backend.is_traced(a.elements) or backend.is_traced(b.elements):
        raise ValueError("accumulator EXACT needs values that are known before jit, for floats")
    length = a.elements.shape[1]
    width = (FLOAT64_BITS - max(length - 1, 1).bit_length()) // 2
    left, row = _slices(a, 1, width)
    right, column = _slices(b, 0, width)
    sums: list[Array] = [0] * (len(left) + len(right) - 1)
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            sums[i + j] = sums[i + j] + dot(x, y).astype(np.int64)
    return _compiled(_round_digits, sums[0])(sums, width, row + column)


def _compiled(function: Callable[..., Any], like: Array) -> Callable[..., Any]:
    """Return a function of (arrays, number, array) as JAX runs it fastest, for JAX arrays."""
    if not backend.is_jax(like):
        return function
    import jax

    return jax.jit(function, static_argnums=1)


def _slices(x: Prepared, axis: int, width: int) -> tuple[list[Array], Array]:
    """Return float64 slices, lowest first, and the exponent of their unit for each row or column.

    x is the sum of ``slice * 2**(width * index + exponent)``; slices are below ``2**width``.
    """
    xp = backend.namespace(x.elements)
    parts = bit_patterns.fields(scaled_elements(x).view(np.int32))
    exponent = (
        parts.exponent + (0 if x.exponents is None else x.exponents) - bit_patterns.FRACTION_BITS
    )
    nonzero = parts.significand != 0
    lowest = xp.where(nonzero, exponent, 1 << 20).min(axis=axis, keepdims=True)
    lowest = xp.where(lowest == 1 << 20, 0, lowest)
    shift = xp.where(nonzero, exponent - lowest, 0)
    significand = xp.where(parts.negative, -parts.significand, parts.significand)
    count = -(-(bit_patterns.FRACTION_BITS + 1 + int(shift.max())) // width)
    wide = significand.astype(np.int64)
    slices = [_slice(wide, shift, i * width, width) for i in range(count)]
    return slices, lowest


def _slice(significand: Array, shift: Array, start: int, width: int) -> Array:
    """Return bits start to start + width of ``significand << shift``, with the sign."""
    xp = backend.namespace(significand)
    magnitude = xp.abs(significand)
    places = xp.clip(shift - start, -63, 38)
    moved = xp.where(
        places >= 0,
        magnitude << xp.maximum(places, 0).astype(np.int64),
        magnitude >> xp.maximum(-places, 0).astype(np.int64),
    )
    digit = xp.where(shift - start >= width, 0, moved & ((1 << width) - 1))
    return xp.where(significand < 0, -digit, digit).astype(np.float64)


def _round_digits(sums: list[Array], width: int, exponent: Array) -> Array:
    """Return the sum of ``sums[i] * 2**(width * i + exponent)``, rounded once to float32."""
    xp = backend.namespace(sums[0])
    digits, top = _carried(sums, width)
    negative = top < 0
    opposite, top_opposite = _carried([-s for s in sums], width)
    digits = [xp.where(negative, y, x) for x, y in zip(digits, opposite, strict=True)]
    top = xp.where(negative, top_opposite, top)
    # The highest 62 bits or so, every lower bit in the last ("and more").
    head, place, sticky = xp.zeros_like(top), xp.zeros_like(top), xp.zeros_like(top) != 0
    for i, digit in reversed(list(enumerate([*digits, top]))):
        room = head < 1 << (62 - width)
        head = xp.where(room, (head << width) + digit, head)
        place = xp.where(room, width * i, place)
        sticky = sticky | (~room & (digit != 0))
    return _round_head(negative, head | sticky, place + exponent)


def _carried(sums: list[Array], width: int) -> tuple[list[Array], Array]:
    """Return digits in [0, 2**width) and what is left above them."""
    digits, carry = [], sums[0] * 0
    for total in sums:
        total = total + carry
        digits.append(total & ((1 << width) - 1))
        carry = total >> width
    return digits, carry


def _round_head(negative: Array, head: Array, exponent: Array) -> Array:
    """Return ``head * 2**exponent`` rounded to float32; head is a nonnegative int64."""
    xp = backend.namespace(head)
    length = sum((head >> i != 0).astype(np.int64) for i in range(63))
    shift = xp.maximum(xp.maximum(length - 24, bit_patterns.ETA_EXPONENT - exponent), 0)
    shift = xp.minimum(shift, 63)
    significand = xp.where(shift == 63, 0, _shifted_to_even(head, shift)).astype(np.int32)
    place = xp.clip(exponent + shift, -900, 900).astype(np.int32)
    return bit_patterns.compose(negative & (head != 0), significand, place)


def _shifted_to_even(head: Array, shift: Array) -> Array:
    """Return ``head * 2**-shift`` rounded to an integer, ties to even; shift is 0 to 63."""
    xp = backend.namespace(head)
    down = head >> shift
    rest = head - (down << shift)
    half = xp.where(shift > 0, np.int64(1) << xp.maximum(shift - 1, 0), 0)
    goes_up = (shift > 0) & ((rest > half) | ((rest == half) & (down & 1 == 1)))
    return down + goes_up


# ------------------------------------------------------------------------------------------------
# Few addends
# ------------------------------------------------------------------------------------------------


def fused_step(c: Array, a: Sequence[Array], b: Sequence[Array]) -> Array:
    """Return ``c`` plus products, exact and then rounded once to float32 (RNE).

    Parameters
    ----------
    c : Array of float32
        Shape (m, n).
    a, b : sequence of two arrays
        Elements (float32) and exponents (int32), (m, k) and (k, n), k at most 8.
    """
    xp = backend.namespace(c)
    pattern = c.view(np.int32)
    finite = (pattern & bit_patterns.MAGNITUDE_MASK) < bit_patterns.INF
    parts = [bit_patterns.to_float64(xp.where(finite, pattern, 0))]
    for k in range(a[0].shape[1]):
        product = a[0][:, k, None].astype(np.float64) * b[0][k].astype(np.float64)
        parts = _grown(parts, product * _float64_power(a[1][:, k, None] + b[1][k]))
    # From the bottom up, twice: the last part is then the sum to half an ulp.
    for _ in range(2):
        parts = _grown(parts[1:], parts[0])
    result = _rounded_to_float32(parts[-1], sum(parts[:-1]))
    return xp.where(finite, result.view(np.int32), pattern).view(np.float32)


def _grown(parts: list[Array], x: Array) -> list[Array]:
    """Add x to an expansion (Shewchuk 1997): an exact sum of parts that do not overlap, upward."""
    found = []
    for part in parts:
        total = x + part
        back = total - x
        found.append((x - (total - back)) + (part - back))
        x = total
    return [*found, x]


def _float64_power(exponent: Array) -> Array:
    return (exponent.astype(np.int64) + 1023 << 52).view(np.float64)


def _rounded_to_float32(x: Array, rest: Array) -> Array:
    """Return ``x + rest``, the rest below an ulp of x, rounded once to float32 (RNE)."""
    xp = backend.namespace(x)
    pattern = x.view(np.int64)
    # To odd: one less in magnitude where the rest points inward, then the last bit says "and more".
    inward = (rest != 0) & ((rest < 0) != (x < 0))
    magnitude = (pattern & ((1 << 63) - 1)) - inward
    field = magnitude >> 52
    head = (magnitude & ((1 << 52) - 1)) | xp.where(field > 0, np.int64(1) << 52, 0) | (rest != 0)
    return _round_head(x < 0, head, field - 1075)
