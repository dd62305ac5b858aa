"""The bound on attention: obeyed by every method, nearly met by a witness, seen to be broken."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum import bounds
from msdnum.emulator.attention.exponential import NATIVE
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.evidence.attention_bounds import ExactAttention, _moved, attention_bound
from msdnum.evidence.attentions import DECOMPOSING, FAMILIES, attention_errors, drawn
from msdnum.experiments import tables
from msdnum.formats.accumulators import HOPPER
from msdnum.formats.elements import BINARY32
from msdnum.ledger.findings import Verdict
from msdnum.ledger.trial import Study
from msdnum.trials.msd.claims import attention
from msdnum.trials.msd.experiments.attention import ATTENTION
from msdnum.trials.msd.heads import ATTENTION_BASELINES, ATTENTION_METHODS, attended
from msdnum.trials.toolkit import attention as toolkit
from tests.support.paths import TABLES

SHAPE = (2, 160, 32)


@pytest.mark.parametrize("cache", KV_FORMATS)
def test_every_output_is_within_its_bound(cache):
    head = drawn("outlier_channels", SHAPE, np.random.default_rng(3), cache)
    for name in (*ATTENTION_METHODS, *ATTENTION_BASELINES):
        found = attention_errors(head, attended(name))
        assert 0 < found.ratio <= 1, name
        assert found.l2 <= found.bound_l2, name


@pytest.mark.parametrize("cache", ["INT8_TOKEN", "MXFP4"])
def test_many_tiles_and_the_backends_own_exponential(cache):
    head = drawn("normal", SHAPE, np.random.default_rng(4), cache)
    method = replace(DECOMPOSING[cache], tile=32, exp=NATIVE)
    error = np.abs(attend(head.exact.queries, head.keys, head.values, method) - head.output)
    assert (error <= attention_bound(head.exact, head.keys, head.values, method)).all()


def test_a_witness_nearly_meets_the_bound():
    finding = toolkit.worst_remainders()
    assert finding.verdict is Verdict.HOLDS
    assert finding.ratio > 0.888


@pytest.mark.parametrize("part", ["queries", "weights"])
def test_a_decomposition_that_the_bound_does_not_know_of_is_seen(part):
    head = drawn("normal", SHAPE, np.random.default_rng(3), "MXFP4")
    method = replace(DECOMPOSING["MXFP4"], **{part: BINARY32})
    bound = attention_bound(head.exact, head.keys, head.values, FLOAT32_FLASH)
    found = attend(head.exact.queries, head.keys, head.values, method)
    assert (np.abs(found - head.output) > bound).any()


def test_the_worst_move_is_the_worst():
    """Against all 2**n corners; between them the output is monotone in each score."""
    rng = np.random.default_rng(2)
    n = 7
    weights, shifts = rng.dirichlet(np.ones(n)), rng.uniform(0, 1, n)
    values = rng.normal(size=(n, 3))
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    moved = weights * np.exp(signs * shifts)
    outputs = moved @ values / moved.sum(axis=1, keepdims=True)
    worst = np.abs(outputs - weights @ values).max(axis=0)
    np.testing.assert_allclose(_moved(weights, shifts, values, weights @ values), worst, rtol=1e-9)


def test_equal_shifts_obey_the_closed_form():
    rng = np.random.default_rng(3)
    weights, values = rng.dirichlet(np.ones(50)), rng.normal(size=(50, 4))
    output = weights @ values
    bound = bounds.attention(0.3)
    found = _moved(weights, np.full(50, 0.3), values, output)
    deviation = weights @ np.abs(values - output)
    spread = values.max(axis=0) - values.min(axis=0)
    assert (found <= [bound.at(d, s) for d, s in zip(deviation, spread, strict=True)]).all()


def test_scores_too_uncertain_for_a_bound_have_none():
    queries, keys = np.full((1, 4), 2.0**20, np.float32), np.full((2, 4), 2.0**20, np.float32)
    values = np.ones((2, 1), np.float32)
    given = ExactAttention(queries, keys.astype(np.float64), values.astype(np.float64))
    assert attention_bound(given, keys, values, FLOAT32_FLASH) == np.inf


def test_other_accumulators_have_no_bound_here():
    given = ExactAttention(np.ones((1, 2), np.float32), np.ones((3, 2)), np.ones((3, 1)))
    k, v = np.ones((3, 2), np.float32), np.ones((3, 1), np.float32)
    with pytest.raises(ValueError, match="accumulator must be SEQUENTIAL, EXACT or INT32, got HOP"):
        attention_bound(given, k, v, replace(FLOAT32_FLASH, accumulator=HOPPER))


# Claim C7


def test_verdicts(monkeypatch):
    monkeypatch.setattr(attention, "SHAPE", (2, 64, 32))
    for entry in attention.c7_attention(Study(seed=101)):
        if "INT8 KV" in entry.convention:
            finding = entry.judge()
            assert finding.verdict is entry.expected, entry.convention
            assert len(finding.table.rows) == len(FAMILIES)


def test_without_mpmath_nothing_is_run(monkeypatch):
    def missing(*args):
        raise ModuleNotFoundError("No module named 'flint'", name="flint")

    monkeypatch.setattr(attention, "_errors", missing)
    monkeypatch.setattr(toolkit, "attention_errors", missing)
    study = Study(seed=1)
    entries = [*attention.c7_attention(study), *toolkit.attention_bounds(study)][:-1]
    assert {entry.judge().verdict for entry in entries} == {Verdict.NOT_RUN}


def test_rows_are_drawn_from_the_seed():
    first, second = (
        drawn("normal", (1, 4, 32), np.random.default_rng(7), "MXFP8") for _ in range(2)
    )
    assert (first.output == second.output).all()


# The table


def errors_by_length(cache, method):
    _, rows = tables.read(TABLES / "attention_length.csv")
    chosen = {"family": "normal", "cache": cache, "method": method}
    return [float(r["l2"]) for r in rows if all(r[key] == cell for key, cell in chosen.items())]


@pytest.mark.parametrize(("cache", "growth"), [("INT8", 2.4), ("INT8_TOKEN", 2.8), ("MXFP4", 2.6)])
def test_weights_scaled_by_one_lose_with_length(cache, growth):
    """The longer the sequence the smaller the weights; a scale that follows them does not care."""
    fixed, own = errors_by_length(cache, "MSD"), errors_by_length(cache, "MSD, row max")
    assert fixed[-1] / fixed[0] > growth
    assert own[-1] / own[0] < 1.2


def test_with_length_two_passes_of_mxfp4_lose_to_one_of_mxfp8():
    ours, theirs = (errors_by_length("MXFP4", m) for m in ("MSD", "MXFP8 queries and weights"))
    assert [a > b for a, b in zip(ours, theirs, strict=True)] == [
        False, True, True, True, True, True, True,
    ]  # fmt: skip


def test_the_quick_table_is_within_its_bounds():
    rows = list(ATTENTION.rows(ATTENTION.quick, 1))
    assert len(rows) == 2 * 2 * 7
    assert all(row["l2"] <= row["bound_l2"] and row["ratio"] <= 1 for row in rows)
