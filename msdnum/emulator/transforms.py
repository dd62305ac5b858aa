"""Transforms before quantization, as arrays: the same bits in NumPy and JAX."""

from typing import Any

import numpy as np

from msdnum.emulator import backend, binary32, bit_patterns
from msdnum.emulator.backend import Array
from msdnum.emulator.compilation import compiled_whole
from msdnum.emulator.floats import as_binary32
from msdnum.emulator.jax_settings import under_own_settings
from msdnum.formats.transforms import Hadamard, Permutation, Smoothing, Transform

__all__ = ["inverse", "transform", "transform_factors"]


@under_own_settings
def transform(x: Any, how: Transform, *, axis: int = -1) -> Array:
    """Return ``x`` transformed along an axis, every operation rounded to binary32.

    Parameters
    ----------
    x : Array of float32, bfloat16, float16 or float64
        With one dimension or more. float64 is rounded once to float32 (RNE) before anything else.
    how : Hadamard, Smoothing or Permutation
        With as many factors or indices as the axis is long; a Hadamard length divides it.
    axis : int
        Along which the blocks, factors or indices are.

    Returns
    -------
    Array of float32
        Of the shape of ``x``. NaN is the positive quiet NaN.

    Raises
    ------
    TypeError
        If ``x`` or ``how`` is not of its type.
    ValueError
        If the axis is not one of ``x``, or its length does not suit.

    Notes
    -----
    Source: ``spec.transform``.

    Examples
    --------
    >>> from msdnum.emulator.transforms import transform
    >>> from msdnum.formats.transforms import Hadamard, Smoothing
    >>> transform(np.float32([1, 0, 0, 2]), Hadamard(4, signs=(1, 1, 1, -1)))
    array([-0.5,  1.5,  1.5, -0.5], dtype=float32)
    >>> transform(np.float32([3, 64]), Smoothing((1.0, 32.0)))
    array([3., 2.], dtype=float32)
    """
    return _transformed(_checked(x, how, axis), how=how, axis=axis)


@under_own_settings
def inverse(x: Any, how: Transform, *, axis: int = -1) -> Array:
    """Return what takes a transformed array back, rounded likewise.

    Parameters, result and errors are those of `transform`.

    Examples
    --------
    >>> from msdnum.emulator.transforms import inverse, transform
    >>> from msdnum.formats.transforms import Permutation
    >>> order = Permutation((2, 0, 1))
    >>> inverse(transform(np.float32([5, 6, 7]), order), order)
    array([5., 6., 7.], dtype=float32)
    """
    return _taken_back(_checked(x, how, axis), how=how, axis=axis)


def transform_factors(a: Any, b: Any, how: Transform) -> tuple[Array, Array]:
    """Return both factors of a product ``a @ b``, transformed along k so that it stays the same.

    Parameters
    ----------
    a, b : Array of float32, bfloat16, float16 or float64
        Of shapes (..., k) and (k, n).
    how : Hadamard, Smoothing or Permutation
        Of ``a``; ``b`` gets what undoes it: the same rotation or permutation, or the factors that
        ``a`` is divided by.

    Returns
    -------
    tuple of two Arrays of float32
        Their exact product is that of ``a`` and ``b`` but for the roundings of the transforms.

    Raises
    ------
    TypeError, ValueError
        As for `transform`.

    Examples
    --------
    >>> from msdnum.emulator.transforms import transform_factors
    >>> from msdnum.formats.transforms import Smoothing
    >>> a, b = np.float32([[1, 64]]), np.float32([[3], [2]])
    >>> x, y = transform_factors(a, b, Smoothing((1.0, 32.0)))
    >>> x, y[:, 0]
    (array([[1., 2.]], dtype=float32), array([ 3., 64.], dtype=float32))
    >>> x @ y
    array([[131.]], dtype=float32)
    """
    undo = inverse if isinstance(how, Smoothing) else transform
    return transform(a, how), undo(b, how, axis=0)


@compiled_whole
def _transformed(x: Array, *, how: Transform, axis: int) -> Array:
    last = _along(x, axis)
    match how:
        case Permutation(order):
            found = last[..., np.array(order)]
        case Smoothing(factors):
            found = binary32.divide(last, _row(last, factors))
        case Hadamard():
            found = _rotated(_signed(last, how), how)
    return _back(found, axis)


@compiled_whole
def _taken_back(x: Array, *, how: Transform, axis: int) -> Array:
    last = _along(x, axis)
    match how:
        case Permutation():
            found = last[..., np.array(how.inverse.order)]
        case Smoothing(factors):
            found = binary32.multiply(last, _row(last, factors))
        case Hadamard():
            found = _signed(_rotated(last, how), how)
    return _back(found, axis)


def _checked(x: Any, how: Transform, axis: int) -> Array:
    """Return the numbers, float64 rounded to float32, once it is known that they suit."""
    if not isinstance(how, Transform):
        expected = "Hadamard, Smoothing or Permutation"
        raise TypeError(f"how must be a {expected}, got {type(how).__name__}")
    x = as_binary32(x, "x")
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be one of the {x.ndim} of x, got {axis}")
    _check_length(x.shape[axis], how)
    return x


def _along(x: Array, axis: int) -> Array:
    """Return the numbers as float32, the axis last."""
    return backend.namespace(x).moveaxis(x, axis, -1).astype("float32")


def _check_length(length: int, how: Transform) -> None:
    match how:
        case Hadamard(block):
            if length % block:
                raise ValueError(f"x must be a multiple of {block} long along axis, got {length}")
        case Smoothing(members) | Permutation(members):
            if length != len(members):
                raise ValueError(f"x must be {len(members)} long along axis, got {length}")


def _back(found: Array, axis: int) -> Array:
    """Return the axis where it was, and one NaN for all."""
    xp = backend.namespace(found)
    one_nan = xp.where(xp.isnan(found), xp.float32(np.nan), found)
    return xp.moveaxis(one_nan, -1, axis)


def _row(x: Array, numbers: tuple[float, ...]) -> Array:
    """Return numbers, rounded once to binary32, repeated to the shape of an array."""
    xp = backend.namespace(x)
    return xp.broadcast_to(xp.asarray(np.array(numbers, np.float32)), x.shape)


def _signed(x: Array, how: Hadamard) -> Array:
    """Return the signs applied: bits, no arithmetic."""
    if how.signs is None:
        return x
    xp = backend.namespace(x)
    minus = np.resize(np.array(how.signs) < 0, x.shape[-1])
    pattern = bit_patterns.as_pattern(x)
    return xp.where(minus, pattern ^ np.int32(-(2**31)), pattern).view(xp.float32)


def _rotated(x: Array, how: Hadamard) -> Array:
    """Return butterflies of elements 1, 2, 4, ... apart, and the factor."""
    shape = x.shape
    xp = backend.namespace(x)
    for stage in range(how.stages):
        pairs = x.reshape(*shape[:-1], -1, 2, 1 << stage)
        low, high = pairs[..., 0, :], pairs[..., 1, :]
        both = [binary32.add(low, high), binary32.subtract(low, high)]
        x = xp.stack(both, axis=-2).reshape(shape)
    return binary32.multiply(x, _row(x, (_factor(how),) * shape[-1]))


def _factor(how: Hadamard) -> float:
    """Return ``1 / sqrt(length)``, rounded to binary64 first, which changes no length's result."""
    return float(np.float32(how.length**-0.5))
