"""Searched scales: as specified, and never worse than what they are chosen from."""

from dataclasses import replace
from fractions import Fraction

import jax
import ml_dtypes
import numpy as np
import pytest

from msdnum import quantize, spec
from msdnum.emulator.scale_search import _error
from msdnum.formats import EVERY_SCALE, FOUR_OVER_SIX, Criterion, ScaleSearch
from msdnum.formats.blocks import INT4_GROUP, MXFP4, NVFP4
from msdnum.formats.modes import Rounding
from msdnum.formats.other_elements import UE5M3
from msdnum.spec.blocks import _error as _specified_error
from tests.support.agreement import on_numpy_and_jit
from tests.support.corpus import hostile_blocks

FP4 = replace(NVFP4, name="FP4", tensor_scale=False, block_size=4)
WIDE = replace(FP4, name="FP4 by UE5M3", scale=UE5M3)
MX = replace(MXFP4, block_size=4)
SIX, BOTH = ScaleSearch((6,)), ScaleSearch((6, 4))


def searching(fmt, search):
    return replace(fmt, search=search)


def drawn(sigma, shape=(8, 12), seed=0):
    """Return BF16 numbers of a few binades."""
    rng = np.random.default_rng([seed, round(-np.log2(sigma))])
    x = rng.uniform(1, 2, shape) * 2.0 ** rng.integers(-5, 1, shape) * rng.choice([-1, 1], shape)
    return (x * sigma).astype(ml_dtypes.bfloat16).astype(np.float32)


def assert_as_specified(x, fmt, **choices):
    found = quantize(x, fmt, block_size=4, **choices)
    rows, codes = found.rows(found.codes), found.rows(x)
    values = [[spec.from_float(float(v)) for v in row] for row in codes]
    tensor = spec.tensor_scale([v for row in values for v in row], fmt)
    for i, row in enumerate(values):
        code, elements = spec.quantize_block(row, fmt, tensor=tensor, **choices)
        assert (found.scale_codes.ravel()[i], rows[i].tolist()) == (code, elements)


@pytest.mark.parametrize("fmt", [FP4, WIDE, NVFP4, MX], ids=lambda f: f.name)
def test_the_best_of_all_scales_is_as_specified(fmt):
    for criterion, sigma in zip(Criterion, (2.0**-3, 2.0**-9, 2.0**-12), strict=True):
        assert_as_specified(drawn(sigma, (1, 4)), searching(fmt, ScaleSearch(None, criterion)))


@pytest.mark.parametrize("fmt", [FP4, WIDE, NVFP4], ids=lambda f: f.name)
@pytest.mark.parametrize("criterion", Criterion)
def test_the_better_of_two_scales_is_as_specified(fmt, criterion):
    for sigma, nonzero in ((2.0**-3, False), (2.0**-9, True), (2.0**-12, False)):
        both = ScaleSearch((6, 4), criterion, nonzero=nonzero)
        assert_as_specified(drawn(sigma, (2, 12)), searching(fmt, both))


@pytest.mark.parametrize(
    ("search", "amax", "expected"),
    [(EVERY_SCALE, 2.0**112, (1, [4] * 4)), (ScaleSearch((2.0**-9,)), 2.0**127, (127, [0] * 4))],
)
def test_scales_beyond_binary32_are_not_tried(search, amax, expected):
    """Of 127 codes those from 2**8 on are Inf here; without another the scale is NaN."""
    x, fmt = np.full((1, 4), amax, np.float32), searching(NVFP4, search)
    values = [Fraction(amax)] * 4
    assert spec.quantize_block(values, fmt, tensor=Fraction(2) ** 120) == expected
    with jax.enable_x64():
        (found,) = on_numpy_and_jit(
            lambda v: [quantize(v, fmt, block_size=4, tensor_scale=2.0**120)], x
        )
    assert (int(found.scale_codes[0, 0]), found.codes[0].tolist()) == expected


@pytest.mark.parametrize("criterion", Criterion)
def test_errors_are_cut_and_added_as_specified(criterion):
    x = hostile_blocks(40)[:, :11]
    x = x[np.isfinite(x).all(axis=1)]
    codes = np.tile(np.uint8([7, 9, 0, 3, 12, 5, 1, 15, 8, 2, 6]), (len(x), 1))
    scale_codes = np.arange(len(x), dtype=np.uint8)[:, None]
    tensor = np.float32(0.3)
    found = _error(x.astype(np.float64), codes, scale_codes, NVFP4, np.asarray(tensor), criterion)
    for row, error, code in zip(x, found, scale_codes, strict=True):
        scale = spec.number(
            spec.fl32(spec.decode(int(code[0]), NVFP4.scale) * Fraction(float(tensor)))
        )
        left = [
            Fraction(float(v)) - spec.number(spec.decode(int(c), NVFP4.element)) * scale
            for v, c in zip(row, codes[0], strict=True)
        ]
        assert Fraction(float(error[0])) == _specified_error(left, ScaleSearch(None, criterion))


def test_hostile_blocks_are_as_specified():
    """Inf and NaN, subnormal numbers, and errors of many binades, whose sums are rounded."""
    x = hostile_blocks(30)[:, :8]
    assert_as_specified(x, searching(FP4, BOTH))
    assert_as_specified(x, searching(replace(INT4_GROUP, block_size=4), ScaleSearch((7.0, 8.0))))
    assert_as_specified(x[:3], searching(FP4, BOTH), rounding=Rounding.RTZ)


@pytest.mark.parametrize(
    "fmt", [searching(NVFP4, BOTH), searching(MX, EVERY_SCALE)], ids=lambda f: f.name
)
def test_jit_gives_the_same_bits(fmt):
    with jax.enable_x64():
        on_numpy_and_jit(lambda x: quantize(x, fmt, block_size=4), hostile_blocks(60)[:, :16])


def error(x, q):
    return float(np.sum((x.astype(float) - q.dequantize().astype(float)) ** 2))


def test_one_divisor_is_what_quantize_does():
    for fmt in (FP4, WIDE, NVFP4):
        x = drawn(2.0**-8, (4, 32), 1)
        found, usual = quantize(x, searching(fmt, SIX)), quantize(x, fmt)
        np.testing.assert_array_equal(found.codes, usual.codes)
        np.testing.assert_array_equal(found.scale_codes, usual.scale_codes)


def test_more_scales_never_err_more():
    for sigma in (2.0**-3, 2.0**-8, 2.0**-11):
        x = drawn(sigma, (16, 16), 2)
        six, both, every = (quantize(x, searching(FP4, s)) for s in (SIX, BOTH, EVERY_SCALE))
        assert error(x, every) <= error(x, both) <= error(x, six)
        assert error(x, every) < error(x, six)


def test_a_block_that_underflows_has_the_least_scale_if_asked():
    x, nonzero = np.full(4, 2.0**-10, np.float32), ScaleSearch((6,), nonzero=True)
    assert quantize(x, searching(FP4, SIX)).scale_codes == 0
    assert quantize(x, searching(FP4, nonzero)).scale_codes == 1
    assert quantize(0 * x, searching(FP4, nonzero)).scale_codes == 0


def test_float64_is_refused():
    with pytest.raises(TypeError, match="x must be float32, bfloat16 or float16, got float64"):
        quantize(np.ones(4), searching(FP4, SIX))


def test_a_tensor_scale_over_256_leaves_room_for_four():
    """The largest block, 6 and 5, is better over 4; over 448 that scale saturates."""
    x = np.float32([6, 5, 5, 5])
    plain = quantize(x, searching(NVFP4, BOTH))
    assert plain.dequantize().tolist() == [6, 4, 4, 4]
    room = quantize(x, searching(NVFP4, FOUR_OVER_SIX))
    assert room.tensor_scale == np.float32(1 / 256)
    assert room.dequantize().tolist() == [6, 4.5, 4.5, 4.5]
    given = quantize(x, searching(NVFP4, BOTH), tensor_scale=1 / 256)
    assert given.dequantize().tolist() == [6, 4.5, 4.5, 4.5]
