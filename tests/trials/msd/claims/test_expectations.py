"""Effective bits by quadrature beside samples."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from msdnum.evidence.effective_bits import EffectiveBits
from msdnum.formats.schemes import MXFP4_X2, MXFP8_X1
from msdnum.ledger.findings import Verdict
from msdnum.trials.msd.claims import expectations


def test_the_papers_numbers_are_those_of_no_other_definition():
    finding = expectations.paper_by_quadrature()
    assert finding.verdict is Verdict.FAILS
    assert finding.notes == ("the nearest of 41 is relative_l2 on log_uniform",)


def test_samples_are_within_their_intervals_and_other_numbers_are_not(monkeypatch):
    monkeypatch.setattr(expectations, "SHOWN", (MXFP4_X2, MXFP8_X1))
    samples = EffectiveBits(seed=20260513, rows=1024)
    finding = expectations.sampling_agrees(samples)
    assert (finding.verdict, finding.found) == (Verdict.HOLDS, "84 of 84 within")
    right = expectations.expected_bits
    off = lambda scheme: {key: bits + 0.3 for key, bits in right(scheme).items()}  # noqa: E731
    monkeypatch.setattr(expectations, "expected_bits", off)
    assert expectations.sampling_agrees(samples).verdict is Verdict.FAILS


@pytest.mark.slow
def test_int8_has_16_bits_by_few_definitions():
    finding = expectations.int8_by_quadrature()
    assert (finding.verdict, finding.found) == (Verdict.FAILS, "0.37")


def test_numbers_of_either_sign_are_a_distribution():
    found = expectations.signed(1, 4)
    q = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
    assert found.ppf(q).tolist()[2:5:2] == [-2.0, 2.0]
    assert found.cdf(found.ppf(q)) == pytest.approx(q)
    assert found.pdf(-2.0) == found.pdf(2.0)
