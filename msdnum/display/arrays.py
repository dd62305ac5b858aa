"""Arrays in notebooks: the first blocks, with scales, codes and values.

Arrays, NumPy's or JAX's, come in by the methods of ``QuantizedArray`` and ``Decomposition``, which
show themselves by this.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from msdnum.display.html import Markup, cell, number, small, table

__all__ = ["decomposition", "quantized"]

BLOCKS, ELEMENTS = 4, 6
"""How much is shown: the first blocks of an array, and of each its first elements."""

Row = tuple[object, ...]


def quantized(array: Any) -> Markup | None:
    """Return the first blocks of a ``QuantizedArray``: the scale, and values above their codes.

    None, and a notebook shows the plain text, where ``jax.vmap`` has added an axis to what is one
    for the whole tensor.
    """
    if _is_batch(array):
        return None
    head = _head(array)
    digits = -(-array.format.element.bits // 4)
    values, codes = _values(array), _shown(array, head.codes)
    rows = (
        _row(array, i, i, scale, map(lambda v, c: _coded(v, c, digits), values[i], codes[i]))
        for i, scale in enumerate(_scales(head))
    )
    return table(_header("block", array), rows, _title(array.format, array))


def _coded(value: float, code: int, digits: int) -> Markup:
    return Markup(f"{_plain(value)}<br>{small(f'{code:0{digits}x}')}")


def _row(array: Any, block: int, name: object, scale: object, elements: Iterable[object]) -> Row:
    """Return cells for the first elements, empty ones after a short block, and how many follow."""
    cells = list(elements)
    width, length = _columns(array), _lengths(array)[block]
    more = f"... {length - width} more" if length > width else ""
    return name, scale, *cells, *[""] * (width - len(cells)), more


def decomposition(result: Any) -> Markup | None:
    """Return the first blocks of a ``Decomposition``: x, its terms, and what they leave.

    None as in ``quantized``.
    """
    first = result.terms[0]
    if _is_batch(first):
        return None
    terms = [_values(term) for term in result.terms]
    scales = [_scales(_head(term)) for term in result.terms]
    remainders = _shown(first, first.rows(result.remainder)[:BLOCKS])
    rows = []
    for i, remainder in enumerate(remainders):
        parts = [term[i] for term in terms]
        x = map(math.fsum, zip(*parts, remainder, strict=True))
        rows.append(_row(first, i, Markup(f"<b>x</b>, block {i}"), "", map(_plain, x)))
        for n, part in enumerate(parts):
            rows.append(_row(first, i, small(f"term {n + 1}"), scales[n][i], map(_plain, part)))
        allowed = _allowed(result.scheme, scales[-1][i])
        rows.append(_row(first, i, small("remainder"), allowed, map(_plain, remainder)))
    return table(_header("", first), rows, _title(result.scheme, first))


def _is_batch(array: Any) -> bool:
    try:
        array.checked()
    except (TypeError, ValueError):
        return True
    return False


def _plain(value: float) -> str:
    return f"{value:.5g}"


def _allowed(scheme: Any, last_scale: float) -> Markup:
    """Return the largest remainder of a block, of a scheme that has a bound."""
    share = scheme.largest_remainder
    return Markup("" if share is None else f"at most {number(float(share) * last_scale)}")


def _head(array: Any) -> Any:
    """Return the first blocks as an array of one block in each row."""
    codes = array.rows(array.codes)[:BLOCKS]
    scales = array.column(array.scale_codes)[:BLOCKS]
    fmt = replace(array.format, block_size=codes.shape[-1], rows=1)
    return replace(array, codes=codes, scale_codes=scales, format=fmt, axis=-1)


def _scales(head: Any) -> list[float]:
    return [scale for (scale,) in head.scales().tolist()]


def _values(array: Any) -> list[list[float]]:
    return _shown(array, _head(array).dequantize())


def _shown(array: Any, rows: Any) -> list[list[Any]]:
    """Return the first elements of the first blocks, without what fills up a short one."""
    lists = rows[:, :ELEMENTS].tolist()
    return [row[:length] for row, length in zip(lists, _lengths(array), strict=False)]


def _lengths(array: Any) -> list[int]:
    """Return how many elements the first blocks have; the last along an axis may be short."""
    size = array.format.block_size
    if array.format.rows > 1:
        # Several rows lie in a block one after the other: it is shown as it is filled up.
        return [array.format.rows * size] * BLOCKS
    length = size if array.axis is None else array.shape[array.axis]
    per_line = -(-length // size)
    return [min(size, length - i % per_line * size) for i in range(BLOCKS)]


def _columns(array: Any) -> int:
    size: int = array.format.block_size
    return min(ELEMENTS, size)


def _header(first: str, array: Any) -> Row:
    return first, "scale", *range(_columns(array)), ""


def _title(named: Any, array: Any) -> Markup:
    blocks = len(array.rows(array.codes))
    where = "" if array.axis is None else f" along axis {array.axis}"
    height = f"{array.format.rows} x " if array.format.rows > 1 else ""
    each = f"{blocks} block{'s' * (blocks > 1)} of {height}{array.format.block_size}{where}"
    shown = f", the first {BLOCKS} shown" * (blocks > BLOCKS)
    return Markup(f"{cell(named)} {small(f'shape {array.shape}, {each}{shown}')}")
