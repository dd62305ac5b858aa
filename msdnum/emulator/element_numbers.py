"""Numbers of element codes: computed from their fields, or looked up in a table by NumPy."""

from functools import cache

import numpy as np

from msdnum.emulator import backend, bit_patterns, table_rounding
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import storage_dtype
from msdnum.emulator.element_rounding import flushes
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.formats.elements import ElementFormat, FloatFormat, IntegerFormat, TableFormat

__all__ = ["decode_scaled", "numbers_of_rows", "suits_table"]

TABLE_BITS = 8
"""Of the widest codes that NumPy decodes by a table."""
PAIRED = 1 << 14
"""Codes from which on they are looked up in pairs."""
TILE = 1 << 19
"""Numbers that are looked up and multiplied at a time: they are still in a cache."""


def decode_scaled(codes: Array, exponent: Array | int, fmt: ElementFormat) -> Array:
    """Return ``decode(codes) * 2**exponent`` as float32, rounded (RNE) where it is not exact.

    Parameters
    ----------
    codes : Array of unsigned integers
        Codes of ``fmt``.
    exponent : Array of int32, or int
        Broadcast against ``codes``; -300 to 300.
    """
    if suits_table(codes, fmt) and _has_powers(exponent):
        numbers = np.empty(codes.shape, np.float32)
        _look_up(codes, fmt, numbers)
        with np.errstate(all="ignore"):
            return numbers * np.ldexp(np.float32(1), exponent)
    return _decode_fields(codes, exponent, fmt)


def suits_table(codes: Array, fmt: ElementFormat) -> bool:
    """Return whether NumPy can look numbers up and multiply them as the emulator does."""
    exact = not isinstance(fmt, TableFormat)
    narrow = exact and fmt.bits <= TABLE_BITS
    return narrow and not backend.is_jax(codes) and not flushes_subnormals()


def _has_powers(exponent: Array | int) -> bool:
    """Return whether ``2**exponent`` are binary32 numbers, in NumPy."""
    if backend.is_jax(exponent):
        return False
    low, high = np.min(exponent), np.max(exponent)
    return bool(low >= bit_patterns.ETA_EXPONENT and high <= bit_patterns.BIAS)


def numbers_of_rows(codes: Array, scale: Array, fmt: ElementFormat) -> Array:
    """Return the numbers of codes that suit a table, times the scale of their row, rounded once.

    Parameters
    ----------
    codes : ndarray of uint8
        One row for each block.
    scale : ndarray of float32
        Of shape (rows, 1).
    fmt : ElementFormat
        Of the codes.
    """
    numbers = np.empty(codes.shape, np.float32)
    step = max(1, TILE // codes.shape[1])
    with np.errstate(all="ignore"):
        for start in range(0, len(codes), step):
            here = slice(start, start + step)
            _look_up(codes[here], fmt, numbers[here])
            np.multiply(numbers[here], scale[here], out=numbers[here])
    return numbers


def _look_up(codes: Array, fmt: ElementFormat, numbers: Array) -> None:
    """Set the numbers of codes by a table: of many two at a time, each pair one index."""
    if codes.size < PAIRED or codes.size % 2 or not codes.flags.c_contiguous:
        numbers[...] = table_of(fmt)[codes]
        return
    pairs, found = codes.reshape(-1).view(np.uint16), numbers.reshape(-1).view(np.uint64)
    np.take(_table_of_pairs(fmt), pairs, mode="clip", out=found)


@cache
def _table_of_pairs(fmt: ElementFormat) -> Array:
    """Return the numbers of two codes, as 64 bits, for each 16 bits that two bytes can be.

    Bytes that are no codes have the number 0.
    """
    numbers = np.zeros(1 << 8, np.float32)
    numbers[: 1 << fmt.bits] = table_of(fmt)
    pairs = np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(numbers[pairs]).view(np.uint64).reshape(-1)


@cache
def table_of(fmt: ElementFormat) -> Array:
    """Return the numbers of all codes."""
    return _decode_fields(np.arange(1 << fmt.bits, dtype=storage_dtype(fmt)), 0, fmt)


def _decode_fields(codes: Array, exponent: Array | int, fmt: ElementFormat) -> Array:
    xp = backend.namespace(codes)
    if isinstance(fmt, TableFormat):
        return table_rounding.numbers_by_table(codes, exponent, fmt)
    pattern = codes.astype(xp.int32)
    if isinstance(fmt, IntegerFormat):
        negative = pattern > fmt.max_integer
        integer = xp.where(negative, (1 << fmt.bits) - pattern, pattern)
        power = xp.asarray(exponent, dtype=xp.int32) - fmt.fraction_bits
        return bit_patterns.compose(negative, integer, power)
    return _decode_float(pattern, exponent, fmt)


def _decode_float(pattern: Array, exponent: Array | int, fmt: FloatFormat) -> Array:
    xp = backend.namespace(pattern)
    m = fmt.fraction_bits
    magnitude = pattern & ((1 << (fmt.exponent_bits + m)) - 1)
    field = magnitude >> m
    lowest = int(fmt.has_zero)
    significand = magnitude & ((1 << m) - 1) | (field >= lowest).astype(xp.int32) << m
    if flushes(fmt):
        significand = xp.where(field == 0, 0, significand)
    power = xp.maximum(field, lowest) - (fmt.bias + m) + exponent
    negative = pattern != magnitude
    value = bit_patterns.compose(negative, significand, power)
    if fmt.nan_code is None:
        return value
    is_nan = (pattern == fmt.nan_code) | (magnitude > fmt.max_code)
    decoded = xp.where(is_nan, bit_patterns.NAN, value.view(xp.int32))
    if fmt.inf_code is not None:
        decoded = xp.where(
            magnitude == fmt.inf_code, bit_patterns.with_sign(bit_patterns.INF, negative), decoded
        )
    return decoded.view(xp.float32)
