"""Tables of emulated products: errors within bounds, the same bytes again, and what they show."""

import numpy as np
import pytest

from msdnum.evidence import products
from msdnum.experiments import tables
from msdnum.formats.accumulators import ALL_ACCUMULATORS
from msdnum.trials.msd import comparisons
from msdnum.trials.msd.experiments import products as product_experiments
from tests.support.product_tables import FOLDER, committed, exceeded

UNBOUNDED = (
    "cost_",
    "cann_variants",
    "crests",
    "decoder_attention",
    "decoder_contexts",
    "decoder_lengthy",
    "decoder_linears",
    "decoder_outliers",
    "published",
    "scale_rules",
)
"""Cost models err by nothing; no theorem is on CANN's splits, whose rows have the paper's bound, or
on expected errors, where ``crests`` and ``scale_rules`` stand."""


TABLES = [path for path in sorted(FOLDER.glob("*.csv")) if not path.stem.startswith(UNBOUNDED)]


EACH_TABLE = pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)


def bounded(record):
    """Return how many errors stand beside a bound."""
    return sum("bound" in name for name in record)


def test_what_exceeds_its_bound_is_seen():
    within = {"l2": "1e-3", "bound_l2": "1e-3", "msd_l2": "1", "msd_bound_l2": "2", "ratio": "1"}
    assert exceeded(within) == []
    assert exceeded(within | {"l2": "2e-3"}) == ["bound_l2"]
    assert exceeded({"error": "2", "bound": "1"}) == ["bound"]
    assert exceeded(within | {"msd_l2": "3", "ratio": "1.1"}) == ["ratio", "msd_bound_l2"]


@EACH_TABLE
def test_every_error_is_within_its_bound(path):
    _, records = tables.read(path)
    assert records
    for record in records:
        assert bounded(record) >= 1, path
        assert exceeded(record) == [], record


def test_accuracy_covers_every_pair_by_every_accumulator():
    rows = committed("gemm_accuracy")
    found = {(row["product"], row["accumulator"]) for row in rows}
    assert {product for product, _ in found} == set(product_experiments.PAIRS)
    assert {unit for _, unit in found} == set(ALL_ACCUMULATORS)
    small = {row["accumulator"] for row in rows if row["m"] != "1024"}
    assert small == product_experiments.SMALL
    large = [row for row in rows if row["m"] == row["k"] == row["n"] == "1024"]
    assert {row["product"] for row in large} == set(product_experiments.PAIRS)


def won(**chosen):
    """Return whether MSD is no worse, in the rows of the claim with these cells."""
    rows = [r for r in committed("gemm_claim") if all(r[key] == v for key, v in chosen.items())]
    assert rows
    return {row["holds_exact"] for row in rows}


def test_the_claim_depends_on_the_baseline():
    for weight in ("INT8", "INT4", "INT4_ZERO"):
        assert won(weight=weight, baseline="weight in BF16", k="1024") == {"no worse"}
        assert won(weight=weight, baseline="scale after") == {"worse"}
        assert won(weight=weight, baseline="float32") == {"worse"}
    assert won(weight="MXFP4", baseline="weight in BF16") == {"worse"}
    assert won(weight="MXFP4", baseline="MXFP8 ceil", input="normal", block_size="") == {"no worse"}
    assert won(weight="MXFP4", baseline="MXFP8 ceil", input="student_t", block_size="128") == {
        "worse"
    }
    assert won(weight="INT8", baseline="weight in BF16", input="outlier_per_row", k="65536") == {
        "worse"
    }


@pytest.mark.parametrize("accumulator", ALL_ACCUMULATORS.values(), ids=lambda a: a.name)
@pytest.mark.parametrize("pair", ["INT8_X2 x INT4_ZERO", "MXFP4_X3 x MXFP4", "MXFP8_X1 x MXFP8"])
@pytest.mark.parametrize("family", ["student_t", "all_equal"])
def test_errors_of_hostile_inputs_are_within_bounds(pair, accumulator, family):
    scheme, weight = product_experiments.PAIRS[pair]
    if not product_experiments._defined(accumulator, weight):
        pytest.skip("not defined for these elements")
    rng = np.random.default_rng(7)
    given = comparisons.operands(family, weight, (4, 256, 4), rng)
    found = products.errors_of(given, products.decomposed(scheme)(given, accumulator))
    assert found.ratio <= 1
