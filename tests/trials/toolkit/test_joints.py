"""The rows on joint rounding are met, and fail for a smaller error."""

from dataclasses import replace

import pytest

from msdnum import bounds
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import joints


@pytest.mark.parametrize("ratio", [8, 13])
def test_it_is_met_and_a_smaller_error_is_refused(ratio, monkeypatch):
    finding = joints.judge_joint_rounding(ratio)
    assert (finding.verdict, finding.ratio) == (Verdict.HOLDS, 1)
    found = bounds.joint_rounding(ratio)
    for wrong in (
        replace(found, error=found.error * 15 / 16),
        replace(found, reach=found.reach * 17 / 16),
    ):
        monkeypatch.setattr(joints.bounds, "joint_rounding", lambda _, wrong=wrong: wrong)
        assert joints.judge_joint_rounding(ratio).verdict is Verdict.FAILS
