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
from msdnum.formats.modes import Rounding

__all__ = ["quantize_searched"]


def quantize_searched(
    x: Any,
    fmt: BlockFormat,
    divisors: Sequence[float] | None,
    *,
    nonzero: bool = False,
    axis: int = -1,
    block_size: int | None = None,
) -> QuantizedArray:
    """Give each block, of several scales, the first with the least sum of squared errors.

    Parameters
    ----------
    x : array_like of float32, bfloat16 or float16
        Finite. Computed with NumPy, whatever it is given.
    fmt : BlockFormat
        With a float scale of at most 8 bits, such as NVFP4.
    divisors : sequence of float, or None
        The scales are ``amax / divisor``, rounded as by `quantize`. ``(6, 4)`` is "four over six"
        for E2M1, ``(6,)`` what `quantize` does. None: every positive scale that the format has.
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
    tensor_scale = tensor_scale_of(pattern, fmt) if fmt.tensor_scale else None
    rows, values = split(pattern, fmt, place), split(x.astype(np.float64), fmt, place)
    least = np.full((len(rows), 1), np.inf)
    codes = np.zeros(rows.shape, np.uint8)
    scale_codes = np.zeros(least.shape, np.uint8)
    for candidate in _candidates(row_amax(rows), fmt, divisors, nonzero, tensor_scale):
        found = elements_by(rows, candidate, fmt, tensor_scale, Rounding.RNE, None)
        error = _errors(values, found, candidate, fmt, tensor_scale)
        better = error < least
        least = np.where(better, error, least)
        codes = np.where(better, found, codes)
        scale_codes = np.where(better, candidate, scale_codes)
    return assemble(codes, scale_codes, tensor_scale, fmt, x.shape, place)


def _candidates(
    amax: Any, fmt: BlockFormat, divisors: Sequence[float] | None, nonzero: bool, tensor: Any
) -> list[Any]:
    """Return arrays of scale codes, one code a row."""
    if divisors is None:
        return [np.full(amax.shape, c, np.uint8) for c in range(1, fmt.scale.max_code + 1)]
    found = [divided_scales(amax, divisor, fmt, tensor) for divisor in divisors]
    least = np.where(amax > 0, 1, 0) if nonzero else 0
    return [np.maximum(codes, least).astype(np.uint8) for codes in found]


def _errors(values: Any, codes: Any, scale_codes: Any, fmt: BlockFormat, tensor_scale: Any) -> Any:
    """Return the sums of squared errors of rows."""
    scale = element_rounding.decode_scaled(scale_codes, 0, fmt.scale).astype(np.float64)
    if tensor_scale is not None:
        scale = (scale * np.float64(tensor_scale)).astype(np.float32).astype(np.float64)
    restored = element_rounding.decode_scaled(codes, 0, fmt.element) * scale
    return np.sum((values - restored) ** 2, axis=1, keepdims=True)


def _check(x: Any, fmt: BlockFormat, divisors: Sequence[float] | None) -> None:
    if not np.isfinite(x.astype(np.float64)).all():
        raise ValueError("x must be finite for a search of scales")
    if fmt.scale == E8M0 or fmt.scale.bits > 8:
        raise ValueError(f"fmt must have a float scale of at most 8 bits, got {fmt.scale.name}")
    if divisors is not None and (not divisors or min(divisors) <= 0):
        raise ValueError(f"divisors must be one or more positive numbers, got {divisors}")
