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
    expected = function(*arrays)
    on_device = [jnp.asarray(a) for a in arrays]
    for run in (function, jax.jit(function)):
        leaves = jax.tree.leaves(run(*on_device))
        for actual, wanted in zip(leaves, jax.tree.leaves(expected), strict=True):
            assert_same_bits(actual, wanted)
    return expected
