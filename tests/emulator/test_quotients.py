"""Quotients of float64 are rounded once."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np

from msdnum import ScaleRule, spec
from msdnum.emulator.quotients import divide
from msdnum.formats.blocks import MXFP4, BlockFormat
from msdnum.formats.elements import E2M1
from tests.support.agreement import assert_same_bits
from tests.support.arrays import VARIANTS

VARIANTS += [
    BlockFormat(f"E2M1-{rule.name}", E2M1, MXFP4.scale, 32, rule)
    for rule in (ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN)
]


def test_quotients_of_float64_are_rounded_once():
    rng = np.random.default_rng(3)
    any_pattern = rng.integers(0, 2**63, 400, np.int64).view(np.float64)
    middle = (2 * rng.integers(2**23, 2**24, 400) + 1) * 2.0 ** rng.integers(-170, 90, 400)
    around = [middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)]
    x = np.concatenate([any_pattern[np.isfinite(any_pattern)], *around])
    y = np.abs(rng.standard_normal(x.size).astype(np.float32)) + np.float32(2.0**-20)
    y[x.size - 1200 :] = 1
    found = divide(x.view(np.int64), y)
    for a, b, q in zip(x, y, found.view(np.uint32), strict=True):
        quotient = spec.divide(spec.from_float(float(a)), Fraction(float(b)))
        assert q == spec.to_float32_bits(spec.fl32(quotient))
    with jax.enable_x64(True):
        assert_same_bits(jax.jit(divide)(jnp.asarray(x).view(jnp.int64), jnp.asarray(y)), found)


def test_quotients_by_zero_infinity_and_nan():
    x = np.array([1, -1, 0, -0.0, np.inf, np.nan])
    for divisor in (0.0, np.inf, -np.inf, np.nan, 2.0):
        y = np.full(6, divisor, np.float32)
        with np.errstate(all="ignore"):
            assert_same_bits(divide(x.view(np.int64), y), x.astype(np.float32) / y)
