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
    block_size: int | None,
    rule: ScaleRule | None,
) -> tuple[BlockFormat, int | None]:
    """Return the format with this array's block size and rule, and the axis, negative."""
    argument_checks.check_mode("fmt", fmt, BlockFormat)
    if rule is not None:
        argument_checks.check_mode("rule", rule, ScaleRule)
        fmt = replace(fmt, rule=rule)
    argument_checks.check_integer("block_size", block_size)
    axis = containers.axis_from_the_end(x.shape, axis, "x")
    if axis is None:
        if block_size is not None:
            raise ValueError(f"block_size must be None where axis is None, got {block_size}")
        return replace(fmt, block_size=x.size), None
    length = x.shape[axis]
    if block_size is not None and not 1 <= block_size <= length:
        raise ValueError(f"block_size must be in 1..{length}, the axis length, got {block_size}")
    size = block_size or fmt.block_size or length
    return replace(fmt, block_size=min(size, length)), axis


def split(x: Array, fmt: BlockFormat, axis: int | None) -> Array:
    """Return the blocks of ``x`` as rows, the last of each axis filled up with zeros."""
    size = fmt.block_size
    assert size is not None
    if axis is None:
        return x.reshape(1, size)
    xp = backend.namespace(x)
    moved = xp.moveaxis(x, axis, -1)
    missing = -moved.shape[-1] % size
    if missing:
        moved = xp.pad(moved, [(0, 0)] * (moved.ndim - 1) + [(0, missing)])
    return moved.reshape(-1, size)


def join(rows: Array, shape: tuple[int, ...], axis: int | None) -> Array:
    """Undo ``split``."""
    if axis is None:
        return rows.reshape(shape)
    xp = backend.namespace(rows)
    length = shape[axis]
    moved = shape[:axis] + shape[len(shape) + axis + 1 :]
    return xp.moveaxis(rows.reshape(*moved, -1)[..., :length], -1, axis)


def join_scales(scales: Array, fmt: BlockFormat, shape: tuple[int, ...], axis: int | None) -> Array:
    """Return what there is one of for each block in the shape of the scales of an array."""
    if axis is None:
        return scales.reshape(())
    assert fmt.block_size is not None
    return join(scales, containers.scale_shape(shape, axis, fmt.block_size), axis)
