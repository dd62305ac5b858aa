"""Scales that a search gives to blocks: of several, the one whose elements err least."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from msdnum.emulator import element_rounding
from msdnum.emulator.block_rows import resolve, split
from msdnum.emulator.blocks import divided_scales, elements_by
from msdnum.emulator.floats import as_numbers, patterns
from msdnum.emulator.quantized_arrays import QuantizedArray, assemble
from msdnum.emulator.shared_scales import row_amax, tensor_scale_of
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0
from msdnum.formats.modes import Criterion, Rounding

__all__ = ["quantize_searched"]


def quantize_searched(
    x: Any,
    fmt: BlockFormat,
    divisors: Sequence[float] | None,
    *,
    criterion: Criterion = Criterion.SQUARED,
    tensor_scale: float | None = None,
    nonzero: bool = False,
    axis: int = -1,
    block_size: int | None = None,
) -> QuantizedArray:
    """Give each block, of several scales, the first with the least error.

    Parameters
    ----------
    x : array_like of float32, bfloat16 or float16
        Finite. Computed with NumPy, whatever it is given.
    fmt : BlockFormat
        With a float scale of at most 8 bits, such as NVFP4.
    divisors : sequence of float, or None
        The scales are ``amax / divisor``, rounded as by `quantize`. ``(6, 4)`` is "four over six"
        for E2M1, ``(6,)`` what `quantize` does. None: every positive scale that the format has.
    criterion : Criterion
        What is made least: the sum of squared errors or of absolute ones, or the largest.
    tensor_scale : float, optional
        Given scale of the tensor in place of ``amax / max_finite / 448``: ``amax / 6 / 256`` leaves
        room for the scale ``amax / 4`` of the largest block.
    nonzero : bool
        Whether a scale that would be rounded to zero is the least positive one instead.
    axis : int
        Along which blocks are consecutive.
    block_size : int, optional
        In place of that of the format.

    Returns
    -------
    QuantizedArray
        Elements are rounded to nearest, as by `quantize`.

    Raises
    ------
    ValueError
        If ``x`` is not finite, the format has no such scale, or a divisor is not positive.

    Notes
    -----
    Errors are squared and added in binary64, so that sums that differ by less than its rounding
    count as equal. With a tensor scale over 448 the largest block has no scale ``amax / 4``: it
    saturates. Source: Cook et al., arXiv:2512.02010 (four over six); ``spec.searched_block``.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from msdnum import BLOCK_FORMATS, quantize
    >>> from msdnum.emulator.scale_search import quantize_searched
    >>> fp4 = replace(BLOCK_FORMATS["NVFP4"], name="alone", tensor_scale=False)
    >>> x = np.float32([6, 5])
    >>> quantize(x, fp4).dequantize(), quantize_searched(x, fp4, (6, 4)).dequantize()
    (array([6., 4.], dtype=float32), array([6. , 4.5], dtype=float32))
    >>> quantize_searched(x, fp4, None).scales()
    array([1.5], dtype=float32)
    """
    x = as_numbers(np.asarray(x), "x")
    fmt, place = resolve(x, fmt, axis, block_size, None)
    _check(x, fmt, divisors)
    pattern = patterns(x)
    tensor = _tensor_scale(pattern, fmt, tensor_scale)
    rows, values = split(pattern, fmt, place), split(x.astype(np.float64), fmt, place)
    least = np.full((len(rows), 1), np.inf)
    codes = np.zeros(rows.shape, np.uint8)
    scale_codes = np.zeros(least.shape, np.uint8)
    for candidate in _candidates(row_amax(rows), fmt, divisors, nonzero, tensor):
        found = elements_by(rows, candidate, fmt, tensor, Rounding.RNE, None)
        restored = _restored(found, candidate, fmt, tensor)
        error = _errors(values - restored, criterion)
        better = error < least
        least = np.where(better, error, least)
        codes = np.where(better, found, codes)
        scale_codes = np.where(better, candidate, scale_codes)
    return assemble(codes, scale_codes, tensor, fmt, x.shape, place)


def _candidates(
    amax: Any, fmt: BlockFormat, divisors: Sequence[float] | None, nonzero: bool, tensor: Any
) -> list[Any]:
    """Return arrays of scale codes, one code a row."""
    if divisors is None:
        return [np.full(amax.shape, c, np.uint8) for c in range(1, fmt.scale.max_code + 1)]
    found = [divided_scales(amax, divisor, fmt, tensor) for divisor in divisors]
    least = np.where(amax > 0, 1, 0) if nonzero else 0
    return [np.maximum(codes, least).astype(np.uint8) for codes in found]


def _tensor_scale(pattern: Any, fmt: BlockFormat, given: float | None) -> Any:
    if given is None:
        return tensor_scale_of(pattern, fmt) if fmt.tensor_scale else None
    if not (fmt.tensor_scale and 0 < np.float32(given) < np.inf):
        raise ValueError(f"tensor_scale must be positive, and None without one, got {given}")
    return np.asarray(given, np.float32)


def _errors(errors: Any, criterion: Criterion) -> Any:
    """Return the errors of rows, by the criterion."""
    match criterion:
        case Criterion.SQUARED:
            return np.sum(errors**2, axis=1, keepdims=True)
        case Criterion.ABSOLUTE:
            return np.sum(np.abs(errors), axis=1, keepdims=True)
        case Criterion.LARGEST:
            return np.max(np.abs(errors), axis=1, keepdims=True)


def _restored(codes: Any, scale_codes: Any, fmt: BlockFormat, tensor_scale: Any) -> Any:
    """Return the numbers of rows, exact but for the rounding of both scales' product."""
    scale = element_rounding.decode_scaled(scale_codes, 0, fmt.scale).astype(np.float64)
    if tensor_scale is not None:
        scale = (scale * np.float64(tensor_scale)).astype(np.float32).astype(np.float64)
    return element_rounding.decode_scaled(codes, 0, fmt.element) * scale


def _check(x: Any, fmt: BlockFormat, divisors: Sequence[float] | None) -> None:
    if not np.isfinite(x.astype(np.float64)).all():
        raise ValueError("x must be finite for a search of scales")
    if fmt.scale == E8M0 or fmt.scale.bits > 8:
        raise ValueError(f"fmt must have a float scale of at most 8 bits, got {fmt.scale.name}")
    if divisors is not None and (not divisors or min(divisors) <= 0):
        raise ValueError(f"divisors must be one or more positive numbers, got {divisors}")
