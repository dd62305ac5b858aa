"""Terms quantized anew, one row in fractions: by hand."""

from dataclasses import replace
from fractions import Fraction

from msdnum import spec
from msdnum.formats import INT4_GROUP, NVFP4
from msdnum.spec import Special

FP4 = replace(NVFP4, name="FP4", tensor_scale=False, block_size=2)


def test_two_terms_of_different_blocks_by_hand():
    """6 and 5 are 6 and 4 under scale 1; 0 and 1 left are 0 and 6 under 0.171875, 11/64."""
    found = spec.requantize([Fraction(6), Fraction(5)], [FP4, replace(FP4, block_size=1)], None)
    first, second = found.terms
    assert [spec.decode(code, FP4.scale) for code in first.scale_codes] == [1]
    assert first.codes == (7, 6)
    assert [spec.decode(code, FP4.scale) for code in second.scale_codes] == [0, Fraction(11, 64)]
    assert second.codes == (0, 7)
    assert found.remainders == (0, 1 - 6 * Fraction(11, 64))


def test_a_ratio_gives_the_second_scale():
    """1/7 is between 9/64 and 10/64 of E4M3, nearer to 9/64; 1 over it is 7.1 and saturates."""
    found = spec.requantize([Fraction(6), Fraction(5)], [FP4, FP4], [Fraction(7)])
    assert spec.decode(found.terms[1].scale_codes[0], FP4.scale) == Fraction(9, 64)
    assert found.terms[1].codes == (0, 7)
    assert found.remainders[1] == 1 - 6 * Fraction(9, 64)


def test_nan_takes_its_block_alone():
    block = [Special.INFINITY, Fraction(1), Fraction(2), Fraction(1)]
    found = spec.requantize(block, [FP4, replace(INT4_GROUP, block_size=1)], None)
    assert found.remainders[:2] == (Special.NAN, Special.NAN)
    assert all(spec.is_finite(left) for left in found.remainders[2:])
