"""Scales that are given, calibrated or static, in place of those that follow from amax."""

from typing import Any, NamedTuple

import numpy as np

from msdnum.emulator import backend, containers
from msdnum.emulator.backend import Array
from msdnum.emulator.elements import check_representable
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import Overflow

__all__ = ["Given", "given_scales", "split_scales"]


class Given(NamedTuple):
    """What is given, as codes and binary32."""

    rows: Array | None
    """Codes of scales, shape (blocks, 1)."""
    tensor: Array | None
    """Scale of the whole tensor, shape ()."""
    used: Array | None = None
    """What elements are multiplied or divided by in place of the scale, float32 (blocks, 1)."""


def given_scales(
    scales: Any, tensor_scale: Any, x: Array, fmt: BlockFormat, axis: int | None, used: Any = None
) -> Given:
    """Return given scales beside the blocks of an array.

    Raises
    ------
    TypeError
        If they are not numbers.
    ValueError
        If they are not numbers of the format of the scale, there is not one for each block, one of
        the two is missing where both are needed, or what is used is NaN.
    """
    if used is not None and scales is None:
        raise ValueError("scales must be given beside factors or divisors: they are what is stored")
    tensor = None
    if tensor_scale is not None:
        tensor = containers.checked_tensor_scale(tensor_scale, x, fmt)
    if scales is None:
        return Given(None, tensor)
    if fmt.tensor_scale and tensor is None:
        raise ValueError(f"tensor_scale must be given beside scales of {fmt.name}")
    check_representable(x, fmt.element, Overflow.SATURATE)
    if isinstance(scales, int | float):
        # Python's numbers are binary64: 0.02 stands for its binary32 number.
        scales = np.float32(scales)
    codes = containers.codes_of_numbers(backend.readable(scales), fmt.scale, "scales")
    rows = split_scales(codes, x, fmt, axis, "scales")
    if used is None:
        return Given(rows, tensor)
    name = "factors or divisors"
    if isinstance(used, int | float):
        used = np.float32(used)
    codes = containers.codes_of_numbers(backend.readable(used), BINARY32, name)
    numbers = codes.view("float32")
    if not backend.is_traced(numbers) and np.isnan(np.asarray(numbers)).any():
        raise ValueError(f"{name} must be numbers, got NaN")
    return Given(rows, tensor, split_scales(numbers, x, fmt, axis, name))


def split_scales(codes: Array, x: Array, fmt: BlockFormat, axis: int | None, name: str) -> Array:
    """Return one code for each block, below each other; NumPy's, where they are known."""
    codes = backend.readable(codes)
    if axis is None:
        expected: tuple[int, ...] = ()
    else:
        assert fmt.block_size is not None
        expected = containers.scale_shape(x.shape, axis, fmt.block_size, fmt.rows)
    if codes.shape not in ((), expected):
        raise ValueError(
            f"{name} must have shape {expected}, one for each block, or be one number, "
            f"got shape {codes.shape}"
        )
    xp = backend.namespace(codes)
    every = xp.broadcast_to(codes, expected)
    rows = every if axis is None else xp.moveaxis(every, axis, -1)
    # Among what is traced all has to be JAX's; what is compiled takes NumPy's as it is.
    as_is = not backend.is_traced(x)
    return rows.reshape(-1, 1) if as_is else backend.namespace(x).asarray(rows.reshape(-1, 1))
