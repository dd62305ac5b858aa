"""The stated exponential: its error and bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import mp

from msdnum.emulator.attention.exponential import NATIVE, STATED
from tests.support.agreement import assert_same_bits, on_all_backends

LOWEST = int(np.float32(104).view(np.uint32))


def floats(patterns):
    """Return the negative numbers of these patterns."""
    return (np.asarray(patterns, np.uint32) | np.uint32(1 << 31)).view(np.float32)


SAMPLE = np.concatenate(
    [
        floats(np.arange(0, LOWEST + 1, 1 << 16)),
        floats(np.random.default_rng(1).integers(0x30000000, LOWEST, 1 << 20)),
    ]
)
"""Every BF16 number from -104 to 0, and 2**20 others that are large enough to matter."""
WORST = floats([0xC2A2CA22])
"""Of all 1,120,927,745 binary32 numbers from -104 to 0."""


def ulps(x, found):
    """Return errors in ulp where the result is normal, below in units of 2**-126."""
    expected = np.exp(x.astype(np.float64))
    exponent = np.frexp(expected)[1] - 1
    unit = np.where(exponent < -126, 2.0**-126, np.ldexp(1.0, exponent - 23))
    return np.abs(found - expected) / unit


def test_the_worst_error_is_as_stated():
    with mp.workprec(100):
        exact = mp.exp(mp.mpf(float(WORST[0])))
        found = mp.mpf(float(STATED.function(WORST)[0]))
        error = float(abs(found - exact) / mp.mpf(2) ** (-118 - 23))
    assert exact > mp.mpf(2) ** -118
    assert exact < mp.mpf(2) ** -117
    assert 0.9815 < error < STATED.ulps


@pytest.mark.parametrize("exp", [STATED, NATIVE], ids=lambda e: e.name)
@pytest.mark.parametrize("on", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_errors_are_within_what_is_stated(exp, on):
    found = np.asarray(
        jax.jit(exp.function)(on(SAMPLE)) if on is jnp.asarray else exp.function(SAMPLE)
    )
    assert ulps(SAMPLE, found).max() <= exp.ulps
    assert found.max() == 1


def test_every_backend_gives_the_same_bits():
    on_all_backends(STATED.function, SAMPLE)


@pytest.mark.parametrize("exp", [STATED, NATIVE], ids=lambda e: e.name)
@pytest.mark.parametrize("on", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_ends_of_the_range(exp, on):
    x = on(np.array([0, -0.0, -np.inf, np.nan, -1e-45, -104, -1e38], np.float32))
    expected = np.array([1, 1, 0, np.nan, 1, 0, 0], np.float32)
    assert_same_bits(np.asarray(exp.function(x)), expected)
