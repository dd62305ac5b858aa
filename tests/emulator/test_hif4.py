"""HiF4 as arrays: unit by unit as specified, the same bits in JAX, bad input in words."""

from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator import quantize_hif4
from tests.support.agreement import on_numpy_and_jit
from tests.support.corpus import hostile_blocks


def units():
    """Return hostile blocks in pairs, and numbers of a few binades, BF16 all of them."""
    rng = np.random.default_rng(3)
    plain = rng.normal(size=(24, 64)) * 2.0 ** rng.integers(-3, 4, (24, 64))
    plain *= 2.0 ** rng.integers(-55, 20, (24, 1))
    hostile = np.resize(hostile_blocks(40), (30, 64))
    both = np.concatenate([plain.astype(np.float32), hostile])
    return both.astype(ml_dtypes.bfloat16)


UNITS = units()


def test_every_unit_is_as_specified():
    q = quantize_hif4(UNITS)
    back = np.asarray(q.dequantize())
    for i, row in enumerate(UNITS.astype(np.float32)):
        unit = spec.hif4_unit([spec.from_float(float(v)) for v in row])
        found = q.scale_codes[i, 0], tuple(q.eights[i]), tuple(q.fours[i]), tuple(q.codes[i])
        assert found == tuple(unit)
        values = [spec.from_float(float(v)) for v in back[i]]
        assert values == spec.dequantize_hif4_unit(unit)


def test_jit_gives_the_same_bits():
    on_numpy_and_jit(lambda x: (quantize_hif4(x), quantize_hif4(x).dequantize()), UNITS)


def test_numbers_are_rounded_to_bf16_first():
    wide = np.random.default_rng(4).normal(size=(2, 128))
    one, other = quantize_hif4(wide), quantize_hif4(wide.astype(ml_dtypes.bfloat16))
    np.testing.assert_array_equal(one.codes, other.codes)
    assert one.shape == (2, 128)


Q = quantize_hif4(np.ones((2, 64), np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: quantize_hif4(np.ones((2, 63), np.float32)), "x must have a last axis divisible"),
        (lambda: replace(Q, codes=Q.codes[:, :32]), "codes must have a last axis divisible by 64"),
        (lambda: replace(Q, eights=Q.fours), r"eights must have shape \(2, 8\), got \(2, 16\)"),
        (lambda: replace(Q, fours=Q.fours + np.uint8(2)), "fours must be 0 or 1, got 3"),
        (lambda: replace(Q, codes=Q.codes + np.uint8(16)), "codes"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
