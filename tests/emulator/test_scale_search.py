"""Searched scales: as specified, and never worse than what they are chosen from."""

from dataclasses import replace
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum import quantize, spec
from msdnum.emulator.scale_search import quantize_searched
from msdnum.formats.blocks import INT8_ROW, MXFP4, NVFP4
from msdnum.formats.modes import Criterion
from msdnum.formats.other_elements import UE5M3

FP4 = replace(NVFP4, name="FP4", tensor_scale=False, block_size=4)
WIDE = replace(FP4, name="FP4 by UE5M3", scale=UE5M3)


def drawn(sigma, shape=(8, 12), seed=0):
    """BF16 numbers of a few binades, so that sums of squared errors are exact in binary64."""
    rng = np.random.default_rng([seed, round(-np.log2(sigma))])
    x = rng.uniform(1, 2, shape) * 2.0 ** rng.integers(-5, 1, shape) * rng.choice([-1, 1], shape)
    return (x * sigma).astype(ml_dtypes.bfloat16).astype(np.float32)


@pytest.mark.parametrize("fmt", [FP4, WIDE, NVFP4], ids=lambda f: f.name)
@pytest.mark.parametrize("divisors", [(6,), (6, 4), None], ids=str)
@pytest.mark.parametrize("nonzero", [False, True])
@pytest.mark.parametrize("criterion", Criterion)
def test_scales_and_elements_are_as_specified(fmt, divisors, nonzero, criterion):
    for sigma in (2.0**-3, 2.0**-9, 2.0**-12):
        x = drawn(sigma, (8, 12) if divisors else (1, 8))
        found = quantize_searched(
            x, fmt, divisors, criterion=criterion, nonzero=nonzero, block_size=4
        )
        values = [spec.from_float(float(v)) for v in x.ravel()]
        tensor = spec.tensor_scale(values, fmt)
        for i in range(0, len(values), 4):
            code, codes = spec.searched_block(
                values[i : i + 4], fmt, divisors and [Fraction(d) for d in divisors],
                criterion=criterion, nonzero=nonzero, tensor=tensor,
            )  # fmt: skip
            assert found.scale_codes.ravel()[i // 4] == code
            assert found.codes.ravel()[i : i + 4].tolist() == codes


def error(x, q):
    return float(np.sum((x.astype(float) - q.dequantize().astype(float)) ** 2))


def test_one_divisor_is_what_quantize_does():
    for fmt in (FP4, WIDE, NVFP4):
        x = drawn(2.0**-8, (4, 32), 1)
        found, usual = quantize_searched(x, fmt, (6,)), quantize(x, fmt)
        np.testing.assert_array_equal(found.codes, usual.codes)
        np.testing.assert_array_equal(found.scale_codes, usual.scale_codes)


def test_more_scales_never_err_more():
    for sigma in (2.0**-3, 2.0**-8, 2.0**-11):
        x = drawn(sigma, (16, 16), 2)
        six, four, every = (quantize_searched(x, FP4, d) for d in ((6,), (6, 4), None))
        assert error(x, every) <= error(x, four) <= error(x, six)
        assert error(x, every) < error(x, six)


def test_a_block_that_underflows_has_the_least_scale_if_asked():
    x = np.full(4, 2.0**-10, np.float32)
    assert quantize_searched(x, FP4, (6,)).scale_codes == 0
    assert quantize_searched(x, FP4, (6,), nonzero=True).scale_codes == 1
    assert quantize_searched(0 * x, FP4, (6,), nonzero=True).scale_codes == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.float32([1, np.inf]), FP4, None), "x must be finite"),
        ((np.float32([1, 2]), MXFP4, None), "fmt must have a float scale of at most 8 bits"),
        ((np.float32([1, 2]), INT8_ROW, None), "fmt must have a float scale of at most 8 bits"),
        ((np.float32([1, 2]), FP4, ()), "divisors must be one or more positive numbers"),
        ((np.float32([1, 2]), FP4, (6, 0)), "divisors must be one or more positive numbers"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        quantize_searched(*arguments)


def test_a_tensor_scale_over_256_leaves_room_for_four():
    """The largest block, 6 and 5, is better over 4; over 448 that scale saturates."""
    x = np.float32([6, 5, 5, 5])
    found = [
        quantize_searched(x, NVFP4, (6, 4), tensor_scale=6 / 6 / top, block_size=4).dequantize()
        for top in (448, 256)
    ]
    assert found[0].tolist() == [6, 4, 4, 4]
    assert found[1].tolist() == [6, 4.5, 4.5, 4.5]
    with pytest.raises(ValueError, match="tensor_scale must be positive"):
        quantize_searched(x, FP4, (6, 4), tensor_scale=1.0)
