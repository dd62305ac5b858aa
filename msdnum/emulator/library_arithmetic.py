"""Quantization by the scale arithmetic of a library: its steps, carried out on arrays."""

from collections.abc import Callable, Iterable

import numpy as np

from msdnum.emulator import (
    argument_checks,
    backend,
    binary32,
    bit_patterns,
    element_numbers,
    element_rounding,
    quantized_arrays,
    shared_scales,
)
from msdnum.emulator.backend import Array
from msdnum.emulator.block_rows import resolve, split
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.floats import as_binary32
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.modes import Overflow, Rounding
from msdnum.formats.scale_arithmetic import Operation, ScaleArithmetic, ScaleStep

__all__ = ["codes_of_rows", "quantize_as"]

Results = dict[str, Array]


@under_own_settings
def quantize_as(
    x: Array,
    arithmetic: ScaleArithmetic,
    *,
    axis: int | None = -1,
    block_size: int | tuple[int, int] | None = None,
) -> QuantizedArray:
    """Quantize with the scale arithmetic of a library, or with one of your own.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64
        Numbers to quantize; float64 is rounded once to float32 (RNE) before anything else.
    arithmetic : ScaleArithmetic
        Such as those of ``formats.LIBRARY_ARITHMETIC``.
    axis, block_size
        As for ``quantize``.

    Returns
    -------
    QuantizedArray
        As for ``quantize``: a block with an Inf or a NaN is a NaN block, whatever the library
        makes of it. Where the last step is NaN, as 0 / 0, the element is 0.

    Raises
    ------
    TypeError, ValueError
        As ``quantize``.

    Examples
    --------
    >>> from msdnum.emulator import quantize_as
    >>> from msdnum.formats import LIBRARY_ARITHMETIC
    >>> x = np.float32([1.0, 0.74, -0.25])
    >>> quantize_as(x, LIBRARY_ARITHMETIC["transformer_engine"]).codes
    array([ 7,  6, 11], dtype=uint8)
    """
    argument_checks.check_mode("arithmetic", arithmetic, ScaleArithmetic)
    x = as_binary32(x, "x")
    fmt, axis = resolve(x, arithmetic.format, axis, block_size, None)
    return _quantize(x, arithmetic=arithmetic, fmt=fmt, axis=axis)


@compiled_whole
def _quantize(
    x: Array, *, arithmetic: ScaleArithmetic, fmt: BlockFormat, axis: int | None
) -> QuantizedArray:
    pattern = bit_patterns.as_pattern(x)
    whole = _of_tensor(pattern, arithmetic)

    def quantize_rows(rows: Array) -> tuple[Array, Array]:
        return _quantize_rows(rows, arithmetic, whole)

    codes, scale_codes = backend.map_rows(quantize_rows, split(pattern, fmt, axis))
    tensor_scale = whole["tensor_scale"] if fmt.tensor_scale else None
    return quantized_arrays.assemble(codes, scale_codes, tensor_scale, fmt, x.shape, axis)


def codes_of_rows(
    blocks: Array, tensor_amax: Array, arithmetic: ScaleArithmetic
) -> tuple[Array, Array]:
    """Return the codes and scale codes of blocks, each of a tensor of its own.

    Parameters
    ----------
    blocks : Array of float32
        One block in a row.
    tensor_amax : Array of float32
        Shape (blocks, 1): the amax of the tensor that each is a block of.
    arithmetic : ScaleArithmetic
        How they are quantized.
    """
    whole = _carried_out(arithmetic.tensor, {"tensor_amax": tensor_amax})
    return _quantize_rows(blocks.view("int32"), arithmetic, whole)


def _of_tensor(pattern: Array, arithmetic: ScaleArithmetic) -> Results:
    """Return the results that all blocks share, of shape ()."""
    xp = backend.namespace(pattern)
    magnitude = pattern & bit_patterns.MAGNITUDE_MASK
    finite = xp.where(shared_scales.is_finite(magnitude), magnitude, 0)
    amax = xp.asarray(finite.max()).view(xp.float32)
    return _carried_out(arithmetic.tensor, {"tensor_amax": amax})


def _quantize_rows(rows: Array, arithmetic: ScaleArithmetic, whole: Results) -> tuple[Array, Array]:
    xp, fmt = backend.namespace(rows), arithmetic.format
    pattern = shared_scales.row_amax(rows)
    usable = shared_scales.is_finite(pattern)
    amax = xp.where(usable, pattern, 0).view(xp.float32)
    block = _carried_out(arithmetic.block, whole | {"amax": amax})
    results = _carried_out(arithmetic.element, block | {"x": rows.view(xp.float32)})
    quotient = results[arithmetic.element[-1].name].view(xp.int32)
    quotient = xp.where(bit_patterns.is_nan(quotient), 0, quotient)
    codes = element_rounding.encode_scaled(
        quotient, 0, fmt.element, Overflow.SATURATE, arithmetic.rounding
    )
    scale = xp.where(usable, block["scale"].view(xp.int32), bit_patterns.NAN)
    scale_codes = element_rounding.encode_scaled(
        scale, 0, fmt.scale, Overflow.SATURATE, Rounding.RNE
    )
    return shared_scales.zero_unless(usable, codes), scale_codes


def _carried_out(steps: Iterable[ScaleStep], results: Results) -> Results:
    found = dict(results)
    like = next(iter(found.values()))
    for step in steps:
        operands = [
            found[operand] if isinstance(operand, str) else _constant(operand, like)
            for operand in step.operands
        ]
        found[step.name] = _OPERATIONS[step.operation](step, *operands)
    return found


def _constant(number: float, like: Array) -> Array:
    return backend.namespace(like).asarray(np.float32(number))


def _divide(step: ScaleStep, a: Array, b: Array) -> Array:
    # XLA of JAX 0.11 and later would take a minute to compile copies of a quotient.
    return backend.compiled_apart(binary32.divide(*_broadcast(a, b)))


def _multiply(step: ScaleStep, a: Array, b: Array) -> Array:
    return binary32.multiply(*_broadcast(a, b))


def _broadcast(a: Array, b: Array) -> tuple[Array, Array]:
    one, other = backend.namespace(a).broadcast_arrays(a, b)
    return one, other


def _minimum(step: ScaleStep, a: Array, b: Array) -> Array:
    xp = backend.namespace(a)
    return xp.minimum(_magnitude(a), _magnitude(b)).view(xp.float32)


def _maximum(step: ScaleStep, a: Array, b: Array) -> Array:
    xp = backend.namespace(a)
    return xp.maximum(_magnitude(a), _magnitude(b)).view(xp.float32)


def _magnitude(x: Array) -> Array:
    """Return patterns, ordered as magnitudes are: JAX compares subnormal floats as zeros.

    The sign of a NaN, which x86 sets and others do not, has no say.
    """
    return x.view("int32") & bit_patterns.MAGNITUDE_MASK


def _if_zero(step: ScaleStep, a: Array, b: Array) -> Array:
    xp = backend.namespace(a)
    pattern = a.view(xp.int32)
    zero = pattern & bit_patterns.MAGNITUDE_MASK == 0
    return xp.where(zero, b.view(xp.int32), pattern).view(xp.float32)


def _round(step: ScaleStep, a: Array) -> Array:
    assert step.fmt is not None
    codes = element_rounding.encode_scaled(
        a.view("int32"), 0, step.fmt, Overflow.SATURATE, step.rounding
    )
    return element_numbers.decode_scaled(codes, 0, step.fmt)


_OPERATIONS: dict[Operation, Callable[..., Array]] = {
    Operation.MULTIPLY: _multiply,
    Operation.DIVIDE: _divide,
    Operation.MINIMUM: _minimum,
    Operation.MAXIMUM: _maximum,
    Operation.IF_ZERO: _if_zero,
    Operation.ROUND: _round,
}
