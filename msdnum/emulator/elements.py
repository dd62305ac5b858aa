"""Elements: arrays of one format, encoded, decoded, rounded."""

from typing import Any

import numpy as np

from msdnum.emulator import backend, bit_patterns
from msdnum.emulator.argument_checks import check_mode, check_random, checked_codes
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import ML_DTYPES
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.element_numbers import decode_scaled
from msdnum.emulator.element_rounding import encode_scaled
from msdnum.emulator.floats import as_numbers, patterns
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.formats.elements import ElementFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["as_ml_dtype", "decode", "encode", "round_to"]


@under_own_settings
def encode(
    x: Array,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> Array:
    """Return the codes of ``x`` rounded to ``fmt``.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64, or Python's numbers
        Any shape. Smaller floats of ``ml_dtypes`` and torch tensors on the CPU are taken, too. Each
        number is rounded once.
    fmt : ElementFormat
        Format that ``x`` is rounded to.
    overflow : Overflow
        SATURATE: a rounded magnitude above ``max_finite``, and Inf, become ``max_finite``.
        OVERFLOW: they become Inf, or NaN in a format without Inf, with the sign of x.
    rounding : Rounding
        Decided as if the exponent range had no upper end.
    random : numpy.random.Generator, JAX key or Array of uint32
        Required by STOCHASTIC, refused otherwise. A magnitude goes up if the fraction of the
        quantum it lies above its lower neighbour, cut to 32 bits, exceeds its random word.

    Returns
    -------
    Array of uint8, uint16 or uint32
        Bit patterns, of the shape of ``x``; integers in two's complement of ``fmt.bits`` bits.
        Zero keeps its sign where the format has one. A NaN becomes the positive quiet NaN.

    Raises
    ------
    TypeError
        If ``x``, ``overflow`` or ``rounding`` is not of its type.
    ValueError
        If ``x`` is empty; if ``fmt`` has no NaN and ``x`` does, or has no code for an overflow and
        ``overflow`` is OVERFLOW; if ``random`` is missing or unused.

    Notes
    -----
    Under ``jax.jit`` values cannot raise: a NaN without a code becomes ``+max_finite``, as in
    PTX ``cvt.satfinite``. E8M0 has no zero and no sign: what rounds below 2**-127 saturates to it
    or overflows to NaN, and a negative number is NaN.

    Source: OCP OFP8 v1.0, section 5.2; OCP MX v1.0, section 5.3; ``spec.encode``.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, Overflow, encode
    >>> e2m1, e4m3 = ELEMENT_FORMATS["E2M1"], ELEMENT_FORMATS["E4M3"]
    >>> x = np.float32([2.5, 3.5, -7])
    >>> codes = encode(x, e2m1, overflow=Overflow.SATURATE)  # two ties, and more than -6
    >>> [f"{code:04b}" for code in codes]
    ['0100', '0110', '1111']
    >>> encode(np.float32([464, 465]), e4m3, overflow=Overflow.OVERFLOW)  # 127 is NaN
    array([126, 127], dtype=uint8)
    """
    x, source = _checked(x, fmt, overflow, rounding, random)
    return _encode(x, source, fmt=fmt, overflow=overflow, rounding=rounding)


@under_own_settings
def decode(codes: Array, fmt: ElementFormat) -> Array:
    """Return the numbers that ``codes`` stand for.

    Parameters
    ----------
    codes : Array of uint8, uint16 or uint32, or Python's integers
        As ``encode`` returns them. Types that hold the same bits are taken, too.
    fmt : ElementFormat
        Format of the codes.

    Returns
    -------
    Array of float32
        Exact, of the shape of ``codes``. NaN is the positive quiet NaN.

    Raises
    ------
    TypeError
        If ``codes`` does not have the storage type of the format.
    ValueError
        If ``codes`` is empty or, outside ``jit``, has bits above the format's width.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, decode
    >>> decode(np.arange(8, dtype=np.uint8), ELEMENT_FORMATS["E2M1"])
    array([0. , 0.5, 1. , 1.5, 2. , 3. , 4. , 6. ], dtype=float32)
    """
    return _decode(checked_codes(codes, fmt), fmt=fmt)


@under_own_settings
def round_to(
    x: Array,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> Array:
    """Return ``decode(encode(x))`` as float32; its derivative in JAX is that of the identity.

    Parameters, errors and notes are those of ``encode``.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, Overflow, Rounding, round_to
    >>> e2m1, x = ELEMENT_FORMATS["E2M1"], np.float32([0.25, 0.75, 5, 100])
    >>> round_to(x, e2m1, overflow=Overflow.SATURATE)
    array([0., 1., 4., 6.], dtype=float32)
    >>> round_to(x, e2m1, overflow=Overflow.SATURATE, rounding=Rounding.RTP)
    array([0.5, 1. , 6. , 6. ], dtype=float32)
    """

    def rounded(v: Array) -> Array:
        return _round(v, source, fmt=fmt, overflow=overflow, rounding=rounding)

    x, source = _checked(x, fmt, overflow, rounding, random)
    return backend.straight_through(rounded, x)


@under_own_settings
def as_ml_dtype(codes: Array, fmt: ElementFormat) -> Array:
    """Return ``codes`` seen, without a copy, as the ``ml_dtypes`` or NumPy type of ``fmt``.

    Raises
    ------
    ValueError
        If there is no such type, or ``codes`` are JAX's and the type is narrower than a byte: JAX
        would reinterpret its bits.

    Examples
    --------
    >>> from msdnum import ELEMENT_FORMATS, as_ml_dtype
    >>> as_ml_dtype(np.uint8([0x38, 0x7E]), ELEMENT_FORMATS["E4M3"])
    array([1, 448], dtype='float8_e4m3fn')
    """
    if fmt not in ML_DTYPES:
        names = ", ".join(known.name for known in ML_DTYPES)
        raise ValueError(f"fmt must be one of {names}, got {fmt!r}")
    codes = checked_codes(codes, fmt)
    if fmt.bits < 8 and backend.is_jax(codes):
        raise ValueError(f"codes must be a NumPy array for {fmt.name}, got a JAX array")
    return codes.view(np.dtype(ML_DTYPES[fmt]))


def _checked(
    x: Any, fmt: ElementFormat, overflow: Overflow, rounding: Rounding, random: Any
) -> tuple[Array, Any]:
    """Return the numbers and the source of random words, once they are known to suit."""
    check_mode("fmt", fmt, ElementFormat)
    check_mode("overflow", overflow, Overflow)
    x = as_numbers(x, "x")
    check_representable(x, fmt, overflow)
    return x, check_random(rounding, random, x)


@compiled_whole
def _round(
    x: Array, source: Any, *, fmt: ElementFormat, overflow: Overflow, rounding: Rounding
) -> Array:
    codes = _encode(x, source, fmt=fmt, overflow=overflow, rounding=rounding)
    return _decode(codes, fmt=fmt)


@compiled_whole
def _encode(
    x: Array, source: Any, *, fmt: ElementFormat, overflow: Overflow, rounding: Rounding
) -> Array:
    words = None if source is None else backend.random_words(source, x)
    return encode_scaled(patterns(x), 0, fmt, overflow, rounding, words)


@compiled_whole
def _decode(codes: Array, *, fmt: ElementFormat) -> Array:
    return decode_scaled(codes, 0, fmt)


def check_representable(x: Array, fmt: ElementFormat, overflow: Overflow) -> None:
    """Raise if a number would become what the format lacks."""
    if fmt.nan_code is not None:
        return
    if overflow is Overflow.OVERFLOW:
        raise ValueError(f"overflow must be SATURATE: {fmt.name} has neither Inf nor NaN")
    if not backend.is_traced(x) and bool(_has_nan(backend.readable(x))):
        raise ValueError(f"x must not hold NaN: {fmt.name} has no code for it")


@compiled_whole
def _has_nan(x: Array) -> Array:
    return bit_patterns.is_nan(patterns(x)).any()
