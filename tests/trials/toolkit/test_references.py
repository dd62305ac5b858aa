"""Rows on mpmath: they hold, and notice a digit, a product and an output that are others."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("jax")
pytest.importorskip("mpmath")
pytest.importorskip("flint")

from msdnum.formats.schemes import SCHEMES
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import references

ENTRIES = {
    entry.convention: entry
    for entry in references.mpmath_references(SimpleNamespace(seed=3, deep=False))
}
PRODUCT = "mp_gemm, MXFP4_X2 by MXFP4"


def test_there_is_a_row_for_every_scheme():
    assert {f"mp_decompose, {name}" for name in SCHEMES} < set(ENTRIES)


@pytest.mark.parametrize("name", ["MXFP4_X2", "INT8_X2"])
def test_exact_schemes_have_the_digits_of_mpmath_on_three_backends(name):
    finding = ENTRIES[f"mp_decompose, {name}"].judge()
    assert finding.verdict is Verdict.HOLDS
    assert finding.found.startswith("0 digits differ")
    assert finding.notes[0] == "NumPy, JAX and JAX under jit: the same bits"


def test_a_digit_that_is_another_is_noticed(monkeypatch):
    def wrong(x, scheme):
        first, *others = right(x, scheme)
        return [replace(first, codes=first.codes ^ np.uint8(1)), *others]

    right = references.decompose_terms
    monkeypatch.setattr(references, "decompose_terms", wrong)
    assert ENTRIES["mp_decompose, MXFP4_X1"].judge().verdict is Verdict.FAILS


def test_bits_that_differ_on_jax_are_noticed():
    def other_on_jax(x):
        return x if isinstance(x, np.ndarray) else x + 1

    _, agreement = references._agreement(other_on_jax, np.ones(3, np.float32))
    assert agreement.differ == 2
    assert str(agreement) == "NumPy, JAX and JAX under jit: 2 arrays differ"
    assert references._finding(True, agreement, "", None).verdict is Verdict.FAILS


@pytest.mark.parametrize(
    ("ways", "text"),
    [
        ((), "NumPy; JAX and JAX under jit beside it with --deep"),
        (("JAX under jit",), "NumPy, JAX under jit: the same bits; JAX beside it with --deep"),
    ],
)
def test_what_is_left_to_a_deep_run_is_said(ways, text):
    _, agreement = references._agreement(lambda x: x, np.ones(3, np.float32), ways=ways)
    assert str(agreement) == text


def test_products_are_within_their_roundings_and_not_when_one_is_off(monkeypatch):
    finding = ENTRIES[PRODUCT].judge()
    assert finding.verdict is Verdict.HOLDS
    assert len(finding.table.rows) == 4
    right = references.matmul
    monkeypatch.setattr(references, "matmul", lambda *a, **k: right(*a, **k) * np.float32(1.01))
    assert ENTRIES[PRODUCT].judge().verdict is Verdict.FAILS


def test_attention_is_within_its_bound():
    finding = ENTRIES["mp_attention, INT8 cache"].judge()
    assert finding.verdict is Verdict.HOLDS
    assert "ulps" in finding.found


@pytest.mark.long
def test_every_row_holds_with_jax_beside_it():
    deep = SimpleNamespace(seed=20260513, deep=True)
    findings = [entry.judge() for entry in references.mpmath_references(deep)]
    assert {finding.verdict for finding in findings} == {Verdict.HOLDS}
    assert all("the same bits" in finding.notes[0] for finding in findings)
