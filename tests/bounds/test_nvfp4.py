"""The bound on NVFP4 against ``quantize``: arrays, the witnesses, and the table of all scales."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import bounds, quantize, spec
from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import BINARY32, E2M1, E4M3
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import nvfp4

X = nvfp4.TENSOR_AMAX
SMALLEST_NORMAL = Fraction(1, 64)
TIES = [Fraction(n, 4) for n in (1, 3, 5, 7, 10, 14, 20)]
"""Half-way between two numbers of E2M1."""


def tensor(*blocks):
    """Return blocks of 16 and one with the tensor's amax."""
    x = np.zeros((len(blocks) + 1, 16), np.float32)
    for row, block in zip(x, blocks, strict=False):
        row[: len(block)] = block
    x[-1, 0] = X
    return x


def promised(amax, terms):
    return bounds.nvfp4_decomposition(amax, terms, tensor_amax=X, unit_roundoff=bounds.U32)


@given(data=st.data(), terms=st.sampled_from([1, 2]), exponent=st.integers(-20, 20))
def test_arrays_stay_within_the_bound(data, terms, exponent):
    """Blocks of any sizes, and the scale of the tensor a number that has to be rounded."""
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sizes = 2.0 ** rng.integers(-16, 1, (16, 1)) * rng.uniform(1, 2, (16, 1))
    x = (rng.choice([-1, 1], (16, 16)) * rng.uniform(0, 1, (16, 16)) * sizes).astype(np.float32)
    x = (x.astype(np.float64) * 2.0**exponent).astype(np.float32)
    largest = float(np.abs(x).max())
    left = x.astype(np.float64)
    for _ in range(terms):
        kept = quantize(left.astype(np.float32), NVFP4)
        left = left - nvfp4.exact_values(kept)
    # What a pass is given is rounded to binary32, which the theorem leaves out.
    rounded = 2.0**-24 * largest / 6
    for row, errors in zip(x, left, strict=True):
        bound = bounds.nvfp4_decomposition(
            float(np.abs(row).max()), terms, tensor_amax=largest, unit_roundoff=bounds.U32
        )
        assert np.abs(errors).max() <= float(bound) * (1 + 2.0**-50) + rounded * (terms > 1)


def test_the_smallest_normal_scale_attains_the_bound():
    """Not a rounding of binary32 takes part."""
    amax, x = 45 / 512, 5 / 64
    given_ = tensor([amax, x])
    assert Fraction(float(np.asarray(quantize(given_, NVFP4).scales())[0, 0])) == SMALLEST_NORMAL
    left = nvfp4.left_of(given_, 1)[0, 1]
    assert Fraction(float(left)) == Fraction(8, 45) * Fraction(amax)
    assert Fraction(float(left)) == bounds.nvfp4_decomposition(amax, tensor_amax=X)


def test_two_passes_come_as_near_as_one_likes():
    """8/255 of amax: the second scale of the tensor makes the quotient just exceed a tie."""
    second = np.float32(np.nextafter(np.float32(112 / 17), np.float32(0)))
    second -= np.float32(2.0**-16)
    amax, step = 45 / 512, 9 / 8 * float(second) / X
    x = tensor([amax, 5 / 64, 1 / 16 + 5 * step * (1 + 2.0**-18)], [48, 32 + second])
    left = np.abs(nvfp4.left_of(x, 2)[0]).max()
    ratio = Fraction(float(left)) / promised(amax, 2)
    assert Fraction(9999, 10000) < ratio < 1
    assert 0.9999 * 8 / 255 < left / amax < 8 / 255


def test_every_bf16_pair_is_judged_and_a_smaller_bound_is_false(monkeypatch):
    finding = nvfp4.judge_nvfp4(1)
    assert finding.verdict is Verdict.HOLDS
    assert 0.99999 < finding.ratio <= 1
    smaller = bounds.nvfp4_decomposition
    monkeypatch.setattr(
        bounds, "nvfp4_decomposition", lambda *a, **k: smaller(*a, **k) * Fraction(9999, 10000)
    )
    assert nvfp4.judge_nvfp4(1).verdict is Verdict.FAILS


def largest_error(t):
    """The largest error of an element within t: at a tie, or at t itself."""
    numbers = [Fraction(n, 2) for n in (0, 1, 2, 3, 4, 6, 8, 12)]
    nearest = [min(abs(x - n) for n in numbers) for x in (t, *(x for x in TIES if x <= t))]
    return max(nearest)


def test_the_table_of_scales():
    """Of every E4M3 scale, the most that a pass leaves of an amax that is rounded to it."""
    scales = sorted({abs(spec.number(spec.decode(code, E4M3))) for code in range(127)})
    found = {}
    for below, scale, above in zip(scales, scales[1:], scales[2:], strict=False):
        low, high = (6 * (scale + other) / 2 / scale for other in (below, above))
        ends = [low, high, *(t for t in (*TIES, Fraction(6)) if low < t < high)]
        found[scale] = max(largest_error(t) / t for t in ends)
        assert all(largest_error(t) * scale <= bounds.nvfp4_pass(t * scale, 1) for t in ends)
    normal = {scale: ratio for scale, ratio in found.items() if scale >= SMALLEST_NORMAL}
    assert normal.pop(SMALLEST_NORMAL) == Fraction(8, 45)
    assert max(normal.values()) == Fraction(3, 17)
    assert {scale for scale, ratio in normal.items() if ratio == Fraction(3, 17)} == {
        Fraction(9, 8) * Fraction(2) ** e for e in range(-6, 9)
    }
    subnormal = [found[Fraction(n, 512)] for n in range(1, 8)]
    table = [(1, 3), (1, 5), (1, 5), (4, 21), (5, 27), (2, 11), (7, 39)]
    assert subnormal == [Fraction(*ratio) for ratio in table]


@pytest.mark.parametrize("amax", [Fraction(2688), Fraction(2689), Fraction(3000), Fraction(10**6)])
def test_a_scale_of_the_tensor_that_is_too_small_saturates(amax):
    """Amax is cut at 2688 times the scale, which counts once that is more than 3/17 of it."""
    code, codes = spec.quantize_block([amax], NVFP4, tensor=Fraction(1))
    left = amax - spec.number(spec.decode(code, E4M3)) * spec.number(spec.decode(codes[0], E2M1))
    assert left == amax - 2688
    assert left <= bounds.nvfp4_pass(amax, 1)
    assert (left == bounds.nvfp4_pass(amax, 1)) == (amax == 10**6)


def test_terms_and_rounding_only_count_as_the_theorem_says():
    one = bounds.nvfp4_decomposition(1, tensor_amax=2**20)
    assert one == Fraction(2**20, 172032)
    assert (
        bounds.nvfp4_decomposition(1) == Fraction(3, 17) == bounds.nvfp4_pass(1, Fraction(1, 2688))
    )
    three = [bounds.nvfp4_decomposition(1, n, tensor_amax=2**20) for n in (1, 2, 3)]
    assert all(after == before * Fraction(3, 17) for before, after in pairwise(three))
    assert (
        promised(1, 2) / bounds.nvfp4_decomposition(1, 2, tensor_amax=X)
        == (1 + 30 * bounds.U32) ** 2
    )
    smallest = 2688 * Fraction(2) ** -116
    assert bounds.nvfp4_decomposition(smallest, unit_roundoff=bounds.U32) > 0
    assert Fraction(BINARY32.min_normal) * 2**10 == Fraction(2) ** -116


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.nvfp4_decomposition(0), "amax must be positive and finite, got 0"),
        (lambda: bounds.nvfp4_decomposition(1, 0), "terms must be at least 1, got 0"),
        (
            lambda: bounds.nvfp4_decomposition(2, tensor_amax=1),
            "tensor_amax must be at least amax, 2, got 1",
        ),
        (lambda: bounds.nvfp4_pass(1, -1), "tensor_scale must be positive and finite, got -1"),
        (
            lambda: bounds.nvfp4_pass(1, 1, Fraction(1, 100)),
            "unit_roundoff must be in 0..1/192, got 1/100",
        ),
        (
            lambda: bounds.nvfp4_decomposition(2.0**-110, unit_roundoff=bounds.U32),
            r"the scale of the tensor must be at least 2\*\*-116 with rounding",
        ),
    ],
)
def test_what_has_no_bound_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
