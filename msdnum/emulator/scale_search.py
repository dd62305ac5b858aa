"""Scales that a search gives to blocks: of several, the one whose elements err least."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from msdnum.emulator import backend, bit_patterns, element_numbers, shared_scales
from msdnum.emulator.backend import Array
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import FloatFormat
from msdnum.formats.modes import Criterion
from msdnum.formats.scale_searches import ScaleSearch

__all__ = ["search_scales"]

State: TypeAlias = tuple[Array, Array, Array]
"""The least error of each row so far, and its element and scale codes."""

CUT = ~((1 << 29) - 1)
"""Mask of a binary64 pattern that leaves 24 bits of its significand."""


def search_scales(
    rows: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    scales_over: Callable[[float], Array],
    elements_by: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Return the element and scale codes of rows under the scales that err least.

    Parameters
    ----------
    rows : Array of int32
        Binary32 patterns, a block in each row.
    fmt : BlockFormat
        With a search.
    tensor_scale : Array of float32, or None
        Of shape ().
    scales_over : callable
        From a divisor to scale codes, ``amax / divisor`` of each row.
    elements_by : callable
        From scale codes to element codes.
    """
    search = fmt.search
    assert search is not None
    backend.require_float64(rows, "a search of scales")
    xp = backend.namespace(rows)
    amax = shared_scales.row_amax(rows)
    finite = shared_scales.is_finite(amax)
    values = bit_patterns.to_float64(xp.where(finite, rows, 0))

    def tried(scale_codes: Array, state: State) -> State:
        codes = elements_by(scale_codes)
        error = _error(values, codes, scale_codes, fmt, tensor_scale, search.criterion)
        scale = shared_scales.scale_numbers(scale_codes, fmt, tensor_scale)
        better = (error < state[0]) & xp.isfinite(scale)
        found = (error, codes, scale_codes)
        return tuple(xp.where(better, new, old) for new, old in zip(found, state, strict=True))

    first = scales_over(search.divisors[0]) if search.divisors else amax.astype("uint8")
    nothing = xp.full_like(first, fmt.scale.nan_code)
    worst = xp.full(first.shape, np.inf, np.float64)
    state: State = (worst, xp.zeros_like(elements_by(nothing)), nothing)
    for divisor in search.divisors or ():
        state = tried(_not_zero(scales_over(divisor), amax, search), state)
    if search.divisors is None:
        state = _among_all(fmt, tried, state)
    _, codes, scale_codes = state
    return shared_scales.zero_unless(finite, codes), xp.where(finite, scale_codes, nothing)


def _among_all(fmt: BlockFormat, tried: Callable[[Array, State], State], state: State) -> State:
    """Try every positive scale."""
    xp, like = backend.namespace(state[0]), state[2]
    lowest = int(fmt.scale.has_zero)

    def with_code(i: Array, state: State) -> State:
        code = xp.asarray(i + lowest).astype(like.dtype)
        return tried(xp.broadcast_to(code, like.shape), state)

    found: State = backend.loop(fmt.scale.max_code + 1 - lowest, with_code, state)
    return found


def _not_zero(codes: Array, amax: Array, search: ScaleSearch) -> Array:
    """Return scale codes, the least positive one for 0 where that is asked for."""
    if not search.nonzero:
        return codes
    xp = backend.namespace(codes)
    return xp.where((codes == 0) & (amax > 0), 1, codes).astype(codes.dtype)


def _error(
    values: Array,
    codes: Array,
    scale_codes: Array,
    fmt: BlockFormat,
    tensor_scale: Array | None,
    criterion: Criterion,
) -> Array:
    """Return the error of each row; products of 24 by fewer bits are exact, fused or not."""
    assert isinstance(fmt.scale, FloatFormat)
    xp = backend.namespace(values)
    scale = shared_scales.scale_numbers(scale_codes, fmt, tensor_scale)
    elements = element_numbers.decode_scaled(codes, 0, fmt.element)
    factors = [bit_patterns.to_float64(v.view(xp.int32)) for v in (elements, scale)]
    error = values - factors[0] * factors[1]
    short = xp.abs((error.view(xp.int64) & CUT).view(xp.float64))
    match criterion:
        case Criterion.SQUARED:
            return _sum_by_halves(short * short)
        case Criterion.ABSOLUTE:
            return _sum_by_halves(short)
        case Criterion.LARGEST:
            return short.max(axis=1, keepdims=True)


def _sum_by_halves(terms: Array) -> Array:
    """Return the sum of each row, one half added to the other until one number is left."""
    xp, length = backend.namespace(terms), terms.shape[1]
    left = xp.pad(terms, [(0, 0), (0, (1 << (length - 1).bit_length()) - length)])
    while left.shape[1] > 1:
        half = left.shape[1] // 2
        left = left[:, :half] + left[:, half:]
    return left
