"""Rounding of elements on bit patterns: no float operation meets a subnormal."""

from collections.abc import Callable
from typing import NamedTuple

from msdnum.emulator import backend, bit_patterns, table_rounding
from msdnum.emulator.backend import Array
from msdnum.emulator.bit_patterns import Fields
from msdnum.emulator.codes import storage_dtype
from msdnum.formats.elements import (
    ElementFormat,
    FloatFormat,
    IntegerFormat,
    SpacedFormat,
    TableFormat,
)
from msdnum.formats.modes import Overflow, Rounding

__all__ = [
    "Quanta", "codes_of", "encode_scaled", "flushes", "remainder_of", "round_to_quanta",
]  # fmt: skip


def _quantum(fmt: SpacedFormat) -> tuple[int, int]:
    """Return fraction bits m and the exponent up to which the quantum stays ``2**(emin - m)``."""
    if isinstance(fmt, IntegerFormat):
        return fmt.precision, fmt.precision - fmt.fraction_bits
    return fmt.fraction_bits, fmt.emin


def _is_gradual(fmt: SpacedFormat) -> bool:
    """Return whether the quantum stays the same below the smallest normal number."""
    return isinstance(fmt, IntegerFormat) or fmt.subnormals


def flushes(fmt: SpacedFormat) -> bool:
    """Return whether what is below the smallest normal number becomes a zero."""
    return isinstance(fmt, FloatFormat) and fmt.has_zero and not fmt.subnormals


class Quanta(NamedTuple):
    """|x| / 2**exponent as a number of quanta, rounded: what codes and remainders are made of."""

    pattern: Array
    x: Fields
    above: Array
    """Exponent above that of the smallest normal number."""
    shift: Array
    """The quantum over the ulp of x is ``2**shift``."""
    count: Array


def round_to_quanta(
    pattern: Array,
    exponent: Array | int,
    fmt: SpacedFormat,
    rounding: Rounding = Rounding.RNE,
    words: Array | None = None,
) -> Quanta:
    """Round ``x / 2**exponent``. Nothing is divided: no quotient is out of range.

    Parameters
    ----------
    pattern : Array of int32 or int64
        The binary32 or binary64 patterns of x.
    exponent : Array of int32, or int
        Broadcast against ``pattern``; -300 to 300.
    fmt, rounding
        As for ``encode``.
    words : Array of uint32, optional
        The random words of STOCHASTIC.
    """
    xp = backend.namespace(pattern)
    m, emin = _quantum(fmt)
    of, x = bit_patterns.width(pattern), bit_patterns.fields(pattern)
    above = x.exponent - (exponent + emin)
    behind = xp.clip(-above, 0, 60) if _is_gradual(fmt) else xp.zeros_like(above)
    shift = behind + (of.fraction_bits - m)
    if words is not None:
        count = _round_stochastic(x.significand, shift, words, of)
    elif (
        of is bit_patterns.BINARY32 and rounding is Rounding.RNE and m < bit_patterns.FRACTION_BITS
    ):
        count = bit_patterns.shift_rne_by_adder(x.significand, shift)
    else:
        count = _ROUND[rounding](x.significand, xp.minimum(shift, of.max_shift), x.negative)
    if rounding is Rounding.RNE and isinstance(fmt, FloatFormat) and fmt.ties_by_code:
        count = count - _ties_to_odd_codes(x, above, of)
    return Quanta(pattern, x, above, shift, count)


def _ties_to_odd_codes(x: Fields, above: Array, of: bit_patterns.Width) -> Array:
    """Return 1 where a tie of one-bit significands has gone up to a code that is odd.

    Its significand is 1.5, and the code above is ``above + 2``.
    """
    tie = x.significand == 3 << (of.fraction_bits - 1)
    return (tie & (above >= 0) & (above & 1 == 1)).astype(x.significand.dtype)


def encode_scaled(
    pattern: Array,
    exponent: Array | int,
    fmt: ElementFormat,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    words: Array | None = None,
) -> Array:
    """Return the codes of ``x / 2**exponent``; parameters as for ``round_to_quanta``."""
    if isinstance(fmt, TableFormat):
        codes = table_rounding.codes_by_table(pattern, exponent, fmt, overflow, rounding)
        return codes.astype(storage_dtype(fmt))
    return codes_of(round_to_quanta(pattern, exponent, fmt, rounding, words), fmt, overflow)


def remainder_of(quanta: Quanta, fmt: SpacedFormat) -> Array:
    """Return what the saturated code, times ``2**exponent``, leaves of x, as float32.

    Exact for finite x below ``2**(emax + 23 - m)`` times the scale, in whose binades
    ``max_finite`` is a multiple of the ulp of x. Zero is +0.
    """
    x = quanta.x
    left = x.significand - _taken(quanta, fmt)
    negative = (x.negative != (left < 0)) & (left != 0)
    return bit_patterns.compose(negative, abs(left), x.exponent - bit_patterns.FRACTION_BITS)


def _taken(quanta: Quanta, fmt: SpacedFormat) -> Array:
    """Return the rounded and saturated magnitude in units of the ulp of x."""
    xp = backend.namespace(quanta.count)
    taken = quanta.count << xp.minimum(quanta.shift, bit_patterns.MAX_SHIFT)
    if flushes(fmt):
        carried = quanta.count >> fmt.precision
        taken = xp.where(quanta.above + carried < 0, 0, taken)
    above_emax = quanta.above + _quantum(fmt)[1] - fmt.emax
    may_saturate = above_emax >= 0
    if not backend.maybe_any(may_saturate):
        return taken
    largest, unit = _largest(fmt, quanta.x.negative)
    align = bit_patterns.FRACTION_BITS + unit - fmt.emax
    limited = xp.minimum(taken, largest << xp.clip(align - above_emax, 0, align))
    return xp.where(may_saturate, limited, taken)


def _largest(fmt: SpacedFormat, negative: Array) -> tuple[Array | int, int]:
    """Return the largest magnitude as an integer and the exponent of its unit."""
    if isinstance(fmt, IntegerFormat):
        asymmetry = -fmt.min_integer - fmt.max_integer
        return fmt.max_integer + asymmetry * negative.astype("int32"), -fmt.fraction_bits
    implicit = 1 << fmt.fraction_bits
    return implicit | fmt.max_code & (implicit - 1), fmt.emax - fmt.fraction_bits


def codes_of(quanta: Quanta, fmt: SpacedFormat, overflow: Overflow) -> Array:
    """Return the codes of rounded numbers."""
    xp = backend.namespace(quanta.pattern)
    m, emin = _quantum(fmt)
    lowest = 0 if _is_gradual(fmt) else -2
    magnitude = (xp.clip(quanta.above, lowest, fmt.emax + 1 - emin) << m) + quanta.count
    if isinstance(fmt, IntegerFormat):
        codes = _integer_codes(magnitude, quanta, fmt)
    else:
        codes = _float_codes(magnitude, quanta, fmt, overflow)
    return codes.astype(storage_dtype(fmt))


def _integer_codes(magnitude: Array, quanta: Quanta, fmt: IntegerFormat) -> Array:
    xp = backend.namespace(magnitude)
    # A NaN, which only jitted code meets here, has no sign.
    negative = quanta.x.negative & ~bit_patterns.is_nan(quanta.pattern)
    clipped = xp.minimum(magnitude, _largest(fmt, negative)[0])
    return xp.where(negative, -clipped, clipped) & ((1 << fmt.bits) - 1)


def _float_codes(magnitude: Array, quanta: Quanta, fmt: FloatFormat, overflow: Overflow) -> Array:
    xp = backend.namespace(magnitude)
    if not fmt.signed:
        return _unsigned_codes(magnitude, quanta, fmt, overflow)
    if flushes(fmt):
        magnitude = xp.where(magnitude < 1 << fmt.fraction_bits, 0, magnitude)
    if overflow is Overflow.SATURATE:
        codes = xp.minimum(magnitude, fmt.max_code)
    else:
        codes = xp.where(magnitude > fmt.max_code, _overflow_code(fmt), magnitude)
    negative = quanta.x.negative
    if not fmt.has_negative_zero:
        negative = negative & (codes != 0)
    codes = codes | negative.astype(xp.int32) << (fmt.bits - 1)
    not_a_number = bit_patterns.is_nan(quanta.pattern)
    if not backend.maybe_any(not_a_number):
        return codes
    return xp.where(not_a_number, fmt.max_code if fmt.nan_code is None else fmt.nan_code, codes)


def _unsigned_codes(
    magnitude: Array, quanta: Quanta, fmt: FloatFormat, overflow: Overflow
) -> Array:
    xp = backend.namespace(magnitude)
    codes = magnitude if fmt.subnormals else magnitude - (1 << fmt.fraction_bits)
    if overflow is Overflow.SATURATE:
        codes = xp.clip(codes, 0, fmt.max_code)
    else:
        codes = xp.where(codes > fmt.max_code, _overflow_code(fmt), codes)
        codes = xp.where(codes < 0, fmt.nan_code, codes)
    below_zero = quanta.x.negative & (quanta.x.significand != 0)
    return xp.where(bit_patterns.is_nan(quanta.pattern) | below_zero, fmt.nan_code, codes)


def _overflow_code(fmt: FloatFormat) -> int | None:
    return fmt.nan_code if fmt.inf_code is None else fmt.inf_code


def _rest(n: Array, shift: Array) -> Array:
    return n & ((1 << shift) - 1)


def _round_nearest_away(n: Array, shift: Array, negative: Array) -> Array:
    return (n >> shift) + ((_rest(n, shift) << 1) >= (1 << shift))


def _round_toward_positive(n: Array, shift: Array, negative: Array) -> Array:
    return (n >> shift) + ((_rest(n, shift) != 0) & ~negative)


def _round_toward_negative(n: Array, shift: Array, negative: Array) -> Array:
    return _round_toward_positive(n, shift, ~negative)


def _round_stochastic(n: Array, shift: Array, words: Array, of: bit_patterns.Width) -> Array:
    xp = backend.namespace(n)
    clamped = xp.minimum(shift, of.max_shift)
    rest = _rest(n, clamped).astype(of.rest_type)
    left = xp.clip(32 - shift, 0, 31).astype(of.rest_type)
    right = xp.clip(shift - 32, 0, of.max_shift).astype(of.rest_type)
    return (n >> clamped) + (((rest << left) >> right) > words)


_ROUND: dict[Rounding, Callable[[Array, Array, Array], Array]] = {
    Rounding.RNE: lambda n, shift, negative: bit_patterns.shift_rne(n, shift),
    Rounding.RNA: _round_nearest_away,
    Rounding.RTZ: lambda n, shift, negative: n >> shift,
    Rounding.RTP: _round_toward_positive,
    Rounding.RTN: _round_toward_negative,
}
"""An integer divided by ``2**shift``, rounded, for each deterministic mode."""
