"""Witnesses of searches: blocks of which the specification takes the same divisor."""

from dataclasses import replace
from fractions import Fraction

import pytest

from msdnum import report, spec
from msdnum.evidence.format_worst_cases import of_block
from msdnum.formats import EVERY_SCALE, FOUR_OVER_SIX, NVFP4, ScaleSearch

PLAIN = replace(NVFP4, name="E2M1 by E4M3", tensor_scale=False)


@pytest.mark.parametrize("divisors", [(6.0, 4.0), (6.0, 5.0, 3.0)])
def test_the_witness_of_a_search_errs_so_in_the_specification(divisors):
    fmt = replace(PLAIN, search=ScaleSearch(divisors))
    found = of_block(fmt)
    block = [Fraction(x) for x in report(fmt, [1.0]).worst.values]
    assert len(block) == 16
    scale, codes = spec.quantize_block(block, fmt)
    error = abs(block[1] - spec.decode(codes[1], fmt.element) * spec.decode(scale, fmt.scale))
    assert error / max(block) == found.error
    assert "a block whose search takes it" in found.evidence.of


def test_with_a_scale_of_the_tensor():
    found = of_block(replace(NVFP4, name="NVFP4 4/6", search=FOUR_OVER_SIX))
    assert len(found.witness.block) == 16
    assert "tensor amax 2, amax / 6" in found.evidence.of


def test_a_divisor_that_is_never_taken_has_no_block():
    """With amax / (1/64) all becomes zero: an error of all of amax, which no search takes."""
    found = of_block(replace(PLAIN, search=ScaleSearch((6.0, 1 / 64))))
    assert (found.error, len(found.witness.block)) == (1, 2)
    assert "no block is known whose search takes it" in found.evidence.of


def test_every_scale_has_a_page_without_a_worst_case():
    page = report(replace(PLAIN, name="every", search=EVERY_SCALE), [1.0, 3.0])
    assert page.worst is None
    printed = " ".join(str(page).split())
    assert "no worst is searched" in printed
    assert "a search of every scale" in printed
