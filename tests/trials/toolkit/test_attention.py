"""Attention obeys its bound."""

from msdnum.emulator.gemm.products import matmul
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import products


def test_attention_obeys_its_bound(monkeypatch):
    finding = products.judge_attention(seed=1)
    assert finding.verdict is Verdict.HOLDS
    assert finding.ratio > 0.99
    monkeypatch.setattr(products, "matmul", lambda terms, v, **options: matmul(terms[1:], v))
    assert products.judge_attention(seed=1).verdict is Verdict.FAILS
