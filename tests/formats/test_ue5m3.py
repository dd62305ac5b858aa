"""UE5M3: a scale without a sign, from its fields."""

from fractions import Fraction

import numpy as np

from msdnum import spec
from msdnum.emulator import elements
from msdnum.formats.modes import Overflow
from msdnum.formats.other_elements import UE5M3


def number_of(code):
    field, fraction = divmod(code, 8)
    if field == 0:
        return fraction * Fraction(2) ** -17
    return (8 + fraction) * Fraction(2) ** (field - 18)


def test_every_code():
    for code in range(255):
        assert spec.decode(code, UE5M3) == number_of(code) == Fraction(UE5M3.value(code))
    assert spec.decode(255, UE5M3) is spec.Special.NAN
    assert UE5M3.max_finite == 114688 == number_of(254)
    assert number_of(1) == Fraction(2) ** -17


def test_numbers_round_to_the_nearest_code():
    midpoints = np.array([float(number_of(c) + number_of(c + 1)) / 2 for c in range(254)])
    for towards, shift in ((0, 0), (np.inf, 1)):
        codes = elements.encode(
            np.nextafter(midpoints.astype(np.float32), np.float32(towards)), UE5M3,
            overflow=Overflow.SATURATE,
        )  # fmt: skip
        assert codes.tolist() == [c + shift for c in range(254)]
    ties = elements.encode(midpoints.astype(np.float32), UE5M3, overflow=Overflow.SATURATE)
    assert all(code % 2 == 0 for code in ties)
    assert elements.encode(np.float32([2e5]), UE5M3, overflow=Overflow.SATURATE) == 254
