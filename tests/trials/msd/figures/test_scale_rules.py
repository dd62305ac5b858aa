"""The figure of scale rules: a mark for each family and rule."""

import pytest

pytest.importorskip("matplotlib")

from msdnum.trials.msd.figures.scale_rules import scale_rules
from tests.support.error_tables import committed


def test_every_rule_has_a_mark_for_every_family_with_a_ratio():
    rows = committed("scale_rules")
    page = scale_rules(rows)
    families = {row["input"] for row in rows if row["over_covering"]}
    assert "midpoints_E2M1" not in families
    for axes in page.axes:
        marks = [line for line in axes.lines if line.get_label().startswith("rule")]
        assert len(marks) == 4
        assert {len(line.get_xdata()) for line in marks} == {len(families)}
