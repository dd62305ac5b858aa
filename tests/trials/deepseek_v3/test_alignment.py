"""How many bits a sum needs, once more from the fields of codes."""

from fractions import Fraction

import pytest

from msdnum import spec
from msdnum.formats.elements import E4M3, E5M2
from msdnum.trials.deepseek_v3.alignment import (
    Alignment,
    aligned_unit,
    last_bit_of_a_cancelled_sum,
    one_sign,
)


def ends(exponent_bits, fraction_bits, bias, largest_field):
    """Return the exponent of the largest number and that of the last bit of the smallest."""
    return largest_field - bias, 1 - bias - fraction_bits


E4M3_ENDS = ends(4, 3, 7, 15)
E5M2_ENDS = ends(5, 2, 15, 30)


@pytest.mark.parametrize(
    ("left", "right", "bits"),
    [((E4M3, E4M3_ENDS),) * 2 + (34,), ((E4M3, E4M3_ENDS), (E5M2, E5M2_ENDS), 48),
     ((E5M2, E5M2_ENDS),) * 2 + (62,)],
    ids=["34", "48", "62"],
)  # fmt: skip
def test_fraction_bits_from_the_fields(left, right, bits):
    (fmt, (top, last)), (other, (other_top, other_last)) = left, right
    found = Alignment.of(fmt, other)
    assert found.fraction_bits == bits == top + other_top - last - other_last
    assert found.largest == top + other_top


def test_the_exact_register_holds_the_largest_sum():
    found = Alignment.of(E4M3, E4M3)
    largest = 32 * 448 * 448 * 2**18
    assert found.register == largest.bit_length() + 1 == 42


@pytest.mark.parametrize("bits", [33, 34])
def test_a_cancelled_sum_in_fractions(bits):
    a, b = (
        [spec.factor(Fraction(x), E4M3) for x in row]
        for row in ((256, -256, 2.0**-9), (256, 256, 2.0**-9))
    )
    expected = spec.inner_product(a, b, aligned_unit(bits))
    assert last_bit_of_a_cancelled_sum(bits) == float(expected)
    assert expected == (Fraction(1, 2**18) if bits == 34 else 0)


@pytest.mark.parametrize("bits", [25, 26, 27, 28])
def test_what_is_lost_beside_products_of_one_sign(bits):
    assert one_sign(bits) == 31 * Fraction(63, 64) * Fraction(2) ** (23 - bits)
    assert (one_sign(bits) < 1) == (bits == 28)
