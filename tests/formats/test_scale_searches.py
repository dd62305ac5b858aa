"""What a search of scales may be, and in which formats."""

from dataclasses import replace

import pytest

from msdnum.formats import EVERY_SCALE, FOUR_OVER_SIX, INT8_ROW, MXFP4, NVFP4, ScaleSearch


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"divisors": ()}, ValueError, "divisors must be one or more positive numbers"),
        ({"divisors": (6, 0)}, ValueError, "divisors must be positive numbers, got 0"),
        ({"divisors": [6, 4]}, TypeError, "divisors must be"),
        ({"divisors": None, "criterion": "mse"}, TypeError, "criterion must be"),
        ({"divisors": None, "largest_scale": -1.0}, ValueError, "largest_scale must be positive"),
    ],
)
def test_what_is_no_search(arguments, error, message):
    with pytest.raises(error, match=message):
        ScaleSearch(**arguments)


@pytest.mark.parametrize(
    ("fmt", "search", "message"),
    [
        (MXFP4, FOUR_OVER_SIX, "search must be of every scale with E8M0"),
        (INT8_ROW, EVERY_SCALE, "search must have divisors for scales of more than 8 bits"),
        (replace(NVFP4, tensor_scale=False), FOUR_OVER_SIX, "largest_scale must be None without"),
    ],
)
def test_what_does_not_suit_a_format(fmt, search, message):
    with pytest.raises(ValueError, match=message):
        replace(fmt, search=search)


def test_a_format_says_that_it_searches():
    assert replace(NVFP4, search=FOUR_OVER_SIX) != NVFP4
    assert "search=ScaleSearch(" in repr(replace(MXFP4, search=EVERY_SCALE))


@pytest.mark.parametrize("divisor", [0.1, 1e300])
def test_a_divisor_is_a_number_of_binary32(divisor):
    with pytest.raises(ValueError, match="divisors must be numbers of binary32, got"):
        ScaleSearch((divisor,))
