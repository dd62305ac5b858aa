"""Multi-pass decomposition: x = sum of terms + remainder, each term a low-bit quantized array.

A term is also called a pass, a slice or a word. Each rounds what the terms before it have left; its
scale is the scale of the one before over a fixed ratio, or follows from the remainder's own amax.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import le, mul
from typing import TypeAlias

import numpy as np

from msdnum import array_tables, bits, blocks, display, elements
from msdnum.bits import Array
from msdnum.blocks import QuantizedArray
from msdnum.elements import Quanta
from msdnum.floats import as_floats
from msdnum.formats import (
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    INT8_SYMMETRIC,
    BlockFormat,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)  # fmt: skip
from msdnum.jax_settings import under_own_settings
from msdnum.modes import Arithmetic, Overflow, ScaleRule

__all__ = [
    "INT8_X1", "INT8_X1_FLOAT32", "INT8_X2", "INT8_X2_FLOAT32", "INT8_X3", "INT8_X3_FLOAT32",
    "MXFP4_X1", "MXFP4_X2", "MXFP4_X3", "MXFP8_X1", "MXFP8_X2", "MXFP8_X3", "OWN_AMAX", "SCHEMES",
    "Decomposition", "Scheme", "amax_scheme", "covering_scheme", "decompose", "decompose_terms",
]  # fmt: skip

OWN_AMAX = None
"""In place of a scheme's ratios: every scale follows from the amax of what is left."""

MAX_INTEGER_TERMS = 3


@dataclass(frozen=True)
class Scheme:
    """How an array is decomposed.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    formats : tuple of BlockFormat
        One for each term. They differ in the element only.
    ratios : tuple of Fraction, or OWN_AMAX
        ``ratios[i]`` is the scale of term i over that of term i + 1.
    arithmetic : Arithmetic
        EXACT, or FLOAT32 as a vector unit computes it. With power-of-two scales every step is
        exact and only EXACT is allowed.

    Raises
    ------
    ValueError
        If the terms do not belong together, or a remainder could not be held exactly.

    Notes
    -----
    ``covering_scheme`` and ``amax_scheme`` build the schemes of the paper.
    """

    name: str
    formats: tuple[BlockFormat, ...]
    ratios: tuple[Fraction, ...] | None
    arithmetic: Arithmetic

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out exactly."""
        if not self.formats:
            raise ValueError(f"formats must name at least one term in scheme {self.name!r}")
        first = self.formats[0]
        if any(replace(f, element=first.element, name=first.name) != first for f in self.formats):
            raise ValueError(f"formats must differ in the element only in scheme {self.name!r}")
        if first.tensor_scale:
            raise ValueError(f"formats must not have a tensor scale in scheme {self.name!r}")
        if self.ratios is not None and len(self.ratios) != self.terms - 1:
            raise ValueError(
                f"ratios must be {self.terms - 1} for {self.terms} terms, got {len(self.ratios)}"
            )
        if first.scale == E8M0:
            self._check_powers_of_two()
        else:
            self._check_integers()

    def _check_powers_of_two(self) -> None:
        if self.arithmetic is not Arithmetic.EXACT:
            raise ValueError(f"arithmetic must be EXACT with E8M0 scales in scheme {self.name!r}")
        for ratio in self.ratios or ():
            if not _is_power_of_two(ratio):
                raise ValueError(
                    f"ratios must be powers of two with E8M0 scales, got {ratio} in {self.name!r}"
                )
        if any(fmt.element.emax < 0 for fmt in self.formats):
            raise ValueError(
                f"formats must hold 1, or E8M0's largest scale is too small for binary32, "
                f"in scheme {self.name!r}"
            )
        if not (self._covers() or self._saturates_exactly()):
            raise ValueError(
                f"ratios must be smaller: a saturated term of scheme {self.name!r} could leave "
                f"more than binary32 holds, got {', '.join(map(str, self.ratios or ()))}"
            )

    def _covers(self) -> bool:
        """Return whether no term can saturate."""
        elements = [fmt.element for fmt in self.formats]
        enough = map(_natural_ratio, elements, elements[1:])
        rule = self.formats[0].rule
        return self.ratios is OWN_AMAX or (
            rule is ScaleRule.COVERING and all(map(le, self.ratios, enough))
        )

    def _saturates_exactly(self) -> bool:
        """Return whether every saturated value is a multiple of the ulp of what it is taken from.

        That is below ``2**(emax + 1)`` of the first scale under every rule.
        """
        first, *others = (fmt.element for fmt in self.formats)
        drops = accumulate(map(_log2, self.ratios or ()))
        return all(
            drop + first.emax - element.emax <= 23 - element.precision
            for drop, element in zip(drops, others, strict=True)
        )

    def _check_integers(self) -> None:
        if self.formats[0].scale != BINARY32:
            raise ValueError(f"formats must have E8M0 or BINARY32 scales in scheme {self.name!r}")
        if not all(isinstance(f.element, IntegerFormat) for f in self.formats):
            raise ValueError(f"formats must be integers with BINARY32 scales in {self.name!r}")
        if any(fmt.element.fraction_bits or fmt.element.bits > 8 for fmt in self.formats):
            raise ValueError(
                f"formats must be integers of at most 8 bits, no fractions, in scheme {self.name!r}"
            )
        if self.terms > MAX_INTEGER_TERMS:
            raise ValueError(
                f"formats must be at most {MAX_INTEGER_TERMS} terms with BINARY32 scales, "
                f"got {self.terms} in scheme {self.name!r}"
            )
        if self.ratios is OWN_AMAX:
            if self.arithmetic is Arithmetic.EXACT:
                raise ValueError(f"ratios must be given in exact arithmetic: scheme {self.name!r}")
            return
        for ratio, fmt in zip(self.ratios, self.formats[1:], strict=True):
            largest = 2 * int(fmt.element.max_finite)
            if ratio.denominator != 1 or not 1 <= ratio <= largest:
                raise ValueError(
                    f"ratios must be integers in 1..{largest} before {fmt.element.name}, which "
                    f"has to cover what is left, got {ratio} in scheme {self.name!r}"
                )

    @property
    def terms(self) -> int:
        """Number of terms."""
        return len(self.formats)

    @property
    def divisors(self) -> tuple[int, ...]:
        """What the number of each term's scale codes is divided by: see ``QuantizedArray``."""
        if self.arithmetic is Arithmetic.FLOAT32 or self.formats[0].scale == E8M0:
            return (1,) * self.terms
        first = int(self.formats[0].element.max_finite)
        ratios = [int(ratio) for ratio in self.ratios or ()]
        return tuple(accumulate(ratios, mul, initial=first))

    @property
    def largest_remainder(self) -> Fraction | None:
        """Bound on what the last term leaves, over its scale; None where a term may saturate."""
        first, last = self.formats[0], self.formats[-1]
        covers = first.rule is ScaleRule.COVERING and first.element.emax > 0 and self._covers()
        if self.arithmetic is Arithmetic.FLOAT32 or (first.scale == E8M0 and not covers):
            return None
        return Fraction(2) ** (last.element.emax - _gain(last.element))

    def _repr_html_(self) -> str:
        return display.attributes(self, "formats", "ratios", "arithmetic", "largest_remainder")


def _is_power_of_two(ratio: Fraction) -> bool:
    return ratio > 0 and ratio.numerator.bit_count() == 1 == ratio.denominator.bit_count()


def _log2(power: Fraction) -> int:
    return power.numerator.bit_length() - power.denominator.bit_length()


def covering_scheme(
    name: str,
    *elements: ElementFormat,
    block_size: int | None = 32,
    rule: ScaleRule = ScaleRule.COVERING,
) -> Scheme:
    """Return the scheme with power-of-two scales whose every term covers what is left.

    With alpha the range of a term, its scale is ``alpha / 2**emax``; a floating-point element of
    precision p leaves at most ``alpha / 2**(p + 1)``, which is the range of the next term.
    So MXFP4 x2 has the scales ``alpha / 4`` and ``alpha / 32``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : ElementFormat
        One for each term.
    block_size : int or None
        Elements that share a scale; None: a row.
    rule : ScaleRule
        How alpha follows from amax; another rule than COVERING keeps the ratios.

    Notes
    -----
    Source: paper, claim C2; theorems mxfp4-decomposition and mixed-decomposition.
    """
    formats = tuple(BlockFormat(f"MX-{e.name}", e, E8M0, block_size, rule) for e in elements)
    ratios = tuple(_natural_ratio(a, b) for a, b in pairwise(elements))
    return Scheme(name, formats, ratios, Arithmetic.EXACT)


def _natural_ratio(element: ElementFormat, following: ElementFormat) -> Fraction:
    """Return the largest ratio of scales at which the next term covers what this one leaves."""
    return Fraction(2) ** (_gain(element) + following.emax - element.emax)


def _gain(element: ElementFormat) -> int:
    """Return g such that rounding ``|x| <= 2**emax`` leaves at most ``2**(emax - g)``.

    A bit less where the numbers below ``2**emax`` are spaced evenly: in a fixed-point format, and
    in one whose only normal binade is that of ``2**emax``.
    """
    narrows = isinstance(element, FloatFormat) and element.emin < element.emax
    return element.precision + narrows


def amax_scheme(
    name: str,
    *elements: IntegerFormat,
    arithmetic: Arithmetic = Arithmetic.EXACT,
    block_size: int | None = None,
) -> Scheme:
    """Return the scheme with scales ``amax / max_integer`` whose every term covers what is left.

    An integer term leaves at most half its scale, which is the range of the next term: INT8
    digits have the scales ``amax / 127``, then each ``/ 254``.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    *elements : IntegerFormat
        One for each term.
    arithmetic : Arithmetic
        EXACT, the paper's, or FLOAT32.
    block_size : int or None
        Elements that share a scale; None: a row.

    Notes
    -----
    Source: paper, claim C1; theorems int8-decomposition, int8-decomposition-float32.
    """
    formats = tuple(
        BlockFormat(f"{e.name}-AMAX", e, BINARY32, block_size, ScaleRule.AMAX) for e in elements
    )
    ratios = tuple(Fraction(2 * e.max_integer) for e in elements[1:])
    return Scheme(name, formats, ratios, arithmetic)


INT8_X1, INT8_X2, INT8_X3 = (amax_scheme(f"INT8_X{n}", *[INT8_SYMMETRIC] * n) for n in (1, 2, 3))
INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32 = (
    amax_scheme(f"INT8_X{n}_FLOAT32", *[INT8_SYMMETRIC] * n, arithmetic=Arithmetic.FLOAT32)
    for n in (1, 2, 3)
)
MXFP4_X1, MXFP4_X2, MXFP4_X3 = (covering_scheme(f"MXFP4_X{n}", *[E2M1] * n) for n in (1, 2, 3))
MXFP8_X1, MXFP8_X2, MXFP8_X3 = (covering_scheme(f"MXFP8_X{n}", *[E4M3] * n) for n in (1, 2, 3))

SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        INT8_X1, INT8_X2, INT8_X3, INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32,
        MXFP4_X1, MXFP4_X2, MXFP4_X3, MXFP8_X1, MXFP8_X2, MXFP8_X3,
    )
}  # fmt: skip


@bits.pytree(data=("terms", "scaled_remainder"), static=("scheme",))
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
    """

    terms: tuple[QuantizedArray, ...]
    scaled_remainder: Array
    scheme: Scheme

    def __post_init__(self) -> None:
        """Register with JAX if it is there."""
        bits.register_pytrees()

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
        xp = bits.namespace(self.scaled_remainder)
        # By a divisor that depends on the data, jitted JAX divides; by a constant it multiplies.
        unknown = xp.isnan(self.scaled_remainder)
        return self.scaled_remainder / xp.where(unknown, np.nan, float(self.denominator))

    def _repr_html_(self) -> str | None:
        traced = bits.is_traced(self.scaled_remainder)
        return None if traced else array_tables.decomposition(self)


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
        which has rounding errors of its own, but what the terms really leave.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        As ``blocks.quantize``; and if the remainder needs float64 and JAX has it switched off:
        ``decompose_terms`` then gives the terms alone, of a FLOAT32 scheme.

    Notes
    -----
    Source: paper, claims C1 and C2; ``spec.decompose_covering``, ``spec.decompose_amax``.
    """
    elements.check_mode("scheme", scheme, Scheme)
    x = as_floats(x, "x")
    if scheme.formats[0].scale == E8M0:
        kernel = _powers_of_two_and_remainder
    else:
        bits.require_float64(x, f"the remainder of {scheme.name}")
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
    """
    elements.check_mode("scheme", scheme, Scheme)
    x = as_floats(x, "x")
    if scheme.arithmetic is Arithmetic.FLOAT32:
        return _decompose(x, scheme, axis, _float32)[0]
    if scheme.formats[0].scale == E8M0:
        return _decompose(x, scheme, axis, _powers_of_two)[0]
    bits.require_float64(x, f"the exact arithmetic of {scheme.name}")
    return _decompose(x, scheme, axis, _exact)[0]


Kernel: TypeAlias = Callable[[Array, Scheme], tuple[Array, ...]]
"""From patterns with a block in each row to codes, scale codes and what else there is."""


def _decompose(
    x: Array, scheme: Scheme, axis: int | None, kernel: Kernel
) -> tuple[tuple[QuantizedArray, ...], tuple[Array, ...]]:
    """Return the terms, and what else the kernel gives in the shape of ``x``."""
    pattern = bits.as_pattern(x)
    first, axis = blocks.resolve(x, scheme.formats[0], axis, None, None)
    rows = blocks.split(pattern, first, axis)
    results = bits.map_rows(lambda r: kernel(r, scheme), rows)
    n = scheme.terms
    terms = tuple(
        blocks.assemble(
            codes, scale_codes, None, replace(fmt, block_size=first.block_size), x.shape, axis, d
        )
        for codes, scale_codes, fmt, d in zip(
            results[:n], results[n : 2 * n], scheme.formats, scheme.divisors, strict=True
        )
    )
    return terms, tuple(blocks.join(rest, x.shape, axis) for rest in results[2 * n :])


def _powers_of_two(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    return _round_terms(rows, scheme)[0]


def _powers_of_two_and_remainder(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    xp = bits.namespace(rows)
    results, last = _round_terms(rows, scheme)
    remainder = elements.remainder_of(last, scheme.formats[-1].element)
    finite = blocks.row_amax(rows) < bits.INF
    return *results, xp.where(finite, remainder, np.float32(np.nan))


def _round_terms(rows: Array, scheme: Scheme) -> tuple[tuple[Array, ...], Quanta]:
    """Return codes and scale codes of all terms, and the last term as it was rounded."""
    xp = bits.namespace(rows)
    amax = blocks.row_amax(rows)
    codes, scale_codes, pattern = [], [], rows
    for i, fmt in enumerate(scheme.formats):
        if i == 0 or scheme.ratios is OWN_AMAX:
            row_amax = blocks.row_amax(pattern) if i else amax
            exponent = blocks.shared_exponent(row_amax, fmt.element, fmt.rule)
        else:
            exponent = exponent - _log2(scheme.ratios[i - 1])
        clamped = blocks.clamp_exponent(exponent)
        quanta = elements.round_to_quanta(pattern, clamped, fmt.element)
        code = elements.codes_of(quanta, fmt.element, Overflow.SATURATE)
        codes.append(blocks.zero_unless(amax < bits.INF, code))
        scale_codes.append(blocks.exponent_codes(clamped, amax))
        if i < scheme.terms - 1:
            pattern = elements.remainder_of(quanta, fmt.element).view(xp.int32)
    return (*codes, *scale_codes), quanta


def _exact(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Divide as on paper: the digits of ``127 x / amax`` in base 254, balanced, by exact rests.

    With at most three terms of 8 bits every product and difference here is a float64 number, and
    with ratios that let each term cover what is left no digit is out of range.
    """
    xp = bits.namespace(rows)
    amax = blocks.row_amax(rows)
    finite = amax < bits.INF
    divisor = bits.to_float64(amax)
    rest = bits.to_float64(xp.where(finite, rows, 0)) * scheme.divisors[0]
    codes = []
    for i, fmt in enumerate(scheme.formats):
        digit, rest = _divide_exactly(rest, divisor)
        codes.append((digit.astype("int32") & ((1 << fmt.element.bits) - 1)).astype("uint8"))
        rest = rest * (scheme.divisors[min(i + 1, scheme.terms - 1)] // scheme.divisors[i])
    scale_code = blocks.finite_or_nan(amax).view(xp.uint32)
    remainder = xp.where(finite, rest, np.nan)
    return *codes, *[scale_code] * scheme.terms, remainder


def _divide_exactly(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the quotient to the nearest integer, ties to even, and the rest ``x - quotient * y``.

    The division may be a little off, as jitted JAX's is: the rest, which is exact, corrects it.
    """
    xp = bits.namespace(x)
    quotient = xp.round(x / xp.where(y == 0, 1.0, y))
    rest = x - quotient * y
    away = (2 * xp.abs(rest) > y) | ((2 * xp.abs(rest) == y) & (quotient % 2 != 0))
    step = xp.where(away, xp.sign(rest), 0.0)
    return quotient + step, rest - step * y


def _float32(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Decompose as a vector unit does: every operation rounded to binary32."""
    xp = bits.namespace(rows)
    codes, scale_codes = [], []
    left, scale = rows.view(xp.float32), None
    for i, fmt in enumerate(scheme.formats):
        if scale is None or scheme.ratios is OWN_AMAX:
            amax = blocks.finite_or_nan(blocks.row_amax(left.view(xp.int32)))
            scale = blocks.divide_by(amax, fmt.element.max_finite)
        else:
            scale = blocks.divide_by(scale, float(scheme.ratios[i - 1]))
        code = _digits(left, scale, fmt.element)
        codes.append(code)
        scale_codes.append(scale.view(xp.uint32))
        left = bits.subtract(left, bits.multiply(scale, elements.decode(code, fmt.element)))
    return *codes, *scale_codes


def _digits(x: Array, scale: Array, element: ElementFormat) -> Array:
    xp = bits.namespace(x)
    quotient = bits.divide(x, scale).view(xp.int32)
    codes = elements.encode_scaled(quotient, 0, element, Overflow.SATURATE)
    pattern = scale.view(xp.int32)
    return blocks.zero_unless((pattern != 0) & ~bits.is_nan(pattern), codes)


def _float32_and_remainder(rows: Array, scheme: Scheme) -> tuple[Array, ...]:
    """Add what the terms really leave: at most 53 bits, so each difference is exact in float64."""
    xp = bits.namespace(rows)
    results = _float32(rows, scheme)
    n = scheme.terms
    remainder = bits.to_float64(rows)
    for code, scale, fmt in zip(results[:n], results[n:], scheme.formats, strict=True):
        pattern = scale.view(xp.int32)
        wide = bits.to_float64(pattern)
        left = remainder - wide * elements.decode(code, fmt.element).astype(wide.dtype)
        remainder = xp.where(bits.is_nan(pattern), np.nan, left)
    return *results, remainder
