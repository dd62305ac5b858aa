"""Bounds with a probability: seldom broken, and a row fails where they are broken too often."""

import pytest

from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import chances


def test_the_probabilistic_bound_is_seldom_broken():
    finding = chances.judge_probabilistic(seed=1)
    assert finding.verdict is Verdict.HOLDS
    assert finding.ratio > 0.6
    assert chances.judge_probabilistic(seed=1, confidence=2.6).ratio > 1


@pytest.mark.parametrize("judge", [chances.judge_martingale, chances.judge_stochastic_sums])
def test_one_martingale_is_seldom_broken(judge):
    assert judge(seed=1).verdict is Verdict.HOLDS
    assert judge(seed=1, failure=0.3).verdict is Verdict.HOLDS


def test_it_is_near_to_what_is_found():
    """Remainders of the largest variance: a failure of 30 % is one that is seen."""
    assert chances.judge_martingale(seed=1).ratio > 0.8
    assert chances.judge_martingale(seed=1, failure=0.3).ratio > 1


@pytest.mark.parametrize("judge", [chances.judge_martingale, chances.judge_stochastic_sums])
def test_a_bound_that_is_too_small_is_seen(judge, monkeypatch):
    wrong = chances.bounds.gemm_martingale

    def smaller(residuals, accumulation, failure):
        found = wrong(residuals, accumulation, failure)
        return chances.bounds.MartingaleGemmBound(
            found.product / 12, found.amax, found.amax_two_norm / 3, failure
        )

    monkeypatch.setattr(chances.bounds, "gemm_martingale", smaller)
    assert judge(seed=1).verdict is Verdict.FAILS
