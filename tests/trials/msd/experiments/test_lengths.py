"""Tables by length: sums grow as theory has it."""

from math import log2

import numpy as np
import pytest

from tests.support.error_tables import column, committed, quick


def test_bounds_as_bits_and_with_a_probability():
    for row in quick("effective_bits"):
        if row["bound"]:
            assert float(row["worst_case"]) == pytest.approx(-log2(float(row["bound"])), rel=1e-4)
    for name in ("gemm_length", "float32_reference"):
        rows = [row for row in quick(name) if row["probable_l2"]]
        assert (column(rows, "l2") <= column(rows, "probable_l2")).all()
        assert column(rows, "failure").max() < 1e-6


# Lengths


def test_probable_bounds_hold_and_are_below_the_sure_ones_at_length():
    for name in ("gemm_length", "float32_reference"):
        rows = [row for row in committed(name) if row["probable_l2"]]
        assert (column(rows, "l2") <= column(rows, "probable_l2")).all()
        assert column(rows, "failure").max() < 1e-6
        long = [row for row in rows if row["k"] == "32768" and row["input"] == "normal"]
        mended = column(long, "probable_l2") / column(long, "bound_l2")
        assert np.median(mended) < 0.1 or name == "float32_reference"


def slope(rows):
    """Return the power of k with which an error grows."""
    return np.polyfit(np.log2(column(rows, "k")), np.log2(column(rows, "l2")), 1)[0]


def test_sums_in_order_err_as_the_root_of_their_length():
    for name in ("normal", "|normal|"):
        growth = {
            order: slope(committed("float32_reference", input=name, order=order))
            for order in ("in order", "pairwise", "exact sum, rounded once")
        }
        assert 0.4 < growth["in order"] < 0.6
        assert abs(growth["pairwise"]) < 0.1
        assert abs(growth["exact sum, rounded once"]) < 0.05


def test_one_outlier_costs_int8_the_root_of_the_length():
    rows = {
        name: committed("gemm_length", weight="INT8", method="INT8_X2", input=name)
        for name in ("normal", "outlier_per_row")
    }
    assert slope(rows["normal"]) < 0.15
    assert 0.4 < slope(rows["outlier_per_row"]) < 0.6
