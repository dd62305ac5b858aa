"""Rows of blocks: an array with one row for each block, and back."""

from dataclasses import replace

from msdnum.emulator import argument_checks, backend, containers
from msdnum.emulator.backend import Array
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.modes import ScaleRule

__all__ = ["join", "join_scales", "resolve", "split"]


def resolve(
    x: Array,
    fmt: BlockFormat,
    axis: int | None,
    block_size: int | tuple[int, int] | None,
    rule: ScaleRule | None,
) -> tuple[BlockFormat, int | None]:
    """Return the format with this array's block size and rule, and the axis, negative."""
    argument_checks.check_mode("fmt", fmt, BlockFormat)
    if rule is not None:
        argument_checks.check_mode("rule", rule, ScaleRule)
        if fmt.search is not None:
            raise ValueError(f"rule must be None where scales are searched, as {fmt.name} does")
        fmt = replace(fmt, rule=rule)
    rows, block_size = _rows_and_size(block_size, fmt)
    axis = containers.axis_from_the_end(x.shape, axis, "x")
    if axis is None:
        if block_size is not None:
            raise ValueError(f"block_size must be None where axis is None, got {block_size}")
        return replace(fmt, block_size=x.size, rows=1), None
    length = x.shape[axis]
    if block_size is not None and not 1 <= block_size <= length:
        raise ValueError(f"block_size must be in 1..{length}, the axis length, got {block_size}")
    size = block_size or fmt.block_size or length
    rows = containers.rows_of(x.shape, axis, rows, "x")
    return replace(fmt, block_size=min(size, length), rows=rows), axis


def _rows_and_size(
    block_size: int | tuple[int, int] | None, fmt: BlockFormat
) -> tuple[int, int | None]:
    """Return the rows of a block and its size along the axis, None for that of the format."""
    if not isinstance(block_size, tuple):
        argument_checks.check_integer("block_size", block_size)
        return (fmt.rows if block_size is None else 1), block_size
    if len(block_size) != 2 or None in block_size:
        raise ValueError(f"block_size must be a length, or rows and a length, got {block_size}")
    rows, size = block_size
    argument_checks.check_integer("block_size", rows)
    argument_checks.check_integer("block_size", size)
    if rows < 1:
        raise ValueError(f"block_size must have at least one row, got {block_size}")
    return int(rows), int(size)


def split(x: Array, fmt: BlockFormat, axis: int | None) -> Array:
    """Return the blocks of ``x`` as rows, the last of each axis filled up with zeros."""
    size = fmt.block_size
    assert size is not None
    if axis is None:
        return x.reshape(1, size)
    xp = backend.namespace(x)
    moved = xp.moveaxis(x, axis, -1)
    missing = (-moved.shape[-2] % fmt.rows if fmt.rows > 1 else 0), -moved.shape[-1] % size
    if any(missing):
        before = moved.ndim - len(missing[-moved.ndim :])
        moved = xp.pad(moved, [(0, 0)] * before + [(0, n) for n in missing[-moved.ndim :]])
    if fmt.rows > 1:
        moved = _tiles(moved, fmt.rows, size)
    return moved.reshape(-1, fmt.rows * size)


def _tiles(x: Array, rows: int, size: int) -> Array:
    """Return blocks of two dimensions one after the other, each with its rows one by one."""
    apart = x.reshape(*x.shape[:-2], x.shape[-2] // rows, rows, x.shape[-1] // size, size)
    return backend.namespace(x).swapaxes(apart, -2, -3)


def join(rows: Array, shape: tuple[int, ...], axis: int | None, height: int = 1) -> Array:
    """Undo ``split``; ``height`` is the number of rows of a block."""
    if axis is None:
        return rows.reshape(shape)
    xp = backend.namespace(rows)
    length = shape[axis]
    moved = shape[:axis] + shape[len(shape) + axis + 1 :]
    if height == 1:
        return xp.moveaxis(rows.reshape(*moved, -1)[..., :length], -1, axis)
    size, down = rows.shape[-1] // height, -(-moved[-1] // height)
    tiles = rows.reshape(*moved[:-1], down, -(-length // size), height, size)
    filled = xp.swapaxes(tiles, -2, -3).reshape(*moved[:-1], down * height, -1)
    return xp.moveaxis(filled[..., : moved[-1], :length], -1, axis)


def join_scales(scales: Array, fmt: BlockFormat, shape: tuple[int, ...], axis: int | None) -> Array:
    """Return what there is one of for each block in the shape of the scales of an array."""
    if axis is None:
        return scales.reshape(())
    assert fmt.block_size is not None
    return join(scales, containers.scale_shape(shape, axis, fmt.block_size, fmt.rows), axis)
