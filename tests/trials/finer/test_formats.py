"""Formats of the trial: a range without an end, and what a tensor scale aims at."""

import pytest

from msdnum.formats.elements import BF16, E4M3
from msdnum.trials.finer.distributions import DISTRIBUTIONS
from msdnum.trials.finer.errors import block_errors
from msdnum.trials.finer.formats import BY_E4M3, BY_UE5M3, FULL_SCALE, WIDE_SCALE


@pytest.mark.parametrize("fmt", [WIDE_SCALE, BF16], ids=lambda f: f.name)
def test_without_an_end_of_range_twice_the_sigma_is_the_same(fmt):
    one, two = (block_errors(DISTRIBUTIONS["normal"], s, 8, fmt).total for s in (0.01, 0.02))
    assert one == pytest.approx(two, rel=1e-10)


def test_the_formats_differ_in_their_scales_alone():
    assert WIDE_SCALE.fraction_bits == BY_UE5M3.scale.fraction_bits == E4M3.fraction_bits
    assert BY_E4M3.scale == E4M3
    assert not BY_E4M3.tensor_scale
    assert not BY_UE5M3.tensor_scale
    assert FULL_SCALE == 2688
