"""The table of attention by length."""

import pytest

from msdnum.experiments import tables
from msdnum.trials.msd.experiments.attention import ATTENTION
from tests.support.paths import TABLES

# The table


def errors_by_length(cache, method):
    _, rows = tables.read(TABLES / "attention_length.csv")
    chosen = {"input": "normal", "cache": cache, "method": method}
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


@pytest.mark.parametrize("experiment", ATTENTION, ids=lambda e: e.name)
def test_the_quick_table_is_within_its_bounds(experiment):
    rows = list(experiment.rows(experiment.quick, 1))
    assert len(rows) == 2 * 2 * 7
    assert all(row["l2"] <= row["bound_l2"] and row["ratio"] <= 1 for row in rows)
