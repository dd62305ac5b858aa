"""Rows on every bound: each as it is proved, over all BF16 pairs or on products."""

from collections.abc import Iterator
from functools import partial

from msdnum.evidence import strangers
from msdnum.evidence.decompositions import pairs_of
from msdnum.formats.accumulators import MatrixUnit
from msdnum.formats.elements import E2M1, E2M3, E3M2, E4M3, E5M2, INT8_SYMMETRIC, MXINT8_ELEMENT
from msdnum.ledger.claims import Claim, Entry
from msdnum.ledger.trial import Study
from msdnum.trials.toolkit import chances, products
from msdnum.trials.toolkit.joints import judge_joint_rounding
from msdnum.trials.toolkit.nvfp4 import judge_nvfp4
from msdnum.trials.toolkit.promises import promises
from msdnum.trials.toolkit.roundings import judge_rounding

__all__ = ["BOUNDS", "decomposition_bounds", "product_bounds"]

BOUNDS = Claim("bounds", "every bound of msdnum.bounds holds; one whose ratio is 1 is attained")

ON_PAPER = (
    (
        "gemm-probabilistic",
        "MXFP4 x2 by MXFP4, with a probability",
        "beyond: 0.4 %",
        chances.judge_probabilistic,
    ),
    (
        "gemm-martingale",
        "MXFP4 x2 by MXFP4, one martingale",
        "beyond: 0.1 %",
        chances.judge_martingale,
    ),
    (
        "gemm-martingale",
        "64 numbers in BF16, rounded stochastically",
        "beyond: 0.1 %",
        chances.judge_stochastic_sums,
    ),
    (
        "running-error",
        "MXFP4 x2 and INT8 x2, along",
        "evidence.running_product",
        products.judge_running,
    ),
    ("attention", "attention, P in MXFP4 x2", "bounds.attention", products.judge_attention),
)
"""Theorems whose step to a product is not machine-checked, each with what judges it."""


def decomposition_bounds(study: Study) -> Iterator[Entry]:
    """Every bound as it is proved."""
    formats = (E2M1, E2M3, E3M2, E4M3, E5M2, INT8_SYMMETRIC, MXINT8_ELEMENT)
    judge = partial(judge_rounding, formats)
    yield Entry("bounds", "element rounding", "u/(1+u) |x| or eta/2", judge, "element-rounding")
    for promise in promises():
        judge = partial(pairs_of(study).judge, promise)
        yield Entry("bounds", promise.convention, promise.bound.text, judge, promise.theorem)
    judge = partial(strangers.judge, 20_000 if study.deep else 2000, study.seed)
    yield Entry("bounds", "any formats, ratios and rules", "bounds.remainder", judge, "remainder")
    for terms in (1, 2):
        text = "3/17 amax or X/172032" + ", times 3/17" * (terms - 1)
        judge = partial(judge_nvfp4, terms)
        yield Entry("bounds", f"NVFP4 x{terms}", text, judge, "nvfp4-decomposition")
    for ratio, text in ((8, "1/73 of 73/16"), (13, "1/113 of 113/52")):
        judge = partial(judge_joint_rounding, ratio)
        yield Entry("bounds", f"two E2M1 together, ratio {ratio}", text, judge, "joint-rounding")


def product_bounds(study: Study) -> Iterator[Entry]:
    """Bounds on sums of products."""
    for case in products.GEMM_CASES:
        judge = partial(case.judge, study.seed)
        aligned = isinstance(case.accumulator, MatrixUnit)
        promised = "evidence.theorem_gemm" if aligned else "bounds.gemm"
        yield Entry("bounds", case.name, promised, judge, "gemm")
    for theorem_id, convention, promise, judged in ON_PAPER:
        judge = partial(judged, study.seed)
        yield Entry("bounds", convention, promise, judge, theorem_id, on_paper=True)
    judge = partial(products.judge_int32_overflow)
    yield Entry("bounds", "int32 sums of 127 x 127", "K = 133,144", judge, "int32-overflow")
    for convention, k, digits in (
        ("int32 sums of 127 x 8, INT4 down to -8", "2,113,665", (127, 8)),
        ("int32 sums of 12 x 12, E2M1 in halves", "14,913,080", (12, 12)),
    ):
        judge = partial(products.judge_int32_threshold, *digits)
        yield Entry("bounds", convention, f"K = {k}", judge, "int32-overflow")
