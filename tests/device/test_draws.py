"""Draws are integers of the generator's own words."""

import numpy as np

from msdnum.device.draws import Draw, exponents_of
from msdnum.device.layouts import BINARY64, layout_of
from msdnum.formats.elements import E4M3, FP16

MANY = (4000,)


def test_integers_are_those_of_the_words():
    words = np.random.PCG64(np.random.SeedSequence((1, 2))).random_raw(3)
    found = Draw(1, 2).bits((3,), 64)
    np.testing.assert_array_equal(found.view(np.uint64), words)
    np.testing.assert_array_equal(Draw(1, 2).bits((3,), 4), words >> np.uint64(60))


def test_ranges_are_reached_and_not_left():
    assert set(Draw(3).between(MANY, -2, 3)) == set(range(-2, 4))
    assert 0.2 < Draw(3).one_in(MANY, 4).mean() < 0.3


def test_exponents_are_those_asked_for_and_end_with_the_format():
    for fmt, low, high in ((layout_of(FP16), -3, 2), (BINARY64, -900, 1000)):
        values = fmt.numbers(Draw(4).within(fmt, MANY, low, high)).astype(np.float64)
        assert {*exponents_of(values)} == set(range(low, high + 1)) or fmt is BINARY64
        assert (np.sign(values) > 0).any()
        assert (np.sign(values) < 0).any()
    fp8 = layout_of(E4M3)
    ends = np.abs(fp8.numbers(Draw(5).within(fp8, MANY, -20, 20)).astype(np.float64))
    assert ends.max() == 448
    assert 0 < ends[ends > 0].min() < 2.0**-6


def test_uniform_numbers_have_half_of_their_exponents_at_the_top():
    values = np.abs(BINARY64.numbers(Draw(6).uniform(BINARY64, MANY, 3)))
    assert values.max() < 16
    assert 0.45 < (values >= 8).mean() < 0.55
