"""The table of crest factors: the seeds' spread holds what is expected."""

import pytest

from tests.support.error_tables import committed, quick

NARROW = ("uniform", "normal", "laplace")


def test_samples_are_as_expected_where_tails_are_light():
    rows = [row for row in committed("crests") if row["input"] in NARROW]
    assert len(rows) == 3 * (2 * 9 + 10 + 4)
    for row in rows:
        found = float(row["measured_ratio"])
        assert float(row["least_ratio"]) <= found <= float(row["most_ratio"])
        assert found == pytest.approx(float(row["predicted_ratio"]), rel=0.05)


def test_an_outlier_of_fixed_size_costs_more_than_one_of_varying_size():
    rows = committed("crests")
    fixed, varying = (
        {(r["input"], r["value"]): float(r["predicted_ratio"]) for r in rows if words in r["study"]}
        for words in ("fixed", "varying")
    )
    assert all(fixed[key] > 4 * varying[key] for key in fixed if int(key[1]) > 5)


def test_a_quick_look_has_every_study():
    rows = quick("crests")
    assert len({row["study"] for row in rows}) == 4
    assert {row["seeds"] for row in rows} == {"2"}
