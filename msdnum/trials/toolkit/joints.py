"""Judge theorem joint-rounding: the nearest of all sums of two terms, for numbers on a grid."""

from fractions import Fraction

import numpy as np

from msdnum import bounds
from msdnum.formats.elements import E2M1
from msdnum.ledger.findings import Evidence, Finding, Verdict

__all__ = ["judge_joint_rounding"]

STEPS = 416
"""Per unit: sums of both ratios, and the middles between them, are multiples of 1/416."""


def judge_joint_rounding(ratio: int) -> Finding:
    """Compare every multiple of 1/416 up to the reach with the nearest sum, in integers."""
    bound = bounds.joint_rounding(ratio)
    values = np.array([round(2 * v) for v in E2M1.values if np.isfinite(v)])
    # In units of 1 / (2 * ratio * STEPS).
    sums = np.unique(values[:, np.newaxis] * ratio + values) * STEPS
    last = int(bound.reach * STEPS)
    x = np.arange(last + 1) * 2 * ratio
    left = np.abs(x[:, np.newaxis] - sums).min(axis=1)
    ratio_found = Fraction(int(left.max()), 2 * ratio * STEPS) / bound.error
    return Finding(
        Verdict.HOLDS if ratio_found <= 1 else Verdict.FAILS,
        f"{bound.share} of {bound.reach}",
        ratio_found,
        Evidence("exhaustive", last + 1, f"multiples of 1/{STEPS} up to the reach"),
    )
