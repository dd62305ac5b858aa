"""Rows on bounds: every witness reproduced by the specification, no bound loose."""

from fractions import Fraction

import pytest

from msdnum.evidence import decompositions
from msdnum.trials.toolkit.promises import promises
from tests.support.ledger import CLAIMED, FAILS, HOLDS, error_by_spec


@pytest.fixture(scope="module")
def all_bf16():
    return decompositions.Pairs(deep=False)


@pytest.mark.parametrize(
    "promise", [*CLAIMED, *promises()], ids=lambda p: f"{p.convention} {p.bound.text}"
)
def test_the_specification_reproduces_every_witness(promise, all_bf16):
    finding = all_bf16.judge(promise)
    error, amax = error_by_spec(promise, finding.witness)
    assert finding.ratio == error / promise.bound.at(amax)
    assert finding.verdict is (HOLDS if finding.ratio <= 1 else FAILS)


@pytest.mark.parametrize(
    "promise", list(promises()), ids=lambda p: f"{p.convention} {p.bound.text}"
)
def test_no_bound_is_loose(promise, all_bf16):
    assert Fraction(9, 10) < all_bf16.judge(promise).ratio <= 1
