"""Digits in JAX, block by block scaled: those of NumPy's own division, whatever the operands."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from msdnum.emulator import decompositions
from msdnum.emulator.scaled_digits import suits_digits
from msdnum.formats.elements import INT8
from msdnum.formats.schemes import (
    INT8_X1_FLOAT32,
    INT8_X2_FLOAT32,
    INT8_X3_FLOAT32,
    MXFP4_X2,
    OWN_AMAX,
)
from tests.support.selection import quick

ROWS, LENGTH = 256, 64


def patterns(rng, exponent, spread):
    """Return numbers of some binades below one of each row, with fractions of few or many bits."""
    field = np.clip(exponent - rng.integers(0, spread, (ROWS, LENGTH)), 0, 254)
    fraction = rng.integers(0, 1 << 23, field.shape) & -(1 << rng.integers(0, 24, field.shape))
    return signed(rng, field << 23 | fraction)


def signed(rng, magnitude):
    sign = rng.integers(0, 2, magnitude.shape) << 31
    return (magnitude | sign).astype(np.uint32).view(np.int32)


def ties(rng):
    """Return halves of a digit of the first and of the second term, and their neighbours."""
    z = rng.standard_normal((ROWS, LENGTH)) * np.exp2(rng.integers(-140, 127, (ROWS, 1)))
    amax = np.abs(np.clip(z, -3e38, 3e38).astype(np.float32)).max(1, keepdims=True)
    scale = amax / np.float32(127)
    half, second = (rng.integers(-254, 255, z.shape) / np.float32(2) for _ in range(2))
    x = scale * half.astype(np.float32)
    deep = scale * np.rint(half) + scale / np.float32(254) * second
    x[::2] = deep.astype(np.float32)[::2]
    x = np.nextafter(x, rng.choice(np.float32([-np.inf, 0, np.inf]), z.shape))
    x[:, :1] = amax
    return x.view(np.int32)


def hostile():
    rng = np.random.default_rng(11)
    any_binade = rng.integers(0, 255, (ROWS, 1))
    with np.errstate(all="ignore"):
        kinds = [
            signed(rng, rng.integers(0, 1 << 31, (ROWS, LENGTH))),
            patterns(rng, any_binade, 22),
            patterns(rng, any_binade // 32, 5),
            signed(rng, rng.integers(0, 300, (ROWS, LENGTH))),
            signed(rng, rng.integers(0x7F7FFF00, 0x7F800000, (ROWS, LENGTH))),
            ties(rng),
            np.zeros((2, LENGTH), np.int32),
        ]
    return np.concatenate(kinds)


SCHEMES = [INT8_X1_FLOAT32, INT8_X2_FLOAT32, INT8_X3_FLOAT32]


@pytest.mark.parametrize("scheme", quick(SCHEMES, ("INT8_X3_FLOAT32",)), ids=lambda s: s.name)
def test_the_digits_are_those_of_division(scheme):
    rows = hostile()
    expected = decompositions._float32(rows, scheme)
    on_jax = jax.jit(lambda r: decompositions._float32(r, scheme))(rows)
    for found, right in zip(on_jax, expected, strict=True):
        assert found.dtype == right.dtype
        np.testing.assert_array_equal(found, right)
    assert len(np.unique(expected[0])) == 255


def test_what_it_is_for():
    rows = jnp.zeros((1, 4), "int32")
    assert suits_digits(rows, INT8_X2_FLOAT32)
    assert not suits_digits(np.asarray(rows), INT8_X2_FLOAT32)
    assert not suits_digits(rows, MXFP4_X2)
    assert not suits_digits(rows, replace(INT8_X2_FLOAT32, ratios=OWN_AMAX))
    first, second = INT8_X2_FLOAT32.formats
    asymmetric = replace(second, element=INT8)
    assert not suits_digits(rows, replace(INT8_X2_FLOAT32, formats=(first, asymmetric)))
