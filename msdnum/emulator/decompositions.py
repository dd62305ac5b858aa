"""Multi-pass decomposition: x = sum of terms + remainder, each term a low-bit quantized array.

A term is also called a pass, a slice or a word. Each rounds what the terms before it have left; its
scale is the scale of the one before over a fixed ratio, or follows from the remainder's own amax.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from msdnum.display import arrays
from msdnum.emulator import (
    argument_checks,
    backend,
    binary32,
    bit_patterns,
    block_rows,
    compiled_rows,
    element_rounding,
    elements,
    quantized_arrays,
    quotients,
    shared_scales,
)
from msdnum.emulator.adder_rounding import suits_terms, terms_by_adder
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.element_rounding import Quanta
from msdnum.emulator.floats import as_floats
from msdnum.emulator.integer_digits import digits_over
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.requantization import left_by_terms, requantized_terms
from msdnum.emulator.scaled_digits import suits_digits, terms_by_scaling
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, FloatFormat
from msdnum.formats.modes import Arithmetic, Overflow, Rounding
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = ["Decomposition", "decompose", "decompose_terms"]


@backend.pytree(data=("terms", "scaled_remainder"), static=("scheme",))
@dataclass(frozen=True)
class Decomposition:
    """An array as a sum of terms and a remainder.

    ``x == sum of terms + scaled_remainder / denominator`` holds to the bit over the rationals.

    Parameters
    ----------
    terms : tuple of QuantizedArray
        Element times scale of each, exactly: before any rounding of ``dequantize``.
    scaled_remainder : Array
        ``denominator`` times the remainder, exactly. Of the shape of x: float32 with power-of-two
        scales, float64 otherwise. NaN in a block with an Inf or a NaN.
    scheme : Scheme
        How it was made.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import SCHEMES, decompose
    >>> found = decompose(np.float32([1, 0.7]), SCHEMES["INT8_X2"])
    >>> found.denominator, found.scaled_remainder[1]
    (32258, np.float64(-0.4003845453262329))
    >>> Fraction(found.scaled_remainder[1]) / found.denominator <= Fraction(1, 2 * 127 * 254)
    True
    """

    terms: tuple[QuantizedArray, ...]
    scaled_remainder: Array
    scheme: Scheme

    def __post_init__(self) -> None:
        """Register with JAX if it is there."""
        backend.register_pytrees()

    def __repr__(self) -> str:
        scheme, left = getattr(self.scheme, "name", self.scheme), self.scaled_remainder
        of = f"{left.dtype}{list(left.shape)}" if hasattr(left, "dtype") else repr(left)
        return f"Decomposition({scheme}, {len(self.terms)} terms, scaled_remainder={of})"

    @property
    def denominator(self) -> int:
        """1, or ``127 * 254**(terms - 1)`` in the exact INT8 decomposition."""
        return self.terms[-1].divisor

    @property
    @under_own_settings
    def remainder(self) -> Array:
        """What the terms leave of x: exact where the denominator is 1, else rounded to float64."""
        if self.denominator == 1:
            return self.scaled_remainder
        xp = backend.namespace(self.scaled_remainder)
        # By a divisor that depends on the data, jitted JAX divides; by a constant it multiplies.
        unknown = xp.isnan(self.scaled_remainder)
        return self.scaled_remainder / xp.where(unknown, np.nan, float(self.denominator))

    def _repr_html_(self) -> str | None:
        traced = backend.is_traced(self.scaled_remainder)
        return None if traced else arrays.decomposition(self)


@under_own_settings
def decompose(x: Array, scheme: Scheme, *, axis: int | None = -1) -> Decomposition:
    """Decompose ``x`` into low-bit terms and the remainder that they leave.

    Parameters
    ----------
    x : Array of float32, bfloat16 or float16
        At least one dimension.
    scheme : Scheme
        Formats, scales and arithmetic.
    axis : int or None
        Axis along which blocks are consecutive; None: the whole tensor is one block.

    Returns
    -------
    Decomposition
        Its scaled remainder is exact. In FLOAT32 arithmetic it is not what the vector unit carries,
        which has rounding errors of its own, but what the terms really leave; where each term is
        quantized anew (``Scheme.requantizes``), rounded to binary64 after each.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        As ``blocks.quantize``; and if the remainder needs float64 and JAX has it switched off:
        ``decompose_terms`` then gives the terms alone, of a FLOAT32 scheme.

    Notes
    -----
    Source: paper, claims C1 and C2; ``spec.decompose_covering``, ``spec.decompose_amax``,
    ``spec.requantize``.

    Examples
    --------
    >>> from msdnum import SCHEMES, decompose
    >>> x = np.float32([1, 0.7, -0.3, 0.01])
    >>> found = decompose(x, SCHEMES["MXFP4_X2"])
    >>> found.terms[0].dequantize()
    array([ 1.  ,  0.75, -0.25,  0.  ], dtype=float32)
    >>> found.terms[1].dequantize()
    array([ 0.      , -0.046875, -0.046875,  0.015625], dtype=float32)
    >>> found.remainder
    array([ 0.        , -0.00312501, -0.00312501, -0.005625  ], dtype=float32)

    The sum is exact:

    >>> bool((sum(term.dequantize() for term in found.terms) + found.remainder == x).all())
    True
    """
    argument_checks.check_mode("scheme", scheme, Scheme)
    x = as_floats(x, "x")
    if scheme.requantizes:
        backend.require_float64(x, f"the remainder of {scheme.name}")
        made = requantized_terms(x, scheme, axis)
        return Decomposition(made, left_by_terms(x, made), scheme)
    if scheme.formats[0].scale == E8M0:
        kernel = _powers_of_two_and_remainder
    else:
        backend.require_float64(x, f"the remainder of {scheme.name}")
        kernel = _exact if scheme.arithmetic is Arithmetic.EXACT else _float32_and_remainder
    terms, (remainder,) = _decompose(x, scheme, axis, kernel)
    return Decomposition(terms, remainder, scheme)


@under_own_settings
def decompose_terms(
    x: Array, scheme: Scheme, *, axis: int | None = -1
) -> tuple[QuantizedArray, ...]:
    """Return the terms of ``decompose`` alone.

    Under ``jit`` what only the remainder needs is not computed. Parameters, errors and notes are
    those of ``decompose``; without float64 JAX gives the terms of all but exact INT8 schemes.

    Examples
    --------
    >>> from msdnum import SCHEMES, decompose_terms
    >>> x = np.float32([1, 0.5, -0.003])
    >>> first, second = decompose_terms(x, SCHEMES["INT8_X2_FLOAT32"])
    >>> first.integers(), second.integers()
    (array([127,  64,   0], dtype=int8), array([   0, -127,  -97], dtype=int8))
    """
    argument_checks.check_mode("scheme", scheme, Scheme)
    x = as_floats(x, "x")
    if scheme.requantizes:
        return requantized_terms(x, scheme, axis)
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return _decompose(x, scheme, axis, _float32)[0]
    if scheme.formats[0].scale == E8M0:
        return _decompose(x, scheme, axis, _powers_of_two)[0]
    backend.require_float64(x, f"the exact arithmetic of {scheme.name}")
    return _decompose(x, scheme, axis, _exact)[0]


Kernel: TypeAlias = Callable[[Array, Scheme], tuple[Array, ...]]
"""From patterns with a block in each row to codes, scale codes and what else there is."""


def _decompose(
    x: Array, scheme: Scheme, axis: int | None, kernel: Kernel
) -> tuple[tuple[QuantizedArray, ...], tuple[Array, ...]]:
    """Return the terms, and what else the kernel gives in the shape of ``x``."""
    first, axis = block_rows.resolve(x, scheme.formats[0], axis, None, None)
    return _decompose_blocks(x, scheme=scheme, first=first, axis=axis, kernel=kernel)


@compiled_whole
def _decompose_blocks(
    x: Array, *, scheme: Scheme, first: BlockFormat, axis: int | None, kernel: Kernel
) -> tuple[tuple[QuantizedArray, ...], tuple[Array, ...]]:
    pattern = bit_patterns.as_pattern(x)
    rows = block_rows.split(pattern, first, axis)
    results = _by_kernel(rows, scheme, kernel)
    n = scheme.terms
    terms = tuple(
        quantized_arrays.assemble(
            codes, scale_codes, None, replace(fmt, block_size=first.block_size), x.shape, axis, d
        )
        for codes, scale_codes, fmt, d in zip(
            results[:n], results[n : 2 * n], scheme.formats, scheme.divisors, strict=True
        )
    )
    return terms, tuple(block_rows.join(rest, x.shape, axis) for rest in results[2 * n :])


def _by_kernel(rows: Array, scheme: Scheme, kernel: Kernel) -> tuple[Array, ...]:
    if kernel is _float32 and compiled_rows.takes(rows):
        return compiled_rows.integer_terms(rows, scheme)
    if kernel in (_powers_of_two, _powers_of_two_and_remainder):
        formats, wanted = scheme.formats, kernel is _powers_of_two_and_remainder
        drops = None if scheme.ratios is OWN_AMAX else scheme.ratio_exponents
        if compiled_rows.suits_power_terms(rows, formats, Rounding.RNE):
            return compiled_rows.power_terms(rows, formats, drops, rest=wanted)
    return backend.map_rows(lambda r: kernel(r, scheme), rows)


def _powers_of_two(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    elements = [element for element in scheme.elements if isinstance(element, FloatFormat)]
    fixed = scheme.ratios is not OWN_AMAX and len(elements) == scheme.terms
    if not fixed or not suits_terms(rows, elements, scheme.ratio_exponents):
        return _round_terms(rows, scheme)[0]
    amax = shared_scales.row_amax(rows)
    first, drops = scheme.formats[0], (0, *accumulate(scheme.ratio_exponents))
    exponent = shared_scales.shared_exponent(amax, first.element, first.rule)
    clamped = [shared_scales.clamp_exponent(exponent - drop) for drop in drops]
    codes = terms_by_adder(rows, clamped, elements)
    finite = shared_scales.is_finite(amax)
    return (
        *(shared_scales.zero_unless(finite, code) for code in codes),
        *(shared_scales.exponent_codes(e, amax) for e in clamped),
    )


def _powers_of_two_and_remainder(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    xp = backend.namespace(rows)
    results, last = _round_terms(rows, scheme)
    remainder = element_rounding.remainder_of(last, scheme.elements[-1])
    finite = shared_scales.row_amax(rows) < bit_patterns.INF
    return *results, xp.where(finite, remainder, np.float32(np.nan))


def _round_terms(rows: Array, scheme: Scheme) -> tuple[tuple[Array, ...], Quanta]:
    """Return codes and scale codes of all terms, and the last term as it was rounded."""
    xp = backend.namespace(rows)
    amax = shared_scales.row_amax(rows)
    codes, scale_codes, pattern = [], [], rows
    for i, (fmt, element) in enumerate(zip(scheme.formats, scheme.elements, strict=True)):
        if i == 0 or scheme.ratios is OWN_AMAX:
            row_amax = shared_scales.row_amax(pattern) if i else amax
            exponent = shared_scales.shared_exponent(row_amax, fmt.element, fmt.rule)
        else:
            exponent = exponent - scheme.ratio_exponents[i - 1]
        clamped = shared_scales.clamp_exponent(exponent)
        quanta = element_rounding.round_to_quanta(pattern, clamped, element)
        code = element_rounding.codes_of(quanta, element, Overflow.SATURATE)
        codes.append(shared_scales.zero_unless(amax < bit_patterns.INF, code))
        scale_codes.append(shared_scales.exponent_codes(clamped, amax))
        if i < scheme.terms - 1:
            pattern = element_rounding.remainder_of(quanta, element).view(xp.int32)
    return (*codes, *scale_codes), quanta


def _exact(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Divide as on paper: the digits of ``127 x / amax`` in base 254, balanced, by exact rests.

    With at most three terms of 8 bits every product and difference here is a float64 number, and
    with ratios that let each term cover what is left no digit is out of range.
    """
    xp = backend.namespace(rows)
    amax = shared_scales.row_amax(rows)
    finite = amax < bit_patterns.INF
    divisor = bit_patterns.to_float64(amax)
    rest = bit_patterns.to_float64(xp.where(finite, rows, 0)) * scheme.divisors[0]
    codes = []
    for i, fmt in enumerate(scheme.formats):
        digit, rest = quotients.integer_and_rest(rest, divisor)
        codes.append((digit.astype("int32") & ((1 << fmt.element.bits) - 1)).astype("uint8"))
        rest = rest * (scheme.divisors[min(i + 1, scheme.terms - 1)] // scheme.divisors[i])
    scale_code = shared_scales.finite_or_nan(amax).view(xp.uint32)
    remainder = xp.where(finite, rest, np.nan)
    return *codes, *[scale_code] * scheme.terms, remainder


def _float32(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Decompose as a vector unit does: every operation rounded to binary32."""
    xp = backend.namespace(rows)
    codes, scale_codes = [], []
    if suits_digits(rows, scheme):
        return terms_by_scaling(rows, scheme)
    left, scale = rows.view(xp.float32), None
    for i, fmt in enumerate(scheme.formats):
        if scale is None or scheme.ratios is OWN_AMAX:
            amax = shared_scales.finite_or_nan(shared_scales.row_amax(left.view(xp.int32)))
            scale = shared_scales.divide_by(amax, fmt.element.max_finite)
        else:
            scale = shared_scales.divide_by(scale, float(scheme.ratios[i - 1]))
        code, digit = digits_over(left, scale, fmt.element)
        codes.append(code)
        scale_codes.append(scale.view(xp.uint32))
        left = binary32.subtract(left, binary32.multiply(scale, digit))
    return *codes, *scale_codes


def _float32_and_remainder(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Add what the terms really leave: at most 53 bits, so each difference is exact in float64."""
    xp = backend.namespace(rows)
    results = _float32(rows, scheme)
    n = scheme.terms
    remainder = bit_patterns.to_float64(rows)
    for code, scale, fmt in zip(results[:n], results[n:], scheme.formats, strict=True):
        pattern = scale.view(xp.int32)
        wide = bit_patterns.to_float64(pattern)
        left = remainder - wide * elements.decode(code, fmt.element).astype(wide.dtype)
        remainder = xp.where(bit_patterns.is_nan(pattern), np.nan, left)
    return *results, remainder
