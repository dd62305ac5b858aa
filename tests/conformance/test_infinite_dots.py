"""Inner products with Inf and NaN: drawn for units of which a source says what a step does."""

import numpy as np

from msdnum.conformance.infinite_dots import INFINITE, infinite_dots
from msdnum.conformance.unit_dots import expected_of, settings
from msdnum.formats.modes import InfAndNan

SETTINGS = {s.unit: s for s in settings() if s.a == s.b}


def test_they_have_inf_nan_and_large_numbers_and_decide_between_the_two_rules():
    setting = SETTINGS["HOPPER"]
    different = 0
    for dots in infinite_dots(setting, 400, seed=0):
        assert dots.topic == INFINITE
        exponents = dots.codes[0] >> 7 & 0xFF
        assert 0 < (exponents == 255).mean() < 0.2
        assert (exponents > 200).any(axis=1).mean() > 0.5
        found, other = (expected_of(setting, dots, rule) for rule in InfAndNan)
        different += (np.isnan(found) != np.isnan(other)).sum()
    assert different > 0


def test_there_are_four_draws_with_one_step_and_three_from_zero_and_from_c():
    found = list(infinite_dots(SETTINGS["CDNA3"], 40, seed=0))
    assert [(dots.codes[0].shape[1], bool(dots.c.any())) for dots in found] == [
        (8, False), (8, True), (24, False), (24, True),
    ]  # fmt: skip
    assert sum(np.isinf(dots.c).sum() for dots in found) > 0


def test_none_are_drawn_where_no_source_says_what_comes_of_them():
    for unit in ("X86_BF16", "BLOCKS_32_IN_2_HOPPER", "BLACKWELL_MXFP4"):
        assert not list(infinite_dots(SETTINGS[unit], 40, seed=0))
    drawn = infinite_dots(SETTINGS["CDNA3_FNUZ"], 400, seed=0)
    assert all(np.isfinite(dots.c).all() for dots in drawn)
