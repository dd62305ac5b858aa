"""Units of one's own, parameter by parameter: as specified, on NumPy, eager and jitted JAX."""

from dataclasses import replace
from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import AMPERE, CDNA3, HOPPER, HOPPER_FP16, VOLTA
from msdnum.formats.elements import BF16, BINARY32, FP16, FloatFormat, NonNumbers
from msdnum.formats.own_units import DesignedUnit, SumRounding
from tests.emulator.gemm.units.test_aligned import FAMILIES, hostile
from tests.support.gemm_oracle import float_numbers
from tests.support.matrix_units import bits_of, started, starts

BASE = DesignedUnit("BASE", 6, 20)
NARROW = FloatFormat("E6M5", 6, 5, specials=NonNumbers.IEEE)
CHANGES = [
    *({"rounding": mode} for mode in SumRounding),
    *({"alignment": mode} for mode in SumRounding),
    *({"alignment": mode, "late": True, "parts": 2} for mode in SumRounding),
    {"sticky": True, "rounding": SumRounding.NEAREST_EVEN},
    {"sticky": True, "late": True, "rounding": SumRounding.UP, "alignment": SumRounding.DOWN},
    {"late": True}, {"late": True, "parts": 3, "fraction_bits": 25}, {"normalized": True},
    {"normalized": True, "late": True, "sticky": True, "rounding": SumRounding.TO_ODD},
    {"flushes_inputs": True}, {"flushes_results": True}, {"bounded_products": True},
    {"exponent_of_zero": -140}, {"output": FP16}, {"output": NARROW}, {"output": BF16},
    {"output": NARROW, "late": True, "rounding": SumRounding.NEAREST_AWAY, "flushes_results": True},
    {"fraction_bits": 25, "group": 20}, {"fraction_bits": 1},
]  # fmt: skip


def ident(change):
    return ",".join(f"{k}={getattr(v, 'name', v)}" for k, v in change.items())


def judge(found, left, right, unit, c):
    """Compare with the specification; return how many are finite."""
    from msdnum.spec.accumulators import inner_product

    finite = 0
    for i, j in np.ndindex(c.shape):
        try:
            exact = inner_product(left[i], right[j], unit, Fraction(float(c[i, j])))
        except ValueError:
            assert not np.isfinite(found[i, j])
            continue
        finite += 1
        assert Fraction(float(found[i, j])) == exact
    return finite


def in_output(c, unit):
    """Return starts that are numbers of what the unit holds."""
    if unit.output == BINARY32:
        return c
    step = np.exp2(np.maximum(np.frexp(c)[1] - 1, unit.output.emin) - unit.output.fraction_bits)
    found = np.clip(np.rint(c / step) * step, -unit.output.max_finite, unit.output.max_finite)
    return found.astype(np.float32)


@pytest.mark.parametrize("change", CHANGES, ids=ident)
def test_every_parameter_is_as_specified(change):
    unit = replace(BASE, **change)
    rng = np.random.default_rng(sum(map(ord, ident(change))))
    finite = 0
    for family in FAMILIES:
        if family == "top" and unit.output != BINARY32:
            continue
        a, b = (hostile(family, (4, 2 * unit.group + 1), rng) for _ in range(2))
        left, right = (float_numbers(x, BF16) for x in (a, b))
        c = in_output(starts(left, right, rng), unit)
        found = started(a, b.T.copy(), unit, c)
        finite += judge(found, left, right, unit, c)
    assert finite >= 16


def same_on_jax(change, run):
    unit = replace(BASE, **change)
    rng = np.random.default_rng(3)
    parts = [hostile(family, (3, 2 * unit.group + 1), rng) for family in FAMILIES]
    a, b = np.concatenate(parts), np.concatenate(parts[::-1])
    left, right = (float_numbers(x, BF16) for x in (a, b))
    c = in_output(starts(left, right, rng), unit)
    found = started(a, b.T.copy(), unit, c)
    same = np.asarray(run(of(unit))(a, b.T.copy(), c)).view(np.uint32) == found.view(np.uint32)
    assert (same | np.isnan(found)).all()


@pytest.mark.parametrize("change", CHANGES[3::8], ids=ident)
def test_jax_has_the_same_bits(change):
    same_on_jax(change, jax.jit)


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES, ids=ident)
def test_jax_has_the_same_bits_for_every_parameter_eager_and_jitted(change):
    same_on_jax(change, jax.jit)
    same_on_jax(change, lambda f: f)


def of(unit):
    return lambda a, b, c: started(*jax.tree.map(jax.numpy.asarray, (a, b)), unit,
                                   jax.numpy.asarray(c))  # fmt: skip


@pytest.mark.parametrize("preset", [VOLTA, AMPERE, HOPPER, HOPPER_FP16], ids=lambda u: u.name)
def test_presets_can_be_written_as_such_units(preset):
    nearest = preset.output == FP16
    same = DesignedUnit(
        preset.name, preset.group, preset.fraction_bits, preset.output,
        rounding=SumRounding.NEAREST_EVEN if nearest else SumRounding.TOWARDS_ZERO,
        exponent_of_zero=preset.exponent_of_zero,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((20, 70)).astype(np.float16) for _ in range(2))
    a *= np.exp2(rng.integers(-9, 6, a.shape)).astype(np.float16)
    expected = matmul(a, b.T.copy(), accumulator=preset)
    np.testing.assert_array_equal(matmul(a, b.T.copy(), accumulator=same), expected)
    late = replace(same, late=True, group=min(same.group, 7))
    assert (matmul(a, b.T.copy(), accumulator=late) != expected).any()


def test_a_late_accumulator_survives_products_that_cancel():
    a = np.array([[2.0**20, -(2.0**20)]], ml_dtypes.bfloat16)
    b = np.ones((2, 1), ml_dtypes.bfloat16)
    c = np.array([[2.0**-10]], np.float32)
    early = replace(BASE, group=2)
    assert started(a, b, early, c) == 0
    nothing = replace(early, late=True)
    assert started(a, b, nothing, c) == 0  # its exponent is still that of the products
    assert bits_of(started(a, b, replace(early, fraction_bits=25), c * 2**8)) == bits_of(c * 2**8)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"group": 2**17}, "group must be in 1..131071, got 131072"),
        ({"late": True, "group": 256}, "group must be in 1..255, got 256"),
        ({"parts": 2}, "parts must be 1 unless late is True, got 2"),
        ({"late": True, "parts": 4}, "parts must divide the group of 6, got 4"),
        ({"fraction_bits": 26}, "fraction_bits must be in 1..25, got 26"),
        ({"exponent_of_zero": 0}, "exponent_of_zero must be in -300..-126, got 0"),
        ({"output": FloatFormat("E4M3", 4, 3, specials=NonNumbers.NAN)}, "with Inf and NaN within"),
    ],
)
def test_parameters_that_cannot_be_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        replace(BASE, **change)
    with pytest.raises(TypeError, match="rounding must be a SumRounding, got 'RNE'"):
        replace(BASE, rounding="RNE")
    assert CDNA3.sum_bits == 31
