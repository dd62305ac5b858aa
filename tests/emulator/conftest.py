"""Whatever a test of this room quantizes, decomposes or dequantizes is done both ways.

With numba's kernels, whatever the size, and without them: the bits are compared, and the test goes
on with those of the kernels.
"""

from functools import wraps
from importlib.util import find_spec

import jax
import numpy as np
import pytest

from msdnum import use_numba
from msdnum.emulator import backend, blocks, decompositions, quantized_arrays

PLACES = [
    (blocks, "_quantize"),
    (decompositions, "_decompose_blocks"),
    (quantized_arrays, "_numbers_of"),
]


def both_ways(function):
    @wraps(function)
    def call(array, *arrays, **options):
        if backend.is_jax(array):
            return function(array, *arrays, **options)
        with use_numba(False):
            expected = function(array, *arrays, **options)
        with use_numba(True):
            found = function(array, *arrays, **options)
        same_bits(found, expected)
        return found

    return call


def same_bits(found, expected):
    left, right = (jax.tree.leaves(made) for made in (found, expected))
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a.view(f"u{a.itemsize}"), b.view(f"u{b.itemsize}"))


@pytest.fixture(autouse=find_spec("numba") is not None)
def kernels_beside(monkeypatch):
    for module, name in PLACES:
        monkeypatch.setattr(module, name, both_ways(getattr(module, name)))
