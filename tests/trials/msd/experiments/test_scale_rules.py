"""The table of scale rules: every family, beside expectations where the density is known."""

import pytest

from msdnum.inputs.families import FAMILIES
from tests.support.error_tables import committed


def test_every_family_is_there_and_expectations_are_those_of_samples():
    rows = committed("scale_rules")
    assert {row["input"] for row in rows} == set(FAMILIES) - {"zeros"}
    known = [row for row in rows if row["expected"]]
    assert len(known) == 4 * 4
    for row in known:
        far = 0.1 if row["input"] == "student_t" else 0.015
        assert float(row["l2"]) == pytest.approx(float(row["expected"]), rel=far)
    for row in rows:
        assert float(row["least"]) <= float(row["l2"]) * 1.0001
        assert float(row["l2"]) <= float(row["most"]) * 1.0001


def test_a_second_scale_of_its_own_helps_the_covering_rule_or_changes_nothing():
    own = committed("scale_rules", rule="CEIL", second_scale="s2 by own amax")
    ratios = {row["input"]: float(row["over_covering"] or 1) for row in own}
    assert max(ratios.values()) <= 1
    assert ratios["normal"] < 0.95
