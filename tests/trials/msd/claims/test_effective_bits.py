"""Claims in effective bits: which definition and input give the paper's numbers."""

import pytest

from msdnum.evidence.effective_bits import EffectiveBits
from msdnum.trials.msd.claims import effective_bits
from tests.support.ledger import FAILS, HOLDS

# Effective bits


@pytest.fixture(scope="module")
def effective():
    return EffectiveBits(seed=1, rows=512)


def test_one_definition_and_one_input_give_the_papers_numbers(effective):
    finding = effective_bits.paper_in_closed_form(effective)
    assert (finding.verdict, finding.found) == (HOLDS, "6.598 and 5.238")


def test_no_other_definition_or_input_gives_them(effective):
    assert effective_bits.paper_elsewhere(effective).verdict is FAILS
    assert len(effective_bits.paper_elsewhere(effective).data.rows) == 8 * 14 * 6


def test_int8_has_16_bits_by_the_worst_case_only(effective):
    assert effective_bits.int8_worst_case(effective).verdict is HOLDS
    assert effective_bits.int8_elsewhere(effective).verdict is FAILS
