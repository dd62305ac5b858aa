"""Guarantees and the inputs that come near them, once more in fractions."""

from fractions import Fraction

import pytest

from msdnum.formats.accumulators import BLACKWELL_FP8, HOPPER_FP8, Blocks
from msdnum.trials.deepseek_v3.worst import guarantee, lost, worst_sum


@pytest.mark.parametrize("interval", [32, 128, 1024])
def test_a_promoted_sum_loses_all_but_one_product_of_an_interval(interval):
    sums = worst_sum(Blocks(interval, HOPPER_FP8), interval)
    share = (interval - 1) * Fraction(63, 2048) / 256
    expected = share / (1 + share)
    assert lost(interval) == expected
    assert float(1 - sums.found[0, 0] / sums.exact[0, 0]) == pytest.approx(float(expected))


def test_headline_numbers_of_the_worst_input():
    assert float(lost(128)) == pytest.approx(0.0150, abs=1e-4)
    assert float(lost(4096)) == pytest.approx(0.330, abs=1e-3)
    assert worst_sum(HOPPER_FP8, 4096).found[0, 0] == 256


def test_guarantees_from_the_formula():
    """A step errs by 33 2^-13 where it aligns and 2^-13 where it cuts; 1/(1 - n u) for n steps."""
    step = Fraction(34, 2**13)
    inside = 4 * step / (1 - 4 * step)
    across = 31 * Fraction(1, 2**24)
    across /= 1 - across
    assert guarantee(HOPPER_FP8, 128) == (1 + inside) * (1 + across) - 1
    assert float(guarantee(HOPPER_FP8, 128)) == pytest.approx(0.01688, abs=1e-5)
    assert guarantee(HOPPER_FP8) == 128 * step / (1 - 128 * step) == Fraction(17, 15)
    wide = Fraction(33, 2**25) + Fraction(1, 2**23)
    assert guarantee(BLACKWELL_FP8) == 128 * wide / (1 - 128 * wide)
    assert float(guarantee(BLACKWELL_FP8)) == pytest.approx(1.41e-4, abs=1e-6)
    assert guarantee(BLACKWELL_FP8) < Fraction(4095, 2**24)
