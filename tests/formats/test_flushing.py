"""Signed formats without subnormals: casts, blocks and terms, against the specification."""

from fractions import Fraction

import numpy as np
import pytest

import msdnum
from msdnum import Rounding, bounds, covering_scheme, spec
from msdnum.conformance import groups_of
from msdnum.conformance.own_formats import overflows_of
from msdnum.conformance.runner import conform
from msdnum.emulator.codes import storage_dtype
from msdnum.evidence import among_pairs
from msdnum.formats import E8M0, BlockFormat, FloatFormat, NonNumbers, ScaleRule
from tests.support.agreement import assert_same_bits, on_all_backends, on_numpy_and_jit
from tests.support.conformance import assert_all_agree
from tests.support.elements import neighbours
from tests.support.own_formats import adapter_of

BF16_NUMBERS = (np.arange(0, 0x7F80, 37, dtype=np.uint32) << 16).view(np.float32)
BF16_NUMBERS = np.concatenate([BF16_NUMBERS, -BF16_NUMBERS, np.float32([np.inf, -np.inf])])


def specified(x, fmt, overflow, rounding):
    values = [spec.from_float32_bits(word) for word in x.view(np.uint32).tolist()]
    codes = [spec.encode(v, fmt, overflow=overflow, rounding=rounding) for v in values]
    return np.array(codes, storage_dtype(fmt))


FLUSHING = (
    FloatFormat("BF16_FTZ", 8, 7, specials=NonNumbers.IEEE, subnormals=False),
    FloatFormat("E3M2_FTZ", 3, 2, subnormals=False),
    FloatFormat("E4M3_FNUZ_FTZ", 4, 3, 8, NonNumbers.NEGATIVE_ZERO, subnormals=False),
    FloatFormat("E3M0_FTZ", 3, 0, 3, NonNumbers.NAN, subnormals=False),
)


@pytest.mark.parametrize("fmt", FLUSHING, ids=lambda fmt: fmt.name)
def test_formats_that_flush(fmt):
    """A case of people's: BF16 without subnormals; numbers around the smallest normal one."""
    codes = np.arange(1 << fmt.bits, dtype=storage_dtype(fmt))
    decoded = on_all_backends(lambda c: msdnum.decode(c, fmt), codes)
    assert_same_bits(decoded, np.array(fmt.values, np.float32))
    near = np.linspace(0, 2 * fmt.min_normal, 65).astype(np.float32)
    x = np.concatenate([BF16_NUMBERS, neighbours(near), -neighbours(near)])
    for overflow in overflows_of(fmt):
        for rounding in set(Rounding) - {Rounding.STOCHASTIC}:
            found = msdnum.encode(x, fmt, overflow=overflow, rounding=rounding)
            assert_same_bits(found, specified(x, fmt, overflow, rounding))
        on_numpy_and_jit(lambda v, o=overflow: msdnum.encode(v, fmt, overflow=o), x)


@pytest.mark.parametrize("fmt", FLUSHING[1:], ids=lambda fmt: fmt.name)
def test_blocks_of_formats_that_flush(fmt):
    """Their vectors, and that what two terms leave is what is missing."""
    block = BlockFormat("own", fmt, E8M0, 8, ScaleRule.FLOOR)
    assert_all_agree(conform(adapter_of(block), groups_of(block)))
    scheme = covering_scheme("own X2", fmt, fmt, block_size=8)
    x = np.random.default_rng(5).normal(size=(4, 32)).astype(np.float32)
    found = on_numpy_and_jit(lambda v: msdnum.decompose(v, scheme), x)
    parts = [term.dequantize().astype(np.float64) for term in found.terms]
    np.testing.assert_array_equal(x - sum(parts), found.remainder)


def test_what_terms_of_formats_that_flush_leave_is_not_proved():
    """E2M1 leaves 1/8 of the range; flushed, it leaves nearly its smallest normal number, 1/4."""
    e2m1 = FloatFormat("E2M1_FTZ", 2, 1, subnormals=False)
    scheme = covering_scheme("own", e2m1, e2m1)
    assert bounds.remainder(scheme) == np.inf
    assert [term.scale for term in bounds.term_bounds(scheme)] == [Fraction(1, 4), Fraction(1, 32)]
    assert among_pairs(covering_scheme("own", e2m1)).error > Fraction(3, 16)
    with pytest.raises(ValueError, match="must have a zero and subnormals"):
        bounds.element_rounding(e2m1)
