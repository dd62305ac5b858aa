"""FP8 as MI300 has it: no -0, no Inf, and NaN in the place of -0. ml_dtypes is the peer."""

from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum import spec
from msdnum.emulator import elements
from msdnum.formats.elements import E4M3FNUZ, E5M2FNUZ, FloatFormat, NonNumbers
from msdnum.formats.modes import Overflow, Rounding

PEERS = {E4M3FNUZ: ml_dtypes.float8_e4m3fnuz, E5M2FNUZ: ml_dtypes.float8_e5m2fnuz}
FORMAT = pytest.mark.parametrize("fmt", PEERS, ids=lambda fmt: fmt.name)
CODES = np.arange(256, dtype=np.uint8)
INPUTS = {
    "BF16": np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16),
    "FP16": np.arange(1 << 16, dtype=np.uint16).view(np.float16),
}


@FORMAT
def test_every_code_stands_for_the_number_of_ml_dtypes(fmt):
    theirs = CODES.view(PEERS[fmt]).astype(np.float32)
    found = elements.decode(CODES, fmt)
    np.testing.assert_array_equal(found, theirs)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(theirs) & ~np.isnan(theirs))
    np.testing.assert_array_equal(list(fmt.values), theirs)
    np.testing.assert_array_equal(jax.jit(elements.decode, static_argnums=1)(CODES, fmt), theirs)
    for code in CODES:
        value = spec.decode(int(code), fmt)
        assert (value is spec.Special.NAN) == (code == 0x80)
        if code != 0x80:
            assert value == Fraction(float(theirs[code]))


@FORMAT
@pytest.mark.parametrize("name", INPUTS)
def test_every_number_rounds_to_the_code_of_ml_dtypes(fmt, name):
    x = INPUTS[name]
    with np.errstate(invalid="ignore"):
        theirs = x.astype(np.float32).astype(PEERS[fmt]).view(np.uint8)
    found = elements.encode(x, fmt, overflow=Overflow.OVERFLOW)
    np.testing.assert_array_equal(found, theirs)
    on_jax = elements.encode(jax.numpy.asarray(x), fmt, overflow=Overflow.OVERFLOW)
    np.testing.assert_array_equal(on_jax, theirs)


@FORMAT
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("rounding", [r for r in Rounding if r is not Rounding.STOCHASTIC])
def test_arrays_round_as_specified(fmt, overflow, rounding):
    x = INPUTS["BF16"][::37].astype(np.float32)
    found = elements.encode(x, fmt, overflow=overflow, rounding=rounding)
    for v, code in zip(x, found, strict=True):
        value = spec.from_float(float(v))
        assert spec.encode(value, fmt, overflow=overflow, rounding=rounding) == code


@FORMAT
def test_there_is_one_zero(fmt):
    tiny = np.array([-0.0, 0.0, -fmt.eta / 2, fmt.eta / 2, -fmt.eta], np.float32)
    found = elements.encode(tiny, fmt, overflow=Overflow.SATURATE)
    np.testing.assert_array_equal(found, [0, 0, 0, 0, 0x81])


def test_constants_are_those_of_the_maker():
    assert (E4M3FNUZ.max_finite, E4M3FNUZ.emin, E4M3FNUZ.nan_code) == (240, -7, 0x80)
    assert (E5M2FNUZ.max_finite, E5M2FNUZ.emin, E5M2FNUZ.nan_code) == (57344, -15, 0x80)
    assert E4M3FNUZ.inf_code is E5M2FNUZ.inf_code is None


def test_an_unsigned_format_has_no_negative_zero_to_be_nan():
    with pytest.raises(ValueError, match="signed must be True"):
        FloatFormat("x", 4, 4, 8, NonNumbers.NEGATIVE_ZERO, signed=False)
