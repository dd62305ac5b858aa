"""A unit of HiF4 in fractions: its bits by hand, and against the definition in NumPy."""

from fractions import Fraction

import numpy as np
import pytest

from msdnum import spec
from msdnum.formats import BF16, E6M2
from msdnum.formats.modes import Overflow
from msdnum.spec import Special


def test_every_level_by_hand():
    """The peak 7 is 1.75 times 4, which two exponents of one are worth."""
    block = [Fraction(7)] + [Fraction(1)] * 31 + [Fraction(-15, 8)] + [Fraction(1, 8)] * 31
    unit = spec.hif4_unit(block)
    assert spec.decode(unit.scale, E6M2) == 1
    assert unit.eights == (1, *[0] * 7)
    assert unit.fours == (1, *[0] * 15)
    # 1 is 1 (code 4), under both powers 1/4; -15/8 is over the largest, and 1/8 a tie, away.
    assert unit.codes[:5] == (7, 1, 1, 1, 2)
    assert unit.codes[8] == 4
    assert unit.codes[32:34] == (8 + 7, 1)
    assert spec.dequantize_hif4_unit(unit)[:2] == [7, 1]


def test_zeros_keep_their_signs_and_nan_takes_the_unit():
    zeros = spec.hif4_unit([Special.NEGATIVE_ZERO] * 2 + [Fraction(0)] * 62)
    assert (zeros.scale, zeros.codes[:3]) == (0, (8, 8, 0))
    nan = spec.hif4_unit([Special.INFINITY] + [Fraction(1)] * 63)
    assert spec.dequantize_hif4_unit(nan) == [Special.NAN] * 64
    with pytest.raises(ValueError, match="values must be 64, got 3"):
        spec.hif4_unit([Fraction(1)] * 3)


def by_definition(x):
    """Return the numbers of a unit, in float64: everything is exact but for what is rounded."""

    def bf16(v):
        code = spec.encode(Fraction(float(v)), BF16, overflow=Overflow.SATURATE)
        return float(spec.number(spec.decode(code, BF16)))

    a = np.abs(x)
    scale = np.clip(bf16(a.max() * 0.142578125), 2.0**-48, 49152)
    e = np.floor(np.log2(scale))
    scale = np.rint(scale * 2.0 ** (2 - e)) * 2.0 ** (e - 2)
    factor = bf16(1 / scale)
    two = (a.reshape(8, 8).max(1) * factor >= 4).repeat(8)
    three = (a.reshape(16, 4).max(1) * factor / 2.0 ** two[::4] >= 2).repeat(4)
    power = 2.0 ** (two * 1 + three)
    m = np.minimum(np.floor(a * factor / power * 4 + 0.5) / 4, 1.75)
    return np.sign(x) * m * power * scale


@pytest.mark.parametrize("seed", range(12))
def test_as_the_definition_says(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=64) * 2.0 ** rng.integers(-60, 20) * 4.0 ** rng.integers(-2, 1, 64)
    x = (x.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    unit = spec.hif4_unit([Fraction(float(v)) for v in x])
    found = [float(spec.number(v)) for v in spec.dequantize_hif4_unit(unit)]
    np.testing.assert_array_equal(found, by_definition(x.astype(np.float64)))
