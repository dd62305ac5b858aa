"""Run a function on every backend and compare the bits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def assert_same_bits(actual: Any, expected: Any) -> None:
    """Compare arrays bit by bit; any NaN equals any NaN."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    unsigned = f"uint{8 * actual.dtype.itemsize}"
    same = actual.view(unsigned) == expected.view(unsigned)
    if actual.dtype.kind == "f":
        same |= np.isnan(actual) & np.isnan(expected)
    assert same.all(), f"{(~same).sum()} differ, first at {np.argwhere(~same)[0]}"


def on_all_backends(function: Callable[..., Any], *arrays: np.ndarray) -> Any:
    """Return the NumPy result once JAX, eager and jitted, has given the same bits."""
    expected = on_numpy_and_jit(function, *arrays)
    _assert_same_leaves(function(*map(jnp.asarray, arrays)), expected)
    return expected


def on_numpy_and_jit(function: Callable[..., Any], *arrays: np.ndarray) -> Any:
    """Return the NumPy result once jitted JAX has given the same bits."""
    expected = function(*arrays)
    _assert_same_leaves(jax.jit(function)(*map(jnp.asarray, arrays)), expected)
    return expected


def _assert_same_leaves(actual: Any, expected: Any) -> None:
    leaves = zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True)
    for one, other in leaves:
        assert_same_bits(one, other)
