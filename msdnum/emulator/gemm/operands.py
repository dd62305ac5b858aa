"""One side of a product, ready for an accumulator: elements, and their scales inside or outside.

A scale of a small format (E8M0, E4M3) is *inside*: the matrix unit multiplies it with the
elements, and the product is exact. A wider one (FP16, BF16, binary32) is *outside*: as a binary32
number it multiplies sums.
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from msdnum.emulator import backend, bit_patterns, elements
from msdnum.emulator.backend import Array
from msdnum.emulator.gemm.checks import check_dimensions, check_layout, is_inside
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E8M0,
    FP16,
    TF32,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)

__all__ = [
    "OperandType", "Prepared", "cut_to_taken", "exponent_range", "kind", "prepare",
    "scaled_elements", "significands_and_exponents",
]  # fmt: skip

_FLOATS: dict[str, FloatFormat] = {"float32": BINARY32, "bfloat16": BF16, "float16": FP16}

Term = Any
"""A QuantizedArray, an AsymmetricArray, or an array of float32, bfloat16 or float16."""


@dataclass(frozen=True)
class OperandType:
    """What is known of an operand before it has values.

    Parameters
    ----------
    name : str
        Name of the type in messages.
    element : ElementFormat
        Format of the elements.
    precision : int
        Significand bits of element times inside scale.
    largest : int
        Largest element as a multiple of the format's eta.
    integer : bool
        Whether elements are integers: of at most 8 bits, or their differences from zero points.
    inside : int or None
        Block size of the inside scale along k; None without one.
    outside : int or None
        Block size of an outside scale that changes along k; None if it does not.
    length : int
        k.
    scale : FloatFormat or None
        Format of the scales inside; None without.
    """

    name: str
    element: ElementFormat
    precision: int
    largest: int
    integer: bool
    inside: int | None
    outside: int | None
    length: int
    scale: FloatFormat | None = None

    @classmethod
    def of_integers(cls, name: str, element: ElementFormat, largest: int, k: int) -> "OperandType":
        """Return the type of integers of at most 8 bits without scales along k."""
        bits = max(largest.bit_length(), 8)
        return cls(
            name, element, bits, largest=largest, integer=True, inside=None, outside=None, length=k
        )

    @property
    def is_float(self) -> bool:
        """Whether it is an array of floats: every element has an exponent of its own."""
        return not self.largest

    @property
    def has_specials(self) -> bool:
        """Whether elements can be Inf or NaN."""
        return getattr(self.element, "nan_code", None) is not None

    @property
    def scale_precision(self) -> int:
        """Significand bits of a scale inside that is not a power of two."""
        return 0 if self.is_float else self.precision - _precision(self.element)

    @property
    def emin(self) -> int:
        """Least exponent of an element's significand; without subnormals, none."""
        if isinstance(self.element, FloatFormat) and not self.scale_precision:
            return self.element.emin
        return -1000

    @property
    def bounded(self) -> bool:
        """Whether no value of this kind can be out of the range of exact binary32 arithmetic."""
        return not self.is_float and (self.inside is None or self.scale_precision > 0)


class Prepared(NamedTuple):
    """The arrays of an operand, in the layout of the operand: (..., m, k) or (..., k, n).

    Value is ``element * 2**exponent * scale``; outside scales come on top.
    """

    elements: Array
    """int8, uint8 or int16 of an integer kind, otherwise float32."""
    exponents: Array | None
    """int32: of E8M0 scales, or of floats whose elements are their significands in [1, 2)."""
    scales: Array | None
    """float32: E4M3 scales."""
    outer: Array | None
    """float32 scales outside, one for each block of k."""
    nan: Array | None
    """bool: what has a NaN scale inside."""


def kind(x: Term, axis: int, name: str) -> OperandType:
    """Return what is known of a term whose k axis is ``axis``, or say why it cannot be one."""
    if isinstance(x, AsymmetricArray):
        inner = kind(x.quantized, axis, f"quantized of {name}")
        return _replace_largest(inner, x.largest)
    if isinstance(x, QuantizedArray):
        check_layout(x, axis, name)
        return _quantized_kind(x, axis)
    backend.check_floats(x, name)
    check_dimensions(x.shape, name)
    fmt = _FLOATS[str(x.dtype)]
    return OperandType(
        fmt.name, fmt, fmt.precision, largest=0, integer=False, inside=None, outside=None,
        length=x.shape[axis],
    )  # fmt: skip


def cut_to_taken(kind: OperandType, takes: tuple[ElementFormat, ...]) -> OperandType:
    """Return the type of a float32 array as a unit sees it that takes TF32."""
    if kind.element != BINARY32 or TF32 not in takes:
        return kind
    return replace(kind, name=TF32.name, element=TF32, precision=TF32.precision)


def _replace_largest(inner: OperandType, largest: int) -> OperandType:
    bits = largest.bit_length()
    return replace(inner, precision=bits, largest=largest, integer=True, inside=None, scale=None)


def _quantized_kind(x: QuantizedArray, axis: int) -> OperandType:
    fmt, length = x.format, x.shape[axis]
    size = length if x.axis is None else fmt.block_size
    assert size is not None
    whole = size >= length
    block = length if whole else size
    outside = not is_inside(fmt)
    element = fmt.element
    integer = outside and isinstance(element, IntegerFormat) and not element.fraction_bits
    return OperandType(
        fmt.name,
        fmt.element,
        _precision(fmt.element) + (0 if outside or fmt.scale == E8M0 else fmt.scale.precision),
        largest=_largest(fmt.element),
        integer=integer,
        inside=None if outside else block,
        outside=None if whole or not outside else block,
        length=length,
        scale=None if outside else fmt.scale,
    )


def _precision(fmt: ElementFormat) -> int:
    return fmt.bits if isinstance(fmt, IntegerFormat) else fmt.precision


def _largest(fmt: ElementFormat) -> int:
    if isinstance(fmt, IntegerFormat):
        return max(-fmt.min_integer, fmt.max_integer)
    return int(fmt.max_finite / fmt.eta)


def prepare(x: Term, kind: OperandType, axis: int) -> Prepared:
    """Return the arrays of a term of this type, whose k axis is ``axis``."""
    if isinstance(x, AsymmetricArray):
        return Prepared(x.integers(), None, None, _outer(x.quantized), None)
    if not isinstance(x, QuantizedArray):
        return _prepared_floats(x, kind)
    return _prepared_codes(x, kind, axis)


def _prepared_floats(x: Array, kind: OperandType) -> Prepared:
    """Take floats apart, subnormal numbers normalized; Inf and NaN stay whole."""
    xp = backend.namespace(x)
    pattern = bit_patterns.as_pattern(x)
    if kind.element == TF32:
        pattern = _cut(pattern, bit_patterns.FRACTION_BITS - TF32.fraction_bits)
    parts = bit_patterns.fields(pattern)
    finite = parts.exponent < 128
    significand = bit_patterns.compose(
        parts.negative, parts.significand, xp.full_like(pattern, -23)
    )
    special = pattern.view(xp.float32)
    exponents = xp.where(finite & (parts.significand != 0), parts.exponent, 0)
    return Prepared(xp.where(finite, significand, special), exponents, None, None, None)


def _cut(pattern: Array, low_bits: int) -> Array:
    """Return the patterns of numbers without their low bits; NaN stays NaN."""
    xp = backend.namespace(pattern)
    return xp.where(bit_patterns.is_nan(pattern), pattern, pattern >> low_bits << low_bits)


def _prepared_codes(x: QuantizedArray, kind: OperandType, axis: int) -> Prepared:
    fmt = x.format
    values = x.integers() if kind.integer else elements.decode(x.codes, fmt.element)
    if not is_inside(fmt):
        return Prepared(values, None, None, _outer(x), None)
    if fmt.scale == E8M0:
        codes = _spread(x.scale_codes, x, axis)
        is_nan = codes == E8M0.nan_code
        exponents = backend.namespace(codes).where(is_nan, 0, codes.astype("int32") - E8M0.bias)
        return Prepared(values, exponents, None, None, is_nan)
    scales = _spread(elements.decode(x.scale_codes, fmt.scale), x, axis)
    return Prepared(values, None, scales, x.tensor_scale, None)


def _outer(x: QuantizedArray) -> Array:
    scales = x.scales()
    return scales.reshape((1,) * len(x.shape)) if x.axis is None else scales


def _spread(per_block: Array, x: QuantizedArray, axis: int) -> Array:
    """Return one value for each element of the axis from one for each block."""
    xp = backend.namespace(per_block)
    if x.axis is None:
        return xp.broadcast_to(per_block.reshape((1,) * len(x.shape)), x.shape)
    repeated = xp.repeat(per_block, x.format.block_size, axis=axis)
    return repeated[_first(x.shape[axis], axis)]


def _first(length: int, axis: int) -> tuple[Any, ...]:
    return (Ellipsis, slice(length), *[slice(None)] * (-1 - axis))


def scaled_elements(x: Prepared) -> Array:
    """Return elements times E4M3 scales, exact in float32."""
    value = x.elements.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return value if x.scales is None else value * x.scales


def significands_and_exponents(x: Prepared) -> list[Array]:
    """Return float32 values and int32 exponents of powers of two beside them."""
    zero = backend.namespace(x.elements).zeros(x.elements.shape, np.int32)
    return [scaled_elements(x), zero if x.exponents is None else x.exponents]


def exponent_bounds(x: Prepared, kind: OperandType) -> tuple[int, int]:
    """Return bounds on ``exponent_range`` that no element is looked at for, in NumPy.

    Parameters
    ----------
    x : Prepared
        Without E4M3 scales.
    kind : OperandType
        Of ``x``.
    """
    low, high = (0, 0) if kind.is_float else _exponents_of(kind.element)
    if x.exponents is not None:
        low, high = low + int(x.exponents.min()), high + int(x.exponents.max())
    return min(low, 0), max(high, 0)


@cache
def _exponents_of(element: ElementFormat) -> tuple[int, int]:
    """Return the exponents of the smallest and the largest magnitude but zero."""
    magnitudes = [abs(float(v)) for v in element.values if v and math.isfinite(v)]
    return math.frexp(min(magnitudes))[1] - 1, math.frexp(max(magnitudes))[1] - 1


def exponent_range(x: Prepared) -> tuple[Array, Array]:
    """Return the lowest and the highest exponent of the nonzero finite values, int32 scalars.

    Elements are normal numbers or zero.
    """
    xp, length = backend.namespace(x.elements), x.elements.shape[-1]

    def of_rows(value: Array, power: Array) -> tuple[Array, Array]:
        pattern = value.view(np.int32)
        field = (pattern & bit_patterns.MAGNITUDE_MASK) >> bit_patterns.FRACTION_BITS
        exponent = field - bit_patterns.BIAS + power
        exponent = xp.where((field > 0) & (field < 255), exponent, 0)
        return exponent.min(axis=1), exponent.max(axis=1)

    value, power = significands_and_exponents(x)
    low, high = backend.map_rows(of_rows, value.reshape(-1, length), power.reshape(-1, length))
    return low.min(), high.max()
