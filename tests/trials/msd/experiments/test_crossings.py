"""Crossings: the closed form predicts them."""

import pytest

from msdnum import bounds
from msdnum.trials.msd.experiments import crossings
from tests.support.product_tables import committed, numbers


def crossing(study):
    return [row for row in map(numbers, study_rows(study)) if "predicted_ratio" in row]


def study_rows(study):
    rows = [row for row in committed("gemm_crossings") if row["study"].startswith(study)]
    assert rows
    return rows


def where_it_loses(rows, column):
    """Return the least parameter at which MSD's error is above the baseline's."""
    return min((row["value"] for row in rows if row[column] > 1), default=None)


@pytest.mark.parametrize("study", ["one outlier", "binade"])
def test_the_closed_form_predicts_the_crossing(study):
    rows = crossing(study)
    predicted = where_it_loses(rows, "predicted_ratio")
    assert predicted is not None
    assert where_it_loses(rows, "measured_ratio") == predicted
    for row in rows:
        assert row["measured_ratio"] == pytest.approx(row["predicted_ratio"], rel=0.2)


def test_long_k_does_not_save_msd_before_int32_overflows():
    for row in crossing("long k"):
        assert row["measured_ratio"] > 1
    assert crossings.long_k_crossing() > bounds.int32_overflow()


def test_crossings_in_closed_form():
    k = crossings.outlier_crossing()
    assert k == pytest.approx(34_510, rel=1e-3)


def test_the_order_statistics_of_amax_predict_blocks_of_every_size():
    rows = crossing("block size")
    assert [row["value"] for row in rows] == [2**i for i in range(1, 11)]
    for row in rows:
        assert row["measured_ratio"] == pytest.approx(row["predicted_ratio"], rel=0.05)
        assert row["predicted_ratio"] < 1
