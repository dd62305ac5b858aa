"""Block quantization: a shared scale for each block, elements rounded by it."""

from typing import Any

import numpy as np

from msdnum.emulator import (
    argument_checks,
    backend,
    binary32,
    bit_patterns,
    element_rounding,
    quotients,
)
from msdnum.emulator.adder_rounding import codes_by_adder, suits_adder
from msdnum.emulator.backend import Array
from msdnum.emulator.block_rows import resolve, split
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.compiled_rows import power_terms, suits_power_terms
from msdnum.emulator.floats import as_floats, as_numbers, patterns
from msdnum.emulator.given_scales import given_scales, split_scales
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray, assemble
from msdnum.emulator.scale_search import search_scales
from msdnum.emulator.shared_scales import (
    check_tensor_scale,
    clamp_exponent,
    exponent_codes,
    is_finite,
    over,
    row_amax,
    scale_numbers,
    shared_exponent,
    tensor_scale_of,
    zero_unless,
)
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, FloatFormat
from msdnum.formats.modes import Overflow, Rounding, ScaleRule

__all__ = ["divided_scales", "quantize", "quantize_by_codes"]


@under_own_settings
def quantize(
    x: Array,
    fmt: BlockFormat,
    *,
    axis: int | None = -1,
    block_size: int | tuple[int, int] | None = None,
    scales: Any = None,
    tensor_scale: Any = None,
    factors: Any = None,
    divisors: Any = None,
    rule: ScaleRule | None = None,
    rounding: Rounding = Rounding.RNE,
    random: Any = None,
) -> QuantizedArray:
    """Choose a shared scale for every block of ``x`` and round the elements, saturating.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64, or Python's numbers
        At least one dimension. Smaller floats of ``ml_dtypes`` and torch tensors on the CPU are
        taken, too. Amax, and each quotient by a scale, is exact until it is rounded, once. A format
        that searches its scales takes no float64.
    fmt : BlockFormat
        Format of elements, scale and blocks, and the usual scale rule or search of scales.
    axis : int or None
        Axis along which blocks are consecutive; None: the whole tensor is one block.
    block_size : int or (int, int), optional
        In place of that of ``format``. The last block of an axis may be shorter: it has a scale of
        its own, computed from the elements it has. Two numbers are rows, along the other of the
        last two axes, and the length along ``axis``: (128, 128) for tiles.
    scales : number or Array, optional
        Given scales, calibrated or static, in place of those that follow from amax: numbers of
        ``format.scale``, one for all blocks or of the shape of the scales. No block is a NaN block
        then: Inf saturates, and NaN becomes the NaN of the element format.
    tensor_scale : number or Array of float32, optional
        Given scale of the whole tensor, in a format that has one. Needed beside ``scales``.
    factors, divisors : number or Array of float32, optional
        Beside ``scales``, what elements are multiplied or divided by where it is not the scale that
        is stored: its rounded reciprocal, or the scale before it was rounded. Shaped as ``scales``;
        no scale of the tensor is applied to them. The divisor 0 and the factor Inf are of a scale
        of 0: finite numbers become zeros.
    rule : ScaleRule, optional
        In place of that of ``format``.
    rounding : Rounding
        Of the elements; the scale has its own rule.
    random : numpy.random.Generator, JAX key or Array of uint32, optional
        For stochastic rounding.

    Returns
    -------
    QuantizedArray
        Where the scale is zero, or the block is, elements are zeros that keep their sign where the
        format has one. A zero block has scale code 0. A block with a NaN or an Inf is a NaN block:
        its scale is NaN, its element codes are 0.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If ``x`` is empty or has no dimension; if ``axis`` is not one of its axes; if
        ``block_size`` is below 1 or above the axis length; if the rule does not suit the format;
        if given scales are not numbers of their format, or not one for each block; if ``x`` holds a
        NaN that elements under given scales have no code for; if both factors and divisors are
        given, or they are without scales, or NaN;
        if a float64 number is so large that the tensor scale, a binary32 number, would be Inf.

    Notes
    -----
    Power-of-two scales are clamped to E8M0's 2**-127 to 2**127. With a float scale every
    operation is rounded to binary32 (RNE): ``scale = amax / max_finite``, then to the format of the
    scale (RNE, saturating), and ``element = x / scale``. NVFP4: ``tensor_scale = amax / 6 / 448``
    over the finite elements of the tensor, ``scale = E4M3(amax / 6 / tensor_scale)`` and
    ``element = x / (scale * tensor_scale)``.

    Source: OCP MX v1.0, sections 5 and 6.3; ``spec.quantize_block``.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, ScaleRule, quantize
    >>> x = np.float32([1, 0.3, 7.5, -0.1])
    >>> q = quantize(x, BLOCK_FORMATS["MXFP4"])
    >>> q.codes, q.scale_codes
    (array([2, 1, 7, 8], dtype=uint8), array([127], dtype=uint8))
    >>> q.dequantize()  # FLOOR, the rule of OCP MX, cuts 7.5 to 6
    array([ 1. ,  0.5,  6. , -0. ], dtype=float32)
    >>> quantize(x, BLOCK_FORMATS["MXFP4"], rule=ScaleRule.CEIL).dequantize()
    array([ 1.,  0.,  8., -0.], dtype=float32)
    """
    if factors is not None and divisors is not None:
        raise ValueError("factors must be None beside divisors")
    narrow = factors is not None or getattr(fmt, "search", None) is not None
    x = as_floats(x, "x") if narrow else as_numbers(x, "x")
    fmt, axis = resolve(x, fmt, axis, block_size, rule)
    source = argument_checks.check_random(rounding, random, x)
    used = divisors if factors is None else factors
    given = given_scales(scales, tensor_scale, x, fmt, axis, used)
    made = _quantize(
        x, source, given.rows, given.tensor, given.used,
        fmt=fmt, axis=axis, rounding=rounding, multiply=factors is not None,
    )  # fmt: skip
    if given.tensor is None and made.tensor_scale is not None:
        check_tensor_scale(made.tensor_scale, fmt)
    return made


@compiled_whole
def _quantize(
    x: Array,
    source: Any,
    scale_rows: Array | None,
    tensor_scale: Array | None,
    used_rows: Array | None,
    *,
    fmt: BlockFormat,
    axis: int | None,
    rounding: Rounding,
    multiply: bool,
) -> QuantizedArray:
    pattern, whole = patterns(x), tensor_scale
    if whole is None and fmt.tensor_scale:
        whole = tensor_scale_of(pattern, fmt)

    rows = split(pattern, fmt, axis)
    words = None if source is None else backend.random_words(source, x)
    nothing_given = scale_rows is None and used_rows is None and words is None
    if nothing_given and fmt.search is None and suits_power_terms(rows, (fmt,), rounding):
        codes, scale_codes = power_terms(rows, (fmt,), None, rest=False)
        return assemble(codes, scale_codes, None, fmt, x.shape, axis)

    given = {"scale_codes": scale_rows, "factors" if multiply else "divisors": used_rows}
    given["words"] = None if words is None else split(words, fmt, axis)
    operands = {name: operand for name, operand in given.items() if operand is not None}

    def quantize_rows(rows: Array, *more: Array) -> tuple[Array, Array]:
        return _quantize_rows(rows, fmt, whole, rounding, **dict(zip(operands, more, strict=True)))

    codes, scale_codes = backend.map_rows(quantize_rows, rows, *operands.values())
    return assemble(codes, scale_codes, whole, fmt, x.shape, axis)


def quantize_by_codes(
    x: Array, scale_codes: Array, tensor_scale: Array | None, fmt: BlockFormat, axis: int | None
) -> QuantizedArray:
    """Return ``x``, float32, under scales that are given by their codes, one for each block."""
    fmt, axis = resolve(x, fmt, axis, None, None)
    rows = split_scales(scale_codes, x, fmt, axis, "scale_codes")
    return _quantize(
        x, None, rows, tensor_scale, None,
        fmt=fmt, axis=axis, rounding=Rounding.RNE, multiply=False,
    )  # fmt: skip


def _quantize_rows(
    rows: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    rounding: Rounding,
    *,
    scale_codes: Array | None = None,
    factors: Array | None = None,
    divisors: Array | None = None,
    words: Array | None = None,
) -> tuple[Array, Array]:
    """Quantize the blocks of some rows, by what is given for each block or by the format."""
    if factors is not None:
        return _rounded(_product(rows, factors), fmt, rounding, words), scale_codes
    if divisors is not None:
        return _elements_over(rows, divisors, fmt, rounding, words), scale_codes
    if scale_codes is not None:
        return _quantize_given(rows, scale_codes, fmt, tensor_scale, rounding, words)
    if fmt.search is not None:
        return _quantize_searched(rows, fmt, tensor_scale, rounding, words)
    if fmt.scale == E8M0:
        return _quantize_powers_of_two(rows, fmt, rounding, words)
    return _quantize_float_scale(rows, fmt, tensor_scale, rounding, words)


def _quantize_given(
    rows: Array,
    scale_codes: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    rounding: Rounding,
    words: Array | None,
) -> tuple[Array, Array]:
    if fmt.scale == E8M0:
        nan = scale_codes == E8M0.nan_code
        exponent = scale_codes.astype("int32") - E8M0.bias
        codes = element_rounding.encode_scaled(
            rows, exponent, fmt.element, Overflow.SATURATE, rounding, words
        )
        return zero_unless(~nan, codes), scale_codes
    scale = scale_numbers(scale_codes, fmt, tensor_scale)
    usable = ~bit_patterns.is_nan(scale.view(np.int32))
    codes = _elements_over(rows, scale, fmt, rounding, words)
    return zero_unless(usable, codes), scale_codes


def _quantize_searched(
    rows: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    rounding: Rounding,
    words: Array | None,
) -> tuple[Array, Array]:
    amax = row_amax(rows)
    return search_scales(
        rows,
        fmt,
        tensor_scale,
        lambda divisor: divided_scales(amax, divisor, fmt, tensor_scale),
        lambda scales: _quantize_given(rows, scales, fmt, tensor_scale, rounding, words)[0],
    )


def _quantize_powers_of_two(
    rows: Array, fmt: BlockFormat, rounding: Rounding, words: Array | None
) -> tuple[Array, Array]:
    amax = row_amax(rows)
    exponent = clamp_exponent(shared_exponent(amax, fmt.element, fmt.rule))
    element = fmt.element
    if isinstance(element, FloatFormat) and suits_adder(rows, element, rounding):
        codes = codes_by_adder(rows, exponent, element)
    else:
        codes = element_rounding.encode_scaled(
            rows, exponent, element, Overflow.SATURATE, rounding, words
        )
    return zero_unless(is_finite(amax), codes), exponent_codes(exponent, amax)


def _quantize_float_scale(
    rows: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    rounding: Rounding,
    words: Array | None,
) -> tuple[Array, Array]:
    amax = row_amax(rows)
    scale_codes = divided_scales(amax, fmt.element.max_finite, fmt, tensor_scale)
    scale = scale_numbers(scale_codes, fmt, tensor_scale)
    codes = _elements_over(rows, scale, fmt, rounding, words)
    return zero_unless(is_finite(amax), codes), scale_codes


def divided_scales(
    amax: Array, divisor: float, fmt: BlockFormat, tensor_scale: Array | None
) -> Array:
    """Return the codes of ``amax / divisor`` in the format of scales, NaN where not finite."""
    xp = backend.namespace(amax)
    scale = over(xp.where(is_finite(amax), amax, -1), divisor)
    if tensor_scale is not None:
        # As a float, JAX would take a subnormal tensor scale for zero.
        zero = tensor_scale.view(xp.int32) == 0
        # Under a tensor scale of zero every scale is zero, but for NaN.
        with np.errstate(invalid="ignore"):
            nothing = scale * xp.float32(0)
        scale = xp.where(zero, nothing, binary32.divide(scale, tensor_scale))
        # XLA of JAX 0.11 and later would take a minute to compile copies of that quotient.
        scale = backend.compiled_apart(scale)
    return element_rounding.encode_scaled(
        scale.view(xp.int32), 0, fmt.scale, Overflow.SATURATE, Rounding.RNE
    )


def _elements_over(
    rows: Array, scale: Array, fmt: BlockFormat, rounding: Rounding, words: Array | None
) -> Array:
    """Return the codes of numbers over float scales, each quotient rounded to binary32 first."""
    xp = backend.namespace(rows)
    # What a scale of zero leaves of a number is its sign, as division by Inf does.
    zero = (scale.view(xp.int32) & bit_patterns.MAGNITUDE_MASK) == 0
    quotient = quotients.divide(rows, xp.where(zero, np.float32(np.inf), scale))
    return _rounded(quotient, fmt, rounding, words)


def _product(rows: Array, factor: Array) -> Array:
    """Return numbers times factors, rounded to binary32; Inf, the reciprocal of 0, leaves zeros."""
    xp = backend.namespace(rows)
    infinite = factor.view(xp.int32) & bit_patterns.MAGNITUDE_MASK == bit_patterns.INF
    return binary32.multiply(rows.view("float32"), xp.where(infinite, np.float32(0), factor))


def _rounded(x: Array, fmt: BlockFormat, rounding: Rounding, words: Array | None) -> Array:
    """Return the codes of binary32 numbers as elements."""
    return element_rounding.encode_scaled(
        x.view("int32"), 0, fmt.element, Overflow.SATURATE, rounding, words
    )
